//! Hostile visitors of the device page.

use custos_model::SignInId;
use custos_oauth::{Decision, DeviceRefusal, Outcome, Visitor};

use crate::hostile_token::started;
use crate::memory::{HOUR_NS, person};
use crate::world::{World, browser, codes, poll};

/// The word and the status, after checking that the record says the same.
fn refused<T: std::fmt::Debug>(outcome: Outcome<T, DeviceRefusal>) -> (&'static str, u16) {
    assert_eq!(codes(&outcome.events), ["device_page_refused"]);
    let refusal = outcome.answer.unwrap_err();
    (refusal.code(), refusal.status())
}

fn bob(world: &World) -> SignInId {
    world
        .memory
        .sign_in(person("bob"), world.now(), 12 * HOUR_NS)
}

#[test]
fn five_wrong_codes_and_no_more() {
    let mut world = World::new();
    let (_, user_code) = started(&mut world);
    let visitor = world.visitor();
    for (left, typed) in ["BCDF-GHJK", "", "x", "AEIO-UAEI", "🦀"].iter().enumerate() {
        let outcome = world.show(typed, visitor);
        let refusal = outcome.answer.unwrap_err();
        assert!(
            matches!(refusal, DeviceRefusal::WrongCode { left: told } if told == 4 - left as u32),
            "{refusal:?}"
        );
    }
    // Not the right one either.
    assert_eq!(
        refused(world.show(&user_code, visitor)),
        ("too_many_wrong", 429)
    );
    world.pass(300);
    assert_eq!(
        refused(world.show(&user_code, visitor)),
        ("too_many_wrong", 429)
    );
    // Another browser session of hers can.
    let fresh = Visitor {
        browser: browser(2),
        ..visitor
    };
    assert!(world.show(&user_code, fresh).answer.is_ok());
}

#[test]
fn all_browsers_together_have_a_rate() {
    let mut world = World::new();
    let (_, user_code) = started(&mut world);
    let alice = world.alice;
    let visitor = |number| Visitor {
        browser: browser(number),
        sign_in: alice,
    };
    for number in 0..30 {
        assert_eq!(
            refused(world.show("BCDF-GHJK", visitor(number))),
            ("wrong_code", 400)
        );
    }
    assert_eq!(refused(world.show(&user_code, visitor(99))), ("busy", 503));
    world.pass(4);
    assert!(world.show(&user_code, visitor(99)).answer.is_ok());
}

#[test]
fn an_expired_or_decided_code_is_wrong() {
    let mut world = World::new();
    let visitor = world.visitor();
    let (_, expired) = started(&mut world);
    world.pass(600);
    assert_eq!(refused(world.show(&expired, visitor)), ("wrong_code", 400));
    for decision in [Decision::Approve, Decision::Deny] {
        let (_, decided) = started(&mut world);
        world.decide_typed(&decided, decision);
        assert_eq!(refused(world.show(&decided, visitor)), ("wrong_code", 400));
    }
}

#[test]
fn nothing_is_decided_that_was_not_shown() {
    let mut world = World::new();
    let visitor = world.visitor();
    let (device_code, user_code) = started(&mut world);
    for confirmation in ["", "x", user_code.as_str(), device_code.as_str()] {
        let outcome = world.decide(confirmation, Decision::Approve, visitor);
        assert_eq!(refused(outcome), ("not_shown", 400), "{confirmation}");
    }
    assert_eq!(
        world.token(&poll(&device_code)).refused().0,
        "authorization_pending"
    );
}

#[test]
fn only_the_one_who_saw_it_decides() {
    let mut world = World::new();
    let visitor = world.visitor();
    let (device_code, user_code) = started(&mut world);
    let shown = world.show(&user_code, visitor).answer.unwrap();
    let confirmation = shown.confirmation.expose();
    let bob = bob(&world);
    for other in [
        Visitor {
            browser: browser(2),
            ..visitor
        },
        Visitor {
            sign_in: bob,
            ..visitor
        },
    ] {
        assert_eq!(
            refused(world.decide(confirmation, Decision::Approve, other)),
            ("not_shown", 400)
        );
    }
    // A page that was shown later takes the place of this one.
    world
        .show(
            &user_code,
            Visitor {
                browser: browser(2),
                sign_in: bob,
            },
        )
        .answer
        .unwrap();
    assert_eq!(
        refused(world.decide(confirmation, Decision::Approve, visitor)),
        ("not_shown", 400)
    );
    assert_eq!(
        world.token(&poll(&device_code)).refused().0,
        "authorization_pending"
    );
}

#[test]
fn a_decision_counts_once_and_in_time() {
    let mut world = World::new();
    let visitor = world.visitor();
    let (device_code, user_code) = started(&mut world);
    let shown = world.show(&user_code, visitor).answer.unwrap();
    let confirmation = shown.confirmation.expose();
    world
        .decide(confirmation, Decision::Deny, visitor)
        .answer
        .unwrap();
    assert_eq!(
        refused(world.decide(confirmation, Decision::Approve, visitor)),
        ("not_shown", 400)
    );
    assert_eq!(
        world.token(&poll(&device_code)).refused().0,
        "access_denied"
    );

    let (_, late) = started(&mut world);
    let shown = world.show(&late, visitor).answer.unwrap();
    world.pass(600);
    let outcome = world.decide(shown.confirmation.expose(), Decision::Approve, visitor);
    assert_eq!(refused(outcome), ("not_shown", 400));
}

#[test]
fn nobody_without_a_sign_in_sees_or_decides_anything() {
    let mut world = World::new();
    let visitor = world.visitor();
    let (_, user_code) = started(&mut world);
    let shown = world.show(&user_code, visitor).answer.unwrap();
    custos_oauth::SignIns::end(&world.memory, visitor.sign_in, world.now()).unwrap();
    assert_eq!(
        refused(world.show(&user_code, visitor)),
        ("sign_in_ended", 403)
    );
    let outcome = world.decide(shown.confirmation.expose(), Decision::Approve, visitor);
    assert_eq!(refused(outcome), ("sign_in_ended", 403));
    world.memory.broken.set(true);
    assert_eq!(
        refused(world.show(&user_code, visitor)),
        ("state_failed", 500)
    );
}
