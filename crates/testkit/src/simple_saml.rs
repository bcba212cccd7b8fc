//! A real SAML identity provider: SimpleSAMLphp of Debian 12, under PHP's own server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};

use crate::browser::{Browser, Form};
use crate::postgres::SUPERVISE;
use crate::process::{Running, free_port, run, start};
use crate::wait::wait_for;
use crate::{Deadline, PATIENCE};

/// Where the package has its pages.
const PAGES: &str = "/usr/share/simplesamlphp/www";

/// An identity provider on 127.0.0.1 with alice, of the groups analysts and R&D, and bob, of guests. It verifies signed
/// requests, signs responses and assertions, and signs its metadata and what it says about signing out. Names are
/// persistent. It stops when it is dropped or the test process ends, however it ends.
#[derive(Debug)]
pub struct SimpleSaml {
    url: String,
    directory: PathBuf,
    certificate: Vec<u8>,
    supervisor: Running,
}

impl SimpleSaml {
    /// The password of everybody. Tests look for this text where it must never be.
    pub const PASSWORD: &str = "saml-canary-4Kd8";

    /// The one of this process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<SimpleSaml> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("127.0.0.1"))
    }

    /// One of its own. `host` is what it is called: for browsers `localhost` is another site than `127.0.0.1`.
    ///
    /// # Panics
    /// When it does not start: `scripts/test` installs it.
    pub fn start(host: &str) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("custos-saml-")
            .tempdir()
            .expect("/tmp can be written")
            .keep();
        for name in ["config", "metadata", "certificates", "state", "gateways"] {
            std::fs::create_dir(directory.join(name)).expect("the directory can be written");
        }
        let certificate = make_key(&directory.join("certificates"));
        let port = free_port();
        let url = format!("http://{host}:{port}");
        configure(&directory, &url);
        let supervisor = start(
            Command::new("sh")
                .args(["-c", SUPERVISE, "sh"])
                .args(["php", "-d", "error_reporting=0", "-S"])
                .arg(format!("127.0.0.1:{port}"))
                .args(["-t", PAGES])
                .env("SIMPLESAMLPHP_CONFIG_DIR", directory.join("config"))
                .env("CUSTOS_TEST_DIRECTORY", &directory),
        );
        let mut server = Self {
            url,
            directory,
            certificate,
            supervisor,
        };
        wait_for("SimpleSAMLphp to serve", PATIENCE, || {
            let running = &mut server.supervisor;
            assert!(running.is_running(), "{}", running.stderr());
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        assert!(server.metadata().contains("IDPSSODescriptor"));
        server
    }

    /// Its entity ID.
    pub fn entity_id(&self) -> String {
        self.page("metadata")
    }

    /// Where its metadata is.
    pub fn metadata_url(&self) -> String {
        self.page("saml2/idp/metadata.php")
    }

    /// Its metadata.
    pub fn metadata(&self) -> String {
        Browser::new().open(&self.metadata_url()).body.clone()
    }

    /// The certificate of its key, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// From now on it knows the gateway whose own metadata this is.
    ///
    /// # Panics
    /// When its directory cannot be written.
    pub fn introduce(&self, metadata: &str) {
        let gateways = self.directory.join("gateways");
        let file = tempfile::Builder::new()
            .prefix("gateway-")
            .suffix(".part")
            .tempfile_in(&gateways)
            .expect("the directory can be written");
        std::fs::write(file.path(), metadata).expect("the disk has room");
        // It reads the directory at each request, so a file appears there whole.
        let (_, path) = file.keep().expect("a file can be kept");
        std::fs::rename(&path, path.with_extension("xml")).expect("it can be renamed");
    }

    /// Signs somebody in with a browser that a gateway has sent here, and returns the form with the response, which is
    /// not sent on.
    #[track_caller]
    pub fn sign_in(&self, browser: &mut Browser, name: &str) -> Form {
        browser.submit(&[("username", name), ("password", Self::PASSWORD)]);
        let form = browser.form();
        assert!(
            form.fields.iter().any(|(name, _)| name == "SAMLResponse"),
            "{}",
            browser.page().text()
        );
        form
    }

    /// Where a browser goes to be sent to a gateway unasked.
    pub fn unasked_url(&self, gateway_entity_id: &str) -> String {
        self.page("saml2/idp/SSOService.php") + "?spentityid=" + gateway_entity_id
    }

    /// Where a browser goes to end its session here and at every gateway.
    pub fn sign_out_url(&self) -> String {
        format!(
            "{}?RelayState={}",
            self.page("saml2/idp/initSLO.php"),
            self.signed_out_url()
        )
    }

    /// Where a browser is in the end after that.
    pub fn signed_out_url(&self) -> String {
        self.page("module.php/core/frontpage_welcome.php")
    }

    fn page(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }
}

impl Drop for SimpleSaml {
    fn drop(&mut self) {
        self.supervisor.close_stdin();
        let deadline = Deadline::after(Duration::from_secs(10));
        while self.supervisor.is_running() && !deadline.is_over() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn make_key(directory: &Path) -> Vec<u8> {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key is made");
    let mut parameters = CertificateParams::default();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "idp.test");
    let certificate = parameters.self_signed(&key).expect("it is signed");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.join(name), text).expect("the directory can be written");
    };
    write("idp.pem", &key.serialize_pem());
    write("idp.crt", &certificate.pem());
    certificate.der().to_vec()
}

fn configure(directory: &Path, url: &str) {
    let secret = run(
        Command::new("openssl").args(["rand", "-hex", "16"]),
        PATIENCE,
    )
    .success();
    for (name, text) in [
        ("config/config.php", CONFIG),
        ("config/authsources.php", PEOPLE),
        ("metadata/saml20-idp-hosted.php", PROVIDER),
    ] {
        let text = text
            .replace("@DIRECTORY@", &directory.display().to_string())
            .replace("@URL@", url)
            .replace("@SECRET@", secret.trim())
            .replace("@PASSWORD@", SimpleSaml::PASSWORD);
        std::fs::write(directory.join(name), text).expect("the directory can be written");
    }
}

/// Gateways are known by their own metadata, each in a file.
const CONFIG: &str = r"<?php
$sources = [['type' => 'flatfile', 'directory' => '@DIRECTORY@/metadata/']];
foreach (glob('@DIRECTORY@/gateways/*.xml') as $file) {
    $sources[] = ['type' => 'xml', 'file' => $file];
}
$config = [
    'baseurlpath' => '@URL@/', 'certdir' => '@DIRECTORY@/certificates/',
    'loggingdir' => '@DIRECTORY@/state/', 'datadir' => '@DIRECTORY@/state/', 'tempdir' => '@DIRECTORY@/state',
    'metadatadir' => '@DIRECTORY@/metadata/', 'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
    'timezone' => 'UTC', 'secretsalt' => '@SECRET@', 'auth.adminpassword' => '@SECRET@',
    'technicalcontact_name' => 'x', 'technicalcontact_email' => 'na@example.org',
    'logging.handler' => 'file', 'logging.level' => SimpleSAML\Logger::DEBUG, 'logging.logfile' => 'log', 'debug' => [],
    'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'session.cookie.secure' => false, 'session.cookie.samesite' => null,
    'session.phpsession.savepath' => '@DIRECTORY@/state', 'session.phpsession.cookiename' => 'SimpleSAML',
    'session.authtoken.cookiename' => 'SimpleSAMLAuthToken', 'store.type' => 'phpsession',
    'language.available' => ['en'], 'language.default' => 'en', 'theme.use' => 'default', 'production' => false,
    'metadata.sources' => $sources, 'metadata.sign.enable' => true,
    'metadata.sign.privatekey' => 'idp.pem', 'metadata.sign.certificate' => 'idp.crt',
    'metadata.sign.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
];
";

const PEOPLE: &str = r"<?php
$config = ['people' => ['exampleauth:UserPass',
    'alice:@PASSWORD@' => ['uid' => ['alice'], 'groups' => ['analysts', 'R&D']],
    'bob:@PASSWORD@' => ['uid' => ['bob'], 'groups' => ['guests']],
]];
";

const PROVIDER: &str = r"<?php
$metadata['@URL@/metadata'] = [
    'host' => '__DEFAULT__', 'privatekey' => 'idp.pem', 'certificate' => 'idp.crt', 'auth' => 'people',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'simplesaml.nameidattribute' => 'uid', 'saml20.sign.response' => true, 'saml20.sign.assertion' => true,
    'validate.authnrequest' => true, 'validate.logout' => true, 'sign.logout' => true,
];
";
