//! Provisioning sources of the file: whose directory tells who its people are.

use std::path::{Path, PathBuf};

use custos_console::MatchedBy;
use custos_model::Secret;

use super::problem::Problems;
use super::providers::{Provider, ProviderKind, secret};
use super::walk::Section;

/// A shorter bearer token could be guessed.
const TOKEN_CHARACTERS_MIN: usize = 32;

/// The directory of one provider.
#[derive(Clone, Debug)]
pub(crate) struct Provisioning {
    /// Whose people they are.
    pub(crate) provider: String,
    /// File of the token.
    pub(crate) token_file: PathBuf,
    /// File of the next token.
    pub(crate) next_token_file: Option<PathBuf>,
    /// The tokens in them.
    pub(crate) tokens: Vec<Secret>,
    /// How people are found in it.
    pub(crate) matched_by: MatchedBy,
    /// The word for that.
    pub(crate) match_word: String,
}

/// Every one, or `None` when one of them has a problem. `providers`: those of the file, if they have none.
pub(super) fn read(
    top: &Section<'_>,
    base: &Path,
    providers: Option<&[Provider]>,
    problems: &mut Problems,
) -> Option<Vec<Provisioning>> {
    let sections = top.tables("provisioning", "provisioning[]", problems);
    let read: Vec<_> = sections
        .iter()
        .map(|section| provisioning(section, base, problems))
        .collect();
    let read: Vec<Provisioning> = read.into_iter().collect::<Option<_>>()?;
    let before = problems.count();
    for (at, (section, one)) in sections.iter().zip(&read).enumerate() {
        if let Some(providers) = providers {
            check_provider(section, one, providers, problems);
        }
        check_earlier(section, one, read.get(..at).unwrap_or_default(), problems);
    }
    (problems.count() == before).then_some(read)
}

fn provisioning(
    section: &Section<'_>,
    base: &Path,
    problems: &mut Problems,
) -> Option<Provisioning> {
    section.refuse_unknown(&[], problems);
    let provider = section.text("provider", problems);
    let token_file = section.path("token_file", base, problems);
    let next_token_file = section.path("next_token_file", base, problems);
    let match_word = section.text("match", problems);
    let mut tokens = Vec::new();
    for (key, path) in [
        ("token_file", token_file.as_deref()),
        ("next_token_file", next_token_file.as_deref()),
    ] {
        match path {
            Some(path) => tokens.push(token(section, key, path, problems)),
            None if section.has(key) => tokens.push(None),
            None => {}
        }
    }
    let match_word = match_word?;
    Some(Provisioning {
        provider: provider?,
        token_file: token_file?,
        next_token_file,
        tokens: tokens.into_iter().collect::<Option<_>>()?,
        matched_by: match match_word.as_str() {
            "user_name" => MatchedBy::UserName,
            _ => MatchedBy::ExternalId,
        },
        match_word,
    })
}

fn token(
    section: &Section<'_>,
    key: &'static str,
    path: &Path,
    problems: &mut Problems,
) -> Option<Secret> {
    let token = secret(section, key, path, problems)?;
    let text = token.expose();
    // RFC 6750 section 2.1: anything else could not be sent.
    let sendable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if text.len() < TOKEN_CHARACTERS_MIN || !text.bytes().all(sendable) {
        problems.push(
            section.span_of(key),
            format!(
                "`{}`: {} does not hold a bearer token",
                section.shown(key),
                path.display()
            ),
            format!(
                "write at least {TOKEN_CHARACTERS_MIN} letters, digits or `-._~+/=` into it, such as `openssl rand -hex 32` gives"
            ),
        );
        return None;
    }
    Some(token)
}

fn check_provider(
    section: &Section<'_>,
    one: &Provisioning,
    providers: &[Provider],
    problems: &mut Problems,
) {
    let name = &one.provider;
    let Some(provider) = providers.iter().find(|provider| provider.name == *name) else {
        problems.push(
            section.span_of("provider"),
            format!(
                "`{}`: there is no [[provider]] called `{name}`",
                section.shown("provider")
            ),
            "name one that the file has",
        );
        return;
    };
    let (gives_groups, key) = match &provider.kind {
        ProviderKind::OpenId(openid) => {
            let mapping = &openid.relying_party.settings().mapping;
            (mapping.groups.is_some(), "groups_claim")
        }
        ProviderKind::Saml(saml) => (saml.mapping.groups.is_some(), "groups_attribute"),
    };
    if gives_groups {
        problems.push(
            section.span_of("provider"),
            format!("provider `{name}` has `{key}`, and provisioning too"),
            format!("remove `{key}`: with provisioning, groups come from SCIM and nowhere else"),
        );
    }
}

fn check_earlier(
    section: &Section<'_>,
    one: &Provisioning,
    earlier: &[Provisioning],
    problems: &mut Problems,
) {
    if earlier.iter().any(|other| other.provider == one.provider) {
        problems.push(
            section.span_of("provider"),
            format!("provider `{}` has provisioning already", one.provider),
            "a provider has one directory; for a second token use `next_token_file`",
        );
        return;
    }
    let shared = earlier.iter().flat_map(|other| &other.tokens).any(|other| {
        let mut own = one.tokens.iter();
        own.any(|own| own.expose() == other.expose())
    });
    if shared {
        problems.push(
            section.span_of("token_file"),
            format!(
                "provider `{}` has a token that an earlier one has too",
                one.provider
            ),
            "give each directory a token of its own",
        );
    }
}
