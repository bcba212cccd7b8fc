//! Tells statements that only read from those that may change something, for durability alone (C3).
//!
//! A statement is `Read` only when this small scanner understands all of it: one `SELECT`, `TABLE` or
//! `VALUES` without calls outside of a list of built-in functions, `SHOW`, or a transaction statement that
//! changes nothing. Everything else is `Unknown`, which costs one more wait for the disk and nothing else.
//! What a view or a user-defined operator does behind such a statement is not seen here; judging by
//! PostgreSQL's own grammar is the policy engine's work.

use custos_model::Effect;

/// Longer statements are not looked at.
const SCAN_LIMIT_BYTES: usize = 16 * 1024;

/// Functions that may stand in a read: built in, without side effects.
const PURE_FUNCTIONS: &[&str] = &[
    "abs",
    "avg",
    "bool_and",
    "bool_or",
    "cardinality",
    "ceil",
    "char_length",
    "coalesce",
    "concat",
    "count",
    "current_database",
    "current_schema",
    "date_part",
    "date_trunc",
    "dense_rank",
    "exists",
    "extract",
    "first_value",
    "floor",
    "generate_series",
    "greatest",
    "lag",
    "last_value",
    "lead",
    "least",
    "length",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "now",
    "nullif",
    "octet_length",
    "position",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "trim",
    "trunc",
    "unnest",
    "upper",
    "version",
];

/// Words that may stand before an opening parenthesis without being a call.
const WORDS_BEFORE_PARENTHESIS: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "distinct",
    "else",
    "except",
    "filter",
    "from",
    "having",
    "in",
    "intersect",
    "is",
    "join",
    "lateral",
    "like",
    "ilike",
    "limit",
    "not",
    "offset",
    "on",
    "or",
    "over",
    "partition",
    "select",
    "some",
    "then",
    "union",
    "using",
    "values",
    "when",
    "where",
    "with",
    "within",
];

/// Words that make a `SELECT` more than a read, or that could.
const WRITING_WORDS: &[&str] = &[
    "call", "delete", "do", "execute", "for", "insert", "into", "merge", "truncate", "update",
];

/// What the statement does, as far as can be told.
pub(crate) fn effect(statement: &[u8]) -> Effect {
    if statement.len() <= SCAN_LIMIT_BYTES && only_reads(statement).unwrap_or(false) {
        Effect::Read
    } else {
        Effect::Unknown
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a [u8]),
    QuotedName,
    Literal,
    Open,
    Semicolon,
    Other,
}

/// The scanner met what it does not know.
#[derive(Debug)]
struct NotUnderstood;

fn only_reads(statement: &[u8]) -> Result<bool, NotUnderstood> {
    let mut scanner = Scanner { rest: statement };
    let Some(first) = scanner.next()? else {
        return Ok(true);
    };
    match first {
        Token::Semicolon => Ok(scanner.next()?.is_none()),
        Token::Word(word) if is(word, "show") => one_statement(&mut scanner, |_| true),
        Token::Word(word) if is(word, "begin") || is(word, "start") || is(word, "rollback") => {
            // ROLLBACK PREPARED ends somebody's prepared transaction.
            one_statement(&mut scanner, |word| !is(word, "prepared"))
        }
        Token::Word(word) if is(word, "select") || is(word, "table") || is(word, "values") => {
            select(&mut scanner)
        }
        _ => Ok(false),
    }
}

fn one_statement(
    scanner: &mut Scanner<'_>,
    allowed: impl Fn(&[u8]) -> bool,
) -> Result<bool, NotUnderstood> {
    while let Some(token) = scanner.next()? {
        match token {
            Token::Semicolon => return Ok(scanner.next()?.is_none()),
            Token::Word(word) if !allowed(word) => return Ok(false),
            Token::Open => return Ok(false),
            _ => {}
        }
    }
    Ok(true)
}

fn select(scanner: &mut Scanner<'_>) -> Result<bool, NotUnderstood> {
    let mut previous = Token::Other;
    while let Some(token) = scanner.next()? {
        match (previous, token) {
            (_, Token::Semicolon) => return Ok(scanner.next()?.is_none()),
            (_, Token::Word(word)) if listed(word, WRITING_WORDS) => return Ok(false),
            (Token::Word(word), Token::Open)
                if !listed(word, PURE_FUNCTIONS) && !listed(word, WORDS_BEFORE_PARENTHESIS) =>
            {
                return Ok(false);
            }
            (Token::QuotedName, Token::Open) => return Ok(false),
            _ => {}
        }
        previous = token;
    }
    Ok(true)
}

fn is(word: &[u8], expected: &str) -> bool {
    word.eq_ignore_ascii_case(expected.as_bytes())
}

fn listed(word: &[u8], list: &[&str]) -> bool {
    list.iter().any(|entry| is(word, entry))
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// The next token; `None` at the end.
    fn next(&mut self) -> Result<Option<Token<'a>>, NotUnderstood> {
        self.skip_space();
        let Some((&first, after)) = self.rest.split_first() else {
            return Ok(None);
        };
        let token = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => return self.word().map(Some),
            b'0'..=b'9' => {
                self.take_while(|byte| {
                    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_'
                });
                return Ok(Some(Token::Literal));
            }
            b'\'' => return self.quoted(b'\'').map(|()| Some(Token::Literal)),
            b'"' => return self.quoted(b'"').map(|()| Some(Token::QuotedName)),
            b'$' => {
                // A parameter; a dollar quote is not followed.
                self.rest = after;
                let digits = self.take_while(|byte| byte.is_ascii_digit());
                return if digits.is_empty() {
                    Err(NotUnderstood)
                } else {
                    Ok(Some(Token::Literal))
                };
            }
            b'(' => Token::Open,
            b';' => Token::Semicolon,
            // A cast can call a user's function; comments, and bytes outside of ASCII, are not followed.
            b'-' if after.first() == Some(&b'-') => return Err(NotUnderstood),
            b'/' if after.first() == Some(&b'*') => return Err(NotUnderstood),
            b')' | b',' | b'.' | b'*' | b'+' | b'-' | b'/' | b'<' | b'>' | b'=' | b'%' | b'['
            | b']' | b'|' | b'!' | b'~' | b'^' | b'&' | b'#' | b'@' | b'?' => Token::Other,
            _ => return Err(NotUnderstood),
        };
        self.rest = after;
        Ok(Some(token))
    }

    fn word(&mut self) -> Result<Token<'a>, NotUnderstood> {
        let word =
            self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$');
        match self.rest.first() {
            // E'', B'', U&"" and names that go on outside of ASCII.
            Some(b'\'' | b'"' | b'&' | 0x80..) => Err(NotUnderstood),
            _ => Ok(Token::Word(word)),
        }
    }

    /// A quoted run; doubled quotes inside. A backslash may or may not escape, so none is accepted.
    fn quoted(&mut self, quote: u8) -> Result<(), NotUnderstood> {
        let mut bytes = self.rest.iter().enumerate().skip(1);
        while let Some((position, &byte)) = bytes.next() {
            if byte == b'\\' {
                return Err(NotUnderstood);
            }
            if byte == quote {
                let after = self.rest.get(position + 1..).unwrap_or_default();
                if after.first() != Some(&quote) {
                    self.rest = after;
                    return Ok(());
                }
                bytes.next();
            }
        }
        Err(NotUnderstood)
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self
            .rest
            .iter()
            .position(|&byte| !keep(byte))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip_space(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b));
    }
}

#[cfg(test)]
mod tests {
    use custos_model::Effect;

    use super::effect;

    #[test]
    fn reads_are_recognised() {
        for read in [
            "",
            ";",
            "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;",
            "SELECT abalance FROM pgbench_accounts WHERE aid = $1",
            "select count(*), max(\"a b\") from t where name in ('x', 'it''s') and (a or b)",
            "BEGIN",
            "start transaction isolation level serializable",
            "ROLLBACK;",
            "SHOW server_version",
            "table t",
        ] {
            assert_eq!(effect(read.as_bytes()), Effect::Read, "{read}");
        }
    }

    #[test]
    fn whatever_could_change_something_is_not_a_read() {
        for other in [
            "UPDATE t SET a = 1",
            "select 1; drop table t",
            "select nextval('s')",
            "select f(1)",
            "select \"lower\"(x) from t",
            "select pg_catalog.set_config('a', 'b', false)",
            "select * into t2 from t",
            "select * from t for update",
            "with x as (delete from t returning *) select * from x",
            "select 'a\\'; delete from t; --'",
            "select E'\\'' ; delete from t",
            "select $$ $$ ; delete from t",
            "select /* ' */ 1; delete from t -- '",
            "select 1 -- \n; delete from t",
            "select x::custom from t",
            "explain analyze delete from t",
            "rollback prepared 'x'",
            "commit",
            "end",
            "copy t to program 'x'",
            "select U&\"d\\0061t\" from t",
            "select \u{e4} from t",
            "select 'unterminated",
            "do $$begin end$$",
            "begin; delete from t",
            "values (f(1))",
            "table t; drop table t",
        ] {
            assert_eq!(effect(other.as_bytes()), Effect::Unknown, "{other}");
        }
    }
}
