//! SAML providers from the configuration, and the key that this gateway signs its requests to them with.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_console::{Provider, WebProvider};
use custos_fetch::Client;
use custos_identity::{MetadataAddress, SamlMetadata, SamlProvider, SamlSettings};
use custos_model::{Clock, Rfc3339, Secret};
use custos_saml::{ServiceProvider, Settings};
use custos_store::Store;
use rcgen::{
    CertificateParams, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};

use crate::config::{self, Config, ProviderKind, Saml};
use crate::failure::Failure;
use crate::machine;

/// Name of key and certificate in the store.
const KEY: &str = "saml.key";
/// Providers keep the certificate, and many refuse one that has expired; nothing else in it counts.
const CERTIFICATE_YEARS: i32 = 20;

/// Makes providers. The key is made with the first of them, and kept.
pub(crate) struct SamlProviders<'a> {
    store: &'a Store,
    clock: &'a Arc<dyn Clock>,
    key: Option<SigningKey>,
}

impl<'a> SamlProviders<'a> {
    /// None yet.
    pub(crate) fn new(store: &'a Store, clock: &'a Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            key: None,
        }
    }

    /// One of the configuration.
    pub(crate) fn provider(
        &mut self,
        name: &str,
        settings: &Saml,
        client: Client,
    ) -> Result<SamlProvider, Failure> {
        let key = match self.key.take() {
            Some(key) => key,
            None => SigningKey::kept(self.store, self.clock.now().utc_ns)?,
        };
        let own = |what: &str| format!("{}/{what}", settings.own_url);
        let service_provider = ServiceProvider::new(&Settings {
            entity_id: &own("metadata"),
            assertion_consumer_url: &own("acs"),
            logout_url: Some(&own("slo")),
            signing_key_pkcs8: &key.pkcs8,
            certificate_der: &key.certificate,
            // Providers send what they are set up to send; many refuse a wish that differs.
            name_id_format: None,
            transport: settings.transport,
        });
        self.key = Some(key);
        let service_provider =
            service_provider.with_context(|| format!("cannot use provider {name}"))?;
        let metadata = match &settings.metadata {
            config::SamlMetadata::File { metadata, .. } => {
                SamlMetadata::Configured(metadata.clone())
            }
            config::SamlMetadata::Url(url) => SamlMetadata::Fetched(Box::new(MetadataAddress {
                url: url.clone(),
                signed_by: settings
                    .signed_by
                    .ok_or_else(|| anyhow!("provider {name} has no metadata_fingerprint"))?,
                entity_id: settings.entity_id.clone(),
                transport: settings.transport,
                client,
                store: self.store.clone(),
                random: machine::random,
            })),
        };
        let settings = SamlSettings {
            name: name.to_owned(),
            service_provider,
            mapping: settings.mapping.clone(),
            metadata,
        };
        Ok(SamlProvider::new(settings, Arc::clone(self.clock)))
    }
}

/// Puts the metadata of files in force that were read again.
pub(crate) fn put_in_force(running: &[WebProvider], new: &Config) {
    for settings in &new.providers {
        let ProviderKind::Saml(saml) = &settings.kind else {
            continue;
        };
        let config::SamlMetadata::File { metadata, .. } = &saml.metadata else {
            continue;
        };
        let mut known = running.iter();
        let known = known.find(|known| known.provider.name() == settings.name);
        if let Some(Provider::Saml(provider)) = known.map(|known| &known.provider) {
            provider.replace_metadata((**metadata).clone());
        }
    }
}

/// RSA, because not every provider verifies signatures of elliptic curves.
struct SigningKey {
    pkcs8: Vec<u8>,
    certificate: Vec<u8>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The node's key; made when there is none.
    fn kept(store: &Store, utc_ns: u64) -> Result<Self, Failure> {
        const ACTION: &str = "cannot keep the SAML signing key";
        let kept = if let Some(kept) = store.secret(KEY).context(ACTION)? {
            kept
        } else {
            let made = Self::make(utc_ns).context("cannot make a SAML signing key")?;
            store
                .secret_or_create(KEY, || made.to_secret(), machine::random)
                .context(ACTION)?
        };
        let read = Self::from_secret(&kept);
        Ok(read.ok_or_else(|| anyhow!("the SAML signing key in the store is damaged"))?)
    }

    fn make(utc_ns: u64) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072)?;
        let mut certificate = CertificateParams::new(Vec::new())?;
        certificate
            .distinguished_name
            .push(DnType::CommonName, "Custos SAML requests");
        certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // From the beginning of this month, so that small clock errors do not matter.
        let (year, month, _) = Rfc3339(utc_ns).date();
        let (year, month) = (
            i32::try_from(year).unwrap_or(2026),
            u8::try_from(month).unwrap_or(1),
        );
        certificate.not_before = date_time_ymd(year, month, 1);
        certificate.not_after = date_time_ymd(year + CERTIFICATE_YEARS, month, 1);
        let certificate = certificate.self_signed(&key)?;
        Ok(Self {
            pkcs8: key.serialize_der(),
            certificate: certificate.der().to_vec(),
        })
    }

    /// Both in one secret, so that neither can be there without the other.
    fn to_secret(&self) -> Secret {
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        Secret::new(format!("{} {}", text(&self.pkcs8), text(&self.certificate)))
    }

    fn from_secret(secret: &Secret) -> Option<Self> {
        let (pkcs8, certificate) = secret.expose().split_once(' ')?;
        Some(Self {
            pkcs8: STANDARD.decode(pkcs8).ok()?,
            certificate: STANDARD.decode(certificate).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use custos_store::MasterKey;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_fits_its_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let open = || {
            let path = directory.path().join("custos.db");
            Store::open(&path, MasterKey::from_bytes([7; 32])).unwrap()
        };
        // 2026-11-21.
        let made = SigningKey::kept(&open(), 1_795_262_430_000_000_000).unwrap();
        let kept = SigningKey::kept(&open(), 0).unwrap();
        assert_eq!(kept.certificate, made.certificate);
        assert_eq!(kept.pkcs8, made.pkcs8);
        let settings = Settings {
            entity_id: "https://custos.example/saml/adfs/metadata",
            assertion_consumer_url: "https://custos.example/saml/adfs/acs",
            logout_url: None,
            signing_key_pkcs8: &kept.pkcs8,
            certificate_der: &kept.certificate,
            name_id_format: None,
            transport: custos_saml::Transport::Https,
        };
        let service_provider = ServiceProvider::new(&settings).unwrap();
        let metadata = service_provider.metadata();
        assert!(metadata.contains(&STANDARD.encode(&kept.certificate)));
        assert_eq!(format!("{kept:?}"), "SigningKey { .. }");
    }
}
