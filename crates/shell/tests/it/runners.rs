//! Which programs run others, and of which patterns their authors are warned.

use custos_shell::{Command, Pattern, Warning, runs_others};

fn how(command: &str) -> Option<&'static str> {
    let parsed = Command::parse(command.as_bytes());
    let words = parsed.words();
    runs_others(words.unwrap_or_else(|| panic!("{command}: {parsed:?}")))
}

#[test]
fn programs_that_run_others_are_known() {
    for command in [
        "env FOO=1 id",
        "nohup id",
        "nice id",
        "sudo id",
        "su -c id",
        "doas id",
        "xargs id",
        "find / -exec id",
        "find / -okdir id",
        "sh -c id",
        "bash -c id",
        "/bin/bash -c id",
        "busybox sh",
        "python -c x",
        "python3 x.py",
        "/usr/bin/python3.11 x.py",
        "perl -e x",
        "perl5.36 -e x",
        "ssh host id",
        "watch id",
        "timeout 5 id",
        "setsid id",
        "script -c id",
        "awk x",
        "vi x",
        "less x",
        "tar --to-command=id -xf x",
        "tar --to-comm=id -xf x",
        "tar --checkpoint-action exec=id -xf x",
        "tar -Iid -xf x",
        "git -c core.pager=id log",
        "git fetch --upload-pack=id",
        "rsync -e id x y",
        "rsync -ave id x y",
        "rsync --rsh=id x y",
        "scp -S id x y",
        "sort --compress-program=id x",
        "ip netns exec x id",
        "docker exec x id",
        "make",
        "psql -c x",
        "tcpdump -z id",
        "/lib64/ld-linux-x86-64.so.2 /bin/sh",
        "ksh93 -c id",
        "lua5.4 x",
        "sed 1e x",
    ] {
        let arguments = command.contains(' ');
        assert_eq!(how(command).is_some(), arguments, "{command}");
    }
}

#[test]
fn and_others_are_not() {
    for command in [
        "id",
        "uptime -p",
        "cat x",
        "find / -name x",
        "tar -xf x.tar",
        "tar --checkpointing -xf x",
        "git status",
        "git log --exclude=x",
        "rsync --server . x",
        "sort -u x",
        "ip addr",
        "sh",
        "sudo",
        "systemctl status x",
        "grep -e sh x",
        "echo -exec",
        "finder -exec",
        "scp -t x",
        "/srv/find.txt -exec",
    ] {
        assert_eq!(how(command), None, "{command}");
    }
}

#[test]
fn authors_are_warned() {
    for pattern in [
        "find ...",
        "find / ...",
        "find /srv -*",
        "find /srv -exec *",
        "sh *",
        "sh -c *",
        "bash ...",
        "python3 *",
        "perl -e *",
        "env ...",
        "env *",
        "env A=b ...",
        "sudo ...",
        "sudo *",
        "sudo -n *",
        "sudo -u app ls *",
        "nohup *",
        "timeout 5 *",
        "timeout 5 ...",
        "timeout * ...",
        "sudo find ...",
        "sudo nice find /x -*",
        "env A=b sh *",
        "ssh host *",
        "tar ...",
        "tar -*",
        "tar --to-*",
        "tar -xf x --checkpoint-action=*",
        "git ...",
        "git -c * status",
        "git -*",
        "rsync -*",
        "/usr/bin/find ...",
        "awk *",
        "vim *",
        "less /var/log/*",
        "xargs ...",
        "docker exec * id",
        "ip netns *",
        "apt-get install *",
        "make *",
        "sed *",
    ] {
        let parsed = Pattern::parse(pattern).unwrap();
        let warnings = parsed.warnings();
        assert!(
            matches!(&warnings[..], [Warning::RunsOthers { .. }]),
            "{pattern}: {warnings:?}"
        );
    }
    for (pattern, text) in [
        (
            "...",
            "a rule that allows `...` allows any command, and everything a shell can do",
        ),
        (
            "find   ...",
            "a rule that allows `find ...` allows any command: `find -exec` runs it",
        ),
        (
            "* -u",
            "a rule that allows `* -u` allows every program whose name fits",
        ),
        (
            "/opt/*",
            "a rule that allows `/opt/*` allows every program whose name fits",
        ),
    ] {
        let warnings = Pattern::parse(pattern).unwrap().warnings();
        let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [text], "{pattern}");
    }
}

#[test]
fn and_not_without_need() {
    for pattern in [
        "uptime",
        "uptime ...",
        "systemctl status *",
        "cat /var/log/app/**",
        "find /srv -name x",
        "find /srv -name *",
        "find *",
        "sudo systemctl restart nginx",
        "sudo systemctl restart *",
        "sudo -n id",
        "timeout 5 uptime ...",
        "timeout * uptime",
        "env A=b uptime *",
        "sudo nice uptime *",
        "tar -xf /srv/*",
        "git status",
        "git -C /srv/app pull",
        "sh -c 'id; id'",
        "sh",
        "rsync --server . /srv/*",
        "tail -n * /var/log/app/**",
    ] {
        assert_eq!(Pattern::parse(pattern).unwrap().warnings(), [], "{pattern}");
    }
}
