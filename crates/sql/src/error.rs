/// Why a statement text could not be analysed. None of them holds any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// More than [`crate::TEXT_BYTES_MAX`].
    #[error("the statement is longer than {} bytes", crate::TEXT_BYTES_MAX)]
    TooLong,
    /// More than [`crate::TOKENS_MAX`].
    #[error("the statement has more than {} tokens", crate::TOKENS_MAX)]
    TooManyTokens,
    /// Nested deeper than the analysis goes (100 levels of the parser's tree, some 45 of an expression), or made so
    /// that its tree would be far larger than its text.
    #[error("the statement is nested too deeply")]
    TooDeep,
    /// PostgreSQL's grammar does not accept it.
    #[error("the statement does not follow PostgreSQL's grammar")]
    Syntax,
    /// The parser gave back something that it should not.
    #[error("the parser failed")]
    Parser,
}
