//! Connections whose person signs in elsewhere.

use std::time::Duration;

use custos_identity::{
    DeviceSignIn, DeviceSignInFailure, JudgedToken, Login, NewSignIn, OwnIssuer, SignIns,
    SignInsOfCall, StoredSignIn, open_signing_keys,
};
use custos_model::Authentication;
use custos_oauth::cookie::BrowserSecret;
use custos_oauth::{AuthorizationServer, BaseUrl, Call, Decision, State, Visitor};

use crate::support::{Node, START_UTC_NS, address, at, principal, random};

struct World {
    sign_ins: SignIns,
    issuer: OwnIssuer,
    _node: Node,
}

impl World {
    fn new() -> Self {
        let node = Node::new();
        let base: BaseUrl = "https://custos.example.com".parse().unwrap();
        let keys = open_signing_keys(&node.store, &base, at(0), random).unwrap();
        let server = AuthorizationServer::new(base, keys, Vec::new()).unwrap();
        let sign_ins = SignIns::new(node.store.clone(), random);
        let issuer = OwnIssuer::new(server, node.store.clone(), sign_ins.clone(), random);
        Self {
            sign_ins,
            issuer,
            _node: node,
        }
    }

    fn sign_in(&self, name: &str) -> StoredSignIn {
        let new = NewSignIn {
            principal: principal(name),
            authentication: Authentication::by("okta", START_UTC_NS),
            provider_session: None,
            lasts: Duration::from_hours(1),
            parents: Vec::new(),
        };
        self.sign_ins.begin(new, at(0)).unwrap()
    }

    fn begin(&self, name: &str) -> Result<DeviceSignIn, DeviceSignInFailure> {
        let (resource, lasts) = ("ssh/web1".parse().unwrap(), Duration::from_mins(5));
        let source = address("192.0.2.7");
        self.issuer
            .begin_device_sign_in(name, &resource, source, lasts, at(1))
    }

    fn poll(&self, device: &DeviceSignIn, seconds: u64) -> Result<Option<Login>, String> {
        let polled = self.issuer.poll_device_sign_in(device, at(seconds));
        polled.map_err(|failure| failure.to_string())
    }

    /// What somebody says on the page.
    fn decide(&self, device: &DeviceSignIn, who: &StoredSignIn, decision: Decision) {
        let sign_ins = SignInsOfCall {
            sign_ins: &self.sign_ins,
            until_utc_ns: None,
        };
        let state = State {
            sign_ins: &sign_ins,
            refresh_tokens: self.issuer.refresh_tokens(),
            workloads: &JudgedToken(None),
        };
        let call = Call {
            now: at(2),
            source: address("192.0.2.8"),
            random: &random,
        };
        let visitor = Visitor {
            browser: BrowserSecret::new([1; 32]).session(),
            sign_in: who.id,
        };
        let mut server = self.issuer.server();
        let shown = server.show_device(&device.user_code(), visitor, &state, &call);
        let confirmation = shown.answer.unwrap().confirmation;
        let decided = server.decide_device(confirmation.expose(), decision, visitor, &state, &call);
        decided.answer.unwrap();
    }
}

#[test]
fn whoever_lets_it_in_is_signed_in_as_the_sign_in_says() {
    let world = World::new();
    let alice = world.sign_in("alice");
    let device = world.begin("alice").unwrap();
    assert_eq!(
        device.verification_uri(),
        "https://custos.example.com/device"
    );
    assert_eq!(world.poll(&device, 2), Ok(None));
    world.decide(&device, &alice, Decision::Approve);
    let resource = "ssh/web1".parse().unwrap();
    let login = Login::under(alice.clone(), resource);
    assert_eq!((login.sign_in, login.credential), (Some(alice.id), None));
    assert_eq!(world.poll(&device, 3), Ok(Some(login)));
    let again = world.poll(&device, 4);
    assert_eq!(again, Err("device_code_unknown".to_owned()));
}

#[test]
fn nobody_is_signed_in_by_a_code_that_is_not_good() {
    let world = World::new();
    let alice = world.sign_in("alice");
    let denied = world.begin("alice").unwrap();
    world.decide(&denied, &alice, Decision::Deny);
    assert_eq!(world.poll(&denied, 3), Err("device_denied".to_owned()));
    let late = world.begin("alice").unwrap();
    world.decide(&late, &alice, Decision::Approve);
    assert_eq!(world.poll(&late, 301), Err("device_expired".to_owned()));
    let withdrawn = world.begin("alice").unwrap();
    world.decide(&withdrawn, &alice, Decision::Approve);
    world.issuer.withdraw_device_sign_in(&withdrawn);
    let gone = world.poll(&withdrawn, 3);
    assert_eq!(gone, Err("device_code_unknown".to_owned()));
    let over = world.begin("alice").unwrap();
    world.decide(&over, &alice, Decision::Approve);
    world.sign_ins.end(alice.id, at(3)).unwrap();
    assert_eq!(world.poll(&over, 3), Err("sign_in_ended".to_owned()));
}

#[test]
fn a_network_has_sixteen_at_a_time_and_nothing_secret_is_shown() {
    let world = World::new();
    let waiting: Vec<_> = (0..16).map(|_| world.begin("alice").unwrap()).collect();
    let refused = world.begin("alice").unwrap_err();
    assert_eq!(refused.to_string(), "too_many_from_network");
    world.issuer.withdraw_device_sign_in(&waiting[0]);
    let device = world.begin("alice").unwrap();
    let shown = format!("{device:?}");
    assert!(!shown.contains(device.device_code().expose()), "{shown}");
    assert!(!shown.contains(&device.user_code()), "{shown}");
}
