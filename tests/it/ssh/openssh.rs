//! OpenSSH's own regression scripts (Debian `openssh-tests`), whose client goes through the gateway.

use std::process::Command;
use std::time::Duration;

use custos_testkit::{PATIENCE, Sshd, run};

use super::certificates::Job;

/// Where the package has them.
const SCRIPTS: &str = "/usr/lib/openssh/regress";
/// Those that say something about what is between client and server, and take seconds. The rest is listed in
/// docs/limitations.md, with why.
const SHORT: [&str; 11] = [
    "exit-status",
    "stderr-data",
    "stderr-after-eof",
    "yes-head",
    "broken-pipe",
    "exit-status-signal",
    "transfer",
    "sftp",
    "sftp-cmds",
    "sftp-badcmds",
    "sftp-batch",
];

/// Further ones by `CUSTOS_OPENSSH_TESTS="transfer rekey …"`, which take their place.
#[test]
fn regression_scripts_pass_through_the_gateway() {
    let server = Sshd::start_with("AcceptEnv _XXX_* LC_*\n");
    let job = Job::with(&server, &["--accept-env", "_XXX_*"]);
    let directory = job.directory().join("openssh");
    run(
        Command::new("cp").args(["-a", SCRIPTS]).arg(&directory),
        PATIENCE,
    )
    .success();
    let wrapper = directory.join("ssh-through-the-gateway");
    let text = format!(
        "#!/bin/sh\nexec ssh -o ProxyCommand=none -o User=deploy+web1 {} \"$@\"\n",
        job.options().join(" ")
    );
    std::fs::write(&wrapper, text).expect("it can be written");
    run(Command::new("chmod").arg("755").arg(&wrapper), PATIENCE).success();
    let named = std::env::var("CUSTOS_OPENSSH_TESTS").ok();
    let named: Vec<&str> = match &named {
        Some(named) => named.split_whitespace().collect(),
        None => SHORT.to_vec(),
    };
    let mut failed = Vec::new();
    for test in named {
        let place = directory.display();
        let finished = run(
            Command::new("make")
                .arg("-C")
                .arg(&directory)
                .arg(format!(".OBJDIR={place}"))
                .arg(format!(".CURDIR={place}"))
                .arg(format!("BUILDDIR={place}"))
                .arg(format!("OBJ={place}"))
                .arg(format!("TEST_SSH_SSH={}", wrapper.display()))
                .args([
                    "SUDO=",
                    "TEST_SHELL=sh",
                    "TEST_SSH_SFTPSERVER=/usr/lib/openssh/sftp-server",
                ])
                .args([
                    "TEST_SSH_UNSAFE_PERMISSIONS=1",
                    "TEST_SSH_ECC=yes",
                    "t-exec",
                ])
                .arg(format!("LTESTS={test}")),
            Duration::from_mins(10),
        );
        let is_ok = finished.status.success() && finished.stdout.contains("ok ");
        if !is_ok {
            failed.push(format!("{test}: {finished}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    job.finish();
}
