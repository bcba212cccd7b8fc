//! Forwarded connections: nothing without a grant, and with one each on record.

mod attacks;
mod held;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use custos_testkit::{
    Credential, Custos, PATIENCE, Running, Settings, Sshd, resident_bytes, run, start, wait_for,
};

const POLICY: &str = r#"
version: 1
rules:
  - id: everything
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec, ssh.shell]
  - id: forwards
    who: group:forwarders
    on: ssh/web1
    may: ssh.forward
  - id: forwards-if-approved
    who: group:askers
    on: ssh/web1
    may: ssh.forward
    approve: {of: leads, per: statement, expires: 10m}
"#;

fn granted(policy: &str) -> (Custos, Credential) {
    before(policy, Sshd::shared())
}

fn before(policy: &str, server: &Sshd) -> (Custos, Credential) {
    let custos = Custos::start_with(&Settings::under(policy));
    custos.add_ssh("ssh/web1", server, "ed25519", &[]);
    let alice = custos.issue_with("alice", "ssh/web1", &["--group", "forwarders"]);
    (custos, alice)
}

/// Gives back what comes until it ends, turned round, and then ends too.
fn mirror(listener: TcpListener) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let mut all = Vec::new();
                if stream.read_to_end(&mut all).is_ok() {
                    all.reverse();
                    let _ = stream.write_all(&all);
                }
            });
        }
    })
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it has one").port();
    (listener, port)
}

fn free_port() -> u16 {
    listener().1
}

/// A client that forwards and runs nothing, once it listens at `port`.
fn forwarding(custos: &Custos, who: &Credential, options: &[&str], port: Option<u16>) -> Running {
    let mut command = custos.ssh(who, "web1", &["-N", "-o", "ExitOnForwardFailure=yes"]);
    command.args(options).stdin(Stdio::null());
    let running = start(&mut command);
    if let Some(port) = port {
        wait_for("the client to listen", PATIENCE, || {
            TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
    }
    running
}

/// Sends what is turned round on the way.
fn there_and_back(mut stream: TcpStream, bytes: usize) {
    let sent: Vec<u8> = (0..bytes)
        .map(|n| (n.wrapping_mul(7919) >> 3) as u8)
        .collect();
    let mut writer = stream.try_clone().expect("a second handle");
    let data = sent.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&data).expect("it is read");
        writer.shutdown(Shutdown::Write).expect("it is open");
    });
    let mut back = Vec::new();
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.read_to_end(&mut back).expect("it comes back");
    writing.join().expect("no panic");
    back.reverse();
    assert!(back == sent, "{} of {bytes} bytes", back.len());
}

fn operations(custos: Custos) -> Vec<(String, String)> {
    let evidence = custos.finish().evidence;
    let intents = evidence.of_type("operation.intent");
    let forwards = intents.filter(|record| record["op"]["verb"] == "forward");
    let told = forwards.map(|record| {
        (
            record["op"]["text"].as_str().unwrap_or_default().to_owned(),
            record["verdict"]["effect"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    });
    told.collect()
}

#[test]
fn from_the_target_on() {
    let (custos, alice) = granted(POLICY);
    let (echo, there) = listener();
    mirror(echo);
    let here = free_port();
    let client = forwarding(
        &custos,
        &alice,
        &["-L", &format!("{here}:127.0.0.1:{there}")],
        Some(here),
    );
    for bytes in [0, 1, 4_000_000] {
        there_and_back(
            TcpStream::connect(("127.0.0.1", here)).expect("it listens"),
            bytes,
        );
    }
    // Nobody answers there.
    let nowhere = free_port();
    let there_too = free_port();
    let other = forwarding(
        &custos,
        &alice,
        &["-L", &format!("{there_too}:127.0.0.1:{nowhere}")],
        Some(there_too),
    );
    let mut refused = TcpStream::connect(("127.0.0.1", there_too)).expect("it listens");
    let mut nothing = Vec::new();
    let _ = refused.read_to_end(&mut nothing);
    assert!(nothing.is_empty());
    // SOCKS, and the client's own standard streams.
    let socks = free_port();
    let dynamic = forwarding(&custos, &alice, &["-D", &socks.to_string()], Some(socks));
    let mut through = TcpStream::connect(("127.0.0.1", socks)).expect("it listens");
    through.write_all(&[5, 1, 0]).expect("sent");
    let mut answer = [0; 2];
    through.read_exact(&mut answer).expect("an answer");
    let [high, low] = there.to_be_bytes();
    through
        .write_all(&[5, 1, 0, 1, 127, 0, 0, 1, high, low])
        .expect("sent");
    let mut answer = [0; 10];
    through.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[1], 0, "{answer:?}");
    there_and_back(through, 100_000);
    let mut stdio = start(&mut custos.ssh(&alice, "web1", &["-W", &format!("127.0.0.1:{there}")]));
    stdio.write("olleh");
    stdio.close_stdin();
    assert_eq!(stdio.finish(PATIENCE).success(), "hello");
    for client in [client, other, dynamic] {
        drop(client);
    }
    let told = operations(custos);
    let to = format!("direct-tcpip 127.0.0.1:{there} from 127.0.0.1:");
    assert!(
        told.iter()
            .filter(|(text, _)| text.starts_with(&to))
            .count()
            >= 4,
        "{told:?}"
    );
    assert!(
        told.iter()
            .all(|(_, effect)| effect == "permit" || effect == "allow"),
        "{told:?}"
    );
}

#[test]
fn back_to_the_client() {
    let (custos, alice) = granted(POLICY);
    let (echo, here) = listener();
    mirror(echo);
    let there = free_port();
    let client = forwarding(
        &custos,
        &alice,
        &["-R", &format!("127.0.0.1:{there}:127.0.0.1:{here}")],
        Some(there),
    );
    there_and_back(
        TcpStream::connect(("127.0.0.1", there)).expect("it listens"),
        4_000_000,
    );
    drop(client);
    // A port of the target's own choice, which it tells.
    let socket = custos.directory().join("master").display().to_string();
    let any = forwarding(&custos, &alice, &["-M", "-S", &socket], None);
    let port = wait_for("the port", PATIENCE, || {
        let asked = [
            "-S",
            &socket,
            "-O",
            "forward",
            "-R",
            &format!("0:127.0.0.1:{here}"),
        ];
        let told = run(&mut custos.ssh(&alice, "web1", &asked), PATIENCE);
        told.stdout.trim().parse::<u16>().ok()
    });
    there_and_back(
        TcpStream::connect(("127.0.0.1", port)).expect("it listens"),
        1000,
    );
    drop(any);
    let told = operations(custos);
    assert!(
        told.iter()
            .any(|(text, _)| text == &format!("listen on 127.0.0.1:{there}")),
        "{told:?}"
    );
    let came = format!("forwarded-tcpip 127.0.0.1:{there} from 127.0.0.1:");
    assert!(
        told.iter().any(|(text, _)| text.starts_with(&came)),
        "{told:?}"
    );
}

#[test]
fn sockets_and_the_key_agent() {
    let (custos, alice) = granted(POLICY);
    let directory = custos.directory().to_owned();
    let socket = directory.join("there.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"from a socket");
        }
    });
    let here = free_port();
    let client = forwarding(
        &custos,
        &alice,
        &["-L", &format!("{here}:{}", socket.display())],
        Some(here),
    );
    let mut stream = TcpStream::connect(("127.0.0.1", here)).expect("it listens");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it comes");
    assert_eq!(text, "from a socket");
    drop(client);

    let agent = directory.join("agent.sock");
    let keeper = start(Command::new("ssh-agent").arg("-D").arg("-a").arg(&agent));
    wait_for("the agent", PATIENCE, || agent.exists().then_some(()));
    let mut add = Command::new("ssh-add");
    add.arg(Sshd::shared().key("ed25519"))
        .env("SSH_AUTH_SOCK", &agent);
    run(&mut add, PATIENCE).success();
    let mut listed = custos.ssh(&alice, "web1", &["-A", "ssh-add -l"]);
    listed.env("SSH_AUTH_SOCK", &agent);
    assert!(run(&mut listed, PATIENCE).success().contains("ED25519"));
    drop(keeper);
    let told = operations(custos);
    for beginning in [
        "direct-streamlocal@openssh.com /",
        "auth-agent-req@openssh.com",
        "auth-agent@openssh.com",
    ] {
        assert!(
            told.iter().any(|(text, _)| text.starts_with(beginning)),
            "{beginning}: {told:?}"
        );
    }
}

/// Without a rule, with one that asks people, and where it could not be masked.
#[test]
fn nothing_without_a_grant() {
    let masked = format!("{POLICY}labels:\n  found: {{detect: [payment_card], mask: redact}}\n");
    let (echo, there) = listener();
    mirror(echo);
    for (policy, group, why) in [
        (POLICY, "nobody", "default-deny"),
        (POLICY, "askers", "hold-of-remote-forwarding-is-not-built"),
        (&masked, "forwarders", "forwarding-cannot-be-masked"),
    ] {
        let (custos, _) = granted(policy);
        let bob = custos.issue_with("bob", "ssh/web1", &["--group", group]);
        // What a client opens can wait for people, and then waits.
        if group != "askers" {
            let mut stdio = custos.ssh(&bob, "web1", &["-W", &format!("127.0.0.1:{there}")]);
            assert!(!run(&mut stdio, PATIENCE).status.success());
        }
        let mut back = custos.ssh(&bob, "web1", &["-R", &format!("0:127.0.0.1:{there}")]);
        back.args(["-o", "ExitOnForwardFailure=yes", "echo in"]);
        assert!(!run(&mut back, PATIENCE).status.success());
        let mut agent = custos.ssh(&bob, "web1", &["-A", "echo [$SSH_AUTH_SOCK]"]);
        agent.env("SSH_AUTH_SOCK", "/nowhere");
        assert!(run(&mut agent, PATIENCE).stdout.contains("[]"));
        let evidence = custos.finish().evidence;
        let denied = evidence.of_type("operation.intent");
        let denied = denied.filter(|record| {
            record["verdict"]["effect"] == "deny" && record["verdict"].to_string().contains(why)
        });
        let tried = if group == "askers" { 1 } else { 2 };
        assert!(denied.count() >= tried, "{why}");
    }
}

/// A connection that nobody reads stops no shell beside it, and takes bounded memory.
#[test]
fn a_stalled_connection_stops_nobody_else() {
    let (custos, alice) = granted(POLICY);
    let (source, there) = listener();
    std::thread::spawn(move || {
        let (mut stream, _) = source.accept().expect("a connection");
        let _ = stream.write_all(&vec![b'x'; 64 << 20]);
    });
    let here = free_port();
    let socket = custos.directory().join("master").display().to_string();
    let master = forwarding(
        &custos,
        &alice,
        &[
            "-M",
            "-S",
            &socket,
            "-L",
            &format!("{here}:127.0.0.1:{there}"),
        ],
        None,
    );
    let stalled = wait_for("the client to listen", PATIENCE, || {
        TcpStream::connect(("127.0.0.1", here)).ok()
    });
    let before = resident_bytes(custos.pid());
    for _ in 0..5 {
        let mut beside = custos.ssh(
            &alice,
            "web1",
            &["-S", &socket, "head -c 4000000 /dev/zero; echo end"],
        );
        let beside = run(beside.stdin(Stdio::null()), PATIENCE).success();
        assert!(beside.len() == 4_000_004 && beside.ends_with("end\n"));
    }
    let grown = resident_bytes(custos.pid()).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    drop(stalled);
    drop(master);
    custos.finish();
}

/// A client of the X window system: it looks up the cookie, says it, and prints what it hears.
const X_CLIENT: &str = r"
import os,socket,struct,subprocess
display = os.environ['DISPLAY']
line = subprocess.check_output(['xauth', 'list', display], text=True).split()
name, cookie = line[1].encode(), bytes.fromhex(line[2])
s = socket.create_connection(('127.0.0.1', 6000 + int(display.split(':')[1].split('.')[0])))
s.sendall(struct.pack('<BxHHHHxx', 108, 11, 0, len(name), len(cookie)) + name + b'\0' * (-len(name) % 4) + cookie + b'and more')
print(s.recv(99).decode())
";

#[test]
fn a_display_is_reached_and_its_cookie_is_nowhere() {
    let server = Sshd::start_with("X11Forwarding yes\nX11UseLocalhost yes\n");
    let (mut custos, alice) = before(POLICY, &server);
    let (display, port) = listener();
    std::thread::spawn(move || {
        let (mut stream, _) = display.accept().expect("a connection");
        let mut setup = [0; 56];
        stream.read_exact(&mut setup).expect("it is said");
        stream.write_all(b"welcome").expect("it is read");
    });
    let script = custos.write_private("client.py", X_CLIENT);
    let authority = custos.directory().join("authority");
    let display = format!("127.0.0.1:{}", port - 6000);
    let cookie = "0123456789abcdef0123456789abcdef";
    let mut xauth = Command::new("xauth");
    xauth.arg("-f").arg(&authority);
    run(xauth.args(["add", &display, ".", cookie]), PATIENCE).success();
    let command = format!("python3 {}", script.display());
    let mut ssh = custos.ssh(&alice, "web1", &["-Y", &command]);
    ssh.env("DISPLAY", &display).env("XAUTHORITY", &authority);
    assert_eq!(run(&mut ssh, PATIENCE).success(), "welcome\n");
    custos.stop();
    let transcripts = custos.transcripts();
    // Where it stood, and all that was said around it.
    let around = r"MIT-MAGIC-COOKIE-1\u0000\u0000****************and more";
    assert!(transcripts.contains(around), "{transcripts}");
    let told = operations(custos);
    assert!(
        told.iter()
            .any(|(text, _)| text.starts_with("x11 from 127.0.0.1:")),
        "{told:?}"
    );
}
