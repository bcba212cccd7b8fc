//! What a provider says when somebody signs out there, and what somebody else says in its place.

use std::time::Duration;

use custos_testkit::{Browser, Evidence, Form, PATIENCE, Running, SimpleSaml, now_utc, wait_for};

use super::hostile::own_world;
use super::own_provider::{Asked, LOGOUT, ask, changed_logout_request, edit, logout_request};
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
    // Signed by the provider, about others and about another session: a success that ends nothing, on record.
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
    let expected = [
        "unsigned",
        "signature-invalid",
        "logout_of_nobody",
        "logout_of_nobody",
        "form",
    ];
    assert_eq!(failures(&evidence), expected, "{evidence}");
    let ended = evidence.only("sign_in.ended");
    assert_eq!(
        ended["detail"]["principal_sub"], "persistent:alice",
        "{ended}"
    );
}

const PERSISTENT: &str = " Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"";
const SESSION: &str = "<samlp:SessionIndex>_session</samlp:SessionIndex>";

#[test]
fn a_request_without_a_format_ends_what_its_name_means() {
    let world = own_world();
    let email = PERSISTENT
        .replace("2.0", "1.1")
        .replace("persistent", "emailAddress");
    let unsaid = |xml: String| edit(&xml, PERSISTENT, "");
    let in_another = |xml: String| edit(&xml, PERSISTENT, &email);
    let everywhere = |xml: String| edit(&edit(&xml, PERSISTENT, ""), SESSION, "");
    let changes: [&dyn Fn(String) -> String; 3] = [&unsaid, &everywhere, &in_another];
    for (number, change) in changes.into_iter().enumerate() {
        let session = format!("_session{number}");
        let (mut browser, asked) = ask(&world);
        // After the logout before.
        let page = browser.send(&asked.form(&response_of(&asked, &session, 2)));
        assert!(page.text().contains("You are signed in"), "{}", page.text());
        let post = |name: &str| {
            let form = changed_logout_request(&world, Some("idp-rsa"), name, "_session", |xml| {
                change(xml).replace(">_session<", &format!(">{session}<"))
            });
            assert_eq!(Browser::new().post(&form.url, &form.encoded()).status, 303);
        };
        post("bob");
        let shown = browser.open(&world.url).text();
        assert!(shown.contains("You are signed in"), "{number}: {shown}");
        post("alice");
        let shown = browser.open(&world.url).text();
        assert!(shown.contains("Sign in with"), "{number}: {shown}");
        // The next one authenticates after this one, whose time counts in seconds.
        let before = now_utc().as_secs();
        wait_for("the next second", PATIENCE, || {
            (now_utc().as_secs() > before).then_some(())
        });
    }
    let evidence = world.custos.finish().evidence;
    assert_eq!(failures(&evidence), ["logout_of_nobody"; 3], "{evidence}");
    assert_eq!(evidence.of_type("sign_in.ended").count(), 3, "{evidence}");
}

/// A response with this session, for somebody who authenticated so many seconds from when it was asked for.
fn response_of(asked: &Asked, session: &str, seconds: i64) -> String {
    asked.signed(|xml| {
        let instant = |seconds| format!("AuthnInstant=\"{}\"", asked.time(seconds));
        let xml = edit(&xml, &instant(0), &instant(seconds));
        edit(&xml, "\"_session\"", &format!("\"{session}\""))
    })
}

#[test]
fn a_logout_that_overtakes_the_response_is_not_lost() {
    let world = own_world();
    let sign_out = |form: Form| {
        let answer = Browser::new().post(&form.url, &form.encoded());
        assert_eq!(answer.status, 303, "{}", answer.text());
    };
    // Of a session, before the response comes.
    let (mut browser, asked) = ask(&world);
    sign_out(logout_request(&world, Some("idp-rsa"), "alice", "_session"));
    let response = asked.form(&response_of(&asked, "_session", 0));
    assert_eq!(browser.send(&response).status, 400);
    // Another session of hers goes on.
    let (mut browser, asked) = ask(&world);
    let page = browser.send(&asked.form(&response_of(&asked, "_other", 0)));
    assert!(page.text().contains("You are signed in"), "{}", page.text());
    // When the response is verified, and the browser has not come for it yet.
    let (mut browser, asked) = ask(&world);
    let response = asked.form(&response_of(&asked, "_third", 0));
    let page = Browser::new().post(&response.url, &response.encoded());
    let to = page.header("location").expect("it leads on").to_owned();
    sign_out(logout_request(&world, Some("idp-rsa"), "alice", "_third"));
    let page = browser.open(&format!("{}{to}", world.url));
    assert_eq!(page.status, 400, "{}", page.text());
    let shown = browser.open(&world.url).text();
    assert!(shown.contains("Sign in with"), "{shown}");
    // Of all sessions: who authenticated before it is out, who did so after it is in.
    let (mut browser, asked) = ask(&world);
    let everywhere = |xml: String| edit(&xml, SESSION, "");
    sign_out(changed_logout_request(
        &world,
        Some("idp-rsa"),
        "alice",
        "_session",
        everywhere,
    ));
    let response = asked.form(&response_of(&asked, "_fourth", 0));
    assert_eq!(browser.send(&response).status, 400);
    let (mut browser, asked) = ask(&world);
    let page = browser.send(&asked.form(&response_of(&asked, "_fifth", 30)));
    assert!(page.text().contains("You are signed in"), "{}", page.text());
    assert_overtaken(&world.custos.finish().evidence);
}

fn assert_overtaken(evidence: &Evidence) {
    let expected = [
        "logout_of_nobody",
        "logged-out",
        "logout_of_nobody",
        "logged-out",
        // The one of all sessions ended the other one.
        "logged-out",
    ];
    assert_eq!(failures(evidence), expected, "{evidence}");
    assert_eq!(evidence.of_type("sign_in.started").count(), 2, "{evidence}");
    assert_eq!(evidence.of_type("sign_in.ended").count(), 1, "{evidence}");
}
