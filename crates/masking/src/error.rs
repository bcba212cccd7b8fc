use thiserror::Error;

/// Why a mask cannot be made. Values never lead to an error: what cannot be masked becomes NULL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MaskError {
    /// A custom pattern is longer than [`crate::MAX_PATTERN_BYTES`].
    #[error("the pattern is longer than {0} bytes")]
    PatternTooLong(usize),
    /// More custom patterns than [`crate::MAX_PATTERNS`].
    #[error("there are more than {0} patterns")]
    TooManyPatterns(usize),
    /// The text is no regular expression.
    #[error("the pattern does not parse: {0}")]
    PatternSyntax(String),
    /// It matches the empty text, which is everywhere.
    #[error("the pattern matches the empty text")]
    PatternMatchesNothing,
    /// Its matches have no bound, or one above [`crate::MAX_PATTERN_MATCH_BYTES`].
    #[error(
        "the pattern can match more than {0} bytes: give repetitions a bound, such as {{1,64}}"
    )]
    PatternUnbounded(usize),
    /// The automaton would be too large.
    #[error("the pattern is too large when compiled")]
    PatternTooLarge,
    /// A fixed text is too long or has a zero byte in it.
    #[error("the redaction text must have at most {0} bytes, and no zero byte")]
    Redaction(usize),
    /// A token's prefix is too long or not of letters, digits, `_`, `-`, `.` and `:`.
    #[error(
        "the token prefix must have at most {0} bytes, of letters, digits, '_', '-', '.' and ':'"
    )]
    TokenPrefix(usize),
    /// The character that stands for a hidden one is a control character or needs escapes.
    #[error(
        "the masking character must be printable and none of quotes, backslash, '<', '>' and '&'"
    )]
    MaskCharacter,
    /// A JSON path is not of the form `$.a.b[*].c`.
    #[error("the JSON path does not parse at byte {0}")]
    JsonPath(usize),
    /// Too many JSON paths, or none.
    #[error("there must be between 1 and {0} JSON paths")]
    JsonPaths(usize),
    /// The crypto library refused a key.
    #[error("the key cannot be used")]
    Key,
}
