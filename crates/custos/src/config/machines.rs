//! Machines of the file: clients with a key of their own, or with a static secret that ends.

use std::path::{Path, PathBuf};

use custos_identity::Workload;
use custos_jwt::{KeySet, MAX_KEY_SET_BYTES};
use custos_model::{Clock as _, PrincipalKind};

use super::machine_keys;
use super::problem::Problems;
use super::walk::Section;
use super::web::Web;
use super::workloads::read_file;
use crate::machine::SystemClock;

/// What is ahead of now at most when the file is read: whoever wants longer has to come back and think.
const SECRET_DAYS_MAX: u64 = 90;
const DAY_NS: u64 = 86_400 * 1_000_000_000;
/// Beginning of ids that are the gateway's own.
const RESERVED: &str = "custos-";
/// Beginning of groups that only the gateway gives.
const OWN_GROUPS: &str = "custos:";

/// A machine that signs in at the authorization server.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// Its name: client id, and login name at the listeners.
    pub(crate) name: String,
    /// Workload or agent.
    pub(crate) kind: PrincipalKind,
    /// Who answers for it.
    pub(crate) owner: Option<String>,
    /// Groups that it belongs to.
    pub(crate) groups: Vec<String>,
    /// What it proves itself with.
    pub(crate) proof: Proof,
}

/// What a machine proves itself with.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// Keys of its own.
    Keys {
        /// The file that they came from.
        path: PathBuf,
        /// The public halves.
        keys: KeySet,
    },
    /// A static secret.
    Secret {
        /// SHA-256 of it.
        sha256: [u8; 32],
        /// Until when it is taken, UTC nanoseconds.
        expires_utc_ns: u64,
    },
}

/// Every machine, or `None` when one of them has a problem.
pub(super) fn read(
    top: &Section<'_>,
    base: &Path,
    web: Option<&Web>,
    workloads: &[Workload],
    problems: &mut Problems,
) -> Option<Vec<Machine>> {
    let sections = top.tables("machine", "machine[]", problems);
    if let (Some(first), None, false) = (sections.first(), web, top.has("web")) {
        problems.push(
            first.span_of("name"),
            "there are machines, and no [web] to sign in at",
            "write a table [web] with address and url",
        );
        return None;
    }
    let now_utc_ns = SystemClock::start().now().utc_ns;
    let read: Vec<_> = sections
        .iter()
        .map(|section| machine(section, base, now_utc_ns, problems))
        .collect();
    let read: Vec<Machine> = read.into_iter().collect::<Option<_>>()?;
    let before = problems.count();
    for (at, (section, machine)) in sections.iter().zip(&read).enumerate() {
        let earlier = read.get(..at).unwrap_or_default();
        let taken = if earlier.iter().any(|other| other.name == machine.name) {
            "an earlier machine"
        } else if workloads.iter().any(|other| other.name == machine.name) {
            "a workload"
        } else {
            continue;
        };
        problems.push(
            section.span_of("name"),
            format!("{taken} is called `{}` too", machine.name),
            "access rules name both, so give each a name of its own",
        );
    }
    (problems.count() == before).then_some(read)
}

fn machine(
    section: &Section<'_>,
    base: &Path,
    now_utc_ns: u64,
    problems: &mut Problems,
) -> Option<Machine> {
    section.refuse_unknown(&[], problems);
    let name = section.text("name", problems);
    let kind = section.text("kind", problems);
    let owner = section.text("owner", problems);
    let groups = groups(section, problems);
    let proof = proof(section, base, now_utc_ns, problems);
    let name = name?;
    if name.starts_with(RESERVED) {
        problems.push(
            section.span_of("name"),
            format!("`{}` begins with `{RESERVED}`", section.shown("name")),
            "names that begin so are the gateway's own",
        );
        return None;
    }
    let proof = proof?;
    if owner.is_none() && matches!(proof, Proof::Secret { .. }) {
        if !section.has("owner") {
            problems.push(
                section.span_of("secret_sha256"),
                format!("`{}` is missing", section.shown("owner")),
                "a static secret has somebody who answers for it: write who that is",
            );
        }
        return None;
    }
    Some(Machine {
        name,
        kind: if kind? == "agent" {
            PrincipalKind::Agent
        } else {
            PrincipalKind::Workload
        },
        owner,
        groups: groups?,
        proof,
    })
}

/// Groups that a file may give: those that begin with `custos:` mean something to the gateway itself.
pub(super) fn groups(section: &Section<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let groups = section.texts("groups", problems);
    if groups.is_none() && section.has("groups") {
        return None;
    }
    let groups = groups.unwrap_or_default();
    if groups.iter().any(|group| group.starts_with(OWN_GROUPS)) {
        problems.push(
            section.span_of("groups"),
            format!(
                "`{}` has one that begins with `{OWN_GROUPS}`",
                section.shown("groups")
            ),
            "only the gateway itself gives those",
        );
        return None;
    }
    Some(groups)
}

fn proof(
    section: &Section<'_>,
    base: &Path,
    now_utc_ns: u64,
    problems: &mut Problems,
) -> Option<Proof> {
    let path = section.path("keys_file", base, problems);
    let given = section.text("secret_sha256", problems);
    let expires = section.date("secret_expires", problems);
    match (section.has("keys_file"), section.has("secret_sha256")) {
        (true, false) => {
            if section.has("secret_expires") {
                problems.push(
                    section.span_of("secret_expires"),
                    format!(
                        "`{}` is there without a secret",
                        section.shown("secret_expires")
                    ),
                    "keys have no end of their own: leave it out",
                );
                return None;
            }
            keys(section, path?, problems)
        }
        (false, true) => secret(section, &given?, expires, now_utc_ns, problems),
        (both, _) => {
            let found = if both {
                "`keys_file` and `secret_sha256` are both there"
            } else {
                "neither `keys_file` nor `secret_sha256` is there"
            };
            problems.push(
                section.span_of("name"),
                found,
                "write `keys_file`, which needs no secret: `custos machine new-key FILE` makes a key",
            );
            None
        }
    }
}

fn keys(section: &Section<'_>, path: PathBuf, problems: &mut Problems) -> Option<Proof> {
    const KEY: &str = "keys_file";
    let text = read_file(section, KEY, &path, MAX_KEY_SET_BYTES as u64, problems)?;
    let mut refuse = |found: String| {
        problems.push(
            section.span_of(KEY),
            format!("`{}`: {}: {found}", section.shown(KEY), path.display()),
            "name a file with a JSON Web Key Set or with public keys in PEM (`BEGIN PUBLIC KEY`)",
        );
        None
    };
    match machine_keys::read(&text) {
        Err(error) => refuse(format!("{error:#}")),
        Ok(keys) if keys.keys().is_empty() => refuse("no key that can be used".to_owned()),
        Ok(keys) => Some(Proof::Keys { path, keys }),
    }
}

fn secret(
    section: &Section<'_>,
    hash: &str,
    expires: Option<u64>,
    now_utc_ns: u64,
    problems: &mut Problems,
) -> Option<Proof> {
    let Some(sha256) = decode(hash) else {
        problems.push(
            section.span_of("secret_sha256"),
            format!("`{}` is no SHA-256", section.shown("secret_sha256")),
            "write 64 hexadecimal digits: printf %s \"$SECRET\" | sha256sum",
        );
        return None;
    };
    let Some(expires_utc_ns) = expires else {
        if !section.has("secret_expires") {
            problems.push(
                section.span_of("secret_sha256"),
                format!("`{}` is missing", section.shown("secret_expires")),
                format!("write the day of its end, at most {SECRET_DAYS_MAX} days ahead"),
            );
        }
        return None;
    };
    if expires_utc_ns.saturating_sub(now_utc_ns) > SECRET_DAYS_MAX * DAY_NS {
        problems.push(
            section.span_of("secret_expires"),
            format!(
                "`{}` is more than {SECRET_DAYS_MAX} days ahead",
                section.shown("secret_expires")
            ),
            "write an earlier day, or give the machine a key, which has no such end",
        );
        return None;
    }
    Some(Proof::Secret {
        sha256,
        expires_utc_ns,
    })
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}
