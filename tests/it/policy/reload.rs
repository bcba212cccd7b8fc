//! A change of documents reaches sessions that are open, with their next statement, and is on record.

use custos_testkit::{PATIENCE, Settings, Wire, wait_for};

use super::{POLICY, SSN, Site};

fn seen(wire: &mut Wire, sql: &str) -> String {
    wire.send(b'Q', format!("{sql}\0").as_bytes());
    let answer = wire.receive_until(b'Z').expect("an answer");
    let bodies = answer
        .iter()
        .map(|message| String::from_utf8_lossy(&message.body).into_owned());
    bodies.collect()
}

#[test]
fn the_next_statement_is_under_the_new_policy() {
    let site = Site::new("reloaded", POLICY);
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    assert!(seen(&mut wire, "select ssn from people where id = 1").contains("[redacted]"));
    assert!(seen(&mut wire, "delete from orders").contains("policy denies"));

    let changed = POLICY.replace(
        "  - id: analysts-read\n    who: group:analysts\n    on: postgres/*\n    may: [session.open, sql.select]\n    mask: [pii.email, pii.ssn]",
        "  - id: analysts-read\n    who: group:analysts\n    on: postgres/*\n    may: [session.open, sql.select, sql.delete, \"unmask:pii.ssn\"]\n    mask: [pii.email]",
    );
    assert_ne!(changed, POLICY);
    site.custos.write_settings(&Settings::under(&changed));
    site.custos.reload();
    wait_for("the new policy", PATIENCE, || {
        seen(&mut wire, "select ssn from people where id = 1")
            .contains(SSN)
            .then_some(())
    });
    assert!(seen(&mut wire, "delete from orders").contains("DELETE 1"));

    // Documents with a mistake change nothing.
    site.custos
        .write_settings(&Settings::under("version: 1\nrules: [{id: x}]\n"));
    site.custos.reload();
    site.custos.wait_for_record("the refusal", |record| {
        record["type"] == "config.changed" && record["outcome"] == "failed"
    });
    assert!(seen(&mut wire, "select ssn from people where id = 1").contains(SSN));

    // Who may not open any more is cut.
    site.custos.write_settings(&Settings::under(
        &POLICY.replace("group:analysts", "group:others"),
    ));
    site.custos.reload();
    site.custos.wait_for_ended_sessions(1);
    let evidence = site.custos.finish().evidence;
    let record = evidence
        .of_type("config.changed")
        .find(|record| record["outcome"] == "ok")
        .expect("a record of the change");
    let told = record["detail"]["policy_diff"]
        .as_str()
        .expect("a difference");
    assert!(told.contains("group:analysts gains sql.delete"), "{told}");
    assert!(told.contains("pii.ssn"), "{told}");
}
