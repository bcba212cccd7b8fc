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
