//! Texts that differ in plain values only.

use std::collections::HashSet;

/// Longer texts have no template.
const TEXT_BYTES_MAX: usize = 4 << 10;
const TOKENS_MAX: usize = 1024;
/// Values that are told apart.
const VALUES_MAX: usize = 64;
/// More digits may be a number of another type.
const DIGITS_MAX: usize = 9;
/// Signs that operators are made of.
const OPERATOR_SIGNS: &[u8] = b"+-*/<>=~!@#%^&|`?";
/// What compares a column with a value, or changes it by one.
const OPERATORS: &[&str] = &["=", "<>", "!=", "<", ">", "<=", ">=", "+", "-"];
const KINDS: &[&str] = &["select", "insert", "update", "delete"];
/// What may stand before a column that is compared.
const BEFORE_COLUMNS: &[&str] = &["where", "and", "or", "on", "set", "having", "when", "not"];
/// What may stand behind a value.
const BEHIND_VALUES: &[&str] = &[
    "and",
    "or",
    "order",
    "group",
    "limit",
    "offset",
    "returning",
    "where",
    "for",
    "then",
];
/// Words that are values themselves.
const CONSTANTS: &[&str] = &["true", "false", "null", "default", "unknown"];
/// Words by which a value may become another one.
const UNUSUAL: &[&str] = &["collate", "operator", "uescape"];

/// What a text has in common with all that differ from it in plain values alone: numbers and texts that a column is compared
/// with or changed by, that stand in its list of `IN`, or in the rows of `VALUES`. Statements with the same template are
/// the same to [`parse`](crate::parse), but for places. Equal values of one text stay equal, and those that stand in it
/// elsewhere are not taken out.
///
/// `None` for a text in which anything stands that may be read in another way than is obvious: comments, casts, escapes,
/// dollars, several statements, signs outside ASCII that are in no value. The work is linear.
pub fn template(text: &str) -> Option<String> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let tokens = tokens(text)?;
    let first = tokens.first().filter(|it| it.kind == Kind::Word)?;
    if !is_one_of(first.text, KINDS) {
        return None;
    }
    let (values, others) = values(&tokens);
    let mut template = String::with_capacity(text.len());
    let mut known: Vec<&str> = Vec::new();
    let mut from = 0;
    for token in values {
        if others.contains(token.text) {
            continue;
        }
        let place = known.iter().position(|it| *it == token.text);
        let place = place.unwrap_or_else(|| {
            known.push(token.text);
            known.len() - 1
        });
        if place >= VALUES_MAX {
            return None;
        }
        template.push_str(text.get(from..token.start)?);
        // No other text has these signs.
        template.push(if token.kind == Kind::Number {
            '\u{1}'
        } else {
            '\u{2}'
        });
        template.push(char::from(b'0' + u8::try_from(place).ok()?));
        from = token.start + token.text.len();
    }
    template.push_str(text.get(from..)?);
    Some(template)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    /// In double quotes.
    Name,
    /// A whole number.
    Number,
    /// Another number, or what begins like one.
    Other,
    /// In single quotes.
    Text,
    Operator,
    Sign,
}

#[derive(Clone, Copy, Debug)]
struct Token<'t> {
    kind: Kind,
    start: usize,
    text: &'t str,
}

impl Token<'_> {
    fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Sign | Kind::Operator) && self.text == text
    }

    fn is_word_of(&self, words: &[&str]) -> bool {
        self.kind == Kind::Word && is_one_of(self.text, words)
    }
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let is_letter = |byte: &u8| is_word(byte) && !byte.is_ascii_digit();
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..)?;
        let (kind, length) = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let length = rest.iter().take_while(|it| is_word(it)).count();
                // A prefix of a literal, such as E'…'.
                if matches!(rest.get(length), Some(b'\'' | b'"')) {
                    return None;
                }
                (Kind::Word, length)
            }
            b'0'..=b'9' => {
                let is_part = |it: &&u8| is_word(it) || **it == b'.';
                let length = rest.iter().take_while(is_part).count();
                let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
                let is_plain = length == digits && (length == 1 || byte != b'0');
                // The same number may be written otherwise.
                if !is_plain
                    && (length == digits && byte == b'0'
                        || rest.get(..length)?.iter().any(is_letter))
                {
                    return None;
                }
                let is_value = is_plain && length <= DIGITS_MAX;
                (if is_value { Kind::Number } else { Kind::Other }, length)
            }
            b'\'' => (Kind::Text, quoted(rest, byte)?),
            b'"' => (Kind::Name, quoted(rest, byte)?),
            b'(' | b')' | b',' | b'.' => (Kind::Sign, 1),
            // Of one statement, at its end.
            b';' if rest.iter().skip(1).all(u8::is_ascii_whitespace) => (Kind::Sign, 1),
            _ if OPERATOR_SIGNS.contains(&byte) => {
                let is_sign = |it: &&u8| OPERATOR_SIGNS.contains(it);
                let length = rest.iter().take_while(is_sign).count();
                let operator = rest.get(..length)?;
                // Comments, and U&'…'.
                let is_comment = |it: &[u8]| it == b"--" || it == b"/*";
                if operator.windows(2).any(is_comment) || operator.ends_with(b"&") {
                    return None;
                }
                (Kind::Operator, length)
            }
            _ => return None,
        };
        let token = text.get(at..at + length)?;
        if kind == Kind::Word && is_one_of(token, UNUSUAL) || tokens.len() >= TOKENS_MAX {
            return None;
        }
        tokens.push(Token {
            kind,
            start: at,
            text: token,
        });
        at += length;
    }
    Some(tokens)
}

/// How long something in quotes is; `None` if it has no end, or holds what may be read in more than one way.
fn quoted(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' | 0..=0x1f | 0x7f => return None,
            byte if *byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if *byte == quote => return Some(at + 1),
            byte if !byte.is_ascii() && quote == b'"' => return None,
            _ => at += 1,
        }
    }
}

/// Those tokens that are plain values, and the texts of other literals.
fn values<'a, 't>(tokens: &'a [Token<'t>]) -> (Vec<&'a Token<'t>>, HashSet<&'t str>) {
    let mut plain = Vec::new();
    let mut others = HashSet::new();
    // For each open parenthesis, whether a list of plain values is in it.
    let mut lists: Vec<bool> = Vec::new();
    // How many were open at VALUES, while its rows go on.
    let mut rows_at = None;
    for (index, token) in tokens.iter().enumerate() {
        let before = tokens.get(..index).unwrap_or_default();
        let goes_on = token.is("(") || token.is(",");
        if rows_at == Some(lists.len()) && !goes_on {
            rows_at = None;
        }
        match token.kind {
            Kind::Word if token.is_word_of(&["values"]) => rows_at = Some(lists.len()),
            Kind::Sign if token.is("(") => {
                lists.push(rows_at == Some(lists.len()) || is_in_of_column(before));
            }
            Kind::Sign if token.is(")") => drop(lists.pop()),
            Kind::Number | Kind::Text => {
                let is_entry = lists.last() == Some(&true) && begins_entry(before);
                if ends_here(tokens.get(index + 1)) && (is_entry || is_operand(before)) {
                    plain.push(token);
                } else {
                    others.insert(token.text);
                }
            }
            _ => {}
        }
    }
    (plain, others)
}

/// Whether nothing more belongs to a value, by what stands behind it.
fn ends_here(behind: Option<&Token<'_>>) -> bool {
    behind.is_none_or(|behind| {
        behind.is(")") || behind.is(",") || behind.is(";") || behind.is_word_of(BEHIND_VALUES)
    })
}

/// Without a minus sign at the end.
fn unsigned<'a, 't>(before: &'a [Token<'t>]) -> &'a [Token<'t>] {
    match before.split_last() {
        Some((last, rest)) if last.is("-") => rest,
        _ => before,
    }
}

fn begins_entry(before: &[Token<'_>]) -> bool {
    let last = unsigned(before).last();
    last.is_some_and(|last| last.is("(") || last.is(","))
}

/// Behind a column and an operator, perhaps with a minus sign.
fn is_operand(before: &[Token<'_>]) -> bool {
    let of = |before: &[Token<'_>]| {
        before.split_last().is_some_and(|(operator, rest)| {
            operator.kind == Kind::Operator
                && OPERATORS.contains(&operator.text)
                && ends_in_column(rest)
        })
    };
    of(before) || of(unsigned(before))
}

fn is_in_of_column(before: &[Token<'_>]) -> bool {
    let Some((last, rest)) = before.split_last() else {
        return false;
    };
    let rest = match rest.split_last() {
        Some((not, rest)) if not.is_word_of(&["not"]) => rest,
        _ => rest,
    };
    last.is_word_of(&["in"]) && ends_in_column(rest)
}

/// A name, perhaps with others and points before it, where an expression begins.
fn ends_in_column(before: &[Token<'_>]) -> bool {
    let mut rest = before;
    loop {
        let Some((name, more)) = rest.split_last() else {
            return false;
        };
        let is_name = match name.kind {
            Kind::Name => true,
            Kind::Word => !is_one_of(name.text, CONSTANTS),
            _ => false,
        };
        if !is_name {
            return false;
        }
        match more.split_last() {
            Some((point, more)) if point.is(".") => rest = more,
            Some((begins, _)) => {
                return begins.is_word_of(BEFORE_COLUMNS)
                    || begins.is("(")
                    || begins.is(",")
                    || begins.is("=");
            }
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::template;

    fn shown(text: &str) -> Option<String> {
        let template = template(text)?;
        Some(template.replace('\u{1}', "#").replace('\u{2}', "$"))
    }

    #[test]
    fn plain_values_are_taken_out() {
        for (text, expected) in [
            (
                "select a from t where id = 12",
                "select a from t where id = #0",
            ),
            (
                "SELECT a FROM t WHERE t.id=12;",
                "SELECT a FROM t WHERE t.id=#0;",
            ),
            (
                "select a from t where \"Id\" = 'x''y'",
                "select a from t where \"Id\" = $0",
            ),
            (
                "select a from t where a = 'é'",
                "select a from t where a = $0",
            ),
            (
                "update t set a = a + -12 where b = 3",
                "update t set a = a + -#0 where b = #1",
            ),
            (
                "delete from t where a = 1 or a <> 1",
                "delete from t where a = #0 or a <> #0",
            ),
            (
                "delete from t where a = 1 and b = '1'",
                "delete from t where a = #0 and b = $1",
            ),
            (
                "insert into t values (1, 'a'), (-2, now())",
                "insert into t values (#0, $1), (-#2, now())",
            ),
            (
                "select a from t where a in (1, 2, 1)",
                "select a from t where a in (#0, #1, #0)",
            ),
            (
                "select a from t where a not in ('x')",
                "select a from t where a not in ($0)",
            ),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_may_matter_stays() {
        for text in [
            "select 1",
            "select a from t order by 1",
            "select a from t limit 5",
            "delete from t where 1 = 1",
            "delete from t where true = 't'",
            "delete from t where a = 1 + 1",
            "delete from t where 1 in (1, 2)",
            "delete from t where (1) = 1",
            "select f(1), lo_get(5)",
            "select a from t where a = 1.5",
            "delete from t where a + 1 = a + 1",
            "select a from t where a = 1234567890",
            "select a from t where a like 'x%'",
            "select a from t where a between 1 and 2",
            "select a from t where a = b.1",
            "select a from t where a =- 1",
            "select interval '1' day = '1'",
            "insert into t select 1, 'x'",
        ] {
            assert_eq!(shown(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn unusual_texts_have_none() {
        for text in [
            "",
            "set statement_timeout = 5",
            "explain select a from t where a = 1",
            "select a from t where a = 1; drop table t",
            "select a from t where a = 1 -- x",
            "select a from t where a = /* x */ 1",
            "select a from t where a = '1'::bool",
            "select a from t where a = E'\\n'",
            "select a from t where a = U&'x'",
            "select a from t where a = 'a\\b'",
            "select a from t where a = 'a",
            "select a from t where a = $1",
            "select a from t where 't' collate \"C\" = 't'",
            "select a from t where é = 1",
            "select a from t where a = 007",
            "select a from t where a = 1e3",
            "select a from t where a = 0x7",
            "select a from t where a = 'a\u{1}0'",
            "select a from t where a operator(pg_catalog.=) 1",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
