//! People sign in with a browser at their provider, and then use stock tools.

mod bearer;
mod keys;
pub(crate) mod providers;

use custos_testkit::{
    Browser, Custos, PATIENCE, Postgres, Running, Settings, Version, free_port, run, start,
    wait_for,
};
use providers::TestProvider;
use serde_json::json;
use tempfile::TempDir;

/// A gateway with a web address, and providers that its people sign in with.
pub(crate) struct World {
    pub(crate) custos: Custos,
    pub(crate) providers: Vec<TestProvider>,
    pub(crate) url: String,
    pub(crate) home: TempDir,
    pub(crate) access: String,
}

impl World {
    /// Providers of these names; everybody of `okta:analysts` may open the shop.
    pub(crate) fn new(names: &[&str]) -> Self {
        Self::with(names, "")
    }

    /// The same, with more in its configuration: keys of the last provider, and then tables.
    pub(crate) fn with(names: &[&str], more: &str) -> Self {
        Self::at(names, more, None)
    }

    /// The same, and the gateway's clock is off by this much.
    pub(crate) fn at(names: &[&str], more: &str, clock: Option<&str>) -> Self {
        let url = format!("http://127.0.0.1:{}", free_port());
        let providers: Vec<_> = names
            .iter()
            .map(|name| TestProvider::start(name, &url))
            .collect();
        let mut access = format!(
            "[web]\naddress = \"{}\"\nurl = \"{url}\"\ntls = \"off\"\nclient_ca_file = \"ca.crt\"\n",
            url.trim_start_matches("http://")
        );
        access += r#"
[[group]]
name = "readers"
members = ["okta:analysts", "entra:analysts"]

[[access]]
name = "readers-open-the-shop"
principals = ["group:readers"]
resources = ["postgres/shop"]
"#;
        for provider in &providers {
            access += &provider.settings();
        }
        let custos = Custos::start_with(&Settings {
            access: access.clone() + more,
            clock: clock.map(str::to_owned),
            ..Settings::default()
        });
        custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
        Self {
            custos,
            providers,
            url,
            home: tempfile::tempdir().expect("a directory can be made"),
            access,
        }
    }

    /// Puts other lines in place of those that the configuration was given at the start, and reloads.
    pub(crate) fn reload_with(&self, more: &str) {
        let before = self.custos.log().matches("reload").count();
        self.custos.write_settings(&Settings {
            access: self.access.clone() + more,
            ..Settings::default()
        });
        self.custos.reload();
        wait_for("the reload", PATIENCE, || {
            (self.custos.log().matches("reload").count() > before).then_some(())
        });
    }

    /// Signs somebody in at one of several machines.
    pub(crate) fn sign_in_at(&self, who: &str, provider: &str, name: &str) {
        let (login, url) = self.login_at(who);
        let mut browser = Browser::new();
        browser.open(&url);
        self.at_provider(&mut browser, provider, name);
        assert_eq!(browser.page().status, 200, "{}", browser.page().text());
        login.finish(PATIENCE).success();
    }

    /// A directory for files of the test's own.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// A command of somebody at a machine of her own.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        self.command_of("state", arguments)
    }

    /// A command at one of several machines.
    pub(crate) fn command_of(&self, who: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(custos_testkit::custos_binary());
        command
            .args(arguments)
            .env("CUSTOS_HOME", self.home.path().join(who))
            .env("PGCONNECT_TIMEOUT", "20")
            .env_remove("DISPLAY");
        command
    }

    /// Starts `custos login` and returns it with the URL that it shows.
    fn login_at(&self, who: &str) -> (Running, String) {
        let arguments = ["login", "--gateway", &self.url, "--no-browser"];
        let mut login = start(&mut self.command_of(who, &arguments));
        let url = wait_for("the URL of the sign-in", PATIENCE, || {
            let shown = login.stdout() + &login.stderr();
            assert!(login.is_running(), "it ended: {shown}");
            let url = shown
                .split_whitespace()
                .find(|word| word.contains("/oauth/authorize?"))?;
            shown.ends_with('\n').then(|| url.to_owned())
        });
        (login, url)
    }

    /// Signs somebody in on the command line.
    pub(crate) fn sign_in(&self, provider: &str, name: &str) {
        self.sign_in_at("state", provider, name);
    }

    /// From the choice of providers through the provider.
    pub(crate) fn at_provider(&self, browser: &mut Browser, provider: &str, name: &str) {
        browser.follow(&format!("/sign-in/{provider}"));
        let provider = self.provider(provider);
        let password = provider.password(name);
        browser.submit(&[("name", name), ("password", &password)]);
    }

    /// The operator ends the oldest sign-in.
    pub(crate) fn end_first(&self) {
        self.custos
            .cli(&["sign-in", "end", &self.first()])
            .success();
    }

    /// The id of the first sign-in that is kept.
    pub(crate) fn first(&self) -> String {
        let listed = self.custos.cli(&["sign-in", "ls", "--json"]).success();
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
        let id = listed[0]["id"].as_str().expect("somebody is there");
        id.to_owned()
    }

    pub(crate) fn provider(&self, name: &str) -> &TestProvider {
        let mut providers = self.providers.iter();
        providers
            .find(|provider| provider.name == name)
            .expect("the world has it")
    }

    pub(crate) fn psql(&self, sql: &str) -> custos_testkit::Finished {
        self.psql_of("state", sql)
    }

    /// A statement from one of several machines.
    pub(crate) fn psql_of(&self, who: &str, sql: &str) -> custos_testkit::Finished {
        let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq", "-c", sql];
        run(&mut self.command_of(who, &arguments), PATIENCE)
    }
}

#[test]
fn from_nothing_to_psql() {
    let world = World::new(&["okta"]);
    world.sign_in("okta", "alice");
    let who = run(&mut world.command(&["whoami"]), PATIENCE).success();
    assert!(who.contains("alice") && who.contains("readers"), "{who}");
    assert_eq!(world.psql("select 40 + 2").success(), "42\n");
    world.custos.wait_for_ended_sessions(1);
    let evidence = world.custos.finish().evidence;

    let begun = evidence.only("sign_in.started");
    let issuer = &world.providers[0].issuer;
    assert_eq!(begun["actor"]["iss"], json!(issuer), "{begun}");
    assert_ne!(
        begun["actor"]["sub"], "alice",
        "a subject is no name: {begun}"
    );
    assert_eq!(
        begun["actor"]["groups"],
        json!(["readers", "okta:analysts"]),
        "{begun}"
    );
    assert_eq!(begun["detail"]["provider"], "okta", "{begun}");
    assert_eq!(
        begun["detail"]["mapping"], "okta:analysts=readers",
        "{begun}"
    );
    let start = evidence.only("session.start");
    assert_eq!(start["actor"]["sub"], begun["actor"]["sub"], "{start}");
    assert_eq!(start["detail"]["provider"], "okta", "{start}");
    assert_eq!(
        start["detail"]["sign_in"], begun["detail"]["sign_in"],
        "{start}"
    );
    let issued = evidence.only("credential.issued");
    assert_eq!(
        issued["detail"]["sign_in"], begun["detail"]["sign_in"],
        "{issued}"
    );
    let events: Vec<_> = evidence
        .of_type("authorization.granted")
        .map(|record| record["detail"]["event"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(events, ["code_issued", "token_issued"], "{evidence}");
}

#[test]
fn one_person_at_two_providers_is_two_principals() {
    let world = World::new(&["okta", "entra"]);
    let mut browser = Browser::new();
    for provider in ["okta", "entra"] {
        browser.open(&format!("{}/sign-in", world.url));
        world.at_provider(&mut browser, provider, "alice");
        let shown = browser.page().text();
        assert!(shown.contains("You are signed in"), "{shown}");
        assert!(
            shown.contains(&format!("readers, {provider}:analysts")),
            "{shown}"
        );
    }
    let evidence = world.custos.finish().evidence;
    let begun: Vec<_> = evidence.of_type("sign_in.started").collect();
    assert_eq!(begun.len(), 2, "{evidence}");
    assert_ne!(begun[0]["actor"]["iss"], begun[1]["actor"]["iss"]);
    assert_ne!(begun[0]["detail"]["sign_in"], begun[1]["detail"]["sign_in"]);
}

#[test]
fn a_first_sign_in_gets_no_right() {
    let world = World::new(&["okta"]);
    world.sign_in("okta", "bob");
    let refused = world.psql("select 1");
    assert_eq!(refused.code(), 3, "{refused}");
    let evidence = world.custos.finish().evidence;
    let issued = evidence.only("credential.issued");
    assert_eq!(issued["outcome"], "denied", "{issued}");
    assert_eq!(issued["actor"]["name"], "bob", "{issued}");
    assert_eq!(evidence.sessions().len(), 0);
}

#[test]
fn a_device_is_let_in_from_another_machine() {
    let world = World::new(&["okta"]);
    let arguments = ["login", "--gateway", &world.url, "--device"];
    let login = start(&mut world.command(&arguments));
    let code = wait_for("the code", PATIENCE, || {
        let shown = login.stdout() + &login.stderr();
        let code = shown.split_whitespace().find(|word| {
            word.len() == 9 && word.as_bytes()[4] == b'-' && word.to_uppercase() == *word
        });
        code.map(str::to_owned)
    });
    let mut browser = Browser::new();
    browser.open(&format!("{}/device", world.url));
    world.at_provider(&mut browser, "okta", "alice");
    browser.submit(&[("user_code", "XXXX-XXXX")]);
    assert_eq!(browser.page().status, 400, "{}", browser.page().text());
    browser.submit(&[("user_code", &code.to_lowercase())]);
    let shown = browser.page().text();
    assert!(
        shown.contains(&code) && shown.contains("127.0.0.1"),
        "{shown}"
    );
    browser.submit(&[("answer", "yes")]);
    login.finish(PATIENCE).success();
    assert_eq!(world.psql("select 1").success(), "1\n");
    let evidence = world.custos.finish().evidence;
    let refused = evidence.only("authorization.refused");
    assert_eq!(refused["reason"], "wrong_code", "{refused}");
}

#[test]
fn an_answer_of_the_provider_is_good_once_and_in_its_browser_only() {
    let world = World::new(&["okta"]);
    let mut browser = Browser::new();
    browser.open(&format!("{}/sign-in", world.url));
    browser.follow("/sign-in/okta");
    // The provider's answer is caught on its way and opened in another browser.
    let provider = world.provider("okta");
    let caught = provider.answer_for("alice", &browser.page().url);
    let mut other = Browser::new();
    other.open(&format!("{}/sign-in", world.url));
    assert_eq!(other.open(&caught).status, 400);
    assert!(other.cookies().is_empty(), "{:?}", other.cookies());
    let page = browser.open(&caught);
    assert_eq!(page.status, 200, "{}", page.text());
    // Once more, in the right browser.
    assert_eq!(browser.open(&caught).status, 400);
    let forged = format!("{}/oidc/okta/callback?code=x&state=y&iss=z", world.url);
    assert_eq!(browser.open(&forged).status, 400);
    let evidence = world.custos.finish().evidence;
    assert_eq!(evidence.of_type("sign_in.started").count(), 1);
    let failed: Vec<_> = evidence.of_type("sign_in.failed").collect();
    assert_eq!(failed.len(), 3, "{evidence}");
    for record in failed {
        assert_eq!(record["outcome"], "denied", "{record}");
        assert_eq!(record["detail"]["kind"], "browser_wrong", "{record}");
    }
}

#[test]
fn calls_are_for_those_who_are_signed_in() {
    let world = World::new(&["okta"]);
    let mut stranger = Browser::new();
    for path in ["/v1/whoami", "/v1/my/resources"] {
        let page = stranger.open(&format!("{}{path}", world.url));
        assert_eq!(page.status, 401, "{}", page.body);
        assert!(page.header("www-authenticate").is_some());
    }
    assert!(stranger.open(&world.url).text().contains("Sign in with"));
    let out = run(&mut world.command(&["whoami"]), PATIENCE);
    assert_eq!(out.code(), 4, "{out}");
    world.custos.finish();
}
