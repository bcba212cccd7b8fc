//! The example documents: they parse, their matrix is as reviewed, and questions get the expected verdicts.

use custos_model::{Principal, PrincipalKind};
use custos_policy::documents::PolicySet;

use crate::world::{decide, environment, of_kind, person, set, shown};

const SMALL: &str = include_str!("../../../../examples/policies/small-team.yaml");
const PLATFORM: &str = include_str!("../../../../examples/policies/platform-team.yaml");
const BANK: &str = include_str!("../../../../examples/policies/bank.yaml");

#[test]
fn matrices() {
    for (name, text) in [
        ("small-team", SMALL),
        ("platform-team", PLATFORM),
        ("bank", BANK),
    ] {
        let matrix = set(text).matrix();
        insta::assert_snapshot!(format!("matrix-{name}"), matrix.to_markdown());
    }
    let json = serde_json::to_string_pretty(&set(SMALL).matrix()).unwrap();
    insta::assert_snapshot!("matrix-small-team-json", json);
}

type Row<'a> = (&'a Principal, &'a str, &'a str, &'a str, &'a str);

fn table(set: &PolicySet, rows: &[Row<'_>]) {
    for (principal, on, around, what, expected) in rows {
        let verdict = decide(set, principal, on, &environment(around), what);
        assert_eq!(
            shown(&verdict),
            *expected,
            "{}: {what} on {on} {around}",
            principal.name
        );
    }
}

#[test]
fn small_team() {
    let dev = person("alice", &["developers"]);
    let support = person("bob", &["support"]);
    let (shop, staging) = ("postgres/shop", "postgres/shop-staging env=staging");
    table(
        &set(SMALL),
        &[
            (
                &dev,
                shop,
                "",
                "session.open",
                "allow by developers-work masking pii.email, pii.phone",
            ),
            (
                &dev,
                shop,
                "",
                "sql.delete",
                "allow by developers-work masking pii.email, pii.phone",
            ),
            (
                &dev,
                shop,
                "",
                "sql.delete no-where",
                "deny by default-deny",
            ),
            (&dev, shop, "", "sql.destroy", "deny by default-deny"),
            (
                &dev,
                staging,
                "",
                "sql.destroy",
                "allow by developers-change-staging",
            ),
            (&dev, staging, "", "sql.escape", "deny by nothing-leaves"),
            (
                &dev,
                staging,
                "",
                "sql.insert rows:10001",
                "deny by default-deny",
            ),
            (
                &support,
                shop,
                "",
                "sql.read sees:pii.email sees:pii.phone",
                "allow by support-sees-people masking pii.phone",
            ),
            (
                &support,
                shop,
                "",
                "sql.read compares:pii.email",
                "allow by support-sees-people masking pii.phone",
            ),
            (
                &support,
                shop,
                "",
                "sql.read compares:pii.phone",
                "deny by predicates:pii.phone",
            ),
            (
                &support,
                staging,
                "",
                "sql.read sees:pii.email",
                "allow by everybody-reads masking pii.email, pii.phone",
            ),
            (&support, shop, "", "sql.update", "deny by default-deny"),
        ],
    );
}

#[test]
fn platform_team() {
    let analyst = person("carol", &["analysts"]);
    let engineer = person("alice", &["engineers"]);
    let sre = person("bob", &["sre"]);
    let data = person("dana", &["data"]);
    let ci = of_kind("shop-ci", "https://ci.example", PrincipalKind::Workload);
    let backup = of_kind("backup", "local", PrincipalKind::Workload);
    let production = "postgres/shop env=production";
    let strong = "acr:phishing-resistant";
    table(
        &set(PLATFORM),
        &[
            (
                &analyst,
                "postgres/dw warehouse",
                "",
                "sql.read sees:pii.ssn",
                "allow by analysts-read masking pay.card, pii.ssn",
            ),
            (
                &analyst,
                production,
                "",
                "session.open",
                "deny by default-deny",
            ),
            (
                &engineer,
                production,
                "",
                "sql.read",
                "deny by default-deny",
            ),
            (
                &engineer,
                production,
                "reason",
                "sql.read",
                "allow by engineers-read-production masking pay.card, pii.ssn",
            ),
            (
                &engineer,
                production,
                "reason",
                "sql.update",
                "hold by engineers-change-production",
            ),
            (
                &engineer,
                production,
                "reason",
                "sql.update no-where",
                "deny by default-deny",
            ),
            (&data, production, "", "sql.read", "deny by default-deny"),
            (
                &data,
                production,
                "reason",
                "session.open sql.read",
                "hold by data-team-on-request masking pay.card, pii.ssn",
            ),
            (
                &data,
                production,
                "reason",
                "sql.update",
                "deny by default-deny",
            ),
            (&sre, production, "", "sql.update", "deny by default-deny"),
            (
                &sre,
                production,
                strong,
                "sql.update",
                "allow by sre-work masking pay.card, pii.ssn",
            ),
            (
                &sre,
                production,
                strong,
                "sql.update no-where",
                "hold by sre-work masking pay.card, pii.ssn",
            ),
            (
                &sre,
                production,
                strong,
                "sql.insert rows:?",
                "hold by sre-work masking pay.card, pii.ssn",
            ),
            (
                &sre,
                production,
                "acr:phishing-resistant reason",
                "sql.destroy",
                "hold by sre-administer",
            ),
            (
                &sre,
                "ssh/web-1 env=production",
                "acr:phishing-resistant reason",
                "ssh.shell",
                "hold by sre-shell",
            ),
            (
                &sre,
                "ssh/web-1 env=production",
                "acr:phishing-resistant reason",
                "ssh.forward",
                "deny by nothing-leaves",
            ),
            (
                &ci,
                "postgres/shop",
                "",
                "sql.define",
                "allow by ci-migrates masking pay.card, pii.ssn",
            ),
            (&ci, "postgres/shop", "", "sql.destroy", "hold by ci-drops"),
            (
                &backup,
                production,
                "from:10.20.0.7",
                "sql.read",
                "deny by default-deny",
            ),
            (
                &ci,
                "postgres/shop",
                "",
                "sql.escape",
                "deny by nothing-leaves",
            ),
            (
                &ci,
                "postgres/shop",
                "",
                "sql.unknown",
                "deny by nothing-leaves",
            ),
        ],
    );
}

#[test]
fn bank() {
    let teller = person("alice", &["tellers"]);
    let fraud = person("bob", &["fraud"]);
    let operations = person("carol", &["operations"]);
    let auditor = Principal {
        issuer: "https://login.bank.example".to_owned(),
        subject: "00u1auditor".to_owned(),
        ..person("dave", &[])
    };
    let core = "postgres/core tier=core";
    let strong = "acr:phishing-resistant reason from:10.1.1.1";
    let full = "acr:phishing-resistant amr:hwk reason from:10.1.1.1";
    let all = "pay.iban, pay.pan, pii.name, pii.tax-id, secret";
    table(
        &set(BANK),
        &[
            (&teller, core, "", "sql.read", "deny by default-deny"),
            (
                &teller,
                core,
                "from:10.1.1.1",
                "sql.read sees:pii.name sees:pay.pan",
                "allow by tellers-look-up masking pay.iban, pay.pan, pii.tax-id, secret",
            ),
            (
                &teller,
                core,
                "from:10.1.1.1",
                "sql.read compares:pay.pan",
                "deny by predicates:pay.pan",
            ),
            (
                &teller,
                core,
                "from:192.0.2.1",
                "sql.read",
                "deny by default-deny",
            ),
            (
                &fraud,
                core,
                strong,
                "sql.read sees:pay.pan",
                "allow by fraud-sees-cards masking pii.name, pii.tax-id, secret",
            ),
            (
                &fraud,
                core,
                "from:10.1.1.1",
                "sql.read",
                "deny by default-deny",
            ),
            (
                &operations,
                core,
                strong,
                "sql.update",
                "deny by default-deny",
            ),
            (
                &operations,
                core,
                full,
                "sql.update",
                &format!("hold by operations-correct masking {all}"),
            ),
            (
                &operations,
                core,
                full,
                "sql.update no-where",
                "deny by nobody-deletes-all",
            ),
            (
                &operations,
                core,
                full,
                "sql.truncate",
                "deny by nobody-destroys",
            ),
            (
                &auditor,
                core,
                "",
                "sql.read sees:secret",
                &format!("allow by one-auditor masking {all}"),
            ),
            (
                &auditor,
                "postgres/other",
                "",
                "session.open",
                "deny by default-deny",
            ),
            (
                &auditor,
                core,
                "",
                "sql.read compares:pay.iban",
                &format!("allow by one-auditor masking {all}"),
            ),
        ],
    );
}
