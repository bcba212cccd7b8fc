//! Why a string is not certainly one program with fixed arguments.

use std::fmt;

/// Why a command is [`Complex`](crate::Command::Complex). Its [`Display`](fmt::Display) names what was found, for people: `a pipe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing but blanks.
    Empty,
    /// More than [`MAX_COMMAND_BYTES`](crate::MAX_COMMAND_BYTES).
    TooLong,
    /// More than [`MAX_WORDS`](crate::MAX_WORDS).
    TooManyWords,
    /// A line break, which ends a command.
    Newline,
    /// A control character other than a tab, NUL among them.
    ControlCharacter,
    /// A byte outside ASCII. Shells split such bytes into characters by the account's locale, which a client may choose:
    /// in GB18030 one can take the quote behind it in. Some are blanks to some shells, and some nobody can see.
    NotAscii,
    /// `$`, outside quotes or inside double quotes.
    Variable,
    /// A backquote or `$(`.
    CommandSubstitution,
    /// `;`.
    Semicolon,
    /// `&`: in the background, or the second command of `&&`.
    Ampersand,
    /// `|`, alone or as `||`.
    Pipe,
    /// `<` or `>`, process substitution and here-documents among them.
    Redirection,
    /// `(` or `)`: a subshell, a function, an extended glob.
    Parentheses,
    /// `{` or `}`: brace expansion or a group.
    Braces,
    /// `*`, `?`, `[` or `]`.
    Glob,
    /// `~`: a home directory, or an exclusion in zsh.
    Tilde,
    /// `#`: a comment, or a repetition in zsh.
    Comment,
    /// `!`: csh looks for it inside quotes too.
    History,
    /// `^`: a pipe in the oldest shells, a redirection in fish, an exclusion in csh and zsh.
    Caret,
    /// A word that begins with `%`: a job.
    Job,
    /// A word that begins with `=`: zsh puts the path of a command there, csh a directory of its stack.
    Equals,
    /// `=` in the first word.
    Assignment,
    /// A backslash before a letter, a digit or a blank other than a space: fish reads `\n` as a line break.
    Escape,
    /// Inside quotes, a backslash before a backslash, a quote or another character that it protects in some shells only.
    QuotedBackslash,
    /// A backslash with nothing after it.
    TrailingBackslash,
    /// A quoted part right after another in the same quotes, which a setting of zsh reads as one quote.
    AdjacentQuotes,
    /// A quote that is not closed.
    UnterminatedQuote,
    /// The first word is empty.
    EmptyProgram,
    /// The first word begins with `-` or `+`: the shell would take it for an option of its own.
    OptionFirst,
    /// The first word cannot be the name of a program everywhere: it begins with a sign or ends in `:` or `/`.
    ProgramName,
    /// The first word is a reserved word or a builtin of some shell that does more than a program of that name could.
    ShellWord(&'static str),
}

impl Reason {
    /// The word in records. Never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::TooManyWords => "too_many_words",
            Self::Newline => "newline",
            Self::ControlCharacter => "control_character",
            Self::NotAscii => "not_ascii",
            Self::Variable => "variable",
            Self::CommandSubstitution => "command_substitution",
            Self::Semicolon => "semicolon",
            Self::Ampersand => "ampersand",
            Self::Pipe => "pipe",
            Self::Redirection => "redirection",
            Self::Parentheses => "parentheses",
            Self::Braces => "braces",
            Self::Glob => "glob",
            Self::Tilde => "tilde",
            Self::Comment => "comment",
            Self::History => "history",
            Self::Caret => "caret",
            Self::Job => "job",
            Self::Equals => "equals",
            Self::Assignment => "assignment",
            Self::Escape => "escape",
            Self::QuotedBackslash => "quoted_backslash",
            Self::TrailingBackslash => "trailing_backslash",
            Self::AdjacentQuotes => "adjacent_quotes",
            Self::UnterminatedQuote => "unterminated_quote",
            Self::EmptyProgram => "empty_program",
            Self::OptionFirst => "option_first",
            Self::ProgramName => "program_name",
            Self::ShellWord(_) => "shell_word",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Empty => "no command at all",
            Self::TooLong => "more text than is read",
            Self::TooManyWords => "more words than are read",
            Self::Newline => "a newline",
            Self::ControlCharacter => "a control character",
            Self::NotAscii => "a character outside ASCII",
            Self::Variable => "a variable (`$`)",
            Self::CommandSubstitution => "command substitution",
            Self::Semicolon => "a second command after `;`",
            Self::Ampersand => "a second command or a job after `&`",
            Self::Pipe => "a pipe",
            Self::Redirection => "a redirection",
            Self::Parentheses => "parentheses",
            Self::Braces => "brace expansion",
            Self::Glob => "glob characters",
            Self::Tilde => "a tilde",
            Self::Comment => "a comment (`#`)",
            Self::History => "history expansion (`!`)",
            Self::Caret => "a caret (`^`)",
            Self::Job => "a job (`%`)",
            Self::Equals => "a word that begins with `=`",
            Self::Assignment => "an assignment before the command",
            Self::Escape => "a backslash that shells read differently",
            Self::QuotedBackslash => "a backslash inside quotes that shells read differently",
            Self::TrailingBackslash => "a backslash at the end",
            Self::AdjacentQuotes => "two quoted parts without anything between them",
            Self::UnterminatedQuote => "a quote that is not closed",
            Self::EmptyProgram => "an empty program name",
            Self::OptionFirst => "an option where the program should be",
            Self::ProgramName => "a first word that cannot name a program",
            Self::ShellWord(_) => "a word of the shell",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShellWord(word) => write!(out, "`{word}`, on which the shell itself acts"),
            other => out.write_str(other.text()),
        }
    }
}
