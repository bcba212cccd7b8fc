//! What an OpenID Connect provider is made of.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use custos_jwt::Algorithm;
use custos_model::Secret;
use custos_oidc::{
    ClaimPath, ClaimSource, ClientAuthentication, GroupsClaim, Mapping, RelyingParty, Settings,
};

use super::{Place, required};
use crate::config::problem::Problems;
use crate::config::walk::Section;
use crate::config::workloads::read_file;

/// The longest client secret.
const SECRET_BYTES_MAX: u64 = 4096;
/// Asked for where nothing is said.
const SCOPES: [&str; 2] = ["openid", "profile"];
/// Read where nothing is said.
const NAME_CLAIM: &str = "preferred_username";

/// Keys that only this kind has.
pub(super) const KEYS: &[&str] = &[
    "issuer",
    "client_id",
    "client_secret_file",
    "scopes",
    "name_claims",
    "groups_claim",
    "claims_from",
    "pkce",
    "check_interval",
    "sign_out",
];

/// An OpenID Connect provider.
#[derive(Clone, Debug)]
pub(crate) struct OpenId {
    /// All that the protocol needs.
    pub(crate) relying_party: RelyingParty,
    /// File of the client secret.
    pub(crate) secret_file: Option<PathBuf>,
    /// How often it is asked whether somebody still is who she was.
    pub(crate) check_interval: Duration,
    /// Whether who signs out here is sent to sign out there.
    pub(crate) signs_out: bool,
}

pub(super) fn read(place: &Place<'_>, problems: &mut Problems) -> Option<OpenId> {
    let Place {
        section,
        base,
        web,
        name,
        loopback,
    } = *place;
    let issuer = required(section, "issuer", "openid", problems);
    let client_id = required(section, "client_id", "openid", problems);
    let secret_file = section.path("client_secret_file", base, problems);
    let scopes = section.texts("scopes", problems);
    let pkce = section.text("pkce", problems);
    let check_interval = section.duration("check_interval", problems);
    let sign_out = section.text("sign_out", problems);
    let mapping = mapping(section, problems);
    let client_authentication = match &secret_file {
        Some(path) => Some(ClientAuthentication::Secret(secret(
            section,
            "client_secret_file",
            path,
            problems,
        )?)),
        None if section.has("client_secret_file") => None,
        None => Some(ClientAuthentication::Public),
    };
    let settings = Settings {
        issuer: issuer?,
        loopback,
        client_id: client_id?,
        client_authentication: client_authentication?,
        redirect_uri: format!("{}/oidc/{name}/callback", web.url),
        offline_access: scopes.is_none(),
        scopes: scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec()),
        algorithms: Algorithm::ALL.to_vec(),
        max_age: None,
        s256_unadvertised: pkce? == "assumed",
        untyped_logout_tokens: true,
        mapping: mapping?,
        name: name.to_owned(),
    };
    match RelyingParty::new(settings) {
        Ok(relying_party) => Some(OpenId {
            relying_party,
            secret_file,
            check_interval: check_interval?,
            signs_out: sign_out? == "everywhere",
        }),
        Err(error) => {
            problems.push(
                section.span_of("name"),
                format!("provider `{name}`: {error}"),
                "",
            );
            None
        }
    }
}

fn mapping(section: &Section<'_>, problems: &mut Problems) -> Option<Mapping> {
    let names = section.texts("name_claims", problems);
    let groups = section.text("groups_claim", problems);
    let optional = section.text("groups_optional", problems);
    let source = section.text("claims_from", problems);
    if names.is_none() && section.has("name_claims") {
        return None;
    }
    let names = names.unwrap_or_else(|| vec![NAME_CLAIM.to_owned()]);
    let mut path = |key: &'static str, text: &str| match text.parse::<ClaimPath>() {
        Ok(path) => Some(path),
        Err(error) => {
            problems.push(
                section.span_of(key),
                format!("`{}`: `{text}`: {error}", section.shown(key)),
                "write the name of a claim, such as \"groups\" or \"realm_access.roles\"",
            );
            None
        }
    };
    let name: Vec<_> = names.iter().map(|text| path("name_claims", text)).collect();
    let groups = match groups {
        Some(text) => Some(GroupsClaim {
            path: path("groups_claim", &text)?,
            optional: optional? == "yes",
        }),
        None => None,
    };
    Some(Mapping {
        source: match source?.as_str() {
            "userinfo" => ClaimSource::Userinfo,
            _ => ClaimSource::IdToken,
        },
        name: name.into_iter().collect::<Option<_>>()?,
        groups,
    })
}

/// A secret in a file that nobody else can read.
pub(in crate::config) fn secret(
    section: &Section<'_>,
    key: &'static str,
    path: &Path,
    problems: &mut Problems,
) -> Option<Secret> {
    let open_to_others =
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o037 != 0);
    if open_to_others {
        problems.push(
            section.span_of(key),
            format!(
                "`{}`: {} is open to others",
                section.shown(key),
                path.display()
            ),
            "set its mode to 0600",
        );
        return None;
    }
    let text = read_file(section, key, path, SECRET_BYTES_MAX, problems)?;
    Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
