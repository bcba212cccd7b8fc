//! Identity providers of the file, and the groups made of theirs.

mod openid;
mod saml;

use std::path::Path;
use std::time::Duration;

use custos_console::Group;

use super::problem::Problems;
use super::walk::Section;
use super::web::Web;
use super::workloads::{Reach, reach};

pub(crate) use openid::OpenId;
pub(super) use openid::secret;
pub(crate) use saml::{Metadata, Saml};

/// What the gateway's own groups begin with, in place of a provider's name.
const OWN_NAME: &str = "custos";

/// A provider that people sign in with.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// Its name.
    pub(crate) name: String,
    /// What the sign-in page calls it.
    pub(crate) label: String,
    /// All that its protocol needs.
    pub(crate) kind: ProviderKind,
    /// How it is reached.
    pub(crate) reach: Reach,
    /// The longest sign-in.
    pub(crate) sign_in_max: Duration,
}

/// What a provider speaks.
#[derive(Clone, Debug)]
pub(crate) enum ProviderKind {
    /// OpenID Connect.
    OpenId(Box<OpenId>),
    /// SAML 2.0.
    Saml(Box<Saml>),
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
    let kind = section.text("kind", problems);
    let sign_in_max = section.duration("sign_in_max", problems);
    let reach = reach(section, base, problems);
    let (name, kind, reach) = (name?, kind?, reach?);
    let place = Place {
        section,
        base,
        web: web?,
        name: &name,
        // Only loopback web addresses go without TLS, and then what leads back to them does too.
        loopback: is_loopback_allowed(&reach) || web?.tls.is_none(),
    };
    let kind = if kind == "saml" {
        refuse_others(section, openid::KEYS, "openid", problems);
        ProviderKind::Saml(Box::new(saml::read(&place, problems)?))
    } else {
        refuse_others(section, saml::KEYS, "saml", problems);
        ProviderKind::OpenId(Box::new(openid::read(&place, problems)?))
    };
    Some(Provider {
        label: label.unwrap_or_else(|| name.clone()),
        name,
        kind,
        reach,
        sign_in_max: sign_in_max?,
    })
}

/// Where a provider's own keys are read.
#[derive(Clone, Copy)]
struct Place<'a> {
    section: &'a Section<'a>,
    base: &'a Path,
    web: &'a Web,
    name: &'a str,
    /// Whether the provider's addresses may be plain HTTP on loopback.
    loopback: bool,
}

/// Whether loopback is among the networks that the file allows.
pub(super) fn is_loopback_allowed(reach: &Reach) -> bool {
    let loopback = std::net::Ipv4Addr::LOCALHOST.into();
    let mut networks = reach.networks.iter();
    networks.any(|network| network.contains(loopback))
}

/// A key that would be ignored is refused.
fn refuse_others(section: &Section<'_>, keys: &[&str], kind: &str, problems: &mut Problems) {
    for key in keys.iter().filter(|key| section.has(key)) {
        problems.push(
            section.span_of(key),
            format!("`{}` is for providers of another kind", section.shown(key)),
            format!("it belongs to kind = \"{kind}\""),
        );
    }
}

/// The text of a key that this kind of provider must have.
fn required(
    section: &Section<'_>,
    name: &'static str,
    kind: &str,
    problems: &mut Problems,
) -> Option<String> {
    let text = section.text(name, problems);
    if text.is_none() && !section.has(name) {
        problems.push(
            section.span_of(name),
            format!("`{}` is missing", section.shown(name)),
            format!("a provider of kind \"{kind}\" needs it"),
        );
    }
    text
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
