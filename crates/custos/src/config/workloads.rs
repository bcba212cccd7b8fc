//! Machine identities of the file: whose tokens are taken, and which of them are whom.

use std::path::{Path, PathBuf};

use custos_identity::{ClaimValue, Workload, WorkloadKind};
use custos_jwt::{KeySet, MAX_KEY_SET_BYTES};

use super::machines;
use super::problem::Problems;
use super::walk::Section;
use super::web::Web;

/// The largest CA file that is read.
pub(super) const CA_BYTES_MAX: u64 = 1 << 20;

/// An issuer whose tokens machines present.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// Its name.
    pub(crate) name: String,
    /// Whose tokens they are.
    pub(crate) kind: WorkloadKind,
    /// The word for that.
    pub(crate) kind_word: String,
    /// `iss`.
    pub(crate) url: String,
    /// `aud`.
    pub(crate) audience: String,
    /// Where its keys are.
    pub(crate) keys: Keys,
    /// How it is reached.
    pub(crate) reach: Reach,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    /// Named by its discovery document.
    Discovery,
    /// At a URL.
    Url(String),
    /// In a file, which was read.
    File {
        /// Its name.
        path: PathBuf,
        /// What is in it.
        keys: KeySet,
    },
}

/// How a server of somebody else is reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    /// Its certificate authorities: file and PEM text.
    pub(crate) ca: Option<(PathBuf, String)>,
    /// Private networks that it may be in.
    pub(crate) networks: Vec<custos_fetch::Network>,
}

/// Issuers and workloads, or `None` when one of them has a problem.
pub(super) fn read(
    top: &Section<'_>,
    base: &Path,
    web: Option<&Web>,
    problems: &mut Problems,
) -> Option<(Vec<Issuer>, Vec<Workload>)> {
    let sections = top.tables("workload_issuer", "workload_issuer[]", problems);
    let issuers: Vec<_> = sections
        .iter()
        .map(|section| issuer(section, base, web, problems))
        .collect();
    let sections = top.tables("workload", "workload[]", problems);
    let workloads: Vec<_> = sections
        .iter()
        .map(|section| workload(section, problems))
        .collect();
    let issuers: Option<Vec<Issuer>> = issuers.into_iter().collect();
    let workloads: Option<Vec<Workload>> = workloads.into_iter().collect();
    let (issuers, workloads) = (issuers?, workloads?);
    let before = problems.count();
    for (section, workload) in sections.iter().zip(&workloads) {
        check(section, workload, &issuers, problems);
    }
    (problems.count() == before).then_some((issuers, workloads))
}

fn issuer(
    section: &Section<'_>,
    base: &Path,
    web: Option<&Web>,
    problems: &mut Problems,
) -> Option<Issuer> {
    section.refuse_unknown(&[], problems);
    let name = section.text("name", problems);
    let kind_word = section.text("kind", problems);
    let issuer = section.text("issuer", problems);
    let audience = match section.text("audience", problems) {
        None if !section.has("audience") => web.map(|web| web.url.clone()),
        given => given,
    };
    if audience.is_none() && !section.has("audience") {
        problems.push(
            section.span_of("audience"),
            format!("`{}` is missing", section.shown("audience")),
            "write the audience that tokens for this gateway have, or `url` in [web]",
        );
    }
    let keys = keys(section, base, problems);
    let reach = reach(section, base, problems);
    let kind_word = kind_word?;
    Some(Issuer {
        name: name?,
        kind: WorkloadKind::from_word(&kind_word),
        kind_word,
        url: issuer?,
        audience: audience?,
        keys: keys?,
        reach: reach?,
    })
}

fn keys(section: &Section<'_>, base: &Path, problems: &mut Problems) -> Option<Keys> {
    let file = section.path("keys_file", base, problems);
    let url = section.text("keys_url", problems);
    match (file, url) {
        (Some(_), Some(_)) => {
            problems.push(
                section.span_of("keys_url"),
                "`keys_file` and `keys_url` are both there",
                "keep one of them",
            );
            None
        }
        (Some(path), None) => {
            let text = read_file(
                section,
                "keys_file",
                &path,
                MAX_KEY_SET_BYTES as u64,
                problems,
            )?;
            match KeySet::parse(text.as_bytes()) {
                Ok(keys) => Some(Keys::File { path, keys }),
                Err(error) => {
                    problems.push(
                        section.span_of("keys_file"),
                        format!("`{}`: {error}", section.shown("keys_file")),
                        "name a file with a JSON Web Key Set of public keys",
                    );
                    None
                }
            }
        }
        (None, Some(url)) => Some(Keys::Url(url)),
        (None, None) if section.has("keys_file") || section.has("keys_url") => None,
        (None, None) => Some(Keys::Discovery),
    }
}

/// How a provider or issuer is reached; `None` when that has a problem.
pub(super) fn reach(section: &Section<'_>, base: &Path, problems: &mut Problems) -> Option<Reach> {
    let mut reach = Reach::default();
    let mut good = true;
    if let Some(path) = section.path("ca_file", base, problems) {
        match read_file(section, "ca_file", &path, CA_BYTES_MAX, problems) {
            Some(text) => reach.ca = Some((path, text)),
            None => good = false,
        }
    }
    for text in section
        .texts("allow_networks", problems)
        .unwrap_or_default()
    {
        match text.parse() {
            Ok(network) => reach.networks.push(network),
            Err(error) => {
                problems.push(
                    section.span_of("allow_networks"),
                    format!("`{}`: `{text}` is {error}", section.shown("allow_networks")),
                    r#"write networks such as "10.0.0.0/8""#,
                );
                good = false;
            }
        }
    }
    good.then_some(reach)
}

/// The text of a file that the configuration names.
pub(super) fn read_file(
    section: &Section<'_>,
    name: &'static str,
    path: &Path,
    bytes_max: u64,
    problems: &mut Problems,
) -> Option<String> {
    let read = std::fs::metadata(path).and_then(|metadata| {
        if metadata.len() > bytes_max {
            return Err(std::io::Error::other("file is too large"));
        }
        std::fs::read_to_string(path)
    });
    read.map_err(|error| {
        problems.push(
            section.span_of(name),
            format!(
                "`{}`: cannot read {}: {error}",
                section.shown(name),
                path.display()
            ),
            "name a file that the gateway's user can read",
        );
    })
    .ok()
}

fn workload(section: &Section<'_>, problems: &mut Problems) -> Option<Workload> {
    section.refuse_unknown(&[], problems);
    let name = section.text("name", problems);
    let issuer = section.text("issuer", problems);
    let claims = section.texts("claims", problems);
    let groups = machines::groups(section, problems);
    let mut parsed: Option<Vec<ClaimValue>> = Some(Vec::new());
    for text in claims? {
        match (text.parse(), &mut parsed) {
            (Ok(claim), Some(claims)) => claims.push(claim),
            (Ok(_), None) => {}
            (Err(error), _) => {
                problems.push(
                    section.span_of("claims"),
                    format!("`{}`: {error}", section.shown("claims")),
                    r#"write claims such as "repository_id=456789""#,
                );
                parsed = None;
            }
        }
    }
    Some(Workload {
        name: name?,
        issuer: issuer?,
        claims: parsed?,
        groups: groups?,
    })
}

fn check(section: &Section<'_>, workload: &Workload, issuers: &[Issuer], problems: &mut Problems) {
    let Some(issuer) = issuers.iter().find(|issuer| issuer.name == workload.issuer) else {
        problems.push(
            section.span_of("issuer"),
            format!(
                "`{}`: there is no [[workload_issuer]] called `{}`",
                section.shown("issuer"),
                workload.issuer
            ),
            "name one that the file has",
        );
        return;
    };
    let needed = issuer.kind.pins();
    if !workload
        .claims
        .iter()
        .any(|claim| needed.contains(&claim.path()))
    {
        problems.push(
            section.span_of("claims"),
            format!(
                "`{}` do not say `{}`",
                section.shown("claims"),
                needed.join("` or `")
            ),
            "what else they say could be somebody else's one day",
        );
    }
}
