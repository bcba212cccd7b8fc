//! OpenSSH's own regression scripts (Debian `openssh-tests`), whose client goes through the gateway.

use std::process::Command;
use std::time::Duration;

use custos_testkit::{Custos, PATIENCE, Settings, Sshd, run};

/// Where the package has them.
const SCRIPTS: &str = "/usr/lib/openssh/regress";
/// Those that say something about what is between client and server, and take seconds. The rest is listed in
/// docs/limitations.md, with why.
const SHORT: [&str; 18] = [
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
    "dynamic-forward",
    "forwarding",
    "kextype",
    "try-ciphers",
    "envpass",
    "sftp-glob",
    "sftp-perm",
];
/// Cases about settings of the server that a script starts for itself, which is not the one behind the gateway.
const OF_ITS_OWN_SERVER: [&str; 2] = ["server rekeylimit", "server setenv"];

/// What of OpenSSH's algorithms is not there on purpose (docs/adr/0016-ssh.md).
const NOT_THERE: &str =
    "^(diffie-hellman-|sntrup761|3des-|aes[0-9]*-cbc|rijndael|hmac-sha1|hmac-md5|umac-)";

/// Whoever may do everything, forwarding too.
const POLICY: &str = "\
version: 1
rules:
  - id: everything
    who: \"*\"
    on: ssh/web1
    may: [session.open, ssh.exec, ssh.shell, ssh.upload, ssh.download, ssh.forward, ssh.unknown]
";

/// Others by `CUSTOS_OPENSSH_TESTS="transfer rekey …"`, which take their place (`scripts/openssh`).
#[test]
fn regression_scripts_pass_through_the_gateway() {
    let server = Sshd::start_with("AcceptEnv _XXX_* LC_*\n");
    let custos = Custos::start_with(&Settings::under(POLICY));
    custos.add_ssh("ssh/web1", &server, "ed25519", &["--accept-env", "_XXX_*"]);
    let alice = custos.issue("alice", "ssh/web1");
    let directory = custos.directory().join("openssh");
    run(
        Command::new("cp").args(["-a", SCRIPTS]).arg(&directory),
        PATIENCE,
    )
    .success();
    let wrapper = directory.join("ssh-through-the-gateway");
    let client = custos.ssh_client("ssh", &alice.secret);
    // Scripts that try every algorithm ask the client for them. What goes to a forwarded port goes through the gateway by that.
    let mut text = format!(
        "#!/bin/sh\nfor it; do case $it in -Q) ssh \"$@\" | grep -vE '{NOT_THERE}'; exit 0;; \
         -p*|*[Pp]roxy[Cc]ommand*) exec ssh \"$@\";; esac; done\n"
    );
    let exported = client.get_envs().map(|(name, value)| {
        let (name, value) = (name.display(), value.unwrap_or_default().display());
        format!("export {name}='{value}'\n")
    });
    text.extend(exported);
    let port = custos.ssh_address().port();
    let last = format!(
        "exec ssh -o ProxyCommand=none -o User=alice+web1 -o HostName=127.0.0.1 -o Port={port} -o BatchMode=no -o PasswordAuthentication=yes \
         -o PreferredAuthentications=password -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null \
         \"$@\"\n"
    );
    text += &last;
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
        let is_ok = is_ok || only_its_own_server_fails(&finished.stdout);
        if !is_ok {
            let log = std::fs::read_to_string(directory.join("failed-ssh.log"));
            let log = log.unwrap_or_default();
            let tail = log.len().saturating_sub(2000);
            let tail = log.get(tail..).unwrap_or_default();
            failed.push(format!("{test}: {finished}\n{tail}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    custos.finish();
}

/// Whether all that a script has found wrong is about its own server.
fn only_its_own_server_fails(said: &str) -> bool {
    const CASES: [&str; 4] = [
        "client rekey",
        "server rekey",
        "rekeylimit parsing",
        "test ",
    ];
    let mut case = "";
    let mut found = 0;
    for line in said.lines() {
        if CASES.iter().any(|begins| line.starts_with(begins)) {
            case = line;
        } else if !line.starts_with("make: ") && !line.starts_with("failed ") {
            if !OF_ITS_OWN_SERVER.iter().any(|own| case.contains(own)) {
                return false;
            }
            found += 1;
        }
    }
    found > 0
}
