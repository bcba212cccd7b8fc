//! A connection that waits at the gateway itself for its person to sign in.

use std::time::Duration;

use custos_model::Secret;
use custos_oauth::{
    CONNECTION, Decision, DeviceAuthorization, DeviceRefusal, Event, Outcome, Purpose, Reason,
    SignIn, Visitor, WaitingConnection,
};

use crate::hostile_token::started;
use crate::memory::{HOUR_NS, person};
use crate::world::{World, browser, codes, poll};

const LASTS: Duration = Duration::from_mins(5);

impl World {
    /// Somebody who says to be alice wants to open a server.
    fn wait(&mut self) -> Outcome<DeviceAuthorization> {
        let connection = WaitingConnection {
            login_name: "alice".to_owned(),
            resource: "ssh/web1".parse().unwrap(),
        };
        self.ask(|server, _, call| server.authorize_connection(connection, LASTS, call))
    }

    fn waiting(&mut self) -> (Secret, String) {
        let device = self.wait().answer.unwrap();
        (device.device_code().clone(), device.user_code().to_string())
    }

    fn redeem(&mut self, code: &Secret) -> Result<SignIn, Reason> {
        let redeemed = self.ask(|server, state, call| server.redeem_connection(code, state, call));
        redeemed.map_err(|refusal| refusal.reason())
    }
}

#[test]
fn from_the_code_to_her_sign_in() {
    let mut world = World::new();
    let begun = world.wait();
    let Event::DeviceStarted { client, purpose } = &begun.events[0] else {
        panic!("{begun:?}");
    };
    assert_eq!(client.as_str(), CONNECTION);
    assert_eq!(purpose.resource().unwrap().as_str(), "ssh/web1");
    let device = begun.answer.unwrap();
    assert_eq!(
        device.verification_uri(),
        "https://custos.example.com/device"
    );
    let (code, user_code) = (device.device_code().clone(), device.user_code().to_string());
    // It is asked about as often as one likes.
    for _ in 0..3 {
        assert_eq!(world.redeem(&code), Err(Reason::DevicePending));
    }
    let visitor = world.visitor();
    let shown = world.show(&user_code, visitor).answer.unwrap();
    assert!(matches!(&shown.purpose, Purpose::Connection(it) if it.login_name == "alice"));
    assert_eq!(shown.requested_from.to_string(), "192.0.2.7");
    assert_eq!(shown.expires_in, LASTS);
    assert_eq!(world.redeem(&code), Err(Reason::DevicePending));
    let decided = world.decide(shown.confirmation.expose(), Decision::Approve, visitor);
    assert!(
        matches!(&decided.events[0], Event::DeviceApproved { resource: Some(resource), .. } if resource.as_str() == "ssh/web1")
    );
    assert_eq!(world.redeem(&code).unwrap().id, world.alice);
    assert_eq!(world.redeem(&code), Err(Reason::DeviceCodeUnknown));
}

/// What the connection is given over HTTP is nothing, and what a device is given there signs no connection in.
#[test]
fn codes_are_good_for_what_they_were_asked_for() {
    let mut world = World::new();
    let seen = world.start_device(&[("client_id", CONNECTION)]);
    assert_eq!(seen.refused().1, Reason::ClientUnknown);
    let (code, user_code) = world.waiting();
    world.decide_typed(&user_code, Decision::Approve);
    for client in [CONNECTION, "custos-cli"] {
        let form = crate::world::with(poll(code.expose()), &[("client_id", client)]);
        let reason = world.token(&form).refused().1;
        assert!(matches!(
            reason,
            Reason::ClientUnknown | Reason::DeviceCodeOtherClient
        ));
    }
    world.redeem(&code).unwrap();
    let (device, user_code) = started(&mut world);
    world.decide_typed(&user_code, Decision::Approve);
    let other = Secret::new(device.clone());
    assert_eq!(world.redeem(&other), Err(Reason::DeviceCodeOtherClient));
    world.ask(|server, _, _| server.withdraw_connection(&other));
    world.token(&poll(&device)).good();
}

#[test]
fn nobody_else_is_shown_it() {
    let mut world = World::new();
    let (code, user_code) = world.waiting();
    let bob = Visitor {
        browser: browser(2),
        sign_in: world
            .memory
            .sign_in(person("bob"), world.now(), 12 * HOUR_NS),
    };
    let refused = world.show(&user_code, bob);
    assert_eq!(codes(&refused.events), ["device_page_refused"]);
    let refusal = refused.answer.unwrap_err();
    assert!(matches!(refusal, DeviceRefusal::OtherPerson));
    assert_eq!((refusal.code(), refusal.status()), ("other_person", 403));
    // Hers is not spoiled by that.
    world.decide_typed(&user_code, Decision::Approve);
    world.redeem(&code).unwrap();
}

#[test]
fn what_is_denied_late_or_over_signs_nobody_in() {
    let mut world = World::new();
    let (denied, user_code) = world.waiting();
    world.decide_typed(&user_code, Decision::Deny);
    assert_eq!(world.redeem(&denied), Err(Reason::DeviceDenied));

    let (withdrawn, user_code) = world.waiting();
    world.ask(|server, _, _| server.withdraw_connection(&withdrawn));
    let visitor = world.visitor();
    let refusal = world.show(&user_code, visitor).answer.unwrap_err();
    assert!(matches!(refusal, DeviceRefusal::WrongCode { .. }));
    assert_eq!(world.redeem(&withdrawn), Err(Reason::DeviceCodeUnknown));

    let (late, user_code) = world.waiting();
    world.decide_typed(&user_code, Decision::Approve);
    world.pass(LASTS.as_secs());
    assert_eq!(world.redeem(&late), Err(Reason::DeviceExpired));

    let (over, user_code) = world.waiting();
    world.decide_typed(&user_code, Decision::Approve);
    custos_oauth::SignIns::end(&world.memory, world.alice, world.now()).unwrap();
    assert_eq!(world.redeem(&over), Err(Reason::SignInEnded));
}

/// Connections take a part of the codes, for all and for each network, and none from devices.
#[test]
fn those_who_wait_are_bounded() {
    let mut world = World::new();
    let refused = |world: &mut World| {
        let outcome = world.wait();
        assert_eq!(codes(&outcome.events), ["refused"]);
        outcome.answer.unwrap_err().reason()
    };
    let mut first = Vec::new();
    for network in 0..16_u8 {
        world.source.set([198, 51, 100, network].into());
        first.push(world.waiting().0);
        for _ in 1..16 {
            world.waiting();
        }
        if network < 15 {
            assert_eq!(refused(&mut world), Reason::TooManyFromNetwork);
        }
    }
    world.source.set([203, 0, 113, 1].into());
    assert_eq!(refused(&mut world), Reason::TooManyDeviceCodes);
    started(&mut world);
    world.ask(|server, _, _| server.withdraw_connection(&first[0]));
    world.waiting();
    assert_eq!(refused(&mut world), Reason::TooManyDeviceCodes);
    world.pass(LASTS.as_secs());
    world.waiting();
}

/// No code is in what is shown of it, nor in what goes on record.
#[test]
fn nothing_secret_is_shown() {
    let mut world = World::new();
    let begun = world.wait();
    let shown = format!("{begun:?} {:#?} {:?}", begun.events, world.server);
    let device = begun.answer.unwrap();
    let user_code = device.user_code().to_string();
    for secret in [device.device_code().expose(), &user_code] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
