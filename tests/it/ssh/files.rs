//! Files over sftp: what is on record of each, and what rules say of them.

use std::process::Command;

use custos_testkit::{Credential, Custos, Finished, PATIENCE, Settings, Sshd, run, wait_for};
use serde_json::Value;

use super::web1;

fn sftp(custos: &Custos, alice: &Credential, batch: &str) -> Finished {
    let batch = custos.write_private("batch", batch);
    let port = custos.ssh_address().port().to_string();
    let mut command = custos.ssh_client("sftp", &alice.secret);
    command.args(["-q", "-P", &port, "-o", "BatchMode=no", "-b"]);
    run(command.arg(batch).arg("alice+web1@127.0.0.1"), PATIENCE)
}

/// The lines of the only session's transcript.
fn lines(custos: &Custos) -> Vec<Value> {
    let session = wait_for("the end of the session", PATIENCE, || {
        custos.evidence().sessions().pop()
    });
    let text = custos
        .cli(&["session", "replay", &session, "--json"])
        .success();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines.collect()
}

fn sha256(path: &std::path::Path) -> String {
    let printed = run(Command::new("sha256sum").arg(path), PATIENCE).success();
    printed.split(' ').next().expect("a digest").to_owned()
}

#[test]
fn each_file_is_on_record_with_its_size_and_digest() {
    let (custos, alice) = web1();
    let directory = custos.directory().join("files");
    std::fs::create_dir(&directory).expect("it is new");
    let file = directory.join("canary");
    let content = b"a canary in a file ".repeat(100_000);
    std::fs::write(&file, &content).expect("it can be written");
    let place = directory.display();
    let batch = format!(
        "put {place}/canary {place}/there\nget {place}/there {place}/back\nrename {place}/there {place}/moved\n\
         rm {place}/moved\n"
    );
    sftp(&custos, &alice, &batch).success();
    assert_eq!(
        std::fs::read(directory.join("back")).expect("it came back"),
        content
    );
    let lines = lines(&custos);
    let digest = sha256(&file);
    let evidence = custos.evidence();
    let records: Vec<_> = evidence.of_type("operation.transfer").collect();
    let [up, down] = &records[..] else {
        panic!("{records:?}")
    };
    for (record, direction, name) in [(up, "upload", "there"), (down, "download", "there")] {
        let told =
            serde_json::json!({"n": 1, "verb": direction, "text": format!("{place}/{name}")});
        assert_eq!((&record["op"], &record["outcome"]), (&told, &"ok".into()));
    }
    assert_eq!(
        (&up["detail"]["written"], &up["detail"]["written_sha256"]),
        (&content.len().into(), &digest.clone().into())
    );
    assert_eq!(
        (&down["detail"]["read"], &down["detail"]["read_sha256"]),
        (&content.len().into(), &digest.into())
    );
    for change in ["posix_rename", "remove"] {
        assert!(
            lines.iter().any(|line| line["sftp"] == change),
            "{change}: {lines:?}"
        );
    }
    // What is in the file is on nobody's disk but those two.
    let directory = custos.evidence_directory();
    let found = run(
        Command::new("grep")
            .args(["-rl", "canary in a file"])
            .arg(&directory),
        PATIENCE,
    );
    assert_eq!(found.stdout, "");
    let replayed = lines
        .iter()
        .any(|line| line.to_string().contains("canary in a file"));
    assert!(!replayed);
    custos.finish();
}

const POLICY: &str = "\
version: 1
rules:
  - id: downloads-only
    who: \"*\"
    on: ssh/web1
    may: [session.open, ssh.download]
";

/// Whoever may only download is told so at each upload, and goes on.
#[test]
fn uploads_are_denied_one_by_one() {
    let custos = Custos::start_with(&Settings::under(POLICY));
    custos.add_ssh("ssh/web1", Sshd::shared(), "ed25519", &[]);
    let alice = custos.issue("alice", "ssh/web1");
    let directory = custos.directory().join("files");
    std::fs::create_dir(&directory).expect("it is new");
    std::fs::write(directory.join("a"), "content").expect("it can be written");
    let place = directory.display();
    // A minus before a command: go on when it fails.
    let batch = format!(
        "-put {place}/a {place}/b\n-rm {place}/a\n-mkdir {place}/c\n-rename {place}/a {place}/d\nget {place}/a {place}/got\n"
    );
    let finished = sftp(&custos, &alice, &batch);
    assert!(
        finished.stderr.matches("ermission denied").count() >= 3,
        "{finished}"
    );
    assert!(finished.status.success(), "{finished}");
    assert_eq!(
        std::fs::read_to_string(directory.join("got")).expect("it came"),
        "content"
    );
    let mut names: Vec<_> = std::fs::read_dir(&directory)
        .expect("it is there")
        .map(|entry| entry.expect("it is there").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "got"]);
    let evidence = custos.finish().evidence;
    let denied: Vec<_> = evidence
        .of_type("operation.error")
        .filter(|record| record["verdict"]["effect"] == "deny")
        .map(|record| record["op"]["verb"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(denied, ["upload", "remove", "mkdir", "posix_rename"]);
}
