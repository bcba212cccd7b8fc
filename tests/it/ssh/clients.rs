//! Programs that build on SSH, as they come from Debian: what they do is what they do without a gateway.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use custos_testkit::{PATIENCE, run};

use super::certificates::Job;
use super::web1;

/// A tree of files, some empty, some large, with names that need quoting.
fn tree(directory: &Path) {
    for number in 0..200u32 {
        let place = directory.join(format!("d{}", number % 7));
        std::fs::create_dir_all(&place).expect("it can be made");
        let size = if number == 100 {
            3_000_000
        } else {
            number as usize * 13
        };
        let content: Vec<u8> = (0..size).map(|at| (at as u32 ^ number) as u8).collect();
        std::fs::write(place.join(format!("file {number} 'quoted'")), content)
            .expect("it can be written");
    }
}

fn same(one: &Path, other: &Path) {
    run(Command::new("diff").arg("-r").arg(one).arg(other), PATIENCE).success();
}

#[test]
fn rsync_brings_trees_both_ways() {
    let job = Job::new();
    let (tree_there, there, back) = (
        job.directory().join("tree"),
        job.directory().join("there"),
        job.directory().join("back"),
    );
    tree(&tree_there);
    let rsync = |from: String, to: String| {
        let mut command = Command::new("rsync");
        command.args(["-a", "--delete", "-e"]);
        command.arg(format!(
            "ssh -F {} -o BatchMode=yes",
            job.config().display()
        ));
        for (name, value) in job.client("ssh").get_envs() {
            command.env(name, value.expect("they are set"));
        }
        run(command.args([from, to]), PATIENCE).success();
    };
    rsync(
        format!("{}/", tree_there.display()),
        format!("custos-web1:{}/", there.display()),
    );
    same(&tree_there, &there);
    rsync(
        format!("custos-web1:{}/", there.display()),
        format!("{}/", back.display()),
    );
    same(&tree_there, &back);
    job.finish();
}

/// With and without pipelining, which sends modules on the standard input of a program.
#[test]
fn ansible_runs_its_modules() {
    let job = Job::new();
    let inventory = job.directory().join("hosts");
    std::fs::write(
        &inventory,
        "custos-web1 ansible_python_interpreter=/usr/bin/python3\n",
    )
    .expect("it can be written");
    let copied = job.directory().join("copied");
    for pipelining in ["True", "False"] {
        let ansible = |arguments: &[&str]| {
            let mut command = Command::new("ansible");
            command.arg("-i").arg(&inventory).arg("all").args(arguments);
            command.env(
                "ANSIBLE_SSH_ARGS",
                format!("-F {} -o BatchMode=yes", job.config().display()),
            );
            command
                .env("ANSIBLE_PIPELINING", pipelining)
                .env("ANSIBLE_HOME", job.directory());
            command
                .env("ANSIBLE_LOCAL_TEMP", job.directory())
                .env("ANSIBLE_NOCOLOR", "1");
            for (name, value) in job.client("ssh").get_envs() {
                command.env(name, value.expect("they are set"));
            }
            run(&mut command, Duration::from_mins(3)).success()
        };
        assert!(
            ansible(&["-m", "ping"]).contains("\"ping\": \"pong\""),
            "{pipelining}"
        );
        let content = format!("content={pipelining} dest={}", copied.display());
        ansible(&["-m", "copy", "-a", &content]);
        assert_eq!(
            std::fs::read_to_string(&copied).expect("it was copied"),
            pipelining
        );
    }
    job.finish();
}

const PARAMIKO: &str = r#"
import paramiko, sys
host, port, user, password, place = sys.argv[1:]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect(host, int(port), user, password, look_for_keys=False, allow_agent=False)
stdin, stdout, stderr = client.exec_command("cat; echo err >&2; exit 4")
stdin.write("x" * 300000)
stdin.channel.shutdown_write()
assert stdout.read() == b"x" * 300000
assert stderr.read() == b"err\n"
assert stdout.channel.recv_exit_status() == 4
sftp = client.open_sftp()
content = bytes(range(256)) * 8000
with sftp.open(place, "wb") as file:
    file.write(content)
with sftp.open(place, "rb") as file:
    file.prefetch()
    assert file.read() == content
sftp.close()
client.close()
print("well")
"#;

const ASYNCSSH: &str = r#"
import asyncio, asyncssh, sys
host, port, user, password, place = sys.argv[1:]
async def main():
    async with asyncssh.connect(host, int(port), username=user, password=password, known_hosts=None,
                                client_keys=None, agent_path=None) as connection:
        one, other = await asyncio.gather(
            connection.run("cat; exit 4", input="x" * 300000),
            connection.run("sleep 0.2; echo other"))
        assert (one.stdout, one.exit_status) == ("x" * 300000, 4)
        assert other.stdout == "other\n"
        async with connection.start_sftp_client() as sftp:
            content = bytes(range(256)) * 8000
            async with sftp.open(place, "wb") as file:
                await file.write(content)
            async with sftp.open(place, "rb") as file:
                assert await file.read() == content
asyncio.run(main())
print("well")
"#;

#[test]
fn libraries_of_other_languages() {
    let (custos, alice) = web1();
    for program in [PARAMIKO, ASYNCSSH] {
        let place = custos.directory().join("library");
        // Debian's own, which has the packages.
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-W", "ignore", "-c", program, "127.0.0.1"]);
        command.arg(custos.ssh_address().port().to_string());
        command.args(["alice+web1", &alice.secret]).arg(place);
        assert_eq!(run(&mut command, PATIENCE).success(), "well\n");
    }
    custos.finish();
}
