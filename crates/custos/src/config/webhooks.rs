//! Webhooks of the file.

use std::path::{Path, PathBuf};

use custos_model::Secret;
use custos_webhooks::{EventType, Format, SigningSecret};

use super::problem::{Problems, did_you_mean};
use super::providers::{is_loopback_allowed, secret};
use super::walk::Section;
use super::web::Web;
use super::workloads::{Reach, reach};

/// Each has a queue and a loop of its own.
const WEBHOOKS_MAX: usize = 32;
/// As much as the client takes.
const URL_BYTES_MAX: usize = 2048;

/// An address that is told of requests.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// Its name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) url: Secret,
    /// File of the address.
    pub(crate) url_file: Option<PathBuf>,
    /// What it reads.
    pub(crate) format: Format,
    /// File of the secret.
    pub(crate) secret_file: Option<PathBuf>,
    /// File of the next secret.
    pub(crate) next_secret_file: Option<PathBuf>,
    /// The secrets in them.
    pub(crate) secrets: Vec<SigningSecret>,
    /// What it is told.
    pub(crate) events: Vec<EventType>,
    /// How it is reached.
    pub(crate) reach: Reach,
}

/// Every one, or `None` when one of them has a problem.
pub(super) fn read(
    top: &Section<'_>,
    base: &Path,
    web: Option<&Web>,
    problems: &mut Problems,
) -> Option<Vec<Webhook>> {
    let sections = top.tables("webhook", "webhook[]", problems);
    if let (Some(first), None, false) = (sections.first(), web, top.has("web")) {
        problems.push(
            first.span_of("name"),
            "there are webhooks, and no [web] for their links to lead to",
            "write a table [web] with address and url",
        );
        return None;
    }
    let read: Vec<_> = sections
        .iter()
        .map(|section| webhook(section, base, problems))
        .collect();
    let read: Vec<Webhook> = read.into_iter().collect::<Option<_>>()?;
    let before = problems.count();
    for (at, (section, one)) in sections.iter().zip(&read).enumerate() {
        let earlier = read.get(..at).unwrap_or_default();
        if earlier.iter().any(|other| other.name == one.name) {
            problems.push(
                section.span_of("name"),
                format!("an earlier webhook is called `{}` too", one.name),
                "give each webhook a name of its own",
            );
        }
        if at == WEBHOOKS_MAX {
            problems.push(
                section.span_of("name"),
                format!("there are more than {WEBHOOKS_MAX} webhooks"),
                "let one receiver tell the others",
            );
        }
    }
    (problems.count() == before).then_some(read)
}

fn webhook(section: &Section<'_>, base: &Path, problems: &mut Problems) -> Option<Webhook> {
    section.refuse_unknown(&[], problems);
    let name = section.text("name", problems);
    let url_file = section.path("url_file", base, problems);
    let format = format(section, problems);
    let secret_file = section.path("secret_file", base, problems);
    let next_secret_file = section.path("next_secret_file", base, problems);
    let events = events(section, problems);
    let reach = reach(section, base, problems);
    let url = address(section, url_file.as_deref(), problems);
    let mut secrets = Vec::new();
    for (key, path) in [
        ("secret_file", secret_file.as_deref()),
        ("next_secret_file", next_secret_file.as_deref()),
    ] {
        match path {
            Some(path) => secrets.push(signing_secret(section, key, path, problems)),
            None if section.has(key) => secrets.push(None),
            None => {}
        }
    }
    let is_missing = !section.has("secret_file");
    if is_missing && (section.has("next_secret_file") || format?.must_be_signed()) {
        problems.push(
            section.span_of("secret_file"),
            format!("`{}` is missing", section.shown("secret_file")),
            "calls are signed with it; `openssl rand -base64 32 | sed 's/^/whsec_/'` makes one",
        );
        return None;
    }
    let (url, reach) = (url?, reach?);
    check_address(section, &url, &reach, problems)?;
    Some(Webhook {
        name: name?,
        url,
        url_file,
        format: format?,
        secret_file,
        next_secret_file,
        secrets: secrets.into_iter().collect::<Option<_>>()?,
        events: events?,
        reach,
    })
}

fn format(section: &Section<'_>, problems: &mut Problems) -> Option<Format> {
    Some(match section.text("format", problems)?.as_str() {
        "slack" => Format::Slack,
        "teams" => Format::Teams,
        _ => Format::CloudEvents,
    })
}

/// All of them where nothing is said.
fn events(section: &Section<'_>, problems: &mut Problems) -> Option<Vec<EventType>> {
    if !section.has("events") {
        return Some(EventType::ALL.to_vec());
    }
    let known = EventType::ALL.map(EventType::as_str);
    let mut read = Some(Vec::new());
    for text in section.texts("events", problems)? {
        if let Ok(event_type) = text.parse() {
            if let Some(read) = &mut read {
                read.push(event_type);
            }
            continue;
        }
        read = None;
        problems.push(
            section.span_of("events"),
            format!(
                "`{}`: `{text}` is no type of event",
                section.shown("events")
            ),
            did_you_mean(&text, known.into_iter()).map_or_else(
                || format!("there are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            ),
        );
    }
    read
}

/// From the file itself or from one that it names.
fn address(
    section: &Section<'_>,
    url_file: Option<&Path>,
    problems: &mut Problems,
) -> Option<Secret> {
    match (section.has("url"), section.has("url_file")) {
        (true, false) => section.text("url", problems).map(Secret::new),
        (false, true) => secret(section, "url_file", url_file?, problems),
        (has_both, _) => {
            problems.push(
                section.span_of("url"),
                if has_both {
                    format!("`{}` and `url_file` are both there", section.shown("url"))
                } else {
                    format!("`{}` is missing", section.shown("url"))
                },
                "write one of `url` and `url_file`",
            );
            None
        }
    }
}

/// The address itself is in no message.
fn check_address(
    section: &Section<'_>,
    url: &Secret,
    reach: &Reach,
    problems: &mut Problems,
) -> Option<()> {
    let url = url.expose();
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\');
    let written = url.len() <= URL_BYTES_MAX && url.bytes().all(plain);
    let uri = url.parse::<hyper::Uri>().ok().filter(|_| written);
    let authority = uri.as_ref().and_then(hyper::Uri::authority);
    let good = authority.is_some_and(|authority| {
        let scheme = uri.as_ref().and_then(hyper::Uri::scheme_str);
        let is_plain_allowed = is_loopback(authority.host()) && is_loopback_allowed(reach);
        !authority.host().is_empty()
            && !authority.as_str().contains('@')
            && (scheme == Some("https") || scheme == Some("http") && is_plain_allowed)
    });
    if !good {
        let key = if section.has("url") {
            "url"
        } else {
            "url_file"
        };
        problems.push(
            section.span_of(key),
            format!("`{}` is not an address of a webhook", section.shown(key)),
            "write https:// and a host, without user, password and fragment; http:// only to 127.0.0.1, [::1] or localhost, with allow_networks = [\"127.0.0.0/8\"]",
        );
    }
    good.then_some(())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn signing_secret(
    section: &Section<'_>,
    key: &'static str,
    path: &Path,
    problems: &mut Problems,
) -> Option<SigningSecret> {
    let text = secret(section, key, path, problems)?;
    SigningSecret::parse(&text)
        .map_err(|error| {
            problems.push(
                section.span_of(key),
                format!("`{}`: {}: {error}", section.shown(key), path.display()),
                "`openssl rand -base64 32 | sed 's/^/whsec_/'` makes one",
            );
        })
        .ok()
}
