//! The programs, by how they run others.
//!
//! From their manual pages and from GTFOBins. Not in it are programs that only open a pager or an editor when they have a
//! terminal (`systemctl`, `journalctl`, `git log`): a role for fixed commands gets no terminal.

use super::Runs::{self, Always, Operands, With};

/// Names, separated by blanks, and how they run others. A name stands in one entry only.
pub(super) const TABLE: &[(&str, Runs)] = &[
    (SHELLS, Always("a shell runs whatever it is given")),
    (
        INTERPRETERS,
        Always("an interpreter runs whatever it is given"),
    ),
    (EDITORS, Always("it has a command that runs a shell")),
    (CLIENTS, Always("its scripts and its `!` run commands")),
    (
        REMOTE,
        Always("it runs commands elsewhere, and helpers of its options here"),
    ),
    (
        BUILDERS,
        Always("it runs the commands of the files that it reads"),
    ),
    (
        INSTALLERS,
        Always("it runs the scripts of the packages that it installs"),
    ),
    (
        CONTAINERS,
        Always("it runs commands in containers, which may reach the host"),
    ),
    (SCHEDULERS, Always("it runs what it is given, now or later")),
    (PREFIXES, Operands(0, "it runs the command that follows")),
    (
        PREFIXES_WITH_OPERAND,
        Operands(1, "it runs the command that follows its first operand"),
    ),
    (
        "find",
        With("-exec -execdir -ok -okdir", "`find -exec` runs it"),
    ),
    (
        "fd fdfind",
        With("-x -X --exec --exec-batch", "`fd --exec` runs it"),
    ),
    (
        "tar gtar bsdtar",
        With(
            "--to-command --checkpoint-action --use-compress-program -I --info-script --new-volume-script -F --rsh-command --rmt-command",
            "`tar --to-command`, `--checkpoint-action` and others run it",
        ),
    ),
    (
        "cpio",
        With("--rsh-command", "`cpio --rsh-command` runs it"),
    ),
    (
        "zip",
        With("-T --test --unzip-command", "`zip -TT` runs it"),
    ),
    (
        "git",
        With(
            "-c --config-env --exec-path --upload-pack --receive-pack --exec --open-files-in-pager --ext-diff --extcmd --textconv --template",
            "`git -c`, `--upload-pack`, aliases and hooks run it",
        ),
    ),
    ("hg", With("--config --debugger", "`hg --config` runs it")),
    (
        "rsync",
        With(
            "-e --rsh --rsync-path --daemon --config -M --remote-option",
            "`rsync -e` runs it",
        ),
    ),
    (
        "scp sftp",
        With("-S -o -F -J -D", "`-S`, `-D` and `-o ProxyCommand` run it"),
    ),
    (
        "sed gsed",
        Always("the commands `e` and `w` of sed run it or write files"),
    ),
    (
        "sort",
        With("--compress-program", "`sort --compress-program` runs it"),
    ),
    ("split", With("--filter", "`split --filter` runs it")),
    (
        "install",
        With("--strip-program", "`install --strip-program` runs it"),
    ),
    ("ip", With("exec -b -batch", "`ip netns exec` runs it")),
    (
        "nmap",
        With("--script --interactive", "`nmap --script` runs it"),
    ),
    ("tcpdump", With("-z", "`tcpdump -z` runs it")),
    (
        "wget",
        With(
            "--use-askpass -e --execute --config",
            "`wget --use-askpass` runs it",
        ),
    ),
    ("openvpn", Always("its scripts run commands")),
    (
        "openssl",
        With("-engine -provider", "`openssl -engine` loads code"),
    ),
    (
        "nc ncat netcat",
        With("-e -c --exec --sh-exec --lua-exec", "`nc -e` runs it"),
    ),
    (
        "logrotate",
        Always("it runs the scripts of the file that it reads"),
    ),
    (
        "certbot",
        With(
            "--pre-hook --post-hook --deploy-hook --manual-auth-hook --manual-cleanup-hook",
            "the hooks of certbot run it",
        ),
    ),
];

const SHELLS: &str = "\
    ash bash csh dash elvish es fish hush ksh lksh mksh nu oksh posh pwsh rbash rc rksh rzsh sh tcsh xonsh
    yash zsh";
const INTERPRETERS: &str = "\
    awk bun dc deno erl expect gawk gdb ghc gnuplot guile irb java jjs jrunscript jshell julia lldb lua luajit
    m4 mawk nawk node nodejs octave original-awk perl php pypy python R Rscript ruby scala tclsh wish";
const EDITORS: &str = "\
    ed emacs ex joe less man mcedit micro more most nano nvim pico pg red rnano rview rvim sudoedit vi view
    vim vimdiff vipw visudo";
const CLIENTS: &str = "\
    ftp lftp mail mailx mariadb mongo mongosh mutt mysql psql sqlcmd sqlite sqlplus telnet tftp";
const REMOTE: &str = "\
    ansible ansible-playbook autossh dbclient mosh pdsh rlogin rsh salt slogin socat ssh sshpass";
const BUILDERS: &str = "\
    ant bundle cargo cmake composer gem gmake go gradle make mvn ninja npm npx pip pipx pnpm rake yarn";
const INSTALLERS: &str = "\
    apk apt apt-get aptitude dnf dpkg flatpak pacman rpm snap yum zypper";
const CONTAINERS: &str = "\
    crictl ctr docker incus kubectl lxc lxc-attach machinectl nerdctl podman systemd-nspawn vagrant virsh";
const SCHEDULERS: &str = "\
    at batch crontab dbus-run-session debugfs entr parallel run-parts screen script start-stop-daemon su
    runuser systemd-run tmux watch";
/// Options may come before the command, with values of their own: where the pattern has any, its author is warned.
const PREFIXES: &str = "\
    busybox capsh cgexec chpst cpulimit daemonize doas env fakeroot firejail ionice ld.so
    ld-linux-aarch64.so.1 ld-linux-x86-64.so.2 ld-linux.so.2 logsave ltrace nice nohup nsenter numactl perf
    pkexec prlimit proot setarch setpriv setsid setuidgid ssh-agent stdbuf strace sudo time toybox unbuffer
    unshare valgrind xargs";
const PREFIXES_WITH_OPERAND: &str = "\
    chroot chrt flock sg taskset timeout";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TABLE;

    #[test]
    fn a_name_stands_once() {
        let mut seen = BTreeSet::new();
        for name in TABLE
            .iter()
            .flat_map(|(names, _)| names.split_ascii_whitespace())
        {
            assert!(seen.insert(name), "{name}");
        }
        assert!(seen.len() > 150, "{}", seen.len());
    }
}
