//! Stock clients sign in with a certificate that comes from a sign-in and ends with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use custos_testkit::{Custos, PATIENCE, Sshd, Stopped, Terminal, run};

use crate::machines::{Key, log_in};
use crate::sign_in::World;

/// A gateway where a job is signed in, and its OpenSSH configuration as `custos ssh-config` writes it.
pub(super) struct Job {
    world: World,
    config: PathBuf,
    files: tempfile::TempDir,
}

const ACCESS: &str = "
[[access]]
name = \"jobs-open-servers\"
principals = [\"deploy\"]
resources = [\"ssh/web1\"]
";

impl Job {
    pub(super) fn new() -> Self {
        Self::before(Sshd::shared())
    }

    /// Before a server of its own.
    pub(super) fn before(server: &Sshd) -> Self {
        Self::with(server, &[])
    }

    /// The same, with options of the resource.
    pub(super) fn with(server: &Sshd, options: &[&str]) -> Self {
        Self::under(server, options, "")
    }

    /// The same, with more in the gateway's configuration.
    pub(super) fn under(server: &Sshd, options: &[&str], more: &str) -> Self {
        let files = tempfile::tempdir().expect("a directory can be made");
        let key = Key::new(files.path(), "deploy");
        let world = World::with(&[], &(key.settings("deploy", "service") + ACCESS + more));
        world.custos.add_ssh("ssh/web1", server, "ed25519", options);
        world
            .custos
            .add_ssh("ssh/web2", Sshd::shared(), "ed25519", &[]);
        let proof = ["--key", key.private.to_str().expect("text")];
        run(
            &mut world.command(&log_in(&world, "deploy", proof)),
            PATIENCE,
        )
        .success();
        let text = run(&mut world.command(&["ssh-config"]), PATIENCE).success();
        assert!(
            text.contains("Host custos-web1") && !text.contains("web2"),
            "{text}"
        );
        let config = files.path().join("config");
        std::fs::write(&config, text).expect("it can be written");
        Self {
            world,
            config,
            files,
        }
    }

    /// A client as it is, with nothing but the configuration; it may ask nothing.
    pub(super) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-F").arg(&self.config);
        command.args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]);
        for (name, value) in self.world.command(&[]).get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
    }

    fn ssh(&self, arguments: &[&str]) -> Command {
        let mut command = self.client("ssh");
        command.args(arguments);
        command
    }

    /// A command of somebody's at the machine of the job.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        self.world.command(arguments)
    }

    pub(super) fn custos(&self) -> &Custos {
        &self.world.custos
    }

    /// What `custos ssh-config` printed.
    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    /// A directory for what the clients make.
    pub(super) fn directory(&self) -> &Path {
        self.files.path()
    }

    pub(super) fn finish(self) -> Stopped {
        self.world.custos.finish()
    }

    pub(super) fn state(&self, suffix: &str) -> PathBuf {
        let directory = self.world.home().join("state/ssh");
        let mut files = std::fs::read_dir(directory).expect("it was made");
        let file = files.find_map(|file| {
            let path = file.ok()?.path();
            path.to_str()?.ends_with(suffix).then_some(path)
        });
        file.expect("it was written")
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is there")
}

#[test]
fn nothing_is_asked_and_every_client_works() {
    let job = Job::new();
    assert_eq!(
        run(&mut job.ssh(&["custos-web1", "echo in"]), PATIENCE).success(),
        "in\n"
    );
    let file = job.config.display().to_string();
    let copy = job.world.custos.directory().join("copy");
    run(
        job.client("scp")
            .args(["-q", &file, &format!("custos-web1:{}", copy.display())]),
        PATIENCE,
    )
    .success();
    assert_eq!(read(&copy), read(&job.config));
    let other = run(
        &mut job.ssh(&["-l", "deploy+web2", "custos-web1", "echo in"]),
        PATIENCE,
    );
    assert!(
        other
            .clone()
            .failure()
            .contains("access to ssh/web2 is denied"),
        "{other}"
    );
    let evidence = job.finish().evidence;
    let starts: Vec<_> = evidence.of_type("session.start").collect();
    assert!(
        starts.len() == 2
            && starts
                .iter()
                .all(|it| it["detail"]["method"] == "certificate")
    );
    assert!(starts.iter().all(|it| it["actor"]["kind"] == "workload"));
    assert_eq!(evidence.of_type("certificate.issued").count(), 1);
}

/// What has run out is renewed before the client sees it, and nobody notices.
#[test]
fn a_certificate_is_renewed_silently() {
    let job = Job::new();
    let certificate = job.state("cert.pub");
    let first = read(&certificate);
    std::fs::remove_file(&certificate).expect("it is there");
    let said = run(&mut job.ssh(&["custos-web1", "echo in"]), PATIENCE);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("in\n", ""));
    assert_ne!(read(&certificate), first);
    job.finish();
}

/// The end of the sign-in ends open sessions, and the certificate opens nothing any more.
#[test]
fn a_certificate_ends_with_its_sign_in() {
    let job = Job::new();
    let terminal = Terminal::start(&job.ssh(&["-tt", "custos-web1", "echo open; sleep 100"]));
    terminal.expect_after(0, "open", PATIENCE);
    let kept = job.state("cert.pub");
    let certificate = read(&kept);
    run(&mut job.world.command(&["logout"]), PATIENCE).success();
    let ended = terminal.finish(PATIENCE);
    assert!(
        ended.stdout.contains("session ended by the gateway"),
        "{ended}"
    );
    std::fs::write(&kept, certificate).expect("it can be written");
    let refused = run(&mut job.ssh(&["custos-web1", "echo in"]), PATIENCE);
    assert!(
        !refused.status.success() && refused.stdout.is_empty(),
        "{refused}"
    );
    job.finish();
}

/// A certificate that anybody else has signed, or that names somebody else, is none.
#[test]
fn other_certificates_are_refused() {
    let job = Job::new();
    let directory = job.world.custos.directory().join("forged");
    std::fs::create_dir(&directory).expect("it is new");
    let path = |name: &str| directory.join(name).to_str().expect("text").to_owned();
    let keygen = |arguments: &[&str]| {
        run(
            Command::new("ssh-keygen").arg("-q").args(arguments),
            PATIENCE,
        )
        .success();
    };
    keygen(&["-t", "ed25519", "-N", "", "-f", &path("ca")]);
    keygen(&["-t", "ed25519", "-N", "", "-f", &path("id")]);
    keygen(&[
        "-s",
        &path("ca"),
        "-I",
        "deploy",
        "-n",
        "deploy",
        &path("id.pub"),
    ]);
    let attempt = |key: &str, certificate: &str, user: &str| {
        let mut command = Command::new("ssh");
        command.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
        ]);
        command.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]);
        // A percent sign begins a token in names of files.
        let key = key.replace('%', "%%");
        command.args([
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            &format!("IdentityFile={key}"),
        ]);
        let certificate = certificate.replace('%', "%%");
        command
            .arg("-o")
            .arg(format!("CertificateFile={certificate}"));
        command.args(["-p", &job.world.custos.ssh_address().port().to_string()]);
        command.args([&format!("{user}@127.0.0.1"), "echo in"]);
        run(&mut command, PATIENCE)
    };
    let own_key = job.state("cert.pub").display().to_string();
    let own_key = own_key.trim_end_matches(".cert.pub").to_owned();
    let own_certificate = job.state("cert.pub").display().to_string();
    assert_eq!(
        attempt(&own_key, &own_certificate, "deploy+web1").success(),
        "in\n"
    );
    for (key, certificate, user) in [
        (path("id"), path("id-cert.pub"), "deploy+web1"),
        (path("id"), own_certificate.clone(), "deploy+web1"),
        (own_key.clone(), own_certificate.clone(), "root+web1"),
        (own_key.clone(), own_certificate.clone(), "deploy"),
        (own_key.clone(), "/dev/null".to_owned(), "deploy+web1"),
    ] {
        let refused = attempt(&key, &certificate, user);
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{certificate}: {refused}"
        );
    }
    job.finish();
}

#[test]
fn connect_starts_a_client_that_knows_the_server_by_its_name() {
    let job = Job::new();
    let connect = |client: &[&str]| {
        let arguments = [&["connect", "ssh/web1", "--"], client].concat();
        run(&mut job.command(&arguments), PATIENCE)
    };
    assert_eq!(connect(&["ssh", "web1", "echo here"]).success(), "here\n");
    assert_eq!(connect(&["ssh", "web1", "exit 7"]).status.code(), Some(7));
    let (here, there) = (job.directory().join("here"), job.directory().join("there"));
    std::fs::write(&here, "content").expect("it can be written");
    let here = here.to_str().expect("text");
    for client in [&["scp", "-q"][..], &["rsync", "-t"]] {
        let to = format!("web1:{}", there.display());
        connect(&[client, &[here, to.as_str()]].concat()).success();
        assert_eq!(std::fs::read(&there).expect("it came"), b"content");
        std::fs::remove_file(&there).expect("it is there");
    }
    let printed = run(
        &mut job.command(&["connect", "ssh/web1", "--print"]),
        PATIENCE,
    )
    .success();
    let mut shell = Command::new("sh");
    let line = format!("{} echo printed", printed.trim_end());
    assert_eq!(
        run(shell.args(["-c", &line]), PATIENCE).success(),
        "printed\n"
    );
    for options in [&["--env"][..], &["--write"], &["--reason", "x"]] {
        let arguments = [&["connect", "ssh/web1"], options].concat();
        let refused = run(&mut job.command(&arguments), PATIENCE);
        assert_eq!(refused.status.code(), Some(2), "{refused}");
    }
    // What she may not open, the gateway refuses.
    let refused = run(
        &mut job.command(&["connect", "ssh/web2", "--", "ssh", "web2", "true"]),
        PATIENCE,
    );
    assert_eq!(refused.status.code(), Some(255), "{refused}");
    job.finish();
}
