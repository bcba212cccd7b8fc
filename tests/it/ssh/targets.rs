//! How the gateway signs in at a target.

use std::path::{Path, PathBuf};
use std::process::Command;

use custos_testkit::{Custos, PATIENCE, Sshd, run, wait_for};

/// A certificate of this authority for a public key.
fn certified(authority: &Path, key: &Path, validity: &str) -> PathBuf {
    let public = key.with_extension("pub");
    let mut keygen = Command::new("ssh-keygen");
    keygen.arg("-q").arg("-s").arg(authority);
    keygen.args(["-I", "gateway", "-n", &Sshd::account(), "-V", validity]);
    run(keygen.arg(&public), PATIENCE).success();
    key.with_file_name(format!(
        "{}-cert.pub",
        key.file_name()
            .and_then(|name| name.to_str())
            .expect("text")
    ))
}

#[test]
fn by_a_certificate_for_its_key() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let authority = directory.path().join("authority");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
    run(keygen.arg(&authority), PATIENCE).success();
    // No key is good there without a certificate.
    let server = Sshd::start_with(&format!(
        "AuthorizedKeysFile none\nTrustedUserCAKeys {}.pub\n",
        authority.display()
    ));
    let custos = Custos::start();
    let text = |path: &Path| path.to_str().expect("paths here are text").to_owned();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let name = format!("ssh/{kind}");
        let certificate = certified(&authority, &server.key(kind), "-1m:+1h");
        custos.add_ssh(
            &name,
            &server,
            kind,
            &["--certificate-file", &text(&certificate)],
        );
        let alice = custos.issue("alice", &name);
        let said = run(&mut custos.ssh(&alice, kind, &["echo in"]), PATIENCE);
        assert_eq!(said.success(), "in\n", "{kind}");
    }
    custos.add_ssh("ssh/plain", &server, "ed25519", &[]);
    let ended = certified(&authority, &server.key("ed25519"), "20200101:20200102");
    custos.add_ssh(
        "ssh/ended",
        &server,
        "ed25519",
        &["--certificate-file", &text(&ended)],
    );
    for (name, why) in [
        ("plain", "its credential is not taken"),
        (
            "ended",
            "the gateway's own certificate cannot be used: it has ended",
        ),
    ] {
        let alice = custos.issue("alice", &format!("ssh/{name}"));
        let refused = run(&mut custos.ssh(&alice, name, &["echo in"]), PATIENCE);
        assert!(!refused.status.success(), "{refused}");
        wait_for("the reason on record", PATIENCE, || {
            let evidence = custos.evidence();
            let mut records = evidence.all().iter().map(ToString::to_string);
            records.any(|record| record.contains(why)).then_some(())
        });
    }
    let (port, key) = (server.port().to_string(), text(&server.key("ecdsa")));
    let host_key = server.host_key();
    let add = [
        "resource",
        "add",
        "ssh/other",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--account",
        "x",
    ];
    let mut arguments = add.to_vec();
    arguments.extend(["--host-key", &host_key, "--key-file", &key]);
    let ended = text(&ended);
    arguments.extend(["--certificate-file", &ended]);
    let refused = custos.cli(&arguments);
    assert_eq!(refused.status.code(), Some(2), "{refused}");
    assert!(
        refused.stderr.contains("it is for another key"),
        "{refused}"
    );
    custos.finish();
}
