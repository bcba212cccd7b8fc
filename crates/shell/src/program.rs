//! The first word: whether a shell looks for a program of that name, and does nothing else.

use crate::Reason;

/// Reserved words and builtins of sh, dash, bash, ksh93, mksh, zsh, yash, busybox, csh, tcsh and fish, sorted.
///
/// Not only those that take code for an argument, as `eval` and `trap` do: arithmetic is code too. bash and zsh run the
/// command in `printf -v 'a[$(id)]' x`, bash and mksh the one in `test -v 'a[$(id)]'`. A program of such a name can
/// still be named by its path.
const SHELL_WORDS: &str = "\
    . : @ N_ [ [[ _ abbr alias alloc and argparse array autoload begin bg bind bindkey block break breakpoint
    breaksw builtin builtins bye caller case cd cdh chdir command commandline compadd comparguments compcall
    compctl compdescribe compfiles compgen compgroups complete compopt compound compquote compset comptags
    comptry compvalues contains continue coproc count declare default dirh dirs disable disown do done echotc
    echoti edit_command_buffer elif else emit emulate enable end endif endsw enum esac eval exec exit export
    fc fg fi filetest fish_config float for foreach funced funcsave function functions getln getopts getspath
    getxvers glob global goto hash hashstat help hist history hup if in inlib integer isatty jobs la let limit
    linedit ll local log logout mapfile math migrate nameref nextd nocorrect noglob not notify onintr or path
    popd prevd print printf private psub pushd pushln r random read readarray readonly redirect rehash repeat
    return rootnode sched select set set_color setenv setopt setpath setspath settc setty setxvers shift shopt
    source status stop string suspend switch telltc termname test then time times trap ttyctl type typeset
    ulimit umask unalias uncomplete unfunction unhash universe unlimit unset unsetenv unsetopt until vared ver
    wait warp watchlog whence where while zcompile zformat zle zmodload zparseopts zregexparse zstyle";

/// Builtins of some shells that do what the program of that name does and take no code for an argument. Their names are
/// let through.
pub const HARMLESS_BUILTINS: &[&str] = &[
    "cat", "echo", "false", "kill", "login", "ls-F", "mknod", "newgrp", "nice", "nohup",
    "printenv", "pwd", "realpath", "rename", "sleep", "true", "which",
];

/// Why some shell might not run the program that this first word names, or run it otherwise.
pub(crate) fn program_fault(word: &str) -> Option<Reason> {
    let Some(first) = word.chars().next() else {
        return Some(Reason::EmptyProgram);
    };
    // `sh -c -x` takes `-x` for an option, and zsh's `-` is a word that changes how the next is run.
    if matches!(first, '-' | '+') {
        return Some(Reason::OptionFirst);
    }
    if word.contains('=') {
        return Some(Reason::Assignment);
    }
    if let Some(known) = shell_word(word) {
        return Some(Reason::ShellWord(known));
    }
    // `%1` is a job, `x:` a label of csh, and a directory is entered by fish.
    let begins_well = first.is_ascii_alphanumeric() || matches!(first, '.' | '/' | '_');
    let ends_badly = word.ends_with([':', '/']) || word == "..";
    (!begins_well || ends_badly).then_some(Reason::ProgramName)
}

fn shell_word(word: &str) -> Option<&'static str> {
    SHELL_WORDS
        .split_ascii_whitespace()
        .find(|known| *known == word)
}

#[cfg(test)]
mod tests {
    use super::{SHELL_WORDS, program_fault};
    use crate::Reason;

    #[test]
    fn the_words_are_sorted() {
        let words: Vec<&str> = SHELL_WORDS.split_ascii_whitespace().collect();
        assert!(words.is_sorted_by(|one, next| one < next));
        assert!(words.len() > 190, "{}", words.len());
    }

    #[test]
    fn names_of_programs_pass() {
        for name in [
            "id",
            "/usr/bin/id",
            "./run",
            "../run",
            "7z",
            "_x",
            "a:b",
            "g++",
            "x.sh",
            "/opt/My App/run",
        ] {
            assert_eq!(program_fault(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_says_why() {
        for (word, reason) in [
            ("", Reason::EmptyProgram),
            ("-x", Reason::OptionFirst),
            ("-", Reason::OptionFirst),
            ("+x", Reason::OptionFirst),
            ("PATH=/tmp", Reason::Assignment),
            ("/a=b", Reason::Assignment),
            ("eval", Reason::ShellWord("eval")),
            (".", Reason::ShellWord(".")),
            (":", Reason::ShellWord(":")),
            ("[", Reason::ShellWord("[")),
            ("..", Reason::ProgramName),
            ("label:", Reason::ProgramName),
            ("/tmp/", Reason::ProgramName),
            ("%1", Reason::ProgramName),
            ("{", Reason::ProgramName),
            ("*", Reason::ProgramName),
        ] {
            assert_eq!(program_fault(word), Some(reason), "{word}");
        }
    }
}
