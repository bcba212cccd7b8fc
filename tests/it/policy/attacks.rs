//! What an adversary tried, and got through with once: each must fail, whatever it is called now.

use custos_testkit::{Message, Wire};

use super::{EMAIL, POLICY, SSN, Site};

fn ask(wire: &mut Wire, sql: &str) -> Vec<Message> {
    wire.send(b'Q', format!("{sql}\0").as_bytes());
    wire.receive_until(b'Z').expect("an answer")
}

/// Everything that came, as text.
fn seen(messages: &[Message]) -> String {
    let bodies = messages
        .iter()
        .map(|message| String::from_utf8_lossy(&message.body));
    bodies.collect()
}

fn parse(wire: &mut Wire, name: &str, sql: &str) {
    wire.send(b'P', format!("{name}\0{sql}\0\0\0").as_bytes());
}

fn bind(wire: &mut Wire, portal: &str, name: &str) {
    wire.send(
        b'B',
        &[portal.as_bytes(), b"\0", name.as_bytes(), b"\0\0\0\0\0\0\0"].concat(),
    );
}

fn execute(wire: &mut Wire, portal: &str) {
    wire.send(b'E', &[portal.as_bytes(), b"\0\0\0\0\0"].concat());
}

fn sync(wire: &mut Wire) {
    wire.send(b'S', b"");
}

fn ready(wire: &mut Wire) -> String {
    seen(&wire.receive_until(b'Z').expect("an answer"))
}

#[test]
fn nothing_is_told_of_a_labelled_column() {
    let site = Site::new("attacks", POLICY);
    site.at_target(
        "create schema app; create view app.orders as select id, ssn as note from people;
         grant usage on schema app to public; grant select on app.orders to public;",
    );
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    // Values that come through other doors.
    for sql in [
        "select ssn::regclass from people",
        "select has_table_privilege(ssn, 'select') from people",
        "select set_config('application_name', ssn, false) from people where id = 1; show application_name",
        "select substr(email, 3, 1) || repeat('.', 9), reverse(email) from people",
        "set search_path = app; select note || '' from orders",
        "select set_config('search_path', 'app', false); select note || '' from orders",
    ] {
        let told = seen(&ask(&mut wire, sql));
        let pieces = ["917-44", "7-44-3", "canary", "yranac", "moc.el"];
        assert!(
            !pieces.iter().any(|piece| told.contains(piece)),
            "{sql}: {told}"
        );
        ask(&mut wire, "reset search_path");
    }
    // What tells values apart without showing them.
    for sql in [
        "select pg_advisory_lock(ascii(ssn)) from people",
        "select setseed(ascii(ssn) / 256.0) from people where id = 1",
        "select pg_sleep(case when ssn like '9%' then 0 else 0 end) from people",
        "select i, count(*) from (select i, generate_series(0, ascii(substr(ssn, i, 1))) from people, generate_series(1, 3) i) x group by i",
        "select id from (select id, regexp_matches(ssn, '^917-4') from people) x",
        "select nullif(ssn, '917-44-3321') from people",
        "select case when ssn like '9%' then 'x' end from people",
        "select 1 / (case when ssn like '9%' then 0 else 1 end) from people",
        "select id, count(*) over (order by ssn) from people",
        "select array_agg(id order by ssn) from people",
        "select array_agg(distinct ssn), array_agg(id) from people",
        "lock table people in access exclusive mode",
    ] {
        let told = seen(&ask(&mut wire, sql));
        assert!(told.contains("policy denies"), "{sql}: {told}");
    }
    drop(wire);
    site.custos.finish();
}

#[test]
fn names_mean_what_the_target_takes_them_for() {
    let site = Site::new("names", POLICY);
    let secret = "select ssn || '' from people where id = 1";
    let open = "select name || '' from people where id = 1";
    let fresh = || Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    let canary = |told: &str| told.contains("917-44");

    // Prepared in the protocol, forgotten and prepared anew in SQL.
    let mut wire = fresh();
    parse(&mut wire, "x", open);
    sync(&mut wire);
    ready(&mut wire);
    ask(&mut wire, "deallocate x");
    ask(&mut wire, &format!("prepare x as {secret}"));
    bind(&mut wire, "", "x");
    execute(&mut wire, "");
    sync(&mut wire);
    let told = ready(&mut wire);
    assert!(!canary(&told), "{told}");

    // The second Parse fails because the name is taken; nobody waited for that.
    let mut wire = fresh();
    parse(&mut wire, "s", secret);
    sync(&mut wire);
    ready(&mut wire);
    parse(&mut wire, "s", open);
    sync(&mut wire);
    bind(&mut wire, "", "s");
    execute(&mut wire, "");
    sync(&mut wire);
    let told = [ready(&mut wire), ready(&mut wire)].concat();
    assert!(!canary(&told), "{told}");

    // A Close that is skipped.
    let mut wire = fresh();
    parse(&mut wire, "s", secret);
    sync(&mut wire);
    ready(&mut wire);
    parse(&mut wire, "", "no sql");
    wire.send(b'C', b"Ss\0");
    parse(&mut wire, "s", open);
    sync(&mut wire);
    bind(&mut wire, "", "s");
    execute(&mut wire, "");
    sync(&mut wire);
    let told = [ready(&mut wire), ready(&mut wire)].concat();
    assert!(!canary(&told), "{told}");

    // A cursor in the place of a portal, and a portal in the place of a cursor.
    let mut wire = fresh();
    ask(
        &mut wire,
        &format!("begin; declare p cursor with hold for {secret}; commit"),
    );
    parse(&mut wire, "o", open);
    bind(&mut wire, "p", "o");
    sync(&mut wire);
    execute(&mut wire, "p");
    sync(&mut wire);
    let told = [ready(&mut wire), ready(&mut wire)].concat();
    assert!(!canary(&told), "{told}");
    let mut wire = fresh();
    ask(
        &mut wire,
        &format!("begin; declare c cursor for {open}; close c"),
    );
    parse(&mut wire, "o", secret);
    bind(&mut wire, "c", "o");
    sync(&mut wire);
    ready(&mut wire);
    let told = seen(&ask(&mut wire, "fetch all from c"));
    assert!(!canary(&told), "{told}");

    // Names are as long as the server takes them.
    let mut wire = fresh();
    let long = "a".repeat(63);
    ask(
        &mut wire,
        &format!("prepare {long} as {open}; deallocate {long}"),
    );
    parse(&mut wire, &format!("{long}X"), secret);
    sync(&mut wire);
    ready(&mut wire);
    let told = seen(&ask(&mut wire, &format!("execute {long}")));
    assert!(!canary(&told), "{told}");

    // What a prepared utility statement changes.
    let mut wire = fresh();
    ask(
        &mut wire,
        &format!("begin; declare c cursor for {open}; close c"),
    );
    parse(&mut wire, "d", &format!("declare c cursor for {secret}"));
    sync(&mut wire);
    ready(&mut wire);
    ask(&mut wire, "execute d");
    let told = seen(&ask(&mut wire, "fetch all from c"));
    assert!(!canary(&told), "{told}");
    drop(wire);
    site.custos.finish();
}

/// A message by itself, for several that are sent at once.
fn message(tag: u8, body: &str) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[tag], &length.to_be_bytes()[..], body.as_bytes()].concat()
}

#[test]
fn a_name_is_judged_as_all_that_it_may_stand_for() {
    let labelled = POLICY.replace(
        r#"columns: ["*.people.ssn"]"#,
        r#"columns: ["*.people.ssn", "other.named.note"]"#,
    );
    let site = Site::new("several", &labelled);
    site.at_target(&format!(
        "create table named (note text); insert into named values ('nothing');
         create schema other; create table other.named (note text); insert into other.named values ('{SSN}');
         grant usage on schema other to public; grant select on named, other.named to public;"
    ));
    let secret = "select ssn || '' from people where id = 1";
    let open = "select name || '' from people where id = 1";
    let prepared = |text: &str| message(b'P', &format!("s\0{text}\0\0\0"));
    let bound = message(b'B', "p\0s\0\0\0\0\0\0\0");
    let end = message(b'S', "");

    // The second Parse fails because the name is taken, and the portal is read as a cursor.
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    parse(&mut wire, "s", secret);
    sync(&mut wire);
    ready(&mut wire);
    let begin = message(b'Q', "begin\0");
    wire.send_raw(
        &[&prepared(open), &end, &begin, &bound, &end]
            .map(Vec::as_slice)
            .concat(),
    );
    let told = [ready(&mut wire), ready(&mut wire), ready(&mut wire)].concat();
    assert!(told.contains("42P05"), "{told}");
    let told = seen(&ask(&mut wire, "fetch all from p"));
    assert!(!told.contains("917-44"), "{told}");

    // A portal of what was prepared in SQL, after one of the same name of what was not.
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    ask(&mut wire, &format!("prepare q as {secret}"));
    parse(&mut wire, "o", open);
    bind(&mut wire, "p", "o");
    sync(&mut wire);
    ready(&mut wire);
    ask(&mut wire, "begin");
    bind(&mut wire, "p", "q");
    sync(&mut wire);
    ready(&mut wire);
    let told = seen(&ask(&mut wire, "fetch all from p"));
    assert!(!told.contains("917-44"), "{told}");

    // What was described is no more what runs: prepared anew in SQL, another cursor, another search path.
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    let described = message(b'D', "Sx\0");
    parse(&mut wire, "x", "select name from people where id = 1");
    wire.send_raw(&[described.as_slice(), &end].concat());
    ready(&mut wire);
    ask(&mut wire, "deallocate x");
    ask(
        &mut wire,
        "prepare x as select ssn from people where id = 1",
    );
    bind(&mut wire, "", "x");
    execute(&mut wire, "");
    sync(&mut wire);
    let told = ready(&mut wire);
    assert!(!told.contains("917-44"), "{told}");
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    ask(&mut wire, "begin");
    parse(&mut wire, "", "select name from people where id = 1");
    bind(&mut wire, "p", "");
    wire.send_raw(&[message(b'D', "Pp\0"), end.clone()].concat());
    ready(&mut wire);
    ask(
        &mut wire,
        "close p; declare p cursor for select ssn from people where id = 1",
    );
    execute(&mut wire, "p");
    sync(&mut wire);
    let told = ready(&mut wire);
    assert!(!told.contains("917-44"), "{told}");
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    parse(&mut wire, "x", "select note from named");
    wire.send_raw(&[described.as_slice(), &end].concat());
    ready(&mut wire);
    ask(&mut wire, "set search_path = other");
    bind(&mut wire, "", "x");
    execute(&mut wire, "");
    sync(&mut wire);
    let told = ready(&mut wire);
    assert!(!told.contains("917-44"), "{told}");

    // Literals of either statement are not recorded.
    let mut wire = Wire::sign_in(&site.wire_as("developers")).expect("a session");
    parse(&mut wire, "s", "select 1");
    sync(&mut wire);
    ready(&mut wire);
    let insert = format!("insert into people (id, ssn) values (77, '{SSN}')");
    let close = message(b'C', "Ss\0");
    let executed = message(b'E', "p\0\0\0\0\0");
    wire.send_raw(
        &[&close, &prepared(&insert), &bound, &executed, &end]
            .map(Vec::as_slice)
            .concat(),
    );
    ready(&mut wire);
    drop(wire);
    let mut custos = site.custos;
    custos.stop();
    for (path, bytes) in custos.files() {
        let found = bytes
            .windows(SSN.len())
            .any(|window| window == SSN.as_bytes());
        assert!(!found, "{SSN} in {}", path.display());
    }
    custos.finish();
}

#[test]
fn who_may_define_does_not_get_round_labels() {
    let site = Site::new("definers", POLICY);
    site.at_target("alter table people owner to app; alter table orders owner to app; alter view contacts owner to app");
    let mut wire = Wire::sign_in(&site.wire_as("developers")).expect("a session");
    for sql in [
        "alter table people rename column ssn to zz",
        "alter table people rename to pp",
        "alter table people add column c1 text generated always as (ssn) stored",
        "alter table people alter column notes type text using ssn",
        "alter table people add constraint cc check (ssn not like '9%')",
        "create unique index on people (ssn)",
        "create view vv as select id from people where ssn like '9%'",
        "select ssn as x into t2 from people union all select 'a'",
        "prepare s as select ssn as x from people; create table t3 as execute s",
        "update orders set total = 1 where id = 1 and note = (select ssn from people where id = 1)",
        "insert into orders (id) values (generate_series(1000, 2000))",
        "create function f() returns text language sql stable as 'select 1::text'; select f()",
    ] {
        let told = seen(&ask(&mut wire, sql));
        assert!(told.contains("policy denies"), "{sql}: {told}");
    }
    // Transactions with DDL in them are as usual.
    for sql in [
        "begin; create table t9 (a int); commit",
        "begin",
        "create table t10 (a int)",
        "commit",
        "alter table orders add column done boolean",
        "select count(*), now() from orders",
    ] {
        let told = seen(&ask(&mut wire, sql));
        assert!(!told.contains("policy denies"), "{sql}: {told}");
    }
    // An error at a Sync is the answer to that Sync, and the next answers are those of their own statements.
    ask(
        &mut wire,
        "create table d (a int unique deferrable initially deferred)",
    );
    for sql in [
        "insert into d select 1 from orders union all select 1 from orders",
        "select email from people where id = 1",
        "select note from orders where id = 1",
    ] {
        let sql = sql.replace(
            "insert into d select 1 from orders union all select 1 from orders",
            "insert into d values (1), (1)",
        );
        parse(&mut wire, "", &sql);
        bind(&mut wire, "", "");
        execute(&mut wire, "");
        sync(&mut wire);
    }
    let told = [ready(&mut wire), ready(&mut wire), ready(&mut wire)];
    assert!(told[0].contains("23505"), "{told:?}");
    assert!(
        !told[1].contains("canary") && !told[1].contains(SSN) && !told[1].contains(EMAIL),
        "{told:?}"
    );
    assert!(told[2].contains("first"), "{told:?}");
    drop(wire);
    site.custos.finish();
}

#[test]
fn what_a_copied_query_gives_is_not_taken_for_the_columns_of_a_table() {
    let site = Site::new("copied", POLICY);
    site.at_target(
        "create table noted (id int, ssn text, twice text generated always as (id::text) stored);
         insert into noted select id, ssn from people; grant select on noted to public;",
    );
    let labelled = POLICY.replace("[\"*.people.ssn\"]", "[\"*.people.ssn\", \"*.noted.ssn\"]");
    std::fs::write(site.custos.directory().join("policy.yaml"), labelled)
        .expect("it can be written");
    site.custos.reload();
    site.custos
        .wait_for_record("the change", |record| record["type"] == "config.changed");
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    for sql in [
        // Columns that nobody knows here.
        "copy (select (p).* from people p) to stdout",
        "copy (select (p).*, 1 from people p) to stdout (format binary)",
        "copy (select p.*, (p).* from people p) to stdout",
        // Pieces of a value under a partial mask, where the table has a column of its own.
        "copy (select id, 1, substr(email, 1, 9) || repeat('.', 9), reverse(email) from people) to stdout",
        // Fewer columns than the table has: those that are worked out are not copied.
        "copy noted to stdout",
        "copy noted to stdout (format binary)",
    ] {
        let told = seen(&ask(&mut wire, sql));
        let pieces = ["917-44", "7-44-3", "canary.", "yranac", "moc.el"];
        assert!(
            !pieces.iter().any(|piece| told.contains(piece)),
            "{sql}: {told}"
        );
        assert!(!told.contains("policy denies"), "{sql}: {told}");
    }
    drop(wire);
    site.custos.finish();
}

#[test]
fn a_cursor_that_one_of_several_statements_declares_is_remembered() {
    let site = Site::new("declares", POLICY);
    let secret = "select ssn || '' from public.people where id = 1";
    let open = "select name || '' from public.people where id = 1";
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    ask(
        &mut wire,
        &format!("begin; declare c cursor with hold for {open}; commit; close c"),
    );
    parse(
        &mut wire,
        "d",
        &format!("declare c cursor with hold for {secret}"),
    );
    sync(&mut wire);
    ready(&mut wire);
    // The Parse fails because the name is taken, so the cursor is declared.
    let end = message(b'S', "");
    wire.send_raw(
        &[
            message(b'P', "d\0select 1\0\0\0"),
            end.clone(),
            message(b'B', "\0d\0\0\0\0\0\0\0"),
            message(b'E', "\0\0\0\0\0"),
            end,
        ]
        .concat(),
    );
    let told = [ready(&mut wire), ready(&mut wire)].concat();
    assert!(told.contains("42P05"), "{told}");
    let told = seen(&ask(&mut wire, "fetch all from c"));
    assert!(!told.contains("917-44"), "{told}");

    // Who does that is not lost for the rest of the session.
    let told = seen(&ask(&mut wire, "select name || '', notes from people"));
    assert!(told.contains("plain-canary"), "{told}");
    drop(wire);
    site.custos.finish();
}
