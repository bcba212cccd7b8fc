//! A real Chromium signs in at real providers, two at once, and uses our pages with the keyboard alone.

use std::process::Command;

use custos_testkit::{
    Chromium, Custos, Laptop, OidcProviderServer, PATIENCE, Postgres, Settings, SimpleSaml,
    Version, free_port, start, wait_for,
};
use serde_json::{Value, json};

use crate::sign_in::providers::TestProvider;

/// A gateway with three providers, all over plain HTTP on loopback: the development provider (`okta`), npm's (`entra`) and
/// SimpleSAMLphp (`corp`).
struct World {
    custos: Custos,
    url: String,
    okta: TestProvider,
    entra: OidcProviderServer,
    /// Of the web address, where it has one.
    certificate: Option<std::path::PathBuf>,
}

impl World {
    fn start(tls: bool) -> Self {
        let port = free_port();
        let url = if tls {
            format!("https://localhost:{port}")
        } else {
            format!("http://127.0.0.1:{port}")
        };
        // The gateway makes its authority when it starts, so its providers are added to the configuration then.
        let mut custos = Custos::start();
        let authority = custos.authority().file();
        let okta = TestProvider::start("okta", &url);
        let entra = OidcProviderServer::start("entra", &url, tls.then_some(&*authority));
        let certificates = if tls {
            "certificate = \"gateway.crt\"\nkey = \"gateway.key\""
        } else {
            "tls = \"off\""
        };
        let access = format!(
            r#"[web]
address = "127.0.0.1:{port}"
url = "{url}"
{certificates}
client_ca_file = "ca.crt"
{}{}
check_interval = "1s"

[[provider]]
name = "corp"
kind = "saml"
metadata_file = "corp.xml"
name_attributes = ["uid"]
groups_attribute = "groups"
allow_networks = ["127.0.0.0/8"]

[[group]]
name = "readers"
members = ["okta:analysts", "entra:analysts", "corp:analysts"]

[[access]]
name = "readers-open-the-shop"
principals = ["group:readers"]
resources = ["postgres/shop"]
"#,
            okta.settings(),
            entra.settings()
        );
        custos.stop();
        let metadata = SimpleSaml::shared().metadata();
        std::fs::write(custos.directory().join("corp.xml"), metadata).expect("the disk has room");
        custos.write_settings(&Settings {
            access,
            ..Settings::default()
        });
        custos.restart();
        custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
        let certificate = tls.then(|| custos.directory().join("gateway.crt"));
        let own = saml_metadata(&url, tls.then_some(&*authority));
        SimpleSaml::shared().introduce(&own);
        Self {
            custos,
            url,
            okta,
            entra,
            certificate,
        }
    }

    fn laptop(&self) -> Laptop {
        let authority = self.custos.authority().file();
        let authority = authority.to_str().expect("paths here are text");
        let options: &[&str] = match self.certificate {
            Some(_) => &["--ca-file", authority],
            None => &[],
        };
        Laptop::new(&self.url, options)
    }

    fn chromium(&self) -> Chromium {
        Chromium::new(&self.url, self.certificate.as_deref())
    }

    /// Signing in at npm's provider with a link of `custos login`.
    fn at_entra(&self, url: &str, person: &str) -> Value {
        let issuer = self.entra.issuer();
        json!({"do": "sign_in", "provider": "entra", "kind": "oidc-provider", "issuer": issuer, "url": url,
               "person": person, "password": "any"})
    }

    /// The same at SimpleSAMLphp, on our own page.
    fn at_corp(person: &str) -> Value {
        json!({"do": "sign_in_here", "provider": "corp", "kind": "simplesamlphp", "person": person,
               "password": SimpleSaml::PASSWORD})
    }

    /// Signing in at the development provider, on our own page.
    fn at_okta(&self, person: &str) -> Value {
        json!({"do": "sign_in_here", "provider": "okta", "kind": "dev", "person": person,
               "password": self.okta.password(person)})
    }
}

/// What the gateway says of itself to `corp`, over TLS where it has that.
fn saml_metadata(url: &str, authority: Option<&std::path::Path>) -> String {
    let path = format!("{url}/saml/corp/metadata");
    let Some(authority) = authority else {
        return custos_testkit::Browser::new().open(&path).body.clone();
    };
    let host = url.trim_start_matches("https://");
    let mut asking = start(
        Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                "-connect",
                host,
                "-CAfile",
            ])
            .arg(authority),
    );
    asking.write(&format!(
        "GET /saml/corp/metadata HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    ));
    let answer = asking.finish(PATIENCE).stdout;
    let begins = answer.find('<').unwrap_or_default();
    answer[begins..].to_owned()
}

/// What holds for each page of ours, whatever is on it.
fn check_pages(seen: &Value) {
    let pages = seen["pages"].as_array().expect("pages were seen");
    for page in pages.iter().filter(|page| page["url"].is_string()) {
        assert_eq!(page["unlabelled"], json!([]), "{page}");
        assert_eq!(page["scripts"], 0, "{page}");
        assert_eq!(page["overflows"], false, "{page}");
        assert_eq!(page["overflowsNarrow"], false, "{page}");
        for scheme in ["light", "dark"] {
            let ratio = page["contrast"][scheme].as_f64().unwrap_or_default();
            assert!(ratio >= 4.5, "WCAG 2.2 1.4.3, {scheme}: {page}");
        }
        if page["name"] != "device-in" {
            let outline = page["outline"].as_f64().unwrap_or_default();
            assert!(outline >= 2.0, "the focus shows: {page}");
        }
    }
    assert_eq!(seen["scripts"], json!([]), "{seen}");
    assert_eq!(seen["elsewhere"], json!([]), "{seen}");
    assert_eq!(seen["injection_refused"], true, "{seen}");
    for answer in seen["policies"].as_array().expect("pages were answered") {
        let policy = answer["policy"].as_str().unwrap_or_default();
        for rule in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(rule), "{rule}: {answer}");
        }
        assert!(
            !policy.contains("script") && !policy.contains("unsafe"),
            "{answer}"
        );
    }
}

/// Cookies that scripts cannot read, and addresses that hold nothing that opens anything.
fn check_secrets(seen: &Value, tls: bool) {
    let jar = seen["jar"].as_array().expect("there are cookies");
    let (name, secure) = if tls {
        ("__Host-custos", true)
    } else {
        ("custos", false)
    };
    assert_eq!(jar.len(), 1, "{jar:?}");
    let cookie = &jar[0];
    assert_eq!(cookie["name"], name, "{cookie}");
    assert_eq!(cookie["httpOnly"], true, "{cookie}");
    assert_eq!(cookie["secure"], secure, "{cookie}");
    assert_eq!(cookie["sameSite"], "Lax", "{cookie}");
    assert_eq!(cookie["path"], "/", "{cookie}");
    let readable = seen["script_cookies"].as_str().unwrap_or_default();
    assert!(!readable.contains("custos"), "{readable}");
    for url in seen["urls"].as_array().expect("addresses were opened") {
        let url = url.as_str().unwrap_or_default();
        assert!(
            !url.contains("token") && !url.contains("eyJ") && !url.contains("cst_"),
            "{url}"
        );
        // The one address with something in it: the provider's code, which is good once and only with our secrets.
        assert_eq!(url.contains("code="), url.contains("/callback?"), "{url}");
    }
}

fn page<'a>(seen: &'a Value, name: &str) -> &'a str {
    let pages = seen["pages"].as_array().expect("pages were seen");
    let found = pages.iter().find(|page| page["name"] == name);
    found
        .and_then(|page| page["text"].as_str())
        .unwrap_or_default()
}

#[test]
fn three_providers_at_once_in_a_real_browser() {
    let world = World::start(false);
    let [first, second, refused, device] = [(); 4].map(|()| world.laptop());
    let (logging_in, url) = first.login();
    let (again, again_url) = second.login();
    let (denied, denied_url) = refused.login();
    let (waiting, code) = device.login_by_code();
    let seen = world.chromium().journey(
        "three-providers",
        &[
            world.at_entra(&url, "alice"),
            json!({"do": "home"}),
            json!({"do": "consent", "url": again_url, "answer": "yes"}),
            json!({"do": "consent", "url": denied_url, "answer": "no"}),
            world.at_okta("alice"),
            json!({"do": "device", "code": code}),
            World::at_corp("alice"),
            json!({"do": "missing"}),
        ],
    );
    logging_in.finish(PATIENCE).success();
    again.finish(PATIENCE).success();
    waiting.finish(PATIENCE).success();
    assert_ne!(denied.finish(PATIENCE).code(), 0);

    check_pages(&seen);
    check_secrets(&seen, false);
    assert!(
        page(&seen, "signed-in").contains("You can close this page"),
        "{seen}"
    );
    assert!(
        page(&seen, "home").contains("readers, entra:analysts"),
        "{seen}"
    );
    assert!(
        page(&seen, "home-okta").contains("readers, okta:analysts"),
        "{seen}"
    );
    assert!(
        page(&seen, "home-corp").contains("readers, corp:R&D, corp:analysts"),
        "{seen}"
    );
    // What was refused on purpose is all that the browser complained of.
    for message in seen["console"].as_array().expect("a list") {
        let message = message.as_str().unwrap_or_default();
        assert!(message.contains("status of 40"), "{message}");
    }
    for laptop in [&first, &second, &device] {
        assert_eq!(
            laptop.query("postgres/shop", "select 40 + 2").success(),
            "42\n"
        );
    }
    world.custos.wait_for_ended_sessions(3);
    let secret = OidcProviderServer::CLIENT_SECRET;
    let holds = |bytes: &[u8]| {
        bytes
            .windows(secret.len())
            .any(|at| at == secret.as_bytes())
    };
    for (path, bytes) in world.custos.files() {
        assert!(!holds(&bytes), "{}", path.display());
    }
    assert!(!holds(world.custos.log().as_bytes()));
    let evidence = world.custos.finish().evidence;
    let begun: Vec<_> = evidence.of_type("sign_in.started").collect();
    assert_eq!(begun.len(), 3, "{evidence}");
    assert_eq!(begun[0]["actor"]["iss"], json!(world.entra.issuer()));
    assert_eq!(begun[0]["actor"]["sub"], "alice");
    assert_eq!(begun[0]["detail"]["mapping"], "entra:analysts=readers");
    assert_eq!(begun[1]["actor"]["iss"], json!(world.okta.issuer));
    assert_eq!(begun[1]["detail"]["mapping"], "okta:analysts=readers");
    // One alice, three principals.
    let issuer = SimpleSaml::shared().entity_id();
    assert_eq!(begun[2]["actor"]["iss"], json!(issuer));
    assert_eq!(begun[2]["actor"]["sub"], "persistent:alice");
    assert_eq!(begun[2]["detail"]["mapping"], "corp:analysts=readers");
}

#[test]
fn over_tls_cookies_are_for_this_host_and_for_tls_alone() {
    let world = World::start(true);
    let laptop = world.laptop();
    let (login, url) = laptop.login();
    let seen = world.chromium().journey(
        "tls",
        &[
            world.at_entra(&url, "alice"),
            json!({"do": "home"}),
            json!({"do": "sign_out", "kind": "oidc-provider"}),
        ],
    );
    login.finish(PATIENCE).success();
    // SimpleSAMLphp is another site: browsers send our cookie with links from there, and not with its form.
    let saml = world.chromium().journey(
        "tls-saml",
        &[World::at_corp("alice"), json!({"do": "home"})],
    );
    assert!(page(&saml, "home").contains("corp:analysts"), "{saml}");
    check_pages(&saml);
    check_secrets(&saml, true);
    check_pages(&seen);
    check_secrets(&seen, true);
    assert_eq!(seen["console"], json!([]));
    let cookies = seen["cookies"].as_array().expect("cookies were set");
    assert!(
        cookies.len() >= 3,
        "before, after and at the end: {}",
        cookies.len()
    );
    for cookie in cookies {
        let (_, attributes) = cookie
            .as_str()
            .and_then(|text| text.split_once("; "))
            .unwrap_or_default();
        let shape: Vec<&str> = attributes
            .split("; ")
            .filter(|part| !part.starts_with("Max-Age="))
            .collect();
        assert_eq!(shape, ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"]);
    }
    assert!(
        page(&seen, "signed-out").contains("no longer open anything"),
        "{seen}"
    );
    // The command line's tokens hang on the same sign-in.
    let ended = laptop.run(&["whoami"]);
    assert_eq!(ended.code(), 4, "{ended}");
    world.custos.finish();
}

#[test]
fn a_logout_at_the_provider_ends_what_hangs_on_it() {
    let world = World::start(true);
    let laptop = world.laptop();
    let (login, url) = laptop.login();
    let issuer = world.entra.issuer();
    let leave = json!({"do": "provider_sign_out", "kind": "oidc-provider", "issuer": issuer});
    world
        .chromium()
        .journey("provider-logout", &[world.at_entra(&url, "alice"), leave]);
    login.finish(PATIENCE).success();
    wait_for("the end of the sign-in", PATIENCE, || {
        (laptop.run(&["whoami"]).code() == 4).then_some(())
    });
    let evidence = world.custos.finish().evidence;
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["detail"]["cause"], "provider", "{ended}");
}

#[test]
fn a_provider_that_we_did_not_write_is_asked_again() {
    let world = World::start(false);
    let laptop = world.laptop();
    let (login, url) = laptop.login();
    world
        .chromium()
        .journey("again", &[world.at_entra(&url, "alice")]);
    login.finish(PATIENCE).success();
    // Its refresh token is used, and the next one too.
    wait_for("two refresh tokens to be used", PATIENCE, || {
        (world.entra.refreshed() >= 2).then_some(())
    });
    assert!(laptop.run(&["whoami"]).success().contains("entra:analysts"));
    let evidence = world.custos.finish().evidence;
    for kind in ["sign_in.unchecked", "sign_in.changed", "sign_in.ended"] {
        assert_eq!(evidence.of_type(kind).count(), 0, "{kind}: {evidence}");
    }
}
