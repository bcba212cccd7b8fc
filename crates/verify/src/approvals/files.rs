//! Files under `approvals/`, and what the verification of all of them came to.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Problem;
use crate::error::Error;
use crate::files::{Contents, EvidenceDir, ItemKind};
use crate::finding::{Code, Finding, Findings, KEPT_FINDINGS};
use crate::note::hex;
use crate::record::Uuid;

const TOP: &str = "approvals";
const EXTENSIONS: &[&str] = &["json", "sshsig", "webauthn.json"];
/// Longest file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ApprovalFiles {
    given: bool,
    /// Files that have no place there.
    found: Findings,
    /// Decisions whose statement and signature are good.
    pub(super) verified: u64,
    /// Decisions that nobody signed.
    pub(super) attested: u64,
    /// Decisions whose files were not given.
    pub(super) unchecked: u64,
    /// Records that depend on others that were not given.
    pub(super) unseen: u64,
    /// Kinds of keys that could not be judged.
    pub(super) unjudged: BTreeSet<String>,
    warnings: Vec<String>,
    warnings_total: u64,
}

impl ApprovalFiles {
    /// Lists the directory.
    pub(crate) fn list(dir: &mut EvidenceDir) -> Result<Self, Error> {
        let mut files = Self {
            given: dir.kind(TOP)?.is_some(),
            ..Self::default()
        };
        if dir
            .kind(TOP)?
            .is_some_and(|kind| kind != ItemKind::Directory)
        {
            files.unexpected(TOP);
        }
        for item in dir.list(TOP)?.unwrap_or_default() {
            let expected = item.kind == ItemKind::File && is_name(&item.name);
            if !expected && !item.is_temporary() {
                files.unexpected(&format!("{TOP}/{}", item.name));
            }
        }
        Ok(files)
    }

    /// Whether there is an `approvals/` at all.
    pub(super) fn is_given(&self) -> bool {
        self.given
    }

    /// Something that is not bad, and that somebody should know.
    pub(super) fn warn(&mut self, origin: &str, index: u64, message: &str) {
        self.warnings_total += 1;
        if self.warnings.len() < KEPT_FINDINGS {
            self.warnings
                .push(format!("record {index} of {origin}: {message}"));
        }
    }

    /// Decisions whose statement and signature are good.
    pub(crate) fn verified(&self) -> u64 {
        self.verified
    }

    /// Decisions that nobody signed.
    pub(crate) fn attested(&self) -> u64 {
        self.attested
    }

    /// What a complete verification would have needed.
    pub(crate) fn incomplete(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.unchecked > 0 {
            lines.push(format!(
                "approvals/ was not given; {} approval(s) are unchecked",
                self.unchecked
            ));
        }
        if self.unseen > 0 {
            lines.push(format!(
                "{} record(s) about approvals depend on records that were not given",
                self.unseen
            ));
        }
        for kind in &self.unjudged {
            lines.push(format!("signatures of {kind} keys cannot be judged here"));
        }
        lines
    }

    /// What was found wrong with files that no record can be blamed for, and the first warnings with the number of all.
    pub(crate) fn finish(self) -> (Findings, Vec<String>, u64) {
        (self.found, self.warnings, self.warnings_total)
    }

    fn unexpected(&mut self, path: &str) {
        let message = "it has no place in the layout";
        self.found
            .push(Finding::file(Code::UnexpectedFile, None, path, message));
    }
}

/// The bytes of a file whose SHA-256 is the recorded one.
pub(super) fn read(
    dir: &mut EvidenceDir,
    id: Uuid,
    extension: &str,
    recorded: Option<&str>,
) -> Result<Result<Vec<u8>, Problem>, Error> {
    let path = format!("{TOP}/{id}.{extension}");
    let bad = |code, message| Ok(Err(Problem::Bad(code, message)));
    let bytes = match dir.read(&path, MAX_FILE_BYTES)? {
        Contents::Missing => return bad(Code::ApprovalMissing, format!("{path} is absent")),
        Contents::TooLong => {
            return bad(Code::ApprovalMismatch, format!("{path} is too long"));
        }
        Contents::Bytes(bytes) => bytes,
    };
    if Some(hex(&Sha256::digest(&bytes)).as_str()) != recorded {
        return bad(
            Code::ApprovalMismatch,
            format!("{path} has another SHA-256"),
        );
    }
    Ok(Ok(bytes))
}

fn is_name(name: &str) -> bool {
    name.split_once('.')
        .is_some_and(|(id, extension)| Uuid::parse(id).is_some() && EXTENSIONS.contains(&extension))
}
