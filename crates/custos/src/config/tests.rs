use std::path::Path;

use std::os::unix::fs::PermissionsExt as _;

use super::{Config, keys};

const GOOD: &str = r#"
state_dir = "state"

[[listener]]
name = "pg"
protocol = "postgres"
address = "127.0.0.1:0"
tls = "off"

[[access]]
name = "everybody"
principals = ["*"]
resources = ["*"]
"#;

fn parse(source: &str) -> Result<Config, String> {
    Config::parse(Path::new("/etc/custos/custos.toml"), source).map_err(|it| it.to_string())
}

#[test]
fn a_short_file_is_enough() {
    let config = parse(GOOD).unwrap();
    assert_eq!(config.evidence_dir, Path::new("/etc/custos/state/evidence"));
    assert_eq!(
        config.admin_socket,
        Path::new("/etc/custos/state/admin.sock")
    );
    assert_eq!(config.limits.sessions, 10_000);
    assert_eq!(
        (config.cluster.as_str(), config.node.as_str()),
        ("custos", "gw1")
    );
}

#[test]
fn defaults_are_those_of_the_pipeline() {
    let config = parse(GOOD).unwrap();
    assert_eq!(
        format!("{:?}", config.limits),
        format!("{:?}", custos_session::Limits::default())
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let source = r#"
cluster = "Main"
statedir = "/var/lib/custos"
drain_timeout = 30

[log]
level = "wran"

[limits]
sessions = 0
handshake_timeout = "10"
request_bytes = "64MB"
idle_timout = "5m"

[[listener]]
name = "pg"
protocol = "mysql"
address = "0.0.0.0:5432"

[[listener]]
name = "pg"
protocol = "postgres"
address = "localhost:5433"
tls = "off"
authentication = "password"

[[listener]]
name = "wide"
protocol = "postgres"
address = "0.0.0.0:5434"
tls = "off"

[[access]]
name = "Shop Team"
principals = ["al*ice"]
resources = []

[[access]]
name = "shop"
principals = ["al*ice", "group:shop"]
resources = ["mysql/shop"]

[acess]
"#;
    insta::assert_snapshot!(parse(source).unwrap_err());
}

#[test]
fn syntax_errors_have_places() {
    insta::assert_snapshot!(parse("state_dir = \n[limits\nsessions = 1\n").unwrap_err());
}

#[test]
fn wrong_kinds_are_named() {
    let source =
        "state_dir = 5\nlimits = 3\nlistener = \"pg\"\naccess = [1]\n[log]\nlevel = true\n";
    insta::assert_snapshot!(parse(source).unwrap_err());
}

#[test]
fn missing_files_are_named() {
    let source = r#"
state_dir = "/nonexistent"
[[listener]]
name = "pg"
protocol = "postgres"
address = "0.0.0.0:5432"
certificate = "/nonexistent/server.crt"
"#;
    insta::assert_snapshot!(parse(source).unwrap_err());
}

#[test]
fn each_key_shows_in_what_is_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let (pem, secret) = (file("ca.pem", "PEM"), file("secret", "s3cret"));
    let idp = include_str!("../../../saml/tests/data/golden/idp.xml");
    let metadata_file = file("idp.xml", idp);
    let token = file("token", &"s3cret-1".repeat(4));
    let next_token = file("next-token", &"s3cret-2".repeat(4));
    let keys_file = file("keys.json", r#"{"keys":[]}"#);
    let url_file = file("url", "https://hooks.example/s3cret\n");
    let fingerprint = "AB:".repeat(31) + "ab";
    let whole = format!(
        r#"{GOOD}
[web]
address = "127.0.0.1:0"
url = "http://127.0.0.1:8080"
tls = "off"
client_ca_file = "{pem}"

[[provider]]
name = "okta"
issuer = "https://okta.example"
client_id = "custos"
client_secret_file = "{secret}"
groups_claim = "groups"
ca_file = "{pem}"
allow_networks = ["10.0.0.0/8"]

[[provider]]
name = "adfs"
kind = "saml"
metadata_file = "{metadata_file}"
name_attributes = ["uid"]
groups_attribute = "groups"

[[provider]]
name = "entra"
kind = "saml"
metadata_url = "https://entra.example/metadata.xml"
metadata_fingerprint = "{fingerprint}"
entity_id = "https://entra.example/"

[[provisioning]]
provider = "entra"
token_file = "{token}"
next_token_file = "{next_token}"

[[group]]
name = "dba"
members = ["okta:dba"]

[[workload_issuer]]
name = "ci"
issuer = "https://ci.example"
keys_file = "{keys_file}"

[[workload]]
name = "deploy"
issuer = "ci"
claims = ["sub=deploy"]

[[webhook]]
name = "oncall"
url = "https://oncall.example/s3cret"
secret_file = "{token}"
next_secret_file = "{next_token}"

[[webhook]]
name = "channel"
url_file = "{url_file}"
format = "slack"
events = ["custos.request.opened"]

[[machine]]
name = "old"
secret_sha256 = "{}"
secret_expires = {}
owner = "ops"
"#,
        "0a".repeat(32),
        in_days(30)
    );
    let config = parse(&whole).unwrap();
    let shown = format!("{:?}", config.effective);
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(!shown.contains(&"0a".repeat(9)), "{shown}");
    let absent: Vec<_> = keys::all()
        .filter(|key| !shown.contains(&format!("{}\":", key.name)))
        .map(|key| key.name)
        .collect();
    // Documents take the place of access rules; names are part of the keys of their table; files stand only where there is TLS; of two ways to keys one is given.
    let expected = [
        "policy",
        "name",
        "certificate",
        "key",
        "certificate",
        "key",
        "name",
        "name",
        "provider",
        "name",
        "keys_url",
        "name",
        "name",
        "name",
        "name",
    ];
    assert_eq!(absent, expected);
}

#[test]
fn saml_providers_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("idp.xml");
    let metadata = include_str!("../../../saml/tests/data/golden/idp.xml");
    std::fs::write(&file, metadata).unwrap();
    let provider = |lines: &str| {
        let file = file.display();
        parse(&format!(
            "{GOOD}\n[web]\naddress = \"127.0.0.1:0\"\nurl = \"http://127.0.0.1:8080\"\ntls = \"off\"\n\
             [[provider]]\nname = \"adfs\"\nkind = \"saml\"\nmetadata_file = \"{file}\"\n{lines}\n"
        ))
    };
    let good = provider("").unwrap();
    let super::ProviderKind::Saml(saml) = &good.providers[0].kind else {
        panic!("{:?}", good.providers);
    };
    assert_eq!(saml.entity_id, "http://127.0.0.1:9302/metadata");
    assert_eq!(saml.own_url, "http://127.0.0.1:8080/saml/adfs");
    let of_another = provider("entity_id = \"https://other.example\"").unwrap_err();
    assert!(of_another.contains("entity_id"), "{of_another}");
    let unsigned = provider(&format!("metadata_fingerprint = \"{}\"", "ab".repeat(32)));
    assert!(unsigned.unwrap_err().contains("signature"));

    // What is in the file can change without a restart; whom it describes cannot.
    std::fs::write(&file, metadata.replace("SSOService.php", "sso")).unwrap();
    let changed = provider("").unwrap();
    let differences = good.effective.differences(&changed.effective);
    let told: Vec<_> = differences
        .iter()
        .map(|it| (it.key.as_str(), it.change))
        .collect();
    assert_eq!(
        told,
        [("provider.adfs.metadata_sha256", super::Change::Reload)]
    );
}

#[test]
fn problems_of_providers_have_places() {
    let source = format!(
        r#"{GOOD}
[web]
address = "127.0.0.1:0"
url = "http://127.0.0.1:8080"
tls = "off"

[[provider]]
name = "a"
kind = "saml"
client_id = "custos"
groups_claim = "groups"
metadata_url = "https://idp.example/metadata"

[[provider]]
name = "b"
groups_attribute = "groups"

[[provider]]
name = "c"
kind = "saml"
metadata_file = "/nonexistent/idp.xml"
metadata_url = "https://idp.example/metadata"

[[provider]]
name = "d"
kind = "saml"
metadata_fingerprint = "abc"

[[provider]]
name = "e"
kind = "saml"

[[provider]]
name = "g"
kind = "saml"
metadata_url = "http://idp.example/metadata"
metadata_fingerprint = "abababababababababababababababababababababababababababababababab"
entity_id = "https://idp.example"

[[provider]]
name = "f"
kind = "ldap"
"#
    );
    insta::assert_snapshot!(parse(&source).unwrap_err());
}

#[test]
fn each_problem_of_provisioning_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let good = file("good", &format!("{}\n", "t".repeat(32)), 0o600);
    let same = file("same", &"t".repeat(32), 0o600);
    let short = file("short", &"t".repeat(31), 0o600);
    let spaced = file("spaced", &"t ".repeat(32), 0o600);
    let open = file("open", &"t".repeat(32), 0o644);
    let provider = |name: &str| {
        format!(
            "\n[[provider]]\nname = \"{name}\"\nissuer = \"https://{name}.example\"\nclient_id = \"c\"\n"
        )
    };
    let of =
        |name: &str, rest: &str| format!("\n[[provisioning]]\nprovider = \"{name}\"\n{rest}\n");
    let web =
        "\n[web]\naddress = \"127.0.0.1:0\"\nurl = \"http://127.0.0.1:8080\"\ntls = \"off\"\n";
    let base = format!("{GOOD}{web}{}{}", provider("okta"), provider("entra"));
    let token = |file: &str| format!("token_file = \"{file}\"");
    assert!(parse(&(base.clone() + &of("okta", &token(&good)))).is_ok());
    for (added, expected) in [
        (
            of("adfs", &token(&good)),
            "there is no [[provider]] called `adfs`",
        ),
        (of("okta", ""), "`provisioning[0].token_file` is missing"),
        (of("okta", &token(&short)), "does not hold a bearer token"),
        (of("okta", &token(&spaced)), "does not hold a bearer token"),
        (of("okta", &token(&open)), "is open to others"),
        (
            of("okta", &token("/nonexistent")),
            "cannot read /nonexistent",
        ),
        (
            of("okta", &format!("{}\nnext_{}", token(&good), token(&short))),
            "provisioning[0].next_token_file",
        ),
        (
            of("okta", &format!("{}\nmatch = \"email\"", token(&good))),
            "`provisioning[0].match` is \"email\"",
        ),
        (
            of("okta", &token(&good)) + &of("okta", &token(&good)),
            "provider `okta` has provisioning already",
        ),
        (
            of("okta", &token(&good)) + &of("entra", &token(&same)),
            "provider `entra` has a token that an earlier one has too",
        ),
        (
            provider("adfs") + "groups_claim = \"groups\"\n" + &of("adfs", &token(&good)),
            "with provisioning, groups come from SCIM and nowhere else",
        ),
    ] {
        let told = parse(&(base.clone() + &added)).unwrap_err();
        assert!(told.contains(expected), "{expected} is not in {told}");
        assert!(!told.contains("tttt"), "{told}");
    }
}

#[test]
fn webhooks_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    std::fs::write(&path, "s".repeat(24)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = parse(&format!(
        "{GOOD}{WEB}\n[[webhook]]\nname = \"a\"\nurl = \"https://a.example/x\"\nsecret_file = \"{0}\"\n\
         \n[[webhook]]\nname = \"b\"\nurl = \"http://127.0.0.1:9/\"\nformat = \"teams\"\nallow_networks = [\"127.0.0.0/8\"]\n\
         events = [\"custos.review.overdue\", \"custos.grant.ended\"]\n",
        path.display()
    ))
    .unwrap();
    let [one, other] = config.webhooks.as_slice() else {
        panic!("{:?}", config.webhooks);
    };
    assert_eq!((one.name.as_str(), one.secrets.len()), ("a", 1));
    assert_eq!(one.url.expose(), "https://a.example/x");
    assert_eq!(one.events, custos_webhooks::EventType::ALL);
    assert_eq!((other.format.as_str(), other.secrets.len()), ("teams", 0));
    let names: Vec<_> = other.events.iter().map(|it| it.as_str()).collect();
    assert_eq!(names, ["custos.review.overdue", "custos.grant.ended"]);
    let moved = parse(&format!(
        "{GOOD}{WEB}\n[[webhook]]\nname = \"a\"\nurl = \"https://a.example/y\"\nformat = \"slack\"\n"
    ));
    let differences = config.effective.differences(&moved.unwrap().effective);
    assert!(
        differences
            .iter()
            .all(|it| it.change == keys::Change::Restart),
        "{differences:?}"
    );
    assert!(!format!("{differences:?}").contains("a.example/"));
    let keys: Vec<_> = differences.iter().map(|it| it.key.as_str()).collect();
    assert!(keys.contains(&"webhook.a.url_sha256") && !keys.contains(&"webhook.a.url"));
}

#[test]
fn each_problem_of_webhooks_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        format!("\"{}\"", path.display())
    };
    let good = file("good", &"t".repeat(24), 0o600);
    let short = file("short", &"t".repeat(23), 0o600);
    let broken = file("broken", "whsec_tttt~", 0o600);
    let open = file("open", &"t".repeat(24), 0o644);
    let bad_url = file("url", "http://tttt.example/", 0o600);
    let https = "url = \"https://a.example/tttt\"\n";
    let of = |lines: String| format!("\n[[webhook]]\nname = \"a\"\n{lines}\n");
    let slack = |lines: &str| of(format!("format = \"slack\"\n{lines}"));
    let signed = |key: &str, file: &str| of(format!("{https}{key} = {file}"));
    let base = format!("{GOOD}{WEB}");
    assert!(parse(&(base.clone() + &signed("secret_file", &good))).is_ok());
    assert!(parse(&(base.clone() + &slack(https))).is_ok());
    let without_web = parse(&format!("{GOOD}{}", slack(https))).unwrap_err();
    assert!(
        without_web.contains("no [web] for their links"),
        "{without_web}"
    );
    let not_an_address = "is not an address of a webhook";
    for (added, expected) in [
        (of(https.to_owned()), "`webhook[0].secret_file` is missing"),
        (
            slack(&format!("{https}next_secret_file = {good}")),
            "`webhook[0].secret_file` is missing",
        ),
        (signed("secret_file", &short), "24 to 1024 bytes"),
        (signed("secret_file", &broken), "is not base64"),
        (signed("secret_file", &open), "is open to others"),
        (
            signed("secret_file", "\"/nonexistent\""),
            "cannot read /nonexistent",
        ),
        (slack(""), "`webhook[0].url` is missing"),
        (
            slack(&format!("{https}url_file = {good}")),
            "are both there",
        ),
        (slack(&format!("url_file = {bad_url}")), not_an_address),
        (slack("url = \"http://127.0.0.1/\""), not_an_address),
        (
            slack("url = \"http://10.0.0.1/\"\nallow_networks = [\"0.0.0.0/0\"]"),
            not_an_address,
        ),
        (slack("url = \"https://a:b@a.example/\""), not_an_address),
        (slack("url = \"https://a.example/#x\""), not_an_address),
        (slack("url = \"a.example\""), not_an_address),
        (
            slack(&format!("{https}events = [\"custos.request.open\"]")),
            "did you mean `custos.request.opened`?",
        ),
        (slack(&format!("{https}events = []")), "an empty list"),
        (
            slack(&format!("{https}allow_networks = [\"10\"]")),
            "allow_networks",
        ),
        (
            of(format!("{https}format = \"xml\"")),
            "`webhook[0].format` is \"xml\"",
        ),
        (slack(https) + &slack(https), "is called `a` too"),
        (
            (0..33)
                .map(|number| slack(https).replace("\"a\"", &format!("\"a{number}\"")))
                .collect(),
            "more than 32 webhooks",
        ),
    ] {
        let told = parse(&(base.clone() + &added)).unwrap_err();
        assert!(told.contains(expected), "{expected} is not in {told}");
        assert!(!told.contains("tttt"), "{told}");
    }
}

#[test]
fn differences_say_what_needs_a_restart() {
    let old = parse(GOOD).unwrap().effective;
    let changed = GOOD
        .replace("\"127.0.0.1:0\"", "\"127.0.0.1:6432\"")
        .replace("principals = [\"*\"]", "principals = [\"alice\"]")
        + "\n[limits]\nsessions = 5\n";
    let new = parse(&changed).unwrap().effective;
    let lines: Vec<String> = old
        .differences(&new)
        .iter()
        .map(|it| format!("{it} ({:?})", it.change))
        .collect();
    assert_eq!(
        lines,
        [
            "access.everybody.principals: * -> alice (Reload)",
            "limits.sessions: 10000 -> 5 (Reload)",
            "listener.pg.address: 127.0.0.1:0 -> 127.0.0.1:6432 (Restart)",
        ]
    );
    assert_ne!(old.digest(), new.digest());
    assert_eq!(old.digest().len(), 64);
    assert!(old.differences(&old).is_empty());
}

const WEB: &str = r#"
[web]
address = "127.0.0.1:0"
url = "http://127.0.0.1:8080"
tls = "off"
"#;

fn with_machine(lines: &str) -> Result<Config, String> {
    parse(&format!("{GOOD}{WEB}\n[[machine]]\n{lines}"))
}

fn in_days(days: u64) -> String {
    use custos_model::{Clock as _, Rfc3339};
    let now = crate::machine::SystemClock::start().now().utc_ns;
    let (year, month, day) = Rfc3339(now + days * 86_400_000_000_000).date();
    format!("{year:04}-{month:02}-{day:02}")
}

#[test]
fn static_secrets_have_an_owner_and_an_end() {
    let secret = format!("name = \"old\"\nsecret_sha256 = \"{}\"\n", "0a".repeat(32));
    let owner = "owner = \"ops\"\n";
    let expires = |days| format!("secret_expires = {}\n", in_days(days));
    let good = format!("{secret}{owner}{}", expires(89));
    assert_eq!(with_machine(&good).unwrap().machines.len(), 1);
    let text = good.replace(&in_days(89), &format!("\"{}\"", in_days(89)));
    assert!(with_machine(&text).is_ok(), "a day in quotes does as well");
    for (lines, said) in [
        (
            format!("{secret}{owner}{}", expires(92)),
            "more than 90 days ahead",
        ),
        (
            format!("{secret}{}", expires(89)),
            "`machine[0].owner` is missing",
        ),
        (
            format!("{secret}{owner}"),
            "`machine[0].secret_expires` is missing",
        ),
        (good.replace("0a0a", "0a"), "is no SHA-256"),
        (good.replace("0a0a", "xa0a"), "is no SHA-256"),
        (good.replace(&in_days(89), "2026-02-30"), "not TOML"),
        (
            good.replace(&in_days(89), "2026-12-01T10:00:00Z"),
            "write a day",
        ),
        (good.replace(&in_days(89), "7"), "write a day"),
        (
            good.replace("\"old\"", "\"custos-cli\""),
            "begins with `custos-`",
        ),
        (
            format!("{good}groups = [\"custos:administrators\"]\n"),
            "only the gateway itself",
        ),
        (format!("{good}keys_file = \"none\"\n"), "are both there"),
        ("name = \"old\"\n".to_owned(), "neither `keys_file`"),
        (
            format!("{good}\n[[machine]]\n{good}"),
            "an earlier machine is called `old` too",
        ),
    ] {
        let refused = with_machine(&lines).unwrap_err();
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let alone = parse(&format!("{GOOD}\n[[machine]]\n{good}")).unwrap_err();
    assert!(alone.contains("no [web]"), "{alone}");
}

#[test]
fn names_of_machines_and_workloads_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys.json");
    let signer = custos_jwt::Signer::generate().unwrap();
    let set = serde_json::json!({"keys": [signer.public_jwk()]});
    std::fs::write(&keys, set.to_string()).unwrap();
    let keys = keys.display();
    let machine = format!("name = \"shop-ci\"\nkind = \"agent\"\nkeys_file = \"{keys}\"\n");
    let config = with_machine(&machine).unwrap();
    assert!(
        config.effective.digest() != parse(&format!("{GOOD}{WEB}")).unwrap().effective.digest()
    );
    let platform = format!(
        "[[workload_issuer]]\nname = \"ci\"\nissuer = \"https://ci.example\"\nkeys_file = \"{keys}\"\n\
         [[workload]]\nname = \"shop-ci\"\nissuer = \"ci\"\nclaims = [\"sub=1\"]\n"
    );
    let refused = with_machine(&format!("{machine}{platform}")).unwrap_err();
    assert!(
        refused.contains("a workload is called `shop-ci` too"),
        "{refused}"
    );
    let expires = format!("{machine}secret_expires = 2027-01-01\n");
    let refused = with_machine(&expires).unwrap_err();
    assert!(refused.contains("there without a secret"), "{refused}");
}

#[test]
fn machines_are_as_many_as_can_be_in_force() {
    let rest = format!(
        "secret_sha256 = \"{}\"\nowner = \"ops\"\nsecret_expires = {}\n",
        "0a".repeat(32),
        in_days(89)
    );
    let machines = |count: usize| -> String {
        let each = (0..count).map(|number| format!("[[machine]]\nname = \"m{number}\"\n{rest}"));
        format!("{GOOD}{WEB}{}", each.collect::<String>())
    };
    assert_eq!(parse(&machines(1000)).unwrap().machines.len(), 1000);
    let source = machines(1001);
    let line = source
        .lines()
        .position(|line| line == "name = \"m1000\"")
        .unwrap()
        + 1;
    let refused = parse(&source).unwrap_err();
    assert!(refused.contains("there are 1001 machines"), "{refused}");
    assert!(refused.contains(&format!(":{line}:")), "{line}: {refused}");
}

#[test]
fn a_web_address_without_tls_is_of_this_machine() {
    let web = |url: &str, tls: &str| {
        format!("{GOOD}\n[web]\naddress = \"127.0.0.1:0\"\nurl = \"{url}\"\n{tls}\n")
    };
    let is_good = |url: &str| parse(&web(url, "tls = \"off\"")).is_ok();
    // Browsers take no passkey for an address without a name.
    for url in [
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "http://localhost:8080",
    ] {
        assert!(is_good(url), "{url}");
    }
    for url in [
        "http://127.0.0.1:8080/",
        "http://10.0.0.1:8080",
        "http://localhost.example.com",
        "https://localhost:8080",
        "http://alice@localhost:8080",
        "http://LOCALHOST:8080",
    ] {
        assert!(!is_good(url), "{url}");
    }
}
