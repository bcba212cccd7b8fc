//! Identity providers of the file, and the groups made of theirs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use custos_console::Group;
use custos_jwt::Algorithm;
use custos_model::Secret;
use custos_oidc::{
    ClaimPath, ClaimSource, ClientAuthentication, GroupsClaim, Mapping, RelyingParty, Settings,
};

use super::problem::Problems;
use super::walk::Section;
use super::web::Web;
use super::workloads::{Reach, reach, read_file};

/// What the gateway's own groups begin with, in place of a provider's name.
const OWN_NAME: &str = "custos";
/// The longest client secret.
const SECRET_BYTES_MAX: u64 = 4096;
/// Asked for where nothing is said.
const SCOPES: [&str; 2] = ["openid", "profile"];
/// Read where nothing is said.
const NAME_CLAIM: &str = "preferred_username";

/// A provider that people sign in with.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// Its name.
    pub(crate) name: String,
    /// What the sign-in page calls it.
    pub(crate) label: String,
    /// All that its protocol needs.
    pub(crate) relying_party: RelyingParty,
    /// File of the client secret.
    pub(crate) secret_file: Option<PathBuf>,
    /// How it is reached.
    pub(crate) reach: Reach,
}

/// Every provider, or `None` when one of them has a problem.
pub(super) fn read(
    top: &Section<'_>,
    base: &Path,
    web: Option<&Web>,
    problems: &mut Problems,
) -> Option<Vec<Provider>> {
    let sections = top.tables("provider", "provider[]", problems);
    if let (Some(first), None, false) = (sections.first(), web, top.has("web")) {
        problems.push(
            first.span_of("name"),
            "there are providers, and no [web] to sign in at",
            "write a table [web] with address and url",
        );
        return None;
    }
    let read: Vec<_> = sections
        .iter()
        .map(|section| provider(section, base, web, problems))
        .collect();
    let read: Vec<Provider> = read.into_iter().collect::<Option<_>>()?;
    let before = problems.count();
    for (section, provider) in sections.iter().zip(&read) {
        if provider.name == OWN_NAME {
            problems.push(
                section.span_of("name"),
                format!("`{}` is `{OWN_NAME}`", section.shown("name")),
                "groups that begin with it are the gateway's own; give the provider another name",
            );
        }
    }
    for (at, provider) in read.iter().enumerate() {
        let earlier = read.get(..at).unwrap_or_default();
        if earlier.iter().any(|other| other.name == provider.name)
            && let Some(section) = sections.get(at)
        {
            problems.push(
                section.span_of("name"),
                format!("an earlier provider is called `{}` too", provider.name),
                "give each provider a name of its own",
            );
        }
    }
    (problems.count() == before).then_some(read)
}

fn provider(
    section: &Section<'_>,
    base: &Path,
    web: Option<&Web>,
    problems: &mut Problems,
) -> Option<Provider> {
    section.refuse_unknown(&[], problems);
    let name = section.text("name", problems);
    let label = section.text("label", problems);
    let issuer = section.text("issuer", problems);
    let client_id = section.text("client_id", problems);
    let secret_file = section.path("client_secret_file", base, problems);
    let scopes = section.texts("scopes", problems);
    let mapping = mapping(section, problems);
    let reach = reach(section, base, problems);
    let client_authentication = match &secret_file {
        Some(path) => Some(ClientAuthentication::Secret(secret(
            section, path, problems,
        )?)),
        None if section.has("client_secret_file") => None,
        None => Some(ClientAuthentication::Public),
    };
    let (name, reach) = (name?, reach?);
    // Only loopback web addresses go without TLS, and then the redirect URI does too.
    let local = web?.tls.is_none();
    let loopback = reach
        .networks
        .iter()
        .any(|network| network.contains(std::net::Ipv4Addr::LOCALHOST.into()));
    let settings = Settings {
        issuer: issuer?,
        loopback: loopback || local,
        client_id: client_id?,
        client_authentication: client_authentication?,
        redirect_uri: format!("{}/oidc/{name}/callback", web?.url),
        scopes: scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec()),
        algorithms: Algorithm::ALL.to_vec(),
        max_age: None,
        s256_unadvertised: false,
        untyped_logout_tokens: true,
        mapping: mapping?,
        name: name.clone(),
    };
    match RelyingParty::new(settings) {
        Ok(relying_party) => Some(Provider {
            label: label.unwrap_or_else(|| name.clone()),
            name,
            relying_party,
            secret_file,
            reach,
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
        source: ClaimSource::IdToken,
        name: name.into_iter().collect::<Option<_>>()?,
        groups,
    })
}

fn secret(section: &Section<'_>, path: &Path, problems: &mut Problems) -> Option<Secret> {
    const KEY: &str = "client_secret_file";
    let open_to_others =
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o037 != 0);
    if open_to_others {
        problems.push(
            section.span_of(KEY),
            format!(
                "`{}`: {} is open to others",
                section.shown(KEY),
                path.display()
            ),
            "set its mode to 0600",
        );
        return None;
    }
    let text = read_file(section, KEY, path, SECRET_BYTES_MAX, problems)?;
    Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The groups of this gateway.
pub(super) fn groups(top: &Section<'_>, problems: &mut Problems) -> Option<Vec<Group>> {
    let sections = top.tables("group", "group[]", problems);
    let read: Vec<_> = sections
        .iter()
        .map(|section| {
            section.refuse_unknown(&[], problems);
            let name = section.text("name", problems);
            let members = section.texts("members", problems);
            Some(Group {
                name: name?,
                members: members?,
            })
        })
        .collect();
    read.into_iter().collect()
}
