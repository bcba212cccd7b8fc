//! Statements wait for people, people decide with keys of their own, and what they agreed to runs once.

mod attacks;
mod crash;
mod extended;
mod grants;
mod methods;
mod retry;
mod simple;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use custos_testkit::{
    Browser, Credential, Custos, Endpoint, Evidence, PATIENCE, Person, Postgres, Psql, Settings,
    Stopped, Version, Wire, free_port, verify_with_ssh_keygen, wait_for,
};
use serde_json::Value;

use crate::sign_in::providers::TestProvider;

/// What alice always says why.
pub(crate) const REASON: &str = "ticket 4711";

/// Everybody works on the shop; what destroys needs two of `dba`, what empties one of `leads`, what deletes one of `dba`.
pub(crate) const POLICY: &str = r#"
version: 1
labels:
  pii.email:
    columns: ["*.people.email"]
    mask: {partial: {first: 1, last: 4}}
rules:
  - id: work
    who: "*"
    on: [postgres/shop, postgres/quick, postgres/retry]
    may: [session.open, sql.select, sql.insert, sql.update, sql.ddl]
    mask: [pii.email]
  - id: drops
    who: "*"
    on: postgres/shop
    may: sql.destroy
    approve: {count: 2, of: dba, per: statement, expires: 10m}
  - id: truncates
    who: "*"
    on: postgres/shop
    may: sql.truncate
    approve: {of: leads, per: statement, expires: 10m}
  - id: deletes
    who: "*"
    on: postgres/shop
    may: sql.delete
    approve: {of: dba, per: statement, expires: 10m}
  - id: quick-drops
    who: "*"
    on: postgres/quick
    may: sql.destroy
    approve: {of: dba, per: statement, expires: 3s}
  - id: retried
    who: "*"
    on: postgres/retry
    may: [sql.destroy, sql.delete]
    approve: {of: dba, per: statement, expires: 10m, meanwhile: retry}
  - id: loads
    who: "*"
    on: postgres/loads
    may: [session.open, sql.select, sql.insert, sql.ddl]
    conditions: {bulk_insert_over: {rows: 100, then: approve}}
    approve: {of: dba, per: statement, expires: 10m}
"#;

/// Those who decide, wherever they sign in.
const GROUPS: &str = r#"
[[group]]
name = "dba"
members = ["okta:dba", "entra:dba"]

[[group]]
name = "leads"
members = ["okta:leads", "entra:leads"]
"#;

/// Who signs in at okta, in which groups. Alice and dan are in both that decide.
const PEOPLE: [(&str, &[&str]); 4] = [
    ("alice", &["dba", "leads"]),
    ("bob", &["dba"]),
    ("carol", &["dba"]),
    ("dan", &["dba", "leads"]),
];

/// A case in a world that it shares with others, and its name.
pub(crate) type Case = (&'static str, fn(&World));

/// What a gateway has besides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    /// Another provider, where people of the same names may sign in.
    pub(crate) second_provider: bool,
    /// Keys of okta's table.
    pub(crate) provider: String,
    /// Further tables.
    pub(crate) tables: String,
    /// The web address has a name, as passkeys want it.
    pub(crate) named: bool,
}

/// A gateway in front of a database of its own, and people who have signed in and enrolled their keys.
pub(crate) struct World {
    pub(crate) custos: Custos,
    pub(crate) okta: TestProvider,
    pub(crate) entra: Option<TestProvider>,
    people: Vec<Person>,
    url: String,
    settings: Settings,
    postgres: &'static Postgres,
    database: String,
}

impl World {
    pub(crate) fn new(database: &str) -> Self {
        Self::with(database, POLICY, &Extras::default())
    }

    pub(crate) fn with(database: &str, policy: &str, extras: &Extras) -> Self {
        let postgres = Postgres::shared(Version::V15);
        postgres.sql(&format!("drop database if exists {database} with (force)"));
        postgres.sql(&format!("create database {database} owner app"));
        let port = free_port();
        let host = if extras.named {
            "localhost"
        } else {
            "127.0.0.1"
        };
        let url = format!("http://{host}:{port}");
        let okta = TestProvider::start("okta", &url);
        for (name, groups) in PEOPLE {
            okta.set_groups(name, groups);
        }
        let entra = extras
            .second_provider
            .then(|| TestProvider::start("entra", &url));
        let more = entra.as_ref().map(TestProvider::settings);
        // Tables may follow on those of the limits, which is all that stands in a file under a policy.
        let limits = format!(
            "\n[web]\naddress = \"127.0.0.1:{port}\"\nurl = \"{url}\"\ntls = \"off\"\nclient_ca_file = \"ca.crt\"\n\
             {}{}{}{GROUPS}{}",
            okta.settings(),
            extras.provider,
            more.unwrap_or_default(),
            extras.tables,
        );
        let settings = Settings {
            limits,
            drain_timeout: "2s".to_owned(),
            ..Settings::under(policy)
        };
        let custos = Custos::start_with(&settings);
        let people = PEOPLE.iter().map(|(name, _)| Person::new(name, &url));
        let world = Self {
            custos,
            okta,
            entra,
            people: people.collect(),
            url,
            settings,
            postgres,
            database: database.to_owned(),
        };
        world.add("postgres/shop");
        for person in &world.people {
            world.sign_in(person, "okta", person.name());
            person.enrol(&world.custos);
        }
        world
    }

    /// Another name of the same target.
    pub(crate) fn add(&self, resource: &str) {
        self.custos.add_resource(resource, self.postgres);
    }

    /// Signs somebody in.
    pub(crate) fn sign_in(&self, person: &Person, provider: &str, name: &str) {
        let (login, url) = person.laptop().login();
        let mut browser = Browser::new();
        browser.open(&url);
        browser.follow(&format!("/sign-in/{provider}"));
        let provider = match (&self.entra, provider) {
            (Some(entra), "entra") => entra,
            _ => &self.okta,
        };
        let password = provider.password(name);
        browser.submit(&[("name", name), ("password", &password)]);
        assert_eq!(browser.page().status, 200, "{}", browser.page().text());
        login.finish(PATIENCE).success();
    }

    pub(crate) fn person(&self, name: &str) -> &Person {
        let mut people = self.people.iter();
        let found = people.find(|person| person.name() == name);
        found.expect("the world has her")
    }

    pub(crate) fn alice(&self) -> &Person {
        self.person("alice")
    }

    pub(crate) fn bob(&self) -> &Person {
        self.person("bob")
    }

    pub(crate) fn carol(&self) -> &Person {
        self.person("carol")
    }

    pub(crate) fn dan(&self) -> &Person {
        self.person("dan")
    }

    /// Somebody else at a machine of her own.
    pub(crate) fn newcomer(&self, name: &str) -> Person {
        Person::new(name, &self.url)
    }

    /// The web address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The database that all is about.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// A psql of somebody, who says why she comes.
    pub(crate) fn psql_of(&self, person: &Person, resource: &str) -> Psql {
        Psql::start(&self.endpoint_of(person, resource), &said(REASON))
    }

    /// A psql of alice at the shop.
    pub(crate) fn psql(&self) -> Psql {
        self.psql_of(self.alice(), "postgres/shop")
    }

    pub(crate) fn endpoint_of(&self, person: &Person, resource: &str) -> Endpoint {
        person.endpoint(resource, &self.database)
    }

    /// A session of alice that is spoken by hand.
    pub(crate) fn wire(&self, resource: &str) -> Wire {
        self.wires(resource, 1).remove(0)
    }

    /// Several, with one credential.
    pub(crate) fn wires(&self, resource: &str, count: usize) -> Vec<Wire> {
        self.wires_at(&self.endpoint_of(self.alice(), resource), count)
    }

    /// The same, with a credential that she has.
    pub(crate) fn wires_at(&self, endpoint: &Endpoint, count: usize) -> Vec<Wire> {
        let credential = Credential {
            id: String::new(),
            principal: endpoint.user.clone(),
            secret: endpoint.password.clone(),
        };
        let endpoint = self.custos.password_endpoint(&credential, &self.database);
        let options = said(REASON);
        let open = |_| Wire::sign_in_with(&endpoint, &[("options", &options)]).expect("a session");
        (0..count).map(open).collect()
    }

    /// Makes a table with one row.
    pub(crate) fn table(&self, name: &str) {
        self.at_target(&format!(
            "create table {name} (id int primary key, note text); insert into {name} values (1, 'here');
             alter table {name} owner to app"
        ));
    }

    /// Alice's psql holds the drop of a table that is made for it; with the request.
    pub(crate) fn held_drop(&self, table: &str) -> (Psql, String) {
        self.table(table);
        let mut psql = self.psql();
        psql.send(&format!("drop table {table};"));
        let request = psql.held();
        (psql, request)
    }

    /// Waits until a statement of this text is held, as the log has it; the request.
    pub(crate) fn request_of(&self, text: &str) -> String {
        let intent = self.custos.wait_for_record("the intent", |record| {
            record["type"] == "operation.intent" && record["op"]["text"] == text
        });
        let opened = self.custos.wait_for_record("the request", |record| {
            record["type"] == "request.opened"
                && record["detail"]["session"] == intent["sess"]["id"]
                && record["detail"]["operation"] == intent["op"]["n"]
        });
        opened["approval"]["id"].as_str().expect("an id").to_owned()
    }

    /// What is so at the target itself.
    pub(crate) fn at_target(&self, sql: &str) -> String {
        self.postgres.sql_in(&self.database, sql)
    }

    pub(crate) fn has_table(&self, name: &str) -> bool {
        self.at_target(&format!("select to_regclass('{name}') is not null")) == "t"
    }

    /// How often the target ran a statement, as its own log has it.
    pub(crate) fn runs(&self, statement: &str) -> usize {
        let all = self.postgres.executed_in(&self.database);
        let same = |text: &&String| text.trim_end_matches(';') == statement;
        all.iter().filter(same).count()
    }

    /// Those of these statements that the target ran, in order.
    pub(crate) fn executed(&self, wanted: &[&str]) -> Vec<String> {
        let mut all = self.postgres.executed_in(&self.database);
        all.retain(|text| wanted.contains(&text.as_str()));
        all
    }

    /// Waits for the end of a request; how it ended.
    pub(crate) fn ending(&self, request: &str) -> String {
        let ended = self.custos.wait_for_record("the end", |record| {
            record["type"] == "request.ended" && record["approval"]["id"] == request
        });
        let ending = &ended["detail"]["ending"];
        ending.as_str().expect("it says how").to_owned()
    }

    /// Waits until a refusal with this code is on record for a request.
    pub(crate) fn refused(&self, request: &str, code: &str) -> Value {
        let what = format!("a refusal, {code}");
        self.custos.wait_for_record(&what, |record| {
            record["type"] == "approval.refused"
                && record["detail"]["request"] == request
                && record["detail"]["code"] == code
        })
    }

    /// Waits until a refusal of this person with this code is on record.
    pub(crate) fn refused_to(&self, name: &str, code: &str) -> Value {
        let what = format!("a refusal to {name}, {code}");
        self.custos.wait_for_record(&what, |record| {
            record["type"] == "approval.refused"
                && record["actor"]["name"] == name
                && record["detail"]["code"] == code
        })
    }

    /// Waits until a decision of this person on a request is on record as void.
    pub(crate) fn voided(&self, request: &str, name: &str) -> Value {
        self.custos.wait_for_record("a void decision", |record| {
            record["type"] == "approval.voided"
                && record["approval"]["id"] == request
                && record["actor"]["name"] == name
        })
    }

    /// Names of those whose decisions let a request run, as the record of that has them.
    pub(crate) fn agreed(&self, request: &str) -> Vec<String> {
        let ran = self.custos.wait_for_record("the execution", |record| {
            record["type"] == "operation.approved" && record["approval"]["id"] == request
        });
        let evidence = self.custos.evidence();
        let by = ran["approval"]["by"].as_array().expect("a list").clone();
        let name = |id: &Value| {
            let mut decided = evidence.of_type("approval.decided");
            let decided = decided.find(|record| record["detail"]["approval"] == *id);
            let name = &decided.expect("it is on record")["actor"]["name"];
            name.as_str().expect("a name").to_owned()
        };
        by.iter().map(name).collect()
    }

    /// Gives somebody other groups at okta, and waits until the gateway has heard of it.
    pub(crate) fn regroup(&self, person: &Person, groups: &[&str]) {
        let heard = || {
            let evidence = self.custos.evidence();
            let changed = evidence.of_type("sign_in.changed");
            let changed = changed.filter(|record| record["actor"]["name"] == person.name());
            changed.count()
        };
        let before = heard();
        self.okta.set_groups(person.name(), groups);
        wait_for("the groups", PATIENCE, || (heard() > before).then_some(()));
    }

    /// Puts another policy in force.
    pub(crate) fn reload(&self, policy: &str) {
        let before = self.custos.evidence().of_type("config.changed").count();
        self.custos.write_settings(&Settings {
            policy: Some(policy.to_owned()),
            ..self.settings.clone()
        });
        self.custos.reload();
        wait_for("the reload", PATIENCE, || {
            let evidence = self.custos.evidence();
            (evidence.of_type("config.changed").count() > before).then_some(())
        });
    }

    /// Runs cases one after the other, all of them whatever becomes of each.
    ///
    /// # Panics
    /// When one failed.
    pub(crate) fn each(&self, cases: &[Case]) {
        let failed = cases.iter().filter(|(name, case)| {
            let began = std::time::Instant::now();
            let is_good = catch_unwind(AssertUnwindSafe(|| case(self))).is_ok();
            println!("{name}: {is_good}, {:?}", began.elapsed());
            !is_good
        });
        let failed: Vec<_> = failed.map(|(name, _)| *name).collect();
        assert!(failed.is_empty(), "failed: {}", failed.join(", "));
    }

    /// The lines that ssh-keygen verifies approvals with.
    pub(crate) fn allowed_signers(&self) -> PathBuf {
        let list = ["approver", "ls", "--operator", "--allowed-signers"];
        let lines = self.custos.cli(&list).success();
        self.custos.write_private("allowed_signers", &lines)
    }

    /// Checks what is kept of a request's decisions with ssh-keygen alone.
    pub(crate) fn verify_decisions(&self, request: &str) {
        let signers = self.allowed_signers();
        let evidence = self.custos.evidence();
        let decided = evidence.of_type("approval.decided");
        let decided = decided.filter(|record| record["approval"]["id"] == request);
        for record in decided {
            let text = |name: &str| record["detail"][name].as_str().expect("a text");
            let directory = self.custos.evidence_directory();
            verify_with_ssh_keygen(&directory, text("approval"), &signers, text("key"));
        }
    }

    pub(crate) fn finish(self) -> Stopped {
        self.custos.finish()
    }
}

/// The startup option that says why.
pub(crate) fn said(reason: &str) -> String {
    format!("-c custos.reason={}", reason.replace(' ', "\\ "))
}

/// Types of the records about a request, in order, but for those of notifications, which come when they come.
pub(crate) fn trail(evidence: &Evidence, request: &str) -> Vec<String> {
    let about = evidence.all().iter().filter(|record| {
        record["approval"]["id"] == request && record["type"] != "request.notified"
    });
    about
        .filter_map(|record| record["type"].as_str().map(str::to_owned))
        .collect()
}
