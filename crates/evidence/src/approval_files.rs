//! Files of approvals: statements that people signed, and their signatures. Records name them by hash.

use std::io;
use std::sync::atomic::Ordering;

use crate::disk::{read_if_present, replace_durably};
use crate::error::EvidenceError;
use crate::shared::{Shared, lock};

/// The directory, below that of the evidence.
pub(crate) const DIRECTORY: &str = "approvals";

/// The longest file; verifiers read no more.
const FILE_BYTES: usize = 1 << 20;

/// Length of an approval's id.
const ID_BYTES: usize = 36;

impl Shared {
    /// Writes a file, or finds it there with the same bytes; durable when it returns. A failure changes nothing for
    /// others: whoever asked has to refuse what she asked it for, and may ask again.
    pub(crate) fn keep_approval(&self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        let refused = |reason| {
            Err(EvidenceError::ApprovalFile {
                name: name.to_owned(),
                reason,
            })
        };
        if !is_name(name) {
            return refused("names are ID.json, ID.sshsig and ID.webauthn.json");
        }
        if bytes.len() > FILE_BYTES {
            return refused("it is longer than 1 MiB");
        }
        if self.threads.closed.load(Ordering::SeqCst) {
            return Err(EvidenceError::Stopped);
        }
        let directory = self.settings.dir.join(DIRECTORY);
        let path = directory.join(name);
        let _one_at_a_time = lock(&self.approval_files);
        match read_if_present(self.disk.as_ref(), &path) {
            // It may be there since a try whose last fsync failed.
            Ok(Some(found)) if found == bytes => self.disk.sync(&[path, directory]),
            Ok(Some(_)) => return refused("other bytes are kept under this name"),
            Ok(None) => replace_durably(self.disk.as_ref(), &path, bytes),
            Err(error) => Err(error),
        }
        .map_err(|error| failing(&error))
    }
}

fn failing(error: &io::Error) -> EvidenceError {
    EvidenceError::Failing {
        what: format!("cannot keep an approval: {error}").into(),
    }
}

/// `[0-9a-f-]{36}\.(json|sshsig|webauthn\.json)`
fn is_name(name: &str) -> bool {
    let Some((id, extension)) = name.split_at_checked(ID_BYTES) else {
        return false;
    };
    id.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        && matches!(extension, ".json" | ".sshsig" | ".webauthn.json")
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn only_files_of_approvals_have_names() {
        let id = "01932f5a-7c1e-7abc-8def-0123456789ab";
        for extension in [".json", ".sshsig", ".webauthn.json"] {
            assert!(is_name(&format!("{id}{extension}")), "{extension}");
        }
        for name in [
            "",
            id,
            ".json",
            "../../../../../../../../../../../etc.json",
            "01932F5A-7c1e-7abc-8def-0123456789ab.json",
            "01932f5a-7c1e-7abc-8def-0123456789ab.json.tmp",
            "01932f5a-7c1e-7abc-8def-0123456789ab/json",
            "01932f5a-7c1e-7abc-8def-0123456789a.json",
            "01932f5a-7c1e-7abc-8def-0123456789é.json",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
