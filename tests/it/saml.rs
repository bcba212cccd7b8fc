//! People sign in with SAML, at SimpleSAMLphp and at a provider whose key the test has.

mod browser;
mod hostile;
mod logout;
mod metadata;
mod own_provider;
mod world;

use custos_testkit::{Browser, SimpleSaml};
use serde_json::json;
use world::{Setup, World};

#[test]
fn from_saml_to_psql() {
    let world = World::new(&Setup::default());
    world.sign_in("corp", "alice");
    let who = world.laptop.run(&["whoami"]).success();
    assert!(who.contains("alice") && who.contains("readers"), "{who}");
    assert_eq!(world.psql("select 40 + 2").success(), "42\n");
    world.custos.wait_for_ended_sessions(1);
    let stopped = world.custos.finish();
    assert!(!stopped.log.contains(SimpleSaml::PASSWORD));

    let evidence = stopped.evidence;
    let begun = evidence.only("sign_in.started");
    let actor = &begun["actor"];
    assert_eq!(actor["iss"], json!(SimpleSaml::shared().entity_id()));
    assert_eq!(actor["sub"], "persistent:alice", "{begun}");
    let groups = json!(["readers", "corp:R&D", "corp:analysts"]);
    assert_eq!(actor["groups"], groups, "{begun}");
    let detail = &begun["detail"];
    assert_eq!(detail["provider"], "corp", "{begun}");
    assert_eq!(detail["mapping"], "corp:analysts=readers", "{begun}");
    let password = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
    assert_eq!(detail["acr"], password, "{begun}");
    let start = evidence.only("session.start");
    assert_eq!(start["actor"]["sub"], actor["sub"], "{start}");
    assert_eq!(start["detail"]["provider"], "corp", "{start}");
    assert_eq!(start["detail"]["sign_in"], detail["sign_in"], "{start}");
}

#[test]
fn a_first_sign_in_with_saml_gets_no_right() {
    let world = World::new(&Setup::default());
    world.sign_in("corp", "bob");
    let refused = world.psql("select 1");
    assert_eq!(refused.code(), 3, "{refused}");
    let evidence = world.custos.finish().evidence;
    let issued = evidence.only("credential.issued");
    assert_eq!(issued["outcome"], "denied", "{issued}");
    assert_eq!(issued["actor"]["name"], "bob", "{issued}");
}

#[test]
fn one_person_at_openid_and_saml_is_two_principals() {
    let world = World::new(&Setup {
        openid: true,
        ..Setup::default()
    });
    let mut browser = Browser::new();
    for provider in ["okta", "corp"] {
        browser.open(&format!("{}/sign-in", world.url));
        world.at_provider(&mut browser, provider, "alice");
        let shown = browser.page().text();
        assert!(shown.contains("You are signed in"), "{shown}");
        assert!(shown.contains(&format!("{provider}:analysts")), "{shown}");
    }
    let evidence = world.custos.finish().evidence;
    let begun: Vec<_> = evidence.of_type("sign_in.started").collect();
    assert_eq!(begun.len(), 2, "{evidence}");
    for name in ["iss", "sub"] {
        assert_ne!(begun[0]["actor"][name], begun[1]["actor"][name]);
    }
    assert_ne!(begun[0]["detail"]["sign_in"], begun[1]["detail"]["sign_in"]);
}

/// Nobody in particular, at every route: each provider is reached by its own protocol alone.
#[test]
fn routes_are_of_their_providers() {
    let world = World::new(&Setup {
        openid: true,
        ..Setup::default()
    });
    let mut stranger = Browser::new();
    for name in ["okta", "nobody"] {
        for path in ["metadata", "continue?answer=x", "slo?SAMLRequest=x"] {
            let page = stranger.open(&format!("{}/saml/{name}/{path}", world.url));
            assert_eq!(page.status, 404, "{name} {path}");
        }
        for path in ["acs", "slo"] {
            let url = format!("{}/saml/{name}/{path}", world.url);
            assert_eq!(stranger.post(&url, "SAMLResponse=x").status, 404, "{url}");
        }
    }
    let as_openid = format!("{}/oidc/corp/callback?code=x&state=y", world.url);
    assert_eq!(stranger.open(&as_openid).status, 404);
    let logout = format!("{}/oidc/corp/backchannel-logout", world.url);
    assert_eq!(stranger.post(&logout, "logout_token=x").status, 404);
    let acs = format!("{}/saml/corp/acs", world.url);
    assert_eq!(stranger.open(&acs).status, 405);
    let too_long = format!("SAMLResponse={}", "A".repeat(257 << 10));
    assert_eq!(stranger.post(&acs, &too_long).status, 400);

    let shown = stranger.open(&format!("{}/saml/corp/metadata", world.url));
    assert_eq!(shown.status, 200);
    assert_eq!(
        shown.header("content-type"),
        Some("application/samlmetadata+xml")
    );
    let entity_id = format!("entityID=\"{}/saml/corp/metadata\"", world.url);
    assert!(shown.body.contains(&entity_id), "{}", shown.body);
    assert!(stranger.cookies().is_empty());
    world.custos.finish();
}

#[test]
fn the_signing_key_outlives_a_restart() {
    let mut world = World::new(&Setup::default());
    let (mut waiting, response) = world.response_for("alice");
    let url = format!("{}/saml/corp/metadata", world.url);
    let before = Browser::new().open(&url).body.clone();
    world.custos.stop();
    world.custos.restart();
    assert_eq!(Browser::new().open(&url).body, before);
    // A request of before the restart is forgotten, so its response is not taken.
    assert_eq!(waiting.send(&response).status, 400);
    world.sign_in("corp", "alice");
    let evidence = world.custos.finish().evidence;
    assert_eq!(world::failures(&evidence), ["unsolicited"]);
}
