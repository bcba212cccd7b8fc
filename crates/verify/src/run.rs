//! A whole directory: finds the logs, takes them in order, and sums up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::approvals::ApprovalFiles;
use crate::error::Error;
use crate::files::{EvidenceDir, Item, ItemKind};
use crate::finding::{Code, Finding, Findings};
use crate::log::{self, Context, Node};
use crate::note::VerifierKey;
use crate::remember::Heads;
use crate::report::Report;
use crate::segments::Segments;
use crate::tiles::{MAX_TILE_PATH_ELEMENTS, is_tile_path};

const TOP: &str = "logs";

/// What to verify, and by what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The evidence directory.
    pub directory: PathBuf,
    /// Pinned keys, got by another way than the directory itself.
    pub keys: Vec<VerifierKey>,
    /// Heads seen by earlier runs; written again when nothing was bad.
    pub remember: Option<PathBuf>,
}

/// Verifies a directory of evidence (`docs/evidence-format.md`).
///
/// # Errors
/// [`Error`] when something cannot be read or written. What is wrong with the evidence is in the [`Report`].
pub fn verify(options: &Options) -> Result<Report, Error> {
    let mut heads = match &options.remember {
        Some(path) => Heads::load(path)?,
        None => Heads::default(),
    };
    let mut dir = EvidenceDir::new(options.directory.clone())?;
    let mut walk = Walk::default();
    walk.all_logs(&mut dir)?;
    let segments = Segments::list(&mut dir)?;
    let approvals = ApprovalFiles::list(&mut dir)?;
    let mut context = Context {
        dir,
        keys: &options.keys,
        heads: &heads,
        given: walk.logs.values().flatten().cloned().collect(),
        segments,
        approvals,
        segments_unchecked: 0,
        incomplete: Vec::new(),
        rollbacks: Findings::default(),
        all_read: true,
    };
    let mut found = Findings::default();
    let mut logs = Vec::new();
    let mut checkpoints = Vec::new();
    for origins in walk.logs.values() {
        let mut node = Node::default();
        for origin in origins {
            if let Some((checkpoint, summary)) =
                log::verify_log(&mut context, &mut node, origin, &mut found)?
            {
                logs.push(summary);
                checkpoints.push(checkpoint);
            }
        }
        node.finish(&mut context)?;
    }
    missing(&mut context, &walk, &mut found);
    absent_heads(&mut context);
    let Context {
        mut dir,
        segments,
        approvals,
        mut incomplete,
        rollbacks,
        all_read,
        ..
    } = context;
    found.append(walk.found);
    found.append(segments.finish(&mut dir, all_read)?);
    incomplete.extend(approvals.incomplete());
    let (verified, attested) = (approvals.verified(), approvals.attested());
    let (unexpected, warnings, warnings_total) = approvals.finish();
    found.append(unexpected);
    found.append(rollbacks);
    if let Some(path) = options.remember.as_ref().filter(|_| found.is_empty()) {
        for checkpoint in &checkpoints {
            heads.set(checkpoint);
        }
        heads.store(path)?;
    }
    let (findings, findings_total) = found.into_parts();
    Ok(Report {
        logs,
        findings,
        findings_total,
        incomplete,
        warnings,
        warnings_total,
        approvals_verified: verified,
        approvals_attested: attested,
    })
}

/// What should be there: a log for every key, and segments if records name some.
fn missing(context: &mut Context<'_>, walk: &Walk, found: &mut Findings) {
    if context.given.is_empty() {
        let message = "there is no log in the directory";
        found.push(Finding::file(Code::CheckpointMissing, None, TOP, message));
    }
    let named: BTreeSet<&str> = context.keys.iter().map(VerifierKey::name).collect();
    for key in named
        .into_iter()
        .filter(|key| !walk.logs.contains_key(*key))
    {
        context
            .incomplete
            .push(format!("no log of {key} was given"));
    }
    if context.segments_unchecked > 0 {
        let message = format!(
            "segments/ was not given; {} segment(s) are unchecked",
            context.segments_unchecked
        );
        context.incomplete.push(message);
    }
}

fn absent_heads(context: &mut Context<'_>) {
    for origin in context.heads.origins() {
        if !context.given.contains(origin) {
            let message = "the log is absent, but was there before";
            context.rollbacks.push(Finding::file(
                Code::Rollback,
                Some(origin),
                "checkpoint",
                message,
            ));
        }
    }
}

/// The walk through `logs/`.
#[derive(Debug, Default)]
struct Walk {
    /// Origins by `<cluster>/<node>`, both in order.
    logs: BTreeMap<String, Vec<String>>,
    /// What has no place there.
    found: Findings,
}

impl Walk {
    fn all_logs(&mut self, dir: &mut EvidenceDir) -> Result<(), Error> {
        if dir
            .kind(TOP)?
            .is_some_and(|kind| kind != ItemKind::Directory)
        {
            self.unexpected(TOP);
        }
        for cluster in self.directories(dir, TOP, is_name)? {
            for node in self.directories(dir, &format!("{TOP}/{cluster}"), is_name)? {
                let node = format!("{cluster}/{node}");
                for month in self.directories(dir, &format!("{TOP}/{node}"), is_month)? {
                    let origin = format!("{node}/{month}");
                    self.one_log(dir, &origin)?;
                    self.logs.entry(node.clone()).or_default().push(origin);
                }
            }
        }
        Ok(())
    }

    fn one_log(&mut self, dir: &mut EvidenceDir, origin: &str) -> Result<(), Error> {
        let path = format!("{TOP}/{origin}");
        for item in dir.list(&path)?.unwrap_or_default() {
            match (item.name.as_str(), item.kind) {
                ("checkpoint", ItemKind::File) => {}
                ("tile", ItemKind::Directory) => self.tiles(dir, &format!("{path}/tile"), "", 1)?,
                _ => self.unless_temporary(&path, &item),
            }
        }
        Ok(())
    }

    /// Walks the tiles below `top`; `below` is the path from there.
    fn tiles(
        &mut self,
        dir: &mut EvidenceDir,
        top: &str,
        below: &str,
        depth: usize,
    ) -> Result<(), Error> {
        let path = format!("{top}{below}");
        for item in dir.list(&path)?.unwrap_or_default() {
            let name = format!("{below}/{}", item.name);
            match item.kind {
                ItemKind::Directory if depth < MAX_TILE_PATH_ELEMENTS => {
                    self.tiles(dir, top, &name, depth + 1)?;
                }
                ItemKind::File if is_tile_path(name.trim_start_matches('/')) => {}
                _ => self.unless_temporary(&path, &item),
            }
        }
        Ok(())
    }

    fn directories(
        &mut self,
        dir: &mut EvidenceDir,
        path: &str,
        fits: fn(&str) -> bool,
    ) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for item in dir.list(path)?.unwrap_or_default() {
            if item.kind == ItemKind::Directory && fits(&item.name) {
                names.push(item.name);
            } else {
                self.unless_temporary(path, &item);
            }
        }
        Ok(names)
    }

    fn unless_temporary(&mut self, path: &str, item: &Item) {
        if !item.is_temporary() {
            self.unexpected(&format!("{path}/{}", item.name));
        }
    }

    fn unexpected(&mut self, path: &str) {
        let message = "it has no place in the layout";
        self.found
            .push(Finding::file(Code::UnexpectedFile, None, path, message));
    }
}

/// A cluster or node: `[a-z0-9][a-z0-9.-]{0,62}`.
fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
}

/// `yyyy-mm`
fn is_month(name: &str) -> bool {
    let Some((year, month)) = name.split_once('-') else {
        return false;
    };
    let number = crate::time::digits;
    year.len() == 4
        && number(year.as_bytes()).is_some()
        && month.len() == 2
        && number(month.as_bytes()).is_some_and(|month| (1..=12).contains(&month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_logs() {
        assert!(is_name("gw1") && is_name("0-a.b") && is_name(&"a".repeat(63)));
        assert!(!is_name("") && !is_name(".a") && !is_name("A") && !is_name(&"a".repeat(64)));
        assert!(is_month("2026-11"));
        for bad in [
            "2026-13",
            "2026-00",
            "2026-1",
            "02026-11",
            "202611",
            "2026-11-21",
        ] {
            assert!(!is_month(bad), "{bad}");
        }
    }
}
