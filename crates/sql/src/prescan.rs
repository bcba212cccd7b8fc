//! A look at the tokens, before the parser may build anything of them.

use pg_query::protobuf::{ScanToken, Token};

use crate::error::SqlError;
use crate::parse::{TEXT_BYTES_MAX, TOKENS_MAX};

/// The largest tree that a text may grow into, in bytes of text copied.
const GROWTH_BYTES_MAX: usize = 64 << 20;

const OPEN: i32 = b'(' as i32;
const CLOSE: i32 = b')' as i32;
const COMMA: i32 = b',' as i32;
const EQUALS: i32 = b'=' as i32;

/// The tokens of a text, if it can be analysed at reasonable cost.
pub(crate) fn tokens(text: &str) -> Result<Vec<ScanToken>, SqlError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SqlError::TooLong);
    }
    // The scanner must not be asked for no tokens at all: its list is then a null pointer, which the crate around it
    // takes for a slice. So there is always one, behind the text, on a line of its own.
    let mut tokens = pg_query::scan_tokens(&format!("{text}\n;")).map_err(|_| SqlError::Syntax)?;
    tokens.pop();
    if tokens.len() > TOKENS_MAX {
        return Err(SqlError::TooManyTokens);
    }
    if growth(text.len(), &tokens) > GROWTH_BYTES_MAX {
        return Err(SqlError::TooDeep);
    }
    Ok(tokens)
}

/// How large the tree can become. `SET (a, b, c) = (source)` holds its source once for each column, and sources nest.
fn growth(bytes: usize, tokens: &[ScanToken]) -> usize {
    let mut levels = vec![Level::default()];
    let (mut columns, mut nesting) = (0_usize, 0_u32);
    let mut before = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.token {
            OPEN => levels.push(Level {
                in_set: before == Token::Set as i32 || before == COMMA,
                ..Level::default()
            }),
            CLOSE if levels.len() > 1 => {
                let closed = levels.pop().unwrap_or_default();
                let next = tokens.get(index.saturating_add(1)).map(|token| token.token);
                if closed.in_set && next == Some(EQUALS) {
                    columns = columns.saturating_add(closed.commas + 1);
                }
            }
            COMMA => {
                if let Some(level) = levels.last_mut() {
                    level.commas += 1;
                }
            }
            kind if kind == Token::Set as i32 => {
                if let Some(level) = levels.last_mut() {
                    level.has_set = true;
                }
                let open = levels.iter().filter(|level| level.has_set).count();
                nesting = nesting.max(u32::try_from(open).unwrap_or(u32::MAX));
            }
            _ => {}
        }
        before = token.token;
    }
    if columns == 0 {
        return 0;
    }
    bytes.saturating_mul(columns.saturating_pow(nesting))
}

#[derive(Default)]
struct Level {
    commas: usize,
    in_set: bool,
    has_set: bool,
}

pub(crate) fn place(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

pub(crate) fn is_minus(token: &ScanToken) -> bool {
    token.token == i32::from(b'-')
}

pub(crate) fn is_literal(token: &ScanToken) -> bool {
    matches!(
        Token::try_from(token.token),
        Ok(Token::Sconst
            | Token::Usconst
            | Token::Iconst
            | Token::Fconst
            | Token::Bconst
            | Token::Xconst)
    )
}
