//! A database in a directory of its own.

use std::path::PathBuf;

use custos_model::{Authentication, Principal, PrincipalKind, ResourceName, Secret};
use custos_store::{
    CredentialId, MasterKey, Resource, Store, StoreError, StoredCredential, StoredVerifier,
};
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("control.db")
    }

    pub(crate) fn open(&self) -> Store {
        self.try_open(1).unwrap()
    }

    pub(crate) fn try_open(&self, key: u8) -> Result<Store, StoreError> {
        Store::open(&self.path(), MasterKey::from_bytes([key; 32]))
    }

    /// Runs SQL behind the store's back.
    pub(crate) fn alter(&self, sql: &str) {
        Connection::open(self.path())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }
}

pub(crate) fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

pub(crate) fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

pub(crate) fn resource(text: &str) -> Resource {
    Resource {
        name: name(text),
        host: "db.internal.example".to_owned(),
        port: 5432,
        account: "shop_app".to_owned(),
        database: None,
        tls: custos_store::UpstreamTls::VerifyFull,
        ca_pem: None,
        host_key: None,
        accept_env: None,
        allow_md5: false,
        allow_cleartext: false,
        durability: custos_store::Durability::Strict,
        labels: [("env".to_owned(), "prod".to_owned())].into(),
    }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// A credential whose content follows from its login name and number.
pub(crate) fn credential(login_name: &str, number: u64) -> StoredCredential {
    let id = CredentialId::new(
        number * 1_000_000,
        number.to_be_bytes().repeat(2)[..10].try_into().unwrap(),
    );
    StoredCredential {
        id,
        principal: Principal {
            issuer: "local".to_owned(),
            subject: login_name.to_owned(),
            kind: PrincipalKind::Human,
            groups: vec!["staff".to_owned()],
            ..Principal::unknown(login_name)
        },
        resource: name("postgres/shop"),
        issued_utc_ns: number,
        expires_utc_ns: number + 1000,
        revoked_utc_ns: None,
        source_networks: vec!["10.0.0.0/8".parse().unwrap()],
        verifier: StoredVerifier {
            salt: vec![1; 16],
            iterations: 4096,
            stored_key: [0xa7; 32],
            server_key: [0xb9; 32],
        },
        authentication: Authentication::by_operator(number),
        sign_in: None,
        uses_max: None,
        uses: 0,
    }
}
