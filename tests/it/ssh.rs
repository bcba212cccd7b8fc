//! SSH: stock clients through the gateway to a real OpenSSH server.

mod certificates;
mod channels;
mod clients;
mod commands;
mod device;
mod files;
mod forwarding;
mod held;
mod hostile;
mod jump;
mod lines;
mod masked;
mod openssh;
mod programs;
mod refusals;
mod targets;

use custos_testkit::{Credential, Custos, Sshd};

/// A gateway before the shared server, and alice's credential for it.
fn web1() -> (Custos, Credential) {
    let custos = Custos::start();
    custos.add_ssh("ssh/web1", Sshd::shared(), "ed25519", &[]);
    let credential = custos.issue("alice", "ssh/web1");
    (custos, credential)
}
