//! Lines that are typed into a shell wait for people where a rule names what they mention, and others do not.

use std::path::PathBuf;
use std::process::Command;

use custos_testkit::{PATIENCE, Sshd, Terminal, run, start};

use crate::approvals::{Extras, REASON, World};

const POLICY: &str = r#"
version: 1
rules:
  - id: shells
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec, ssh.shell]
    pause:
      lines: [tee ..., danger.sh ...]
      approve: {of: dba, per: statement, expires: 10m}
  - id: everybody-opens
    who: "*"
    on: ssh/web2
    may: session.open
  - id: shells-on-request
    who: "*"
    on: ssh/web2
    may: ssh.shell
    approve: {of: dba, per: session, expires: 10m}
    pause:
      lines: tee ...
      approve: {of: dba, per: statement, expires: 10m}
"#;

const UP: &str = "\u{1b}[A";
const NOTICE: &str = "this line waits for approval";
const CTRL_C: &str = "\u{3}";

struct Typed {
    world: World,
    config: PathBuf,
    /// What lines that ran leave behind.
    directory: PathBuf,
}

impl Typed {
    fn new(database: &str) -> Self {
        let world = World::with(database, POLICY, &Extras::default());
        for name in ["ssh/web1", "ssh/web2"] {
            world.custos.add_ssh(name, Sshd::shared(), "ed25519", &[]);
        }
        let config = world.custos.directory().join("ssh_config");
        let text = world.alice().run(&["ssh-config"]).success();
        std::fs::write(&config, text).expect("it can be written");
        let directory = world.custos.directory().join("lines");
        std::fs::create_dir(&directory).expect("a directory");
        Self {
            world,
            config,
            directory,
        }
    }

    fn ssh(&self, arguments: &[&str]) -> Command {
        let alice = self.world.alice().command(&[]);
        let mut command = Command::new("env");
        command.args(["TERM=xterm", "ssh", "-F"]).arg(&self.config);
        command.args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]);
        for (name, value) in alice.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.args(arguments);
        command
    }

    /// A shell of this kind that has a prompt.
    fn shell(&self, program: &str) -> Shell<'_> {
        let mut shell = Shell {
            typed: self,
            terminal: Terminal::start(&self.ssh(&["-tt", "custos-web1"])),
            seen: 0,
        };
        shell.begin(program);
        shell
    }

    /// What a line leaves behind that ran.
    fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.directory.join(name)).ok()
    }

    /// A line that is named, and leaves a file of this name behind.
    fn named(&self, name: &str) -> String {
        format!("echo ran | tee -a {}/{name}", self.directory.display())
    }
}

struct Shell<'t> {
    typed: &'t Typed,
    terminal: Terminal,
    seen: usize,
}

impl Shell<'_> {
    fn begin(&mut self, program: &str) {
        let home = self.typed.directory.display();
        self.keys(&format!("HOME={home} PS1='$''> ' exec {program}\n"));
        self.expect("$> ");
    }

    fn keys(&mut self, keys: &str) {
        self.terminal.keys(keys);
    }

    fn expect(&mut self, text: &str) {
        self.terminal.expect_after(self.seen, text, PATIENCE);
        let screen = self.terminal.screen();
        let found = screen.get(self.seen..).and_then(|new| new.find(text));
        self.seen += found.expect("it was just there") + text.len();
    }

    /// Waits for the notice about a line; the request.
    fn held(&mut self) -> String {
        self.told(NOTICE)
    }

    fn told(&mut self, notice: &str) -> String {
        self.expect(notice);
        self.expect("request ");
        let from = self.seen;
        self.expect(",");
        self.terminal.screen()[from..self.seen - 1].to_owned()
    }

    /// The same, of which alice has said why.
    fn justified(&mut self, notice: &str) -> String {
        let request = self.told(notice);
        let reason = ["request", "reason", &request, REASON];
        self.typed.world.alice().run(&reason).success();
        request
    }

    /// It takes lines and runs them.
    fn is_alive(&mut self, word: &str) {
        let (first, rest) = word.split_at(1);
        self.keys(&format!("echo {first}''{rest}\n"));
        self.expect(word);
    }

    fn exit(mut self) {
        self.keys("exit\n");
        self.terminal.finish(PATIENCE);
    }
}

#[test]
fn lines_that_are_named_wait() {
    let typed = Typed::new("ssh_lines");
    for program in ["bash --norc", "zsh -f", "dash"] {
        let mut shell = typed.shell(program);
        ordinary(&mut shell);
        approved(&mut shell, program);
        denied(&mut shell, program);
        taken_back(&mut shell, program);
        shell.exit();
    }
    let mut shell = typed.shell("bash --norc");
    recalled(&mut shell);
    completed(&mut shell);
    pasted(&mut shell);
    not_shown(&mut shell);
    shell.exit();
    cut(&typed);
    without_terminal(&typed);
    let evidence = typed.world.finish().evidence;
    let lines: Vec<_> = evidence
        .of_type("operation.intent")
        .filter(|record| record["op"]["verb"] == "line")
        .collect();
    let opened = evidence.of_type("request.opened").count();
    // Three in each of three shells; five recalled, one completed, two pasted, one cut; and none of other lines.
    assert_eq!((lines.len(), opened), (18, 18), "{lines:?}");
    for record in evidence.of_type("request.opened") {
        assert!(!record.to_string().contains("hidden"), "{record}");
    }
    let approved = evidence.of_type("operation.approved").count();
    assert_eq!(approved, 6, "{lines:?}");
}

/// Each letter is echoed as it is typed, and the line runs at once.
fn ordinary(shell: &mut Shell<'_>) {
    for part in ["e", "c", "h", "o", " ", "a"] {
        shell.keys(part);
        shell.expect(part);
    }
    shell.keys("''bc tee\n");
    shell.expect("abc tee\r\n");
}

fn approved(shell: &mut Shell<'_>, program: &str) {
    let name = format!("approved-{}", &program[..3]);
    let line = shell.typed.named(&name);
    shell.keys(&format!("{line}\n"));
    let request = shell.justified(NOTICE);
    assert_eq!(shell.typed.file(&name), None);
    shell.typed.world.bob().approve(&request).success();
    shell.expect("ran\r\n");
    shell.is_alive("again");
    assert_eq!(shell.typed.file(&name).as_deref(), Some("ran\n"));
    assert_eq!(shell.typed.world.ending(&request), "executed");
}

/// What was typed behind it is gone as well, and nothing of it comes back.
fn denied(shell: &mut Shell<'_>, program: &str) {
    let name = format!("denied-{}", &program[..3]);
    let line = shell.typed.named(&name);
    shell.keys(&format!("{line}\n"));
    let request = shell.justified(NOTICE);
    shell.keys(&format!(
        "echo behind >{}/behind\n",
        shell.typed.directory.display()
    ));
    shell.typed.world.bob().deny(&request).success();
    shell.expect("this line was not approved: it was denied");
    shell.expect("$> ");
    shell.keys("\n\n");
    shell.is_alive("denied");
    assert_eq!(shell.typed.file(&name), None);
    assert_eq!(shell.typed.file("behind"), None);
}

fn taken_back(shell: &mut Shell<'_>, program: &str) {
    let name = format!("back-{}", &program[..3]);
    let line = shell.typed.named(&name);
    shell.keys(&format!("{line}\n"));
    let request = shell.held();
    shell.keys(CTRL_C);
    assert_eq!(shell.typed.world.ending(&request), "withdrawn");
    shell.expect("$> ");
    shell.keys("\n");
    shell.is_alive("back");
    assert_eq!(shell.typed.file(&name), None);
}

/// By an arrow, whether the key that enters the line comes with it or later, and by a search.
fn recalled(shell: &mut Shell<'_>) {
    let line = shell.typed.named("recalled");
    shell.keys(&format!("{line}\n"));
    let request = shell.justified(NOTICE);
    shell.typed.world.bob().approve(&request).success();
    shell.expect("ran\r\n");
    shell.expect("$> ");
    for (keys, shown, more) in [
        (UP, "recalled", "\n"),
        (&format!("{UP}\n") as &str, "", ""),
        ("\u{12}call", "i-search", "\n"),
        ("!!\n", "", ""),
    ] {
        shell.keys(keys);
        shell.expect(shown);
        shell.keys(more);
        let request = shell.held();
        shell.keys(CTRL_C);
        assert_eq!(shell.typed.world.ending(&request), "withdrawn", "{keys:?}");
        shell.expect("$> ");
    }
    assert_eq!(shell.typed.file("recalled").as_deref(), Some("ran\n"));
}

fn completed(shell: &mut Shell<'_>) {
    let script = shell.typed.directory.join("danger.sh");
    std::fs::write(&script, "#!/bin/sh\ntouch \"$0.ran\"\n").expect("a file");
    run(Command::new("chmod").arg("+x").arg(&script), PATIENCE).success();
    shell.keys(&format!("{}/dang\t\n", shell.typed.directory.display()));
    let request = shell.held();
    shell.keys(CTRL_C);
    assert_eq!(shell.typed.world.ending(&request), "withdrawn");
    shell.expect("$> ");
    assert_eq!(shell.typed.file("danger.sh.ran"), None);
}

/// Three lines at once, of which the second is named: without brackets the first runs meanwhile, with them none does.
fn pasted(shell: &mut Shell<'_>) {
    let line = shell.typed.named("pasted");
    shell.keys(&format!("echo on''e\n{line}\necho thr''ee\n"));
    shell.expect("one\r\n");
    let request = shell.justified(NOTICE);
    assert!(!shell.terminal.screen()[shell.seen..].contains("three\r\n"));
    shell.typed.world.bob().approve(&request).success();
    shell.expect("ran\r\n");
    shell.expect("three\r\n");
    assert_eq!(shell.typed.file("pasted").as_deref(), Some("ran\n"));

    let line = shell.typed.named("bracketed");
    shell.keys(&format!(
        "\u{1b}[200~echo fo''ur\n{line}\necho fi''ve\u{1b}[201~"
    ));
    shell.expect("fi''ve");
    shell.keys("\n");
    let request = shell.justified(NOTICE);
    assert!(!shell.terminal.screen().contains("four\r\n"));
    shell.typed.world.bob().approve(&request).success();
    shell.expect("five\r\n");
    assert!(shell.terminal.screen().contains("four\r\n"));
    assert_eq!(shell.typed.file("bracketed").as_deref(), Some("ran\n"));
    shell.is_alive("pasted");
}

/// What is typed while nothing is shown of it is in no request, whatever it is.
fn not_shown(shell: &mut Shell<'_>) {
    for ask in ["read -s answer", "stty -echo; read answer; stty echo"] {
        shell.keys(&format!(
            "printf 'Pass''word: '; {ask}; echo got ${{#answer}}\n"
        ));
        shell.expect("Password: ");
        shell.keys("tee hidden\n");
        shell.expect("got 10");
        shell.expect("$> ");
    }
    assert!(!shell.terminal.screen().contains("hidden"));
}

fn cut(typed: &Typed) {
    let mut shell = typed.shell("bash --norc");
    let line = typed.named("cut");
    shell.keys(&format!("{line}\n"));
    let request = shell.held();
    drop(shell);
    assert_eq!(typed.world.ending(&request), "withdrawn");
    assert_eq!(typed.file("cut"), None);
}

/// Nobody would see what is typed.
fn without_terminal(typed: &Typed) {
    let mut shell = start(&mut typed.ssh(&["-T", "custos-web1"]));
    shell.write("echo never\n");
    shell.close_stdin();
    let said = shell.finish(PATIENCE).failure();
    assert!(said.contains("lines-need-a-terminal"), "{said}");
}

/// An approval of the shell is none of a line that is named.
#[test]
fn a_shell_that_was_approved_asks_again() {
    let typed = Typed::new("ssh_lines_again");
    let mut shell = Shell {
        typed: &typed,
        terminal: Terminal::start(&typed.ssh(&["-tt", "custos-web2"])),
        seen: 0,
    };
    let request = shell.justified("this shell waits for approval");
    typed.world.bob().approve(&request).success();
    shell.begin("bash --norc");
    shell.is_alive("open");
    shell.keys(&format!("{}\n", typed.named("again")));
    let request = shell.justified(NOTICE);
    assert_eq!(typed.file("again"), None);
    typed.world.bob().approve(&request).success();
    shell.expect("ran\r\n");
    shell.exit();
    typed.world.finish();
}
