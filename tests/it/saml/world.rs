//! A gateway with SAML providers.

use std::path::PathBuf;

use custos_testkit::{
    Browser, Custos, Evidence, Finished, Form, Laptop, PATIENCE, Postgres, Running, Settings,
    SimpleSaml, Version, free_port, start, wait_for,
};
use tempfile::TempDir;

use crate::sign_in::providers::TestProvider;

/// What a world has beside SimpleSAMLphp, which it calls `corp`.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    /// An OpenID provider, `okta`.
    pub(crate) openid: bool,
    /// More of the configuration.
    pub(crate) more: String,
}

/// A gateway with a web address; everybody of analysts may open the shop.
pub(crate) struct World {
    pub(crate) custos: Custos,
    pub(crate) url: String,
    pub(crate) laptop: Laptop,
    okta: Option<TestProvider>,
    directory: TempDir,
}

impl World {
    pub(crate) fn new(setup: &Setup) -> Self {
        let idp = SimpleSaml::shared();
        let directory = tempfile::tempdir().expect("a directory can be made");
        let file = directory.path().join("corp.xml");
        std::fs::write(&file, idp.metadata()).expect("the disk has room");
        let corp = provider("corp", &format!("metadata_file = \"{}\"", file.display()));
        let world = Self::with(setup, &corp, directory);
        world.introduce(idp, "corp");
        world
    }

    /// One without `corp`.
    pub(crate) fn with(setup: &Setup, providers: &str, directory: TempDir) -> Self {
        let url = format!("http://127.0.0.1:{}", free_port());
        let okta = setup.openid.then(|| TestProvider::start("okta", &url));
        let custos = Custos::start_with(&Settings {
            access: access(&url, okta.as_ref(), &format!("{providers}{}", setup.more)),
            ..Settings::default()
        });
        custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
        Self {
            custos,
            laptop: Laptop::new(&url, &[]),
            url,
            okta,
            directory,
        }
    }

    /// Makes the gateway known at a provider.
    pub(crate) fn introduce(&self, idp: &SimpleSaml, name: &str) {
        let url = format!("{}/saml/{name}/metadata", self.url);
        idp.introduce(&Browser::new().open(&url).body);
    }

    /// A file of this world.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Signs somebody in on the command line; returns the browser, which is signed in at the provider too.
    pub(crate) fn sign_in(&self, provider: &str, name: &str) -> Browser {
        let (login, url) = self.laptop.login();
        let mut browser = Browser::new();
        browser.open(&url);
        self.at_provider(&mut browser, provider, name);
        assert_eq!(browser.page().status, 200, "{}", browser.page().text());
        login.finish(PATIENCE).success();
        browser
    }

    /// From the choice of providers through the provider.
    pub(crate) fn at_provider(&self, browser: &mut Browser, provider: &str, name: &str) {
        browser.follow(&format!("/sign-in/{provider}"));
        match &self.okta {
            Some(okta) if provider == "okta" => {
                let password = okta.password(name);
                browser.submit(&[("name", name), ("password", &password)]);
            }
            _ => {
                let form = SimpleSaml::shared().sign_in(browser, name);
                browser.send(&form);
            }
        }
    }

    /// A browser that begins to sign in at `corp`, and the form with the response of somebody there, not sent on.
    pub(crate) fn response_for(&self, name: &str) -> (Browser, Form) {
        let mut browser = Browser::new();
        browser.open(&format!("{}/sign-in/corp", self.url));
        let form = SimpleSaml::shared().sign_in(&mut browser, name);
        (browser, form)
    }

    pub(crate) fn psql(&self, sql: &str) -> Finished {
        self.laptop.query("postgres/shop", sql)
    }

    /// A psql that stays, in a session that is open.
    pub(crate) fn open_psql(&self) -> Running {
        let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq"];
        let mut psql = start(&mut self.laptop.command(&arguments));
        psql.write("select 'ready';\n");
        wait_for("the session", PATIENCE, || {
            psql.stdout().contains("ready").then_some(())
        });
        psql
    }
}

/// A SAML provider of the configuration.
pub(crate) fn provider(name: &str, metadata: &str) -> String {
    format!(
        "\n[[provider]]\nname = \"{name}\"\nkind = \"saml\"\n{metadata}\nname_attributes = [\"uid\"]\n\
         groups_attribute = \"groups\"\nallow_networks = [\"127.0.0.0/8\"]\n"
    )
}

fn access(url: &str, okta: Option<&TestProvider>, providers: &str) -> String {
    let address = url.trim_start_matches("http://");
    let okta = okta.map(TestProvider::settings).unwrap_or_default();
    format!(
        r#"[web]
address = "{address}"
url = "{url}"
tls = "off"
client_ca_file = "ca.crt"
{okta}{providers}
[[group]]
name = "readers"
members = ["corp:analysts", "own:analysts", "okta:analysts"]

[[access]]
name = "readers-open-the-shop"
principals = ["group:readers"]
resources = ["postgres/shop"]
"#
    )
}

/// Why sign-ins failed, in order.
pub(crate) fn failures(evidence: &Evidence) -> Vec<String> {
    let failed = evidence.of_type("sign_in.failed");
    let kinds = failed.map(|record| {
        assert_eq!(record["outcome"], "denied", "{record}");
        assert!(!record.to_string().contains("alice"), "{record}");
        record["detail"]["kind"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    kinds.collect()
}
