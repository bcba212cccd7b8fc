//! What a verification came to, as a value, as text for a person and as JSON for a program.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::finding::{Finding, Place, printable};
use crate::note::{self, Checkpoint};
use crate::record::{Kind, Record};

/// The result as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything passed.
    Pass,
    /// Something is bad.
    Fail,
    /// Nothing is bad, but not all of it could be seen.
    Incomplete,
}

impl Verdict {
    /// The word that text output prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Incomplete => "INCOMPLETE",
        }
    }

    /// 0, 6 or 7.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 6,
            Self::Incomplete => 7,
        }
    }
}

/// How much the evidence proves against somebody who has the signing host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A log signed and kept in one place.
    L0,
    /// A head of the log was also held elsewhere from before.
    L1,
}

impl Level {
    /// `L0` or `L1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
        }
    }

    /// What the level means and what it does not.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::L0 => {
                "local signed log: what it holds was not changed since it was signed; that nothing was cut off its \
                 end, and that its host recorded the truth, cannot be seen from here"
            }
            Self::L1 => {
                "head also held elsewhere: as L0, and everything the log held when that head was remembered is still \
                 there; that its host recorded the truth cannot be seen from here"
            }
        }
    }
}

/// What was seen of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSummary {
    /// `<cluster>/<node>/<yyyy>-<mm>`
    pub origin: String,
    /// Records that the checkpoint signs.
    pub size: u64,
    /// The signed root, standard base64.
    pub root: String,
    /// `time.utc` of the first and of the last record that could be read.
    pub time: Option<(String, String)>,
    /// Sessions that started.
    pub sessions: u64,
    /// Operations that were asked for.
    pub operations: u64,
    /// Segments compared with their records.
    pub segments: u64,
    /// What the log proves.
    pub level: Level,
}

impl LogSummary {
    pub(crate) fn new(checkpoint: &Checkpoint) -> Self {
        Self {
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: note::encode_hash(&checkpoint.root),
            time: None,
            sessions: 0,
            operations: 0,
            segments: 0,
            level: Level::L0,
        }
    }

    pub(crate) fn count(&mut self, record: &Record) {
        let utc = &record.time.utc_text;
        match &mut self.time {
            Some((_, last)) => last.clone_from(utc),
            None => self.time = Some((utc.clone(), utc.clone())),
        }
        match record.kind {
            Kind::SessionStart => self.sessions += 1,
            Kind::OperationIntent => self.operations += 1,
            _ => {}
        }
    }
}

/// The outcome of a verification.
#[derive(Debug, Clone)]
pub struct Report {
    /// Logs whose checkpoint is good, by origin.
    pub logs: Vec<LogSummary>,
    /// The first bad thing and up to twenty more, in order.
    pub findings: Vec<Finding>,
    /// How many there are altogether.
    pub findings_total: u64,
    /// What a complete verification would have needed.
    pub incomplete: Vec<String>,
    /// The first twenty-one things that are not bad, and that somebody should know.
    pub warnings: Vec<String>,
    /// How many there are altogether.
    pub warnings_total: u64,
    /// Decisions of approvers whose statement and signature are good.
    pub approvals_verified: u64,
    /// Decisions that nobody signed.
    pub approvals_attested: u64,
}

impl Report {
    /// The result as a whole.
    pub fn verdict(&self) -> Verdict {
        if self.findings_total > 0 {
            Verdict::Fail
        } else if self.incomplete.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Incomplete
        }
    }

    /// The lowest level among the logs.
    pub fn level(&self) -> Level {
        self.logs
            .iter()
            .map(|log| log.level)
            .min()
            .unwrap_or(Level::L0)
    }

    /// Writes the report for a person: what is bad first, then what was seen, then the verdict.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, quiet: bool) -> io::Result<()> {
        for finding in &self.findings {
            writeln!(out, "FAIL {finding}")?;
        }
        let unseen = self.findings_total - self.findings.len() as u64;
        if unseen > 0 {
            writeln!(out, "and {unseen} more")?;
        }
        for missing in &self.incomplete {
            writeln!(out, "INCOMPLETE {missing}")?;
        }
        self.write_warnings(out)?;
        if quiet {
            return writeln!(out, "{}", self.verdict().as_str());
        }
        for log in &self.logs {
            write_log(out, log)?;
        }
        writeln!(out, "{}", self.approvals())?;
        writeln!(out, "{}: {}", self.verdict().as_str(), self.sentence())
    }

    fn write_warnings(&self, out: &mut dyn Write) -> io::Result<()> {
        for warning in &self.warnings {
            writeln!(out, "WARNING {}", printable(warning))?;
        }
        match self.warnings_total - self.warnings.len() as u64 {
            0 => Ok(()),
            more => writeln!(out, "WARNING and {more} more"),
        }
    }

    /// The report for a program.
    pub fn to_json(&self) -> Value {
        let logs: Vec<Value> = self.logs.iter().map(log_json).collect();
        let findings: Vec<Value> = self.findings.iter().map(finding_json).collect();
        json!({
            "verdict": self.verdict().as_str().to_lowercase(),
            "exit": self.verdict().exit_code(),
            "level": self.level().as_str(),
            "logs": logs,
            "findings": findings,
            "findings_total": self.findings_total,
            "incomplete": self.incomplete,
            "warnings": self.warnings,
            "warnings_total": self.warnings_total,
            "approvals": { "verified": self.approvals_verified, "attested": self.approvals_attested },
        })
    }

    fn approvals(&self) -> String {
        let verified = format!("approvals: {} verified", self.approvals_verified);
        match self.approvals_attested {
            0 => verified,
            count => format!("{verified}, {count} attested by the gateway alone"),
        }
    }

    fn sentence(&self) -> String {
        let records: u64 = self.logs.iter().map(|log| log.size).sum();
        let seen = format!("{} log(s), {records} records", self.logs.len());
        match self.verdict() {
            Verdict::Pass => format!(
                "{seen}; every check passed, level {}.",
                self.level().as_str()
            ),
            Verdict::Fail => format!("{seen}; {} finding(s), see above.", self.findings_total),
            Verdict::Incomplete => {
                format!("{seen}; nothing is bad, but something is missing, see above.")
            }
        }
    }
}

fn write_log(out: &mut dyn Write, log: &LogSummary) -> io::Result<()> {
    writeln!(out, "{}", log.origin)?;
    writeln!(out, "  size        {} records", log.size)?;
    writeln!(out, "  root        {}", log.root)?;
    if let Some((first, last)) = &log.time {
        writeln!(out, "  time        {first} to {last}")?;
    }
    writeln!(out, "  sessions    {} started", log.sessions)?;
    writeln!(out, "  operations  {} asked for", log.operations)?;
    writeln!(out, "  segments    {} checked", log.segments)?;
    let (level, sentence) = (log.level.as_str(), log.level.sentence());
    writeln!(out, "  assurance   {level}, {sentence}")
}

fn log_json(log: &LogSummary) -> Value {
    json!({
        "origin": log.origin,
        "size": log.size,
        "root": log.root,
        "first_utc": log.time.as_ref().map(|(first, _)| first),
        "last_utc": log.time.as_ref().map(|(_, last)| last),
        "sessions": log.sessions,
        "operations": log.operations,
        "segments": log.segments,
        "level": log.level.as_str(),
    })
}

fn finding_json(finding: &Finding) -> Value {
    let (record, file) = match &finding.place {
        Place::Record(at) => (Some(at), None),
        Place::File(path) => (None, Some(path)),
    };
    let session = record.and_then(|at| at.session.as_ref());
    json!({
        "code": finding.code.as_str(),
        "origin": finding.origin,
        "record": record.map(|at| at.index),
        "type": record.and_then(|at| at.kind),
        "session": session.map(|(id, _)| id),
        "n": session.map(|(_, n)| n),
        "file": file,
        "message": finding.message,
    })
}
