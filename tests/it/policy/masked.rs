//! No labelled value reaches a client or a file, whatever the query.

use super::{EMAIL, PLAIN, POLICY, SSN, Site};

#[test]
fn labelled_columns_are_masked_and_others_are_not() {
    let site = Site::new("masked", POLICY);
    let endpoint = site.as_member("analysts");
    for sql in [
        "select email, ssn, notes from people order by id limit 1",
        "select * from people where id = 1",
        "table people",
        "select p.email as e, lower(ssn), upper(p.email) || 'x', notes from people p",
        "select address, 1 from contacts",
        "select array_agg(ssn), json_agg(p) from people p",
        "select p from people p",
        "with x as (select ssn as y from people) select y from x union all select 'z'",
        "copy people to stdout",
        "copy people (id, email, notes) to stdout",
        "copy (select ssn, notes from people) to stdout",
        "begin; declare c cursor for select email, ssn from people; fetch all from c; commit",
        "prepare q as select ssn from people; execute q",
        "select (select max(ssn) from people), 'x'",
    ] {
        let seen = endpoint.query(sql);
        let (out, err) = (&seen.stdout, &seen.stderr);
        assert!(
            !out.contains("917-44") && !out.contains("canary.email"),
            "{sql}: {out}"
        );
        assert!(err.is_empty(), "{sql}: {err}");
        assert!(
            !sql.contains("notes") || out.contains(PLAIN),
            "{sql}: {out}"
        );
    }
    let one = endpoint.query("select email, ssn, notes from people where id = 1");
    assert_eq!(
        one.success(),
        format!("c*******************.com|[redacted]|{PLAIN}\n")
    );
    let clear = site
        .as_member("owners")
        .query("select email, ssn from people where id = 1");
    assert_eq!(clear.success(), format!("{EMAIL}|{SSN}\n"));
    let mut custos = site.custos;
    custos.stop();
    for (path, bytes) in custos.files() {
        for canary in [EMAIL, SSN] {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} in {}", path.display());
        }
    }
    custos.finish();
}

#[test]
fn relatives_share_their_labels() {
    let site = Site::new("relatives", POLICY);
    site.at_target(&format!(
        "create schema grand;
         alter table people add column born date;
         create table people_child () inherits (people);
         insert into people_child (id, ssn, notes) values (5, '{SSN}', '{PLAIN}');
         create table grand.people_grand () inherits (public.people_child);
         insert into grand.people_grand (id, ssn, notes) values (6, '{SSN}', '{PLAIN}');
         grant usage on schema grand to public;
         grant select on people_child, grand.people_grand to public;"
    ));
    let endpoint = site.as_member("analysts");
    for sql in [
        "select ssn, notes from people_child",
        "select ssn, notes from grand.people_grand",
        "select * from only people_child",
        "select p.ssn, p.notes from people p where id > 4",
    ] {
        let seen = endpoint.query(sql).success();
        assert!(
            !seen.contains("917-44") && seen.contains(PLAIN),
            "{sql}: {seen}"
        );
    }
    // A view of users' functions is not read by who may not run what nobody knows.
    site.at_target(
        "create function told() returns text language sql stable as $$ select ssn from people limit 1 $$;
         create view telling as select told() as x; grant select on telling to public;",
    );
    for sql in [
        "select told()",
        "select x from telling",
        "select x || '' from telling",
    ] {
        site.custos.wait_for_quiet();
        let heard = site.as_member("analysts").query(sql);
        let told = [heard.stdout, heard.stderr].concat();
        assert!(!told.contains("917-44"), "{sql}: {told}");
    }
    site.custos.finish();
}
