//! A terminal of a transcript as asciicast, version 3 or 2 (docs.asciinema.org/manual/asciicast).
//!
//! What is in a recording is given out as it came, escape sequences too: that is what a player is for.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::recording::{Event, Recording, Terminal, What};

const NANOSECONDS: f64 = 1e9;

/// Which version is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CastVersion {
    /// Intervals between events.
    #[value(name = "3")]
    V3,
    /// Times since the beginning.
    #[value(name = "2")]
    V2,
}

/// Writes the events of one operation, line by line of the transcript.
#[derive(Debug)]
pub(super) struct Cast {
    version: CastVersion,
    /// When the session began, seconds since 1970.
    session_began: u64,
    recording: Recording,
    /// When the operation began.
    began_ns: u64,
    last_ns: u64,
}

impl Cast {
    pub(super) fn new(version: CastVersion, session_began: u64, wanted: Option<u64>) -> Self {
        Self {
            version,
            session_began,
            recording: Recording::new(wanted),
            began_ns: 0,
            last_ns: 0,
        }
    }

    /// Whether the operation was found.
    pub(super) fn has_begun(&self) -> bool {
        self.recording.has_begun()
    }

    /// Takes one line of the transcript.
    pub(super) fn line(&mut self, line: &Value, out: &mut dyn Write) -> io::Result<()> {
        for event in self.recording.line(line) {
            self.event(event, out)?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event, out: &mut dyn Write) -> io::Result<()> {
        let (code, text) = match event.what {
            What::Begins(terminal) => return self.begins(event.at_ns, &terminal, out),
            What::Output(text) => ("o", text),
            What::Input(text) => ("i", text),
            What::Resize((columns, rows)) => ("r", format!("{columns}x{rows}")),
            // Version 2 has no event for the end.
            What::Exit(_) if self.version == CastVersion::V2 => return Ok(()),
            What::Exit(status) => ("x", status),
        };
        let since = match self.version {
            CastVersion::V2 => self.began_ns,
            CastVersion::V3 => self.last_ns,
        };
        let time = event.at_ns.saturating_sub(since) as f64 / NANOSECONDS;
        self.last_ns = event.at_ns;
        // Microseconds are enough, and JSON has no endless fractions.
        let time = (time * 1e6).round() / 1e6;
        writeln!(out, "{}", json!([time, code, text]))
    }

    fn begins(&mut self, at_ns: u64, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
        (self.began_ns, self.last_ns) = (at_ns, at_ns);
        let (columns, rows) = terminal.size;
        let timestamp = self.session_began + at_ns / 1_000_000_000;
        let header = match self.version {
            CastVersion::V3 => json!({
                "version": 3,
                "term": {"cols": columns, "rows": rows, "type": terminal.kind},
                "timestamp": timestamp,
            }),
            CastVersion::V2 => json!({
                "version": 2,
                "width": columns,
                "height": rows,
                "timestamp": timestamp,
                "env": {"TERM": terminal.kind},
            }),
        };
        writeln!(out, "{header}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Cast, CastVersion};

    const TRANSCRIPT: &str = r#"
{"t":1000000000,"op":0,"channel":0,"request":"pty","terminal":"xterm","columns":100,"rows":30}
{"t":1000000000,"op":0,"channel":1,"request":"pty","terminal":"vt100","columns":40,"rows":10}
{"t":2000000000,"op":1,"channel":0,"request":"shell","text":""}
{"t":2100000000,"op":2,"channel":1,"request":"exec","text":"top"}
{"t":2500000000,"op":1,"output":"hello \u001b[1mx"}
{"t":2600000000,"op":2,"output":"of the other"}
{"t":2700000000,"op":1,"output":{"b64":"4oI="}}
{"t":2750000000,"op":1,"output":{"b64":"rA=="}}
{"t":2800000000,"op":1,"input":"ls\r"}
{"t":2900000000,"op":0,"channel":0,"request":"resize","columns":120,"rows":40}
{"t":3000000000,"op":1,"exit_status":3}
"#;

    fn cast(version: CastVersion, wanted: Option<u64>) -> String {
        let mut cast = Cast::new(version, 1_700_000_000, wanted);
        let mut out = Vec::new();
        for line in TRANSCRIPT.lines().filter(|line| !line.is_empty()) {
            let line = serde_json::from_str(line).unwrap();
            cast.line(&line, &mut out).unwrap();
        }
        assert!(cast.has_begun());
        String::from_utf8(out).unwrap()
    }

    /// Of lines as values: members of the header have no order.
    fn values(text: &str) -> Vec<Value> {
        let lines = text.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    }

    #[test]
    fn intervals_in_version_3() {
        assert_eq!(
            values(&cast(CastVersion::V3, None)),
            [
                json!({"version": 3, "term": {"cols": 100, "rows": 30, "type": "xterm"}, "timestamp": 1_700_000_002}),
                json!([0.5, "o", "hello \u{1b}[1mx"]),
                json!([0.25, "o", "€"]),
                json!([0.05, "i", "ls\r"]),
                json!([0.1, "r", "120x40"]),
                json!([0.1, "x", "3"]),
            ]
        );
    }

    #[test]
    fn times_in_version_2_of_another_operation() {
        assert_eq!(
            values(&cast(CastVersion::V2, Some(2))),
            [
                json!({"version": 2, "width": 40, "height": 10, "timestamp": 1_700_000_002, "env": {"TERM": "vt100"}}),
                json!([0.5, "o", "of the other"]),
            ]
        );
    }
}
