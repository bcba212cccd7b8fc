//! The real `ssh-keygen`, in a directory of its own.

use std::path::PathBuf;
use std::process::Command;

use custos_signatures::SshKey;
use custos_testkit::{Finished, PATIENCE, run, start};
use tempfile::TempDir;

/// OpenSSH's own imitation of a security key, from Debian's `openssh-tests`.
const PROVIDER: &str = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so";

pub(crate) const NAMESPACE: &str = "custos-approval";
pub(crate) const MESSAGE: &str = "{\"decision\":\"approve\"}";

/// Every kind of key that may sign, as options of `ssh-keygen`.
pub(crate) const KINDS: &[&[&str]] = &[
    &["-t", "ed25519"],
    &["-t", "ecdsa", "-b", "256"],
    &["-t", "ecdsa", "-b", "384"],
    &["-t", "ecdsa", "-b", "521"],
    &["-t", "rsa", "-b", "2048"],
    &["-t", "rsa", "-b", "3072"],
    &["-t", "ed25519-sk"],
    &["-t", "ecdsa-sk"],
    &["-t", "ed25519-sk", "-O", "application=ssh:custos"],
];

/// A key pair that `ssh-keygen` made.
pub(crate) struct KeyPair {
    directory: TempDir,
}

impl KeyPair {
    pub(crate) fn new(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let pair = Self { directory };
        let mut command = keygen();
        command.args(["-q", "-N", "", "-C", "bob's key", "-f"]);
        command.arg(pair.file("key")).args(options);
        run(&mut command, PATIENCE).success();
        pair
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The line of `key.pub`.
    pub(crate) fn public(&self) -> String {
        std::fs::read_to_string(self.file("key.pub")).expect("it was written")
    }

    pub(crate) fn key(&self) -> SshKey {
        SshKey::parse(&self.public()).expect("a good key")
    }

    pub(crate) fn sign(&self, namespace: &str, message: &str, options: &[&str]) -> String {
        std::fs::write(self.file("message"), message).expect("the disk has room");
        let signature = self.file("message.sig");
        let mut command = keygen();
        command.args(["-Y", "sign", "-n", namespace]).args(options);
        command.arg("-f").arg(self.file("key"));
        run(command.arg(self.file("message")), PATIENCE).success();
        let armored = std::fs::read_to_string(&signature).expect("it was written");
        std::fs::remove_file(signature).expect("it is there");
        armored
    }

    /// [`MESSAGE`] for [`NAMESPACE`].
    pub(crate) fn good(&self) -> String {
        self.sign(NAMESPACE, MESSAGE, &[])
    }
}

/// What the real verifier says.
pub(crate) fn openssh_agrees(
    key: &SshKey,
    namespace: &str,
    message: &str,
    armored: &str,
) -> Finished {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let signers = directory.path().join("allowed_signers");
    let signature = directory.path().join("signature");
    let line = format!("{} {}\n", key.fingerprint(), key.openssh());
    std::fs::write(&signers, line).expect("the disk has room");
    std::fs::write(&signature, armored).expect("the disk has room");
    let mut command = keygen();
    command.args(["-Y", "verify", "-n", namespace, "-I", key.fingerprint()]);
    command.arg("-f").arg(&signers).arg("-s").arg(&signature);
    let mut verifying = start(&mut command);
    verifying.write_if_alive(message);
    verifying.close_stdin();
    verifying.finish(PATIENCE)
}

pub(crate) fn keygen() -> Command {
    let mut command = Command::new("ssh-keygen");
    command
        .env("SSH_SK_PROVIDER", PROVIDER)
        .env_remove("SSH_AUTH_SOCK");
    command
}
