//! Policy documents in force: statements are judged by what they do, and columns are masked by where they come from.

mod attacks;
mod corpus;
mod detected;
mod extended;
mod judged;
mod limits;
mod masked;
mod matrix;
mod random;
mod reload;

use custos_testkit::{Credential, Custos, Endpoint, Postgres, Settings, Version};

/// Canaries: a value of each labelled column, and one of a column that has no label.
pub(crate) const EMAIL: &str = "canary.email@example.com";
pub(crate) const SSN: &str = "917-44-3321";
pub(crate) const PLAIN: &str = "plain-canary";

/// Analysts see people masked, developers change data, owners do and see everything.
pub(crate) const POLICY: &str = r#"
version: 1
labels:
  pii.email:
    columns: ["*.people.email"]
    mask: {partial: {first: 1, last: 4}}
    predicates: allow
  pii.ssn:
    columns: ["*.people.ssn"]
    mask: redact
rules:
  - id: analysts-read
    who: group:analysts
    on: postgres/*
    may: [session.open, sql.select]
    mask: [pii.email, pii.ssn]
  - id: developers-work
    who: group:developers
    on: postgres/*
    may: [session.open, sql.select, sql.dml, sql.ddl]
    mask: [pii.email, pii.ssn]
    conditions: {without_where: deny, bulk_insert_over: 100}
  - id: owners
    who: group:owners
    on: postgres/*
    may: [session.open, sql.select, sql.dml, sql.ddl, sql.truncate, sql.destroy, sql.administer, sql.unknown, "unmask:pii.email", "unmask:pii.ssn"]
  - id: nothing-leaves
    who: "*"
    on: "*"
    deny: sql.escape
"#;

/// A gateway under a policy, in front of a database of the test's own.
pub(crate) struct Site {
    pub(crate) custos: Custos,
    postgres: &'static Postgres,
    database: String,
}

impl Site {
    pub(crate) fn new(database: &str, policy: &str) -> Self {
        Self::on(Version::V15, database, policy)
    }

    pub(crate) fn on(version: Version, database: &str, policy: &str) -> Self {
        let site = Self::made(version, database, &Settings::under(policy));
        site.custos.add_resource("postgres/shop", site.postgres);
        site
    }

    /// The gateway signs in at the target as this superuser.
    pub(crate) fn with_superuser(
        version: Version,
        database: &str,
        policy: &str,
        account: &str,
    ) -> Self {
        let site = Self::made(version, database, &Settings::under(policy));
        let password = Postgres::PASSWORD;
        site.postgres.sql(&format!(
            "drop role if exists {account}; create role {account} login superuser password '{password}'"
        ));
        let authority = site.postgres.authority().file();
        let authority = authority.to_str().expect("paths here are text");
        let (host, port) = (Postgres::HOST, site.postgres.port());
        site.custos
            .add_target(
                "postgres/shop",
                host,
                port,
                account,
                &["--ca-file", authority],
            )
            .success();
        site
    }

    /// A gateway without policy documents in front of a database that is there already.
    pub(crate) fn unjudged(version: Version, database: &str) -> Self {
        let postgres = Postgres::shared(version);
        let custos = Custos::start();
        custos.add_resource("postgres/shop", postgres);
        Self {
            custos,
            postgres,
            database: database.to_owned(),
        }
    }

    fn made(version: Version, database: &str, settings: &Settings) -> Self {
        let postgres = Postgres::shared(version);
        postgres.sql(&format!("drop database if exists {database} with (force)"));
        postgres.sql(&format!("create database {database}"));
        postgres.sql_in(
            database,
            &format!(
                "create table people (id int primary key, name text, email text, ssn text, notes text);
                 create table orders (id int primary key, person int references people, note text, total numeric);
                 create view contacts as select id, name, email as address from people;
                 insert into people values (1, 'Alice', '{EMAIL}', '{SSN}', '{PLAIN}'), (2, 'Bob', null, null, null);
                 insert into orders values (1, 1, 'first', 12.5);
                 grant all on all tables in schema public to public; grant create on schema public to public;"
            ),
        );
        Self {
            custos: Custos::start_with(settings),
            postgres,
            database: database.to_owned(),
        }
    }

    pub(crate) fn credential(&self, group: &str) -> Credential {
        self.custos
            .issue_with("alice", "postgres/shop", &["--group", group])
    }

    pub(crate) fn as_member(&self, group: &str) -> Endpoint {
        self.custos
            .endpoint(&self.credential(group), &self.database)
    }

    /// For a client that speaks by hand.
    pub(crate) fn wire_as(&self, group: &str) -> Endpoint {
        self.custos
            .password_endpoint(&self.credential(group), &self.database)
    }

    /// What is so at the target itself.
    pub(crate) fn at_target(&self, sql: &str) -> String {
        self.postgres.sql_in(&self.database, sql)
    }
}
