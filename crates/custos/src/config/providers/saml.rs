//! What a SAML 2.0 provider is made of.

use std::path::PathBuf;

use aws_lc_rs::digest;
use custos_identity::{GroupsAttribute, SamlMapping};
use custos_saml::{Endpoint, MetadataOptions, Transport};

use super::Place;
use crate::config::problem::Problems;
use crate::config::walk::Section;
use crate::config::workloads::read_file;

/// The largest metadata that is read.
const METADATA_BYTES_MAX: u64 = 1 << 20;

/// Keys that only this kind has.
pub(super) const KEYS: &[&str] = &[
    "metadata_file",
    "metadata_url",
    "metadata_fingerprint",
    "entity_id",
    "name_attributes",
    "groups_attribute",
];

/// A SAML 2.0 provider.
#[derive(Clone, Debug)]
pub(crate) struct Saml {
    /// Its own name.
    pub(crate) entity_id: String,
    /// Where its metadata is.
    pub(crate) metadata: Metadata,
    /// SHA-256 of the certificate that signs the metadata.
    pub(crate) signed_by: Option<[u8; 32]>,
    /// From attributes to name and groups.
    pub(crate) mapping: SamlMapping,
    /// Whether its addresses, and ours, may be plain HTTP on loopback.
    pub(crate) transport: Transport,
    /// Our own address for it, without what stands behind the name.
    pub(crate) own_url: String,
}

/// Where a provider's metadata is.
#[derive(Clone, Debug)]
pub(crate) enum Metadata {
    /// In a file, which was read.
    File {
        /// Its name.
        path: PathBuf,
        /// SHA-256 of its content.
        sha256: [u8; 32],
        /// What is in it.
        metadata: Box<custos_saml::Metadata>,
    },
    /// At a URL.
    Url(String),
}

pub(super) fn read(place: &Place<'_>, problems: &mut Problems) -> Option<Saml> {
    let section = place.section;
    let before = problems.count();
    let entity_id = section.text("entity_id", problems);
    let signed_by = fingerprint(section, problems);
    let mapping = mapping(section, problems);
    let file = section.path("metadata_file", place.base, problems);
    let url = section.text("metadata_url", problems);
    let transport = if place.loopback {
        Transport::HttpOnLoopback
    } else {
        Transport::Https
    };
    if problems.count() > before {
        return None;
    }
    let options = MetadataOptions {
        entity_id: entity_id.as_deref(),
        transport,
        signed_by,
        // Whether it has expired is looked at when somebody signs in: a file does not turn bad while nobody changes it.
        utc_ns: 0,
    };
    let (entity_id, metadata) = match (file, url) {
        (Some(path), None) => from_file(section, path, &options, problems)?,
        (None, Some(url)) => {
            check_url(section, &url, transport, problems);
            let entity_id = pinned(section, entity_id.clone(), signed_by, problems)?;
            (entity_id, Metadata::Url(url))
        }
        (file, _) => {
            let (key, found) = match file {
                Some(_) => (
                    "metadata_url",
                    "`metadata_file` and `metadata_url` are both there",
                ),
                None => ("metadata_file", "there is no metadata of this provider"),
            };
            let allowed = "write one of `metadata_file` and `metadata_url`";
            problems.push(section.span_of(key), found, allowed);
            return None;
        }
    };
    Some(Saml {
        entity_id,
        metadata,
        signed_by,
        mapping: mapping?,
        transport,
        own_url: format!("{}/saml/{}", place.web.url, place.name),
    })
}

fn from_file(
    section: &Section<'_>,
    path: PathBuf,
    options: &MetadataOptions<'_>,
    problems: &mut Problems,
) -> Option<(String, Metadata)> {
    const KEY: &str = "metadata_file";
    let text = read_file(section, KEY, &path, METADATA_BYTES_MAX, problems)?;
    match custos_saml::Metadata::parse(text.as_bytes(), options) {
        Ok(metadata) => {
            let mut sha256 = [0; 32];
            let digest = digest::digest(&digest::SHA256, text.as_bytes());
            sha256.copy_from_slice(digest.as_ref());
            let entity_id = metadata.entity_id().to_owned();
            let metadata = Box::new(metadata);
            Some((
                entity_id,
                Metadata::File {
                    path,
                    sha256,
                    metadata,
                },
            ))
        }
        Err(error) => {
            problems.push(
                section.span_of(KEY),
                format!("`{}`: {}: {error}", section.shown(KEY), path.display()),
                "name a file with the provider's SAML 2.0 metadata; where it describes several providers, say which by `entity_id`",
            );
            None
        }
    }
}

fn check_url(section: &Section<'_>, url: &str, transport: Transport, problems: &mut Problems) {
    const KEY: &str = "metadata_url";
    if Endpoint::parse(url, transport).is_none() {
        problems.push(
            section.span_of(KEY),
            format!("`{}` is \"{url}\"", section.shown(KEY)),
            "write an https address",
        );
    }
}

/// What comes over the network must say who signs it and whom it may describe.
fn pinned(
    section: &Section<'_>,
    entity_id: Option<String>,
    signed_by: Option<[u8; 32]>,
    problems: &mut Problems,
) -> Option<String> {
    let missing = [
        ("metadata_fingerprint", signed_by.is_none()),
        ("entity_id", entity_id.is_none()),
    ];
    for (key, _) in missing.iter().filter(|(_, is_missing)| *is_missing) {
        problems.push(
            section.span_of("metadata_url"),
            format!("`{}` is missing", section.shown(key)),
            "metadata that is fetched needs the fingerprint of its signing certificate and the provider's entity ID",
        );
    }
    signed_by.and(entity_id)
}

/// 64 hexadecimal digits; colons and upper case are taken, as tools print them.
fn fingerprint(section: &Section<'_>, problems: &mut Problems) -> Option<[u8; 32]> {
    const KEY: &str = "metadata_fingerprint";
    let text = section.text(KEY, problems)?;
    let digits: String = text.chars().filter(|letter| *letter != ':').collect();
    let read = parse_sha256(&digits);
    if read.is_none() {
        problems.push(
            section.span_of(KEY),
            format!("`{}` is \"{text}\"", section.shown(KEY)),
            "write the SHA-256 of the certificate, as `openssl x509 -noout -fingerprint -sha256` prints it",
        );
    }
    read
}

fn parse_sha256(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn mapping(section: &Section<'_>, problems: &mut Problems) -> Option<SamlMapping> {
    let name_attributes = section.texts("name_attributes", problems);
    let groups = section.text("groups_attribute", problems);
    let optional = section.text("groups_optional", problems)?;
    Some(SamlMapping {
        name_attributes: name_attributes.unwrap_or_default(),
        groups: groups.map(|name| GroupsAttribute {
            name,
            optional: optional == "yes",
        }),
    })
}
