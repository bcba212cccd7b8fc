//! Other implementations of XML Signature and of exclusive canonicalization: `xmlsec1` (on libxml2) and the JDK.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fixture::{ID_ATTRIBUTES, data};

/// What another implementation says of one signature.
#[derive(Debug)]
pub(crate) struct Opinion {
    pub(crate) is_good: bool,
    /// What it digested for each reference; for the JDK only the first.
    pub(crate) digested: Vec<String>,
}

/// The opinion of `xmlsec1` on the signature at this position in the document, counted from 1.
pub(crate) fn opinion(xml: &str, position: usize, certificate: &str) -> Opinion {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("message.xml");
    std::fs::write(&file, xml).unwrap();
    let mut command = Command::new("xmlsec1");
    // No key out of the message: whoever made it would have chosen it.
    command.args([
        "--verify",
        "--print-debug",
        "--store-references",
        "--enabled-key-data",
        "key-name",
    ]);
    command.arg("--pubkey-cert-pem").arg(data(certificate));
    for name in ID_ATTRIBUTES {
        command.arg("--id-attr:ID").arg(name);
    }
    let place = format!("(//*[local-name()='Signature'])[{position}]");
    let output = command.arg("--node-xpath").arg(place).arg(&file).output();
    let output = output.expect("xmlsec1 is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let digested = text.split("== PreDigest data - start buffer:\n").skip(1);
    let digested = digested.map(|part| {
        part.split("\n== PreDigest data - end buffer")
            .next()
            .unwrap()
            .to_owned()
    });
    Opinion {
        is_good: output.status.success(),
        digested: digested.collect(),
    }
}

/// How many signatures stand in the text.
pub(crate) fn signatures(xml: &str) -> usize {
    xml.matches("<ds:SignatureValue").count()
}

/// The opinions of the JDK on all signatures of the documents, with the position of the document.
pub(crate) fn jdk(documents: &[&str], certificate: &str) -> Vec<(usize, Opinion)> {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/saml/Oracle.java");
    let mut command = Command::new("java");
    command.arg(program).arg(data(certificate));
    for (number, xml) in documents.iter().enumerate() {
        let file = directory.path().join(number.to_string());
        std::fs::write(&file, xml).unwrap();
        command.arg(file);
    }
    let output = command.output().expect("a JDK is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(read_line).collect()
}

fn read_line(line: &str) -> (usize, Opinion) {
    let words: Vec<&str> = line.split(' ').collect();
    let digested = STANDARD
        .decode(words[2])
        .map(|bytes| String::from_utf8(bytes).unwrap());
    let opinion = Opinion {
        is_good: words[1] == "good",
        digested: digested.into_iter().collect(),
    };
    (words[0].parse().unwrap(), opinion)
}
