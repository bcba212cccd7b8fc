//! What a gateway leaves: records, transcripts, files, and what verifiers say about them.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Custos;
use crate::certificates::write_private;
use crate::evidence::Evidence;
use crate::process::run;
use crate::wait::wait_for;
use crate::{PATIENCE, workspace};

impl Custos {
    /// The records so far, up to the last checkpoint.
    pub fn evidence(&self) -> Evidence {
        Evidence::read(&self.evidence_directory())
    }

    /// Waits until a record is in the log that fits.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn wait_for_record(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(&format!("a record: {what}"), PATIENCE, || {
            self.evidence()
                .all()
                .iter()
                .find(|record| fits(record))
                .cloned()
        })
    }

    /// Waits until so many sessions have ended.
    #[track_caller]
    pub fn wait_for_ended_sessions(&self, count: usize) {
        wait_for(&format!("{count} ended sessions"), PATIENCE, || {
            (self.evidence().of_type("session.end").count() >= count).then_some(())
        });
    }

    /// Waits until every session that began has ended.
    #[track_caller]
    pub fn wait_for_quiet(&self) {
        wait_for("all sessions to end", PATIENCE, || {
            let evidence = self.evidence();
            let (begun, ended) = (
                evidence.of_type("session.start").count(),
                evidence.of_type("session.end").count(),
            );
            (begun > 0 && begun == ended).then_some(())
        });
    }

    /// Runs both verifiers and wants this exit code of them.
    ///
    /// # Panics
    /// When one of them says something else.
    #[track_caller]
    pub fn verify(&self, code: i32) -> String {
        let directory = self.evidence_directory();
        // Pinned from the gateway's own directory: these tests are about its writer, not about the operator.
        let key = directory.join("keys/log.vkey");
        let mut built_in = Command::new(workspace::custos_binary());
        built_in
            .arg("verify")
            .arg(&directory)
            .arg("--key-file")
            .arg(&key);
        let verdict = run(&mut built_in, PATIENCE);
        assert_eq!(verdict.code(), code, "custos verify: {verdict}");
        let mut script = Command::new("python3");
        script
            .arg(workspace::root().join("scripts/verify.py"))
            .arg(&directory)
            .arg("--key-file")
            .arg(&key);
        let second = run(&mut script, Duration::from_mins(2));
        assert_eq!(second.code(), code, "scripts/verify.py: {second}");
        verdict.stdout
    }

    /// Every file below state and evidence, with its bytes.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut waiting = vec![self.directory.path().to_owned()];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(&directory)
                .expect("it can be listed")
                .flatten()
            {
                let path = entry.path();
                let kind = entry.file_type().expect("it has a type");
                if kind.is_dir() {
                    waiting.push(path);
                } else if kind.is_file() {
                    let bytes = std::fs::read(&path).expect("it can be read");
                    found.push((path, bytes));
                }
            }
        }
        found
    }

    /// The transcripts of all closed and open segments so far, decompressed, in order of their path.
    ///
    /// # Panics
    /// When one cannot be read to its end.
    pub fn transcripts(&self) -> String {
        let mut segments = self.files();
        segments.retain(|(path, _)| path.extension().is_some_and(|extension| extension == "zst"));
        segments.sort();
        let mut text = String::new();
        for (path, bytes) in segments {
            let mut decoder = zstd::Decoder::new(bytes.as_slice()).expect("a decoder is made");
            let read = decoder.read_to_string(&mut text);
            assert!(read.is_ok(), "{}: {read:?}", path.display());
        }
        text
    }

    /// Writes a file into its directory that only its owner may read.
    pub fn write_private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        write_private(&path, text);
        path
    }
}
