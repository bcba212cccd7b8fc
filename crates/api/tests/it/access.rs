//! Who is served, and what is refused before it is understood.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use custos_api::{AdminSocket, SocketError};

use crate::world::World;

/// Everybody else, on any system.
const NOBODY: u32 = 65_534;

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_socket_is_for_its_owner_only() {
    let world = World::own();
    let mode = std::fs::metadata(&world.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(world.get("/v1/status").status, 200);
}

/// The kernel's word counts, also where the socket's mode would let a stranger in.
#[test]
fn strangers_are_refused() {
    let own_uid = rustix::process::geteuid().as_raw();
    if own_uid != 0 {
        // We are not root, so a gateway of somebody else must refuse us.
        let world = World::new(own_uid + 1);
        assert_eq!(world.get("/v1/status").status, 403);
        return;
    }
    let world = World::own();
    set_mode(world.dir.path(), 0o755);
    set_mode(&world.socket, 0o666);
    for request in [
        "GET /v1/status",
        "GET /v1/nothing",
        "GET /v1/administrators",
        "DELETE /v1/administrators?issuer=a&subject=b",
        "POST /v1/resources",
        "GET /v1/keys",
        "POST /v1/keys",
        "DELETE /v1/resources/postgres/shop",
    ] {
        let script = r#"use IO::Socket::UNIX;
            my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "connect: $!";
            print $socket "$ARGV[1] HTTP/1.1\r\nhost: custos\r\nconnection: close\r\n\r\n";
            $socket->flush; print <$socket>;"#;
        let uid = NOBODY.to_string();
        let output = Command::new("setpriv")
            .args([
                "--reuid",
                &uid,
                "--regid",
                &uid,
                "--clear-groups",
                "perl",
                "-e",
                script,
            ])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .arg(&world.socket)
            .arg(request)
            .output()
            .unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        let trouble = String::from_utf8_lossy(&output.stderr);
        assert!(
            answer.starts_with("HTTP/1.1 403 "),
            "{request}: {answer}{trouble}"
        );
        assert!(answer.contains("not uid 65534"), "{request}: {answer}");
    }
}

#[test]
fn large_and_strange_requests_are_refused() {
    let world = World::own();
    let large = format!("{{\"password\":\"{}\"}}", "x".repeat(300 * 1024));
    assert_eq!(world.post("/v1/resources", &large).status, 413);
    assert_eq!(
        world.get(&format!("/v1/{}", "x".repeat(20_000))).status,
        431
    );
    assert_eq!(world.get("/v1/nothing").status, 404);
    assert_eq!(world.call("PUT", "/v1/resources", "").status, 405);
    for path in [
        "/v1/sessions?limit=0",
        "/v1/sessions?limit=1001",
        "/v1/sessions?lmit=1",
        "/v1/sessions/17",
    ] {
        assert_eq!(world.get(path).status, 400, "{path}");
    }
    assert_eq!(
        world
            .get("/v1/sessions/0194a000-0000-7000-8000-000000000000")
            .status,
        404
    );
    assert_eq!(world.delete("/v1/resources/postgres/Shop").status, 400);
    assert_eq!(world.delete("/v1/resources/postgres/shop").status, 404);
    assert_eq!(world.delete("/v1/administrators").status, 400);
    let nobody = "/v1/administrators?issuer=a&subject=b";
    assert_eq!(world.delete(nobody).status, 404);
    assert_eq!(world.get("/v1/status").status, 200, "and it still answers");
}

#[test]
fn sockets_are_replaced_only_when_nobody_answers() {
    let world = World::own();
    let _entered = world.runtime.enter();
    assert!(matches!(
        AdminSocket::bind(&world.socket),
        Err(SocketError::InUse(_))
    ));

    let left_behind = world.dir.path().join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left_behind).unwrap());
    let bound = AdminSocket::bind(&left_behind).unwrap();
    assert!(UnixStream::connect(&left_behind).is_ok());
    drop(bound);
    assert!(!left_behind.exists());

    let file = world.dir.path().join("precious");
    std::fs::write(&file, "data").unwrap();
    assert!(matches!(
        AdminSocket::bind(&file),
        Err(SocketError::NotASocket(_))
    ));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "data");
}

/// One that connects and says nothing must not keep others out, nor stay for ever.
#[test]
fn silent_callers_are_dropped() {
    let world = World::own();
    let mut silent = UnixStream::connect(&world.socket).unwrap();
    assert_eq!(world.get("/v1/status").status, 200);
    silent
        .set_read_timeout(Some(std::time::Duration::from_secs(15)))
        .unwrap();
    let mut rest = Vec::new();
    silent
        .read_to_end(&mut rest)
        .expect("closed within the time for a request's head");
}
