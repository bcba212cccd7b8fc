//! What a provider says when somebody signs out there, and what somebody else says in its place.

use std::time::Duration;

use custos_testkit::{Browser, PATIENCE, Running, SimpleSaml, now_utc, wait_for};

use super::hostile::own_world;
use super::own_provider::{LOGOUT, ask, logout_request};
use super::world::{Setup, World, failures};

/// From a logout to the end of a session, at most.
const CUT_MAX: Duration = Duration::from_secs(1);

#[test]
fn signing_out_at_the_provider_cuts_the_session() {
    let world = World::new(&Setup::default());
    let mut browser = world.sign_in("corp", "alice");
    let mut psql = world.open_psql();
    // The provider's signed request, caught on its way.
    let mut request = SimpleSaml::shared().sign_out_url();
    let ours = format!("{}/saml/corp/slo?", world.url);
    while !request.starts_with(&ours) {
        request = browser.redirect(&request);
    }
    let mut stranger = Browser::new();
    let unsigned = request.split("&SigAlg").next().expect("a first part");
    assert_eq!(stranger.open(unsigned).status, 400);
    let changed = request.replace("RelayState=", "RelayState=x");
    assert_ne!(changed, request);
    assert_eq!(stranger.open(&changed).status, 400);
    assert_still_open(&mut psql);

    let sent = now_utc();
    let page = browser.open(&request);
    // The provider took our signed answer.
    assert_eq!(
        page.url,
        SimpleSaml::shared().signed_out_url(),
        "{}",
        page.text()
    );
    wait_for("the end of the session", PATIENCE, || {
        psql.write_if_alive("select 'still here';\n");
        psql.stderr()
            .contains("the sign-in has ended")
            .then_some(())
    });
    let took = now_utc().saturating_sub(sent);
    assert!(took < CUT_MAX, "{took:?}");
    psql.close_stdin();
    psql.finish(PATIENCE);
    assert_ne!(world.psql("select 1").code(), 0);
    assert_eq!(stranger.open(&request).status, 400);
    let evidence = world.custos.finish().evidence;
    let expected = ["unsigned", "signature-invalid", "replayed"];
    assert_eq!(failures(&evidence), expected, "{evidence}");
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["detail"]["cause"], "provider", "{ended}");
    assert_eq!(ended["detail"]["sessions"], 1, "{ended}");
}

fn assert_still_open(psql: &mut Running) {
    psql.write("select 'open after that';\n");
    wait_for("an answer", PATIENCE, || {
        psql.stdout().contains("open after that").then_some(())
    });
}

#[test]
fn a_posted_request_ends_what_it_names_and_nothing_else() {
    let world = own_world();
    let (mut browser, asked) = ask(&world);
    let page = browser.send(&asked.form(&asked.signed(|xml| xml)));
    assert!(page.text().contains("You are signed in"), "{}", page.text());
    let mut stranger = Browser::new();
    let mut send = |key: Option<&str>, name: &str, session: &str| {
        let form = logout_request(&world, key, name, session);
        stranger.post(&form.url, &form.encoded())
    };
    for key in [None, Some("other-rsa")] {
        assert_eq!(send(key, "alice", "_session").status, 400);
    }
    // Signed by the provider, about others and about another session: a success that ends nothing.
    for (name, session) in [("bob", "_session"), ("alice", "_other")] {
        let answer = send(Some("idp-rsa"), name, session);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let shown = browser.open(&world.url).text();
        assert!(shown.contains("You are signed in"), "{shown}");
    }
    let answer = send(Some("idp-rsa"), "alice", "_session");
    let to = answer.header("location").expect("it leads on");
    assert!(to.starts_with(&format!("{LOGOUT}?SAMLResponse=")), "{to}");
    assert!(
        to.contains("&RelayState=r%2F1&") && to.contains("&Signature="),
        "{to}"
    );
    let shown = browser.open(&world.url).text();
    assert!(shown.contains("Sign in with"), "{shown}");
    let url = format!("{}/saml/own/slo", world.url);
    assert_eq!(stranger.post(&url, "RelayState=x").status, 400);
    let evidence = world.custos.finish().evidence;
    let expected = ["unsigned", "signature-invalid", "form"];
    assert_eq!(failures(&evidence), expected, "{evidence}");
    let ended = evidence.only("sign_in.ended");
    assert_eq!(
        ended["detail"]["principal_sub"], "persistent:alice",
        "{ended}"
    );
}
