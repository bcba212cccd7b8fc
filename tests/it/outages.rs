//! Providers that are away, lie, or have a wrong clock: what `docs/sign-in.md` says under "When a provider is down",
//! line by line.

pub(crate) mod front;
mod machines;

use std::time::Duration;

use custos_testkit::{Browser, Custos, Deadline, Laptop, PATIENCE, free_port, start, wait_for};
use front::{Answer, Behaviour, Front};

use crate::sign_in::providers::TestProvider;
use crate::web::{self, Web};

/// Keys are fetched once in 30 seconds at most, and a fetch may take ten.
const NEXT_FETCH: Duration = Duration::from_secs(75);
/// A provider that could not be reached is asked again after five seconds, and a little more for slow machines.
const PAUSE: Duration = Duration::from_secs(6);

impl Web {
    /// Somebody tries in vain: the page's status, and the word on record.
    #[track_caller]
    fn is_refused(&self, provider: &TestProvider, status: u16, kind: &str) {
        let before = self.custos.evidence().of_type("sign_in.failed").count();
        let (shown, text) = self.sign_in(provider);
        assert_eq!(shown, status, "{}: {text}", provider.name);
        let record = wait_for("the record of it", PATIENCE, || {
            let evidence = self.custos.evidence();
            evidence.of_type("sign_in.failed").nth(before).cloned()
        });
        assert_eq!(record["detail"]["kind"], kind, "{record}");
        assert_eq!(record["detail"]["provider"], provider.name, "{record}");
        let outcome = if status == 503 { "failed" } else { "denied" };
        assert_eq!(record["outcome"], outcome, "{record}");
    }

    #[track_caller]
    fn keys_record(&self, issuer: &str, event: &str) -> serde_json::Value {
        keys_record(&self.custos, issuer, event)
    }
}

/// Waits for a record of an issuer's keys; returns it.
#[track_caller]
pub(crate) fn keys_record(custos: &Custos, issuer: &str, event: &str) -> serde_json::Value {
    wait_for(&format!("{event} of {issuer}"), NEXT_FETCH, || {
        let evidence = custos.evidence();
        let mut records = evidence.of_type("issuer.keys");
        records
            .find(|record| {
                record["detail"]["issuer"] == issuer && record["detail"]["event"] == event
            })
            .cloned()
    })
}

#[test]
fn down_from_the_start_nobody_signs_in_until_it_is_there() {
    let (url, port) = (web::url(), free_port());
    let issuer = format!("http://127.0.0.1:{port}");
    let (okta, behind) = TestProvider::behind("okta", &url, issuer);
    let world = Web::start(&url, &[&okta]);
    let paused = Deadline::after(PAUSE);
    world.is_refused(&okta, 503, "connect");
    // It is not asked again for every visitor.
    world.is_refused(&okta, 503, "unavailable");
    let page = Browser::new().open(&format!("{url}/sign-in")).clone();
    assert_eq!(page.status, 200, "the gateway itself is there");
    let front = Front::start(Some(port));
    front.lead_to(behind);
    wait_for("the next attempt", PATIENCE, || {
        paused.is_over().then_some(())
    });
    world.signs_in(&okta);
    let stopped = world.custos.finish();
    assert_eq!(stopped.evidence.of_type("sign_in.started").count(), 1);
}

#[test]
fn down_afterwards_who_is_signed_in_works_on() {
    let url = web::url();
    let front = Front::start(None);
    let (okta, behind) = TestProvider::behind("okta", &url, front.url());
    front.lead_to(behind);
    let mut world = Web::start(&url, &[&okta]);
    let laptop = Laptop::new(&url, &[]);
    let (login, link) = laptop.login();
    let mut browser = Browser::new();
    browser.open(&link);
    browser.follow("/sign-in/okta");
    let password = okta.password("alice");
    browser.submit(&[("name", "alice"), ("password", &password)]);
    login.finish(PATIENCE).success();
    let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq"];
    let mut psql = start(&mut laptop.command(&arguments));
    psql.write("select 'before';\n");
    wait_for("the session", PATIENCE, || {
        psql.stdout().contains("before").then_some(())
    });
    // Somebody is at the provider when it goes down: its answer is brought back and cannot be redeemed.
    let mut late = Browser::new();
    late.open(&format!("{url}/sign-in/okta"));
    let answer = okta.answer_for("alice", &late.page().url);
    front.go_down();
    let page = late.open(&answer);
    assert_eq!(page.status, 503, "{}", page.text());
    assert!(page.text().contains("cannot be reached"), "{}", page.text());

    psql.write("select 'after';\n");
    psql.close_stdin();
    let heard = psql.finish(PATIENCE).success();
    assert_eq!(heard, "before\nafter\n", "the session goes on");
    assert_eq!(laptop.query("postgres/shop", "select 1").success(), "1\n");
    assert!(laptop.run(&["whoami"]).success().contains("alice"));
    // Also across a restart, which forgets what was fetched.
    world.custos.stop();
    world.custos.restart();
    assert_eq!(laptop.query("postgres/shop", "select 2").success(), "2\n");
    let paused = Deadline::after(PAUSE);
    world.is_refused(&okta, 503, "http");
    front.behave(Behaviour::default());
    wait_for("the next attempt", PATIENCE, || {
        paused.is_over().then_some(())
    });
    world.signs_in(&okta);
    world.custos.finish();
}

#[test]
fn keys_that_change_and_key_sets_that_are_none() {
    let url = web::url();
    let fronts = ["rotated", "garbage", "oversized", "slow"].map(|name| {
        let front = Front::start(None);
        let (provider, behind) = TestProvider::behind(name, &url, front.url());
        front.lead_to(behind);
        (front, provider, behind)
    });
    let providers = fronts.each_ref().map(|(_, provider, _)| provider);
    let world = Web::start(&url, &providers);
    for provider in providers {
        world.signs_in(provider);
        world.keys_record(&provider.name, "keys_loaded");
    }
    let failing = [
        Answer::Text("<html>404</html>".to_owned()),
        Answer::Text(format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000))),
        Answer::Drip,
    ];
    let mut fronts = fronts;
    // A token of a key that nobody knows makes the gateway fetch the set again, when 30 seconds have passed.
    for (front, provider, behind) in &mut fronts {
        front.lead_to(provider.rotate_keys());
        world.is_refused(provider, 400, "key_unknown");
        if provider.name != "rotated" {
            front.lead_to(*behind);
        }
    }
    for ((front, ..), answer) in fronts[1..].iter().zip(failing) {
        front.answer_keys(answer);
    }
    let changed = world.keys_record("rotated", "keys_changed");
    for member in ["added", "removed"] {
        let thumbprint = changed["detail"][member].as_str().unwrap_or_default();
        assert_eq!(thumbprint.len(), 43, "{changed}");
    }
    let (front, rotated, old) = &fronts[0];
    world.signs_in(rotated);
    // What was signed with the old key is worth nothing any more.
    front.lead_to(*old);
    world.is_refused(rotated, 400, "key_unknown");

    for ((_, provider, _), reason) in
        fronts[1..]
            .iter()
            .zip(["key_set_malformed", "too_long", "timed_out"])
    {
        let failed = world.keys_record(&provider.name, "keys_refresh_failed");
        assert_eq!(failed["reason"], reason, "{failed}");
        assert_eq!(failed["outcome"], "failed", "{failed}");
        // The last good set holds.
        world.signs_in(provider);
    }
    world.custos.finish();
}

#[test]
fn a_discovery_document_of_another_issuer_is_refused() {
    let url = web::url();
    let front = Front::start(None);
    let (okta, behind) = TestProvider::behind("okta", &url, front.url());
    front.lead_to(behind);
    let location = format!("{}/.well-known/openid-configuration", front.url());
    let own = Browser::new().open(&location).body.clone();
    let issuer = format!("\"issuer\":\"{}\"", front.url());
    assert!(own.contains(&issuer), "{own}");
    let other = own.replace(&issuer, "\"issuer\":\"http://127.0.0.1:1\"");
    front.behave(Behaviour {
        discovery: Some(Answer::Text(other)),
        ..Behaviour::default()
    });
    let world = Web::start(&url, &[&okta]);
    world.is_refused(&okta, 400, "discovery_issuer");
    world.custos.finish();
}

#[test]
fn a_providers_clock_may_be_a_minute_off() {
    let url = web::url();
    let okta = TestProvider::start("okta", &url);
    let world = Web::start(&url, &[&okta]);
    for good in [30, -30, -90] {
        okta.set_clock_ahead(good);
        world.signs_in(&okta);
    }
    okta.set_clock_ahead(90);
    world.is_refused(&okta, 400, "issued_in_future");
    // Its tokens last ten minutes: the whole life of this one was over 90 seconds ago.
    okta.set_clock_ahead(-690);
    world.is_refused(&okta, 400, "expired");
    world.custos.finish();
}
