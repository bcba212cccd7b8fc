//! What is signed, and how often it counts.

use custos_testkit::sign;

use super::refuses;
use crate::approvals::World;

#[test]
fn a_signature_is_good_once_for_one_statement() {
    let world = World::new("attacks_statements");
    world.add("postgres/quick");
    world.each(&[
        ("a flipped byte", a_flipped_byte),
        ("a yes made of a no", a_yes_made_of_a_no),
        ("another namespace", another_namespace),
        ("another session's request", another_sessions_request),
        ("a statement of before", a_statement_of_before),
        ("a replay", a_replay),
        ("a replay after the end", a_replay_after_the_end),
        ("after the time", after_the_time),
        ("racing approvers", racing_approvers),
        ("one approver, twice at once", one_approver_twice_at_once),
        ("another reason after a vote", another_reason_after_a_vote),
        (
            "another reason before the signature",
            another_reason_before_the_signature,
        ),
        ("what is no signature", what_is_no_signature),
    ]);
    let evidence = world.finish().evidence;
    assert_eq!(
        evidence.of_type("request.opened").count(),
        evidence.of_type("request.ended").count()
    );
}

fn a_flipped_byte(world: &World) {
    let (psql, request) = world.held_drop("flipped");
    let made = world.bob().statement(&request, "approve").to_sign();
    let at = made.statement.find("\"nonce\":\"").expect("it has one") + 9;
    let mut flipped = made.statement.clone().into_bytes();
    flipped[at] ^= 1;
    let flipped = String::from_utf8(flipped).expect("ASCII");
    let answer = world
        .bob()
        .hand_in(&made.approval, &world.bob().sign(&flipped));
    refuses(world, &answer, &request, "wrong_signature");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn a_yes_made_of_a_no(world: &World) {
    let (psql, request) = world.held_drop("yes_and_no");
    let made = world.bob().statement(&request, "deny").to_sign();
    let yes = made
        .statement
        .replace(r#""decision":"deny""#, r#""decision":"approve""#);
    assert_ne!(yes, made.statement);
    let answer = world.bob().hand_in(&made.approval, &world.bob().sign(&yes));
    refuses(world, &answer, &request, "wrong_signature");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn another_namespace(world: &World) {
    let (psql, request) = world.held_drop("namespace");
    for namespace in ["file", "git", "custos-approval-2"] {
        let made = world.bob().statement(&request, "approve").to_sign();
        let signature = sign(&world.bob().key(), namespace, &made.statement);
        let answer = world.bob().hand_in(&made.approval, &signature);
        refuses(world, &answer, &request, "wrong_signature");
    }
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn another_sessions_request(world: &World) {
    let (one, first) = world.held_drop("of_one");
    let (other, second) = world.held_drop("of_another");
    let bob = world.bob();
    let signed = bob.statement(&first, "approve").to_sign();
    let signature = bob.sign(&signed.statement);
    let made = bob.statement(&second, "approve").to_sign();
    let answer = bob.hand_in(&made.approval, &signature);
    refuses(world, &answer, &second, "wrong_signature");
    one.kill();
    other.kill();
    assert_eq!(world.ending(&first), "withdrawn");
    assert_eq!(world.ending(&second), "withdrawn");
}

/// The signature for an earlier statement on the same request.
fn a_statement_of_before(world: &World) {
    let (psql, request) = world.held_drop("before");
    let bob = world.bob();
    let before = bob.statement(&request, "approve").to_sign();
    let signature = bob.sign(&before.statement);
    let made = bob.statement(&request, "approve").to_sign();
    let answer = bob.hand_in(&made.approval, &signature);
    refuses(world, &answer, &request, "wrong_signature");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn a_replay(world: &World) {
    let (psql, request) = world.held_drop("replayed");
    let made = world.bob().statement(&request, "approve").to_sign();
    let signature = world.bob().sign(&made.statement);
    let answer = world.bob().hand_in(&made.approval, &signature);
    assert_eq!(answer.status, 200, "{answer:?}");
    for who in [world.bob(), world.carol()] {
        let again = who.hand_in(&made.approval, &signature);
        assert_eq!(again.code(), "other_statement", "{again:?}");
    }
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    assert_eq!(world.runs("drop table replayed"), 0);
    world.refused_to("carol", "other_statement");
}

/// What was agreed to once lets nothing of the same text run again.
fn a_replay_after_the_end(world: &World) {
    let (mut psql, request) = world.held_drop("again");
    let made = world.bob().statement(&request, "approve").to_sign();
    let signature = world.bob().sign(&made.statement);
    world.bob().hand_in(&made.approval, &signature);
    world.carol().approve(&request).success();
    psql.wait_for("DROP TABLE");
    let (second, next) = world.held_drop("again");
    assert_ne!(request, next);
    let answer = world.bob().hand_in(&made.approval, &signature);
    assert!(answer.status >= 400, "{answer:?}");
    let answer = world.dan().statement(&request, "approve");
    refuses(world, &answer, &request, "no_such_request");
    second.kill();
    psql.finish().success();
    assert_eq!(world.ending(&next), "withdrawn");
    assert_eq!(world.runs("drop table again"), 1);
}

fn after_the_time(world: &World) {
    world.table("late");
    let mut psql = world.psql_of(world.alice(), "postgres/quick");
    psql.send("drop table late;");
    let request = psql.held();
    let made = world.dan().statement(&request, "approve").to_sign();
    let signature = world.dan().sign(&made.statement);
    psql.wait_for_error("nobody decided in time");
    psql.finish().success();
    assert_eq!(world.ending(&request), "expired");
    let answer = world.dan().hand_in(&made.approval, &signature);
    assert!(answer.status >= 400, "{answer:?}");
    assert_eq!(world.runs("drop table late"), 0);
    world.refused_to("dan", answer.code());
}

/// Three sign and hand in at once, and two are enough.
fn racing_approvers(world: &World) {
    for round in 0..5 {
        let table = format!("raced_{round}");
        let (mut psql, request) = world.held_drop(&table);
        let people = [world.bob(), world.carol(), world.dan()];
        let ready = people.map(|person| {
            let made = person.statement(&request, "approve").to_sign();
            let signature = person.sign(&made.statement);
            (person, made.approval, signature)
        });
        let taken = std::thread::scope(|scope| {
            let each = ready.map(|(person, approval, signature)| {
                scope.spawn(move || person.hand_in(&approval, &signature).status == 200)
            });
            let each = each.map(|thread| thread.join().expect("it does not panic"));
            each.iter().filter(|taken| **taken).count()
        });
        assert!(taken >= 2, "{taken}");
        psql.wait_for("DROP TABLE");
        psql.finish().success();
        assert_eq!(world.ending(&request), "executed");
        assert_eq!(world.runs(&format!("drop table {table}")), 1);
        let evidence = world.custos.evidence();
        let ran = evidence.of_type("operation.approved");
        let ran = ran.filter(|it| it["approval"]["id"] == request.as_str());
        assert_eq!(ran.count(), 1);
    }
}

fn one_approver_twice_at_once(world: &World) {
    let (psql, request) = world.held_drop("twice");
    let bob = world.bob();
    let ready = [(), ()].map(|()| {
        let made = bob.statement(&request, "approve").to_sign();
        let signature = bob.sign(&made.statement);
        (made.approval, signature)
    });
    let answers = std::thread::scope(|scope| {
        let each = ready.map(|(approval, signature)| {
            scope.spawn(move || bob.hand_in(&approval, &signature).status)
        });
        each.map(|thread| thread.join().expect("it does not panic"))
    });
    let taken = answers.iter().filter(|status| **status == 200);
    assert_eq!(taken.count(), 1, "{answers:?}");
    world.refused(&request, "already_decided");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    assert_eq!(world.runs("drop table twice"), 0);
}

fn another_reason_after_a_vote(world: &World) {
    let (psql, request) = world.held_drop("reasoned");
    world.bob().approve(&request).success();
    let path = format!("/v1/requests/{request}/reason");
    let other = serde_json::json!({"reason": "something else"});
    let answer = world.alice().call("POST", &path, Some(&other));
    assert_eq!(answer.code(), "already_voted", "{answer:?}");
    // Nor does anybody else say why.
    let answer = world.bob().call("POST", &path, Some(&other));
    assert_eq!(answer.code(), "no_such_request", "{answer:?}");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    world.refused(&request, "already_voted");
}

fn another_reason_before_the_signature(world: &World) {
    let (psql, request) = world.held_drop("reasoned_early");
    let made = world.bob().statement(&request, "approve").to_sign();
    let signature = world.bob().sign(&made.statement);
    let why = ["request", "reason", &request, "something else"];
    world.alice().run(&why).success();
    let answer = world.bob().hand_in(&made.approval, &signature);
    refuses(world, &answer, &request, "other_statement");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn what_is_no_signature(world: &World) {
    let (psql, request) = world.held_drop("garbled");
    let good = world.bob().sign("x");
    let cut: String = good.chars().take(good.len() / 2).collect();
    for signature in ["", "AAAA", cut.as_str(), &good.replace("SSH", "PGP")] {
        let made = world.bob().statement(&request, "approve").to_sign();
        let answer = world.bob().hand_in(&made.approval, signature);
        assert!(
            (400..500).contains(&answer.status),
            "{signature}: {answer:?}"
        );
    }
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}
