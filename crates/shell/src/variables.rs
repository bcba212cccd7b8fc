//! Environment variables.

/// Names; one that ends in `*` stands for all that begin so.
const DECIDING: &[&str] = &[
    // What a name without `/` is, and what words are.
    "PATH",
    "IFS",
    "PWD",
    "OLDPWD",
    "CDPATH",
    "HOME",
    "SHELL",
    // Files that shells read, and their options.
    "ENV",
    "BASH_ENV",
    "ZDOTDIR",
    "FPATH",
    "SHELLOPTS",
    "BASHOPTS",
    "POSIXLY_CORRECT",
    "KSH_ENV",
    // Text that shells take for code.
    "PS0",
    "PS1",
    "PS2",
    "PS3",
    "PS4",
    "PROMPT_COMMAND",
    "BASH_FUNC_*",
    "__fish*",
    "fish_*",
    // What any program loads, or runs in place of another.
    "LD_*",
    "GCONV_PATH",
    "GETCONF_DIR",
    "LOCPATH",
    "NLSPATH",
    "MALLOC_*",
    "GLIBC_TUNABLES",
    "XDG_*",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "SYSTEMD_*",
    "SUDO_*",
    "LESS*",
    "TERMINFO*",
    "TERMCAP",
    "GIT_ASKPASS",
    "GIT_CONFIG*",
    "GIT_DIR",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH*",
    "GIT_TEMPLATE_DIR",
    "SSH_*",
    "RSYNC_*",
    "PERL*",
    "PYTHON*",
    "RUBY*",
    "NODE_*",
    "LUA_*",
    "JAVA_*",
    "JDK_*",
    "_JAVA_OPTIONS",
];

/// Whether a variable decides what a shell, or a usual program, runs: a client that may set it can make one command another.
/// The list cannot be complete.
pub fn decides_what_runs(name: &[u8]) -> bool {
    DECIDING.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning.as_bytes()),
        None => name == known.as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::decides_what_runs;

    #[test]
    fn what_decides_is_known() {
        for name in [
            "PATH",
            "BASH_ENV",
            "ENV",
            "LD_PRELOAD",
            "BASH_FUNC_ls%%",
            "PYTHONPATH",
            "PERL5OPT",
            "GIT_SSH_COMMAND",
        ] {
            assert!(decides_what_runs(name.as_bytes()), "{name}");
        }
        for name in [
            "LANG",
            "LC_ALL",
            "COLORTERM",
            "TZ",
            "DEPLOY_ENV",
            "GIT_PROTOCOL",
            "PATHS",
            "",
        ] {
            assert!(!decides_what_runs(name.as_bytes()), "{name}");
        }
    }
}
