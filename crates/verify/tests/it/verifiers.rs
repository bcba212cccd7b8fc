//! Runs both verifiers and holds them to the same findings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use custos_verify::{Code, main_with_args};
use serde_json::Value;

use crate::writer::Fixture;

/// What both verifiers said.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) exit: u8,
    pub(crate) report: Value,
    pub(crate) text: String,
}

impl Judgement {
    /// Code and record index of the first finding.
    pub(crate) fn first(&self) -> Option<(String, Option<u64>)> {
        let finding = self.report["findings"].get(0)?;
        let code = finding["code"].as_str().unwrap().to_owned();
        Some((code, finding["record"].as_u64()))
    }

    pub(crate) fn assert_first(&self, code: Code, record: Option<u64>) {
        assert_eq!(
            self.first(),
            Some((code.as_str().to_owned(), record)),
            "{}",
            self.text
        );
        assert_eq!(self.exit, 6);
    }
}

/// Judges with the fixture's own key.
pub(crate) fn judge(fixture: &Fixture) -> Judgement {
    judge_with(fixture, &[&fixture.key.vkey()], None)
}

/// Judges with other keys, or with remembered heads.
pub(crate) fn judge_with(fixture: &Fixture, keys: &[&str], remember: Option<&Path>) -> Judgement {
    let mut arguments: Vec<OsString> = vec![fixture.dir().into()];
    for key in keys {
        arguments.extend(["--key".into(), key.into()]);
    }
    // Each verifier writes its own file; all start from the same one.
    let copies = tempfile::tempdir().unwrap();
    let copy = |name: &str| -> Option<PathBuf> {
        let path = copies.path().join(name);
        if remember?.exists() {
            std::fs::copy(remember?, &path).unwrap();
        }
        Some(path)
    };
    let (for_json, for_python) = (copy("json"), copy("python"));
    let (json_exit, json) = library(&arguments, for_json.as_deref(), &["--json"]);
    let (python_exit, python) = script(&arguments, for_python.as_deref());
    let (exit, text) = library(&arguments, remember, &[]);
    assert_eq!(exit, json_exit, "{text}");
    assert_eq!(exit, python_exit, "library:\n{text}\nscript:\n{python}");
    assert_eq!(
        places(&text),
        places(&python),
        "library:\n{text}\nscript:\n{python}"
    );
    if let Some(python) = for_python.filter(|path| path.exists()) {
        assert_eq!(read_json(&python), read_json(remember.unwrap()));
    }
    let report = serde_json::from_str(&json).unwrap();
    Judgement { exit, report, text }
}

fn library(arguments: &[OsString], remember: Option<&Path>, more: &[&str]) -> (u8, String) {
    let mut arguments = arguments.to_vec();
    arguments.extend(more.iter().map(OsString::from));
    arguments.extend(remember_argument(remember));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = main_with_args(arguments.into_iter(), &mut out, &mut err);
    assert_eq!(String::from_utf8_lossy(&err), "");
    (exit, String::from_utf8(out).unwrap())
}

fn script(arguments: &[OsString], remember: Option<&Path>) -> (u8, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/verify.py");
    let output = Command::new("python3")
        .arg("-B")
        .arg(script)
        .args(arguments)
        .args(remember_argument(remember))
        .output()
        .expect("python3 is needed for this test");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let exit = output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok());
    (exit.unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn remember_argument(path: Option<&Path>) -> Vec<OsString> {
    path.map_or_else(Vec::new, |path| vec!["--remember".into(), path.into()])
}

/// What each line of a finding names, and its code; how many things are missing; and what is said of approvals.
fn places(text: &str) -> (Vec<String>, usize, Vec<String>) {
    let named = text
        .lines()
        .filter(|line| line.starts_with("FAIL ") || line.starts_with("and "))
        .map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(": "))
        .collect();
    let missing = text
        .lines()
        .filter(|line| line.starts_with("INCOMPLETE "))
        .count();
    let approvals = text
        .lines()
        .filter(|line| line.starts_with("WARNING ") || line.starts_with("approvals: "))
        .map(str::to_owned)
        .collect();
    (named, missing, approvals)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
