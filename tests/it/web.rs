//! A gateway that people sign in at, as most tests want it.

use custos_testkit::{Browser, Custos, Postgres, Settings, Version, free_port};

use crate::sign_in::providers::TestProvider;

/// A gateway with a web address in plain HTTP. Whoever is of `okta:analysts` may open `postgres/shop`.
pub(crate) struct Web {
    pub(crate) custos: Custos,
    pub(crate) url: String,
}

/// An address for one.
pub(crate) fn url() -> String {
    format!("http://127.0.0.1:{}", free_port())
}

impl Web {
    pub(crate) fn start(url: &str, providers: &[&TestProvider]) -> Self {
        let settings: String = providers
            .iter()
            .map(|provider| provider.settings())
            .collect();
        Self::with_settings(url, &settings)
    }

    /// With these `[[provider]]` tables.
    pub(crate) fn with_settings(url: &str, providers: &str) -> Self {
        let access = format!(
            r#"[web]
address = "{}"
url = "{url}"
tls = "off"
client_ca_file = "ca.crt"
{providers}
[[access]]
name = "analysts"
principals = ["group:okta:analysts"]
resources = ["postgres/shop"]
"#,
            url.trim_start_matches("http://")
        );
        let custos = Custos::start_with(&Settings {
            access,
            ..Settings::default()
        });
        custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
        Self {
            custos,
            url: url.to_owned(),
        }
    }

    /// A new browser tries to sign alice in; what it shows in the end.
    pub(crate) fn sign_in(&self, provider: &TestProvider) -> (u16, String) {
        let browser = self.browser(provider, "alice");
        (browser.page().status, browser.page().text())
    }

    /// A browser with which somebody has tried to sign in.
    pub(crate) fn browser(&self, provider: &TestProvider, name: &str) -> Browser {
        let mut browser = Browser::new();
        let begun = browser.open(&format!("{}/sign-in/{}", self.url, provider.name));
        if begun.status == 200 && !begun.url.starts_with(&self.url) {
            let password = provider.password(name);
            browser.submit(&[("name", name), ("password", &password)]);
        }
        browser
    }

    #[track_caller]
    pub(crate) fn signs_in(&self, provider: &TestProvider) {
        let (status, text) = self.sign_in(provider);
        assert!(
            status == 200 && text.contains("You are signed in"),
            "{}: {status} {text}",
            provider.name
        );
    }
}
