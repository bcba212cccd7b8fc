//! Which lines mention a command: ordinary ones, ways around, and lines that only look like it.

use custos_shell::{Line, Pattern};

fn mentions(pattern: &str, line: &str) -> bool {
    let pattern = Pattern::parse(pattern).expect("a pattern");
    pattern.is_mentioned_in(&Line::typed(line))
}

const MENTIONED: &[(&str, &str)] = &[
    // As it is, in any place and with any path.
    ("rm ...", "rm"),
    ("rm ...", "rm -rf /srv"),
    ("rm ...", "  rm\tx"),
    ("rm ...", "/bin/rm x"),
    ("rm ...", "../../bin/rm x"),
    ("/usr/sbin/reboot", "reboot"),
    ("rm *", "rm ../x"),
    ("rm *", "rm -f x"),
    ("cat /etc/**", "cat /etc/x/../shadow"),
    ("systemctl stop ...", "systemctl --now stop nginx"),
    ("systemctl * nginx", "systemctl stop nginx"),
    // Quoted in one way or another.
    ("rm ...", "'rm' x"),
    ("rm ...", "r''m x"),
    ("rm ...", "r\"\"m x"),
    ("rm ...", "\\rm x"),
    ("rm ...", "r\\m x"),
    ("rm ...", "$'rm' x"),
    ("rm ...", "$\"rm\" x"),
    ("cat /etc/shadow", "cat '/etc/'shadow"),
    // Behind operators.
    ("rm ...", "ls; rm x"),
    ("rm ...", "ls;rm x"),
    ("rm ...", "ls&&rm x"),
    ("rm ...", "ls || rm x"),
    ("rm ...", "ls & rm x"),
    ("rm ...", "echo x | rm y"),
    ("rm ...", "(rm x)"),
    ("rm ...", "{ rm x; }"),
    ("rm ...", "echo $(rm x)"),
    ("rm ...", "echo `rm x`"),
    ("rm ...", "echo \"$(rm x)\""),
    ("rm ...", "echo \"`rm x`\""),
    ("rm ...", "cat <(rm x)"),
    ("rm ...", "ls\nrm x"),
    ("rm ...", "case x in x) rm y;; esac"),
    ("rm ...", "f() { rm x; }; f"),
    ("rm ...", "function f { rm x; }"),
    ("rm ...", "ls #\nrm x"),
    // With a redirection in it.
    ("rm x", "rm x > /dev/null"),
    ("rm x", "rm x 2>&1"),
    ("rm x", "2>/dev/null rm x"),
    ("rm x", "</dev/null rm x"),
    ("rm x", "rm x &> y"),
    // Behind words that another one follows.
    ("rm ...", "X=1 Y=2 rm x"),
    ("rm ...", "if rm x; then echo; fi"),
    ("rm ...", "for f in a b; do rm $f; done"),
    ("rm ...", "while ! rm x; do :; done"),
    ("rm ...", "time rm x"),
    ("rm ...", "exec rm x"),
    ("rm ...", "command rm x"),
    ("rm ...", "builtin command rm x"),
    ("rm ...", "noglob rm x"),
    ("rm ...", "=rm x"),
    ("rm ...", "sudo rm x"),
    ("rm ...", "sudo -u root -- /bin/rm x"),
    ("rm ...", "env -i A=b rm x"),
    ("rm ...", "nohup nice -n 5 rm x &"),
    ("rm ...", "timeout 5 rm x"),
    ("rm ...", "busybox rm x"),
    ("rm ...", "ls | xargs -n1 rm"),
    ("systemctl stop ...", "sudo systemctl stop nginx"),
    // Code for something that runs it.
    ("rm ...", "sh -c 'rm x'"),
    ("rm ...", "sudo bash -c \"rm x\""),
    ("rm ...", "eval rm x"),
    ("rm ...", "eval 'r''m x; rm y'"),
    ("rm ...", "echo rm x | sh"),
    ("rm ...", "ssh other rm x"),
    ("rm ...", "find . -exec rm {} +"),
    ("rm ...", "python3 -c 'import os; os.system(\"rm x\")'"),
    ("rm ...", "alias x=rm"),
    ("rm ...", "trap 'rm x' EXIT"),
    ("rm ...", "sh <<< 'rm x'"),
    // What nobody can read in one way.
    ("rm ...", "$x rm"),
    ("rm ...", "x=rm"),
    ("rm ...", "x=rm; $x -rf y"),
    ("rm ...", "$(echo rm) x"),
    ("rm ...", "r$@m x"),
    ("rm ...", "r${x}m y"),
    ("rm ...", "rm${IFS}x"),
    ("rm ...", "/bin/r? x"),
    ("rm ...", "/b*/rm x"),
    ("rm ...", "/bin/r[m] x"),
    ("rm ...", "{rm,-rf,x}"),
    ("rm ...", "{,}rm x"),
    ("rm ...", "rm 'x"),
    ("rm ...", "r\\\nm x"),
    ("rm -rf ...", "rm $options x"),
    ("systemctl stop nginx", "systemctl stop $unit"),
    ("systemctl stop nginx", "systemctl stop ngin?"),
    // A line that was entered before.
    ("rm ...", "!!"),
    ("rm ...", "sudo !!"),
    ("rm ...", "!-2"),
    ("rm ...", "!r"),
    ("rm ...", "echo x; !?y?"),
    ("rm ...", "^ls^rm"),
    // Any.
    ("...", "ls"),
    ("...", "$x"),
];

const NOT_MENTIONED: &[(&str, &str)] = &[
    ("rm ...", ""),
    ("rm ...", "ls -l"),
    ("rm ...", "rmdir x"),
    ("rm ...", "farm x"),
    ("rm ...", "rm.sh x"),
    ("rm ...", "ls rm"),
    ("rm ...", "ls /bin/rm"),
    ("rm ...", "echo rm x"),
    ("rm ...", "echo 'x; rm y'"),
    ("rm ...", "grep rm file | wc -l"),
    ("rm ...", "git rm --cached x"),
    ("rm ...", "ls > rm"),
    ("rm ...", "sudo ls"),
    ("rm ...", "sh script"),
    ("rm ...", "$EDITOR x"),
    ("rm ...", "[ -f x ] && ls"),
    ("rm ...", "[[ -f x ]]"),
    ("rm ...", "if grep -q rm x; then ls; fi"),
    ("rm ...", "! ls"),
    ("rm ...", "echo hello! you"),
    ("rm ...", "echo \"hello!\""),
    ("rm ...", "[ $x != y ]"),
    ("rm ...", "echo '!x'"),
    ("rm ...", "echo \\!x"),
    ("rm ...", "wait $!"),
    ("rm x", "rm y"),
    ("rm x", "rm x y"),
    ("rm -rf ...", "rm x"),
    ("systemctl stop ...", "systemctl status nginx"),
    ("systemctl stop ...", "sudo systemctl status nginx"),
    ("systemctl stop ...", "systemctl status $unit"),
    ("cat /etc/shadow", "cat /etc/hosts"),
    ("...", ""),
    ("...", "  "),
];

/// Beyond reading: each is named in the documents.
const NOT_SEEN: &[(&str, &str)] = &[
    ("rm ...", "a=r; b=m; $a$b x"),
    ("rm ...", "$(printf '\\162\\155') x"),
    ("rm ...", "echo cm0geA== | base64 -d | sh"),
    ("rm ...", "./script"),
    ("rm ...", "unlink x"),
    ("rm ...", "find . -delete"),
];

#[test]
fn what_a_line_may_run_is_mentioned() {
    for (pattern, line) in MENTIONED {
        assert!(mentions(pattern, line), "{pattern}: {line}");
    }
}

#[test]
fn what_it_does_not_run_is_not() {
    for (pattern, line) in NOT_MENTIONED.iter().chain(NOT_SEEN) {
        assert!(!mentions(pattern, line), "{pattern}: {line}");
    }
}

#[test]
fn a_prompt_may_stand_before_what_is_shown() {
    let shown = |line: &str| {
        let pattern = Pattern::parse("rm x").expect("a pattern");
        pattern.is_mentioned_in(&Line::shown(line))
    };
    for line in [
        "$ rm x",
        "alice@web1:~$ rm x",
        "root@web1:/srv# sudo rm x",
        "sh-5.2> rm x",
        "[alice@web1 ~]$ ls; rm x",
        "% rm x                     12:30",
        "(reverse-i-search)`rm': rm x",
    ] {
        assert!(shown(line), "{line}");
    }
    for line in ["", "$ ", "$ ls x", "alice@rm:~$ ls"] {
        assert!(!shown(line), "{line}");
    }
}

#[test]
fn a_line_that_goes_on_is_told() {
    for line in ["rm \\", "echo 'x", "echo \"x", "echo \"x\\", "$'x"] {
        assert!(Line::typed(line).is_unfinished(), "{line}");
    }
    for line in ["rm", "rm \\\\", "echo 'x'", "echo \"'\"", "x \\\ny"] {
        assert!(!Line::typed(line).is_unfinished(), "{line}");
    }
}

#[test]
fn long_lines_take_no_time() {
    let pattern = Pattern::parse("rm x").expect("a pattern");
    for part in [
        "find ", "sudo ", "$x", "{a,", "\"", "!", "x;", "`", "'x' ", "[", "x[",
    ] {
        let line = part.repeat((64 << 10) / part.len());
        let _ = pattern.is_mentioned_in(&Line::typed(&line));
        // Nothing is lost behind much else.
        let line = format!("{}; rm x", "a ".repeat(30_000));
        assert!(pattern.is_mentioned_in(&Line::typed(&line)));
    }
}
