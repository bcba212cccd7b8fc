//! SET, RESET and `set_config`.

use pg_query::protobuf::VariableSetKind;

use crate::effect::{Object, ObjectKind, Role, Verb};
use crate::parse::trees;
use crate::pieces;
use crate::tree::Node;
use crate::walk::Walk;

/// Neither change what a statement means, nor what is allowed, nor what is seen or logged.
const HARMLESS: &[&str] = &[
    "application_name",
    "bytea_output",
    "client_connection_check_interval",
    "client_min_messages",
    "commit_delay",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "datestyle",
    "deadlock_timeout",
    "default_statistics_target",
    "default_table_access_method",
    "default_text_search_config",
    "default_toast_compression",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "effective_cache_size",
    "effective_io_concurrency",
    "escape_string_warning",
    "extra_float_digits",
    "force_parallel_mode",
    "from_collapse_limit",
    "gin_fuzzy_search_limit",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "join_collapse_limit",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "logical_decoding_work_mem",
    "maintenance_work_mem",
    "parallel_leader_participation",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "quote_all_identifiers",
    "random_page_cost",
    "search_path",
    "seq_page_cost",
    "statement_timeout",
    "synchronize_seqscans",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "temp_buffers",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_timeout",
    "work_mem",
    "xmlbinary",
    "xmloption",
];
const HARMLESS_PREFIXES: &[&str] = &[
    "enable_",
    "geqo",
    "jit",
    "max_parallel_",
    "min_parallel_",
    "vacuum_cost_",
];
/// Who one is.
const IDENTITY: &[&str] = &["role", "session_authorization", "session_replication_role"];

/// What a session does that has this setting: [`Verb::Set`] where it matters to nobody else.
pub fn setting_verb(name: &str, value: &str) -> Verb {
    verb(name, Some(value))
}

/// The settings of a startup message's `options`, as the server reads them (PostgreSQL documentation, "Environment
/// Variables" of libpq, and `process_postgres_switches`): words by spaces that a backslash does not stand before.
/// `None`: there is something else than settings in it.
pub fn startup_settings(options: &str) -> Option<Vec<(String, String)>> {
    let mut words = vec![String::new()];
    let mut characters = options.chars();
    while let Some(next) = characters.next() {
        match next {
            '\\' => words.last_mut()?.push(characters.next()?),
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => words.push(String::new()),
            other => words.last_mut()?.push(other),
        }
    }
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.as_str() {
            "-c" => words.next()?,
            other => other
                .strip_prefix("-c")
                .or_else(|| other.strip_prefix("--"))?
                .to_owned(),
        };
        let (name, value) = setting.split_once('=')?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Some(settings)
}

/// The schemas that a statement which changes `search_path` sets it to, as written; `$user` is one of them. Empty for
/// what it was at first. `None`: the text does not tell.
pub fn search_path(statement: &str) -> Option<Vec<String>> {
    let trees = trees(statement).ok()?;
    let [node] = trees.0.as_slice() else {
        return None;
    };
    if node.kind == "SelectStmt" {
        return set_by_function(node);
    }
    if node.kind != "VariableSetStmt" || !node.text("name").eq_ignore_ascii_case("search_path") {
        return None;
    }
    let values: Vec<&Node> = node.list("args").collect();
    let default = i64::from(VariableSetKind::VarSetDefault as i32);
    let reset = i64::from(VariableSetKind::VarReset as i32);
    if [default, reset].contains(&node.int("kind")) {
        return Some(Vec::new());
    }
    let literals: Option<Vec<String>> = values.into_iter().map(pieces::literal).collect();
    literals.filter(|schemas| !schemas.is_empty())
}

/// What a statement makes of a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// Milliseconds; 0 is none.
    Milliseconds(u64),
    /// What it was at first.
    First,
}

/// What a `SET` or `RESET` makes of `statement_timeout`. `None`: it is another statement, or its value is not understood.
pub fn statement_timeout(statement: &str) -> Option<TimeLimit> {
    // Most statements are not parsed once more for this.
    if !statement.to_ascii_lowercase().contains("statement_timeout") {
        return None;
    }
    let trees = trees(statement).ok()?;
    let [node] = trees.0.as_slice() else {
        return None;
    };
    let name = node.text("name");
    if node.kind != "VariableSetStmt" || !name.eq_ignore_ascii_case("statement_timeout") {
        return None;
    }
    let default = i64::from(VariableSetKind::VarSetDefault as i32);
    let reset = i64::from(VariableSetKind::VarReset as i32);
    if [default, reset].contains(&node.int("kind")) {
        return Some(TimeLimit::First);
    }
    let value = pieces::literal(node.list("args").next()?)?;
    milliseconds(&value).map(TimeLimit::Milliseconds)
}

/// A time as a setting has it: a whole number, and a unit or milliseconds (PostgreSQL documentation, "Parameter Names and Values").
pub fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "us" => return Some(number.div_ceil(1000)),
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// `SELECT set_config('search_path', 'a, b', false)` and nothing else.
fn set_by_function(select: &Node) -> Option<Vec<String>> {
    let mut targets = select.list("target_list");
    let call = targets.next()?.node("val")?;
    let alone = targets.next().is_none() && select.list("from_clause").next().is_none();
    if !alone || call.kind != "FuncCall" || call.names("funcname").last()? != "set_config" {
        return None;
    }
    let mut arguments = call.list("args").map(pieces::literal);
    let name = arguments.next()??;
    let value = arguments.next()??;
    name.eq_ignore_ascii_case("search_path")
        .then(|| identifiers(&value))?
}

/// A list of identifiers as in the value of a setting (`SplitIdentifierString` of the server). `None`: it is not
/// understood.
pub fn identifiers(text: &str) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return Some(vec![String::new()]);
    }
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (name, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (name, after) = quoted.split_once('"')?;
            // A quote in a name is rarer than it is worth.
            (!after.starts_with('"')).then_some((name.to_owned(), after))?
        } else {
            let end = rest.find([',', ' ', '\t', '\n', '"']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            (name.to_lowercase(), after)
        };
        found.push(name);
        let after = after.trim_start();
        if after.is_empty() {
            return Some(found);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

/// Whether texts of a client encoding have the structure that their bytes have as UTF-8: so that a quote is a quote. Of
/// the others some have bytes of ASCII inside of their characters. SQL_ASCII is the server's own encoding, none of which
/// has such characters. Names are compared as the server does, by letters and digits alone.
pub fn is_read_as_utf8(encoding: &str) -> bool {
    let name = encoding.chars().filter(char::is_ascii_alphanumeric);
    let name: String = name.map(|letter| letter.to_ascii_lowercase()).collect();
    matches!(name.as_str(), "utf8" | "unicode" | "sqlascii")
}

/// What setting this does. `value` is `None` for a default, or where it is not written as a literal.
pub(crate) fn verb(name: &str, value: Option<&str>) -> Verb {
    let name = name.to_lowercase();
    let value = value.map(str::to_lowercase);
    if IDENTITY.contains(&name.as_str()) {
        return Verb::Administer;
    }
    // The text is read as UTF-8 and with standard strings here, so the server must do the same.
    let is_safe = match (name.as_str(), value.as_deref()) {
        ("client_encoding", Some(encoding)) => is_read_as_utf8(encoding),
        // With `row_security` off, statements fail that would see some rows only: it shows nobody more.
        ("standard_conforming_strings", Some("on" | "true" | "yes" | "1"))
        | ("row_security", Some(_)) => true,
        _ => {
            HARMLESS.contains(&name.as_str())
                || HARMLESS_PREFIXES
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
        }
    };
    if is_safe { Verb::Set } else { Verb::SetGuarded }
}

pub(crate) fn effect(walk: &mut Walk, name: &str, value: Option<&str>) {
    let name = name.to_lowercase();
    walk.facts.shape.changes_search_path |= name == "search_path";
    let object = Object::new(ObjectKind::Setting, vec![name.clone()], Role::Target);
    walk.effect(verb(&name, value), object);
}

#[cfg(test)]
mod tests {
    use super::verb;
    use crate::effect::Verb;

    #[test]
    fn timeouts_are_read_off_the_text() {
        use super::TimeLimit;
        let read = super::statement_timeout;
        let some = |milliseconds| Some(TimeLimit::Milliseconds(milliseconds));
        assert_eq!(read("set statement_timeout = 1500"), some(1500));
        assert_eq!(
            read("SET LOCAL Statement_Timeout TO '2 min'"),
            some(120_000)
        );
        assert_eq!(read("set statement_timeout = '0'"), some(0));
        assert_eq!(read("reset statement_timeout"), Some(TimeLimit::First));
        assert_eq!(
            read("set statement_timeout to default"),
            Some(TimeLimit::First)
        );
        for text in [
            "set lock_timeout = 1",
            "select 'statement_timeout'",
            "set statement_timeout = 'soon'",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn search_paths_are_read_off_the_text() {
        let read = |text: &str| super::search_path(text).map(|schemas| schemas.join(";"));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("set search_path to a, \"B c\""), some("a;B c"));
        assert_eq!(read("set local search_path = ''"), some(""));
        assert_eq!(read("set search_path = 'a, b'"), some("a, b"));
        assert_eq!(
            read("set search_path = \"$user\", public"),
            some("$user;public")
        );
        assert_eq!(read("reset search_path"), some(""));
        assert_eq!(read("set search_path to default"), some(""));
        let by_function = |value: &str| {
            read(&format!(
                "select set_config('search_path', '{value}', false)"
            ))
        };
        assert_eq!(by_function("a, \"B c\" ,D"), some("a;B c;d"));
        assert_eq!(by_function(""), some(""));
        assert_eq!(by_function("a b"), None);
        assert_eq!(
            read("select set_config('search_path', note, false) from orders"),
            None
        );
        assert_eq!(read("set search_path from current"), None);
    }

    #[test]
    fn options_are_read_as_the_server_does() {
        let read = |text: &str| {
            let found = super::startup_settings(text)?;
            let shown = found.iter().map(|(name, value)| format!("{name}={value}"));
            Some(shown.collect::<Vec<_>>().join(";"))
        };
        assert_eq!(read(""), Some(String::new()));
        assert_eq!(
            read("-c role=x  --search-path=a\\ b,c"),
            Some("role=x;search_path=a b,c".to_owned())
        );
        assert_eq!(read("-cgeqo=off"), Some("geqo=off".to_owned()));
        for odd in ["-d 5", "-c", "-c role", "role=x", "a\\", "-f"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn names_and_values_are_judged() {
        assert_eq!(verb("TimeZone", Some("UTC")), Verb::Set);
        assert_eq!(verb("Role", Some("postgres")), Verb::Administer);
        assert_eq!(verb("row_security", Some("off")), Verb::Set);
        assert_eq!(verb("client_encoding", Some("UTF8")), Verb::Set);
        for good in ["'utf-8'", "Unicode", "SQL_ASCII"] {
            assert_eq!(verb("client_encoding", Some(good)), Verb::Set, "{good}");
        }
        for odd in ["SJIS", "GBK", "LATIN1", "utf16", ""] {
            assert_eq!(
                verb("client_encoding", Some(odd)),
                Verb::SetGuarded,
                "{odd}"
            );
        }
        assert_eq!(verb("client_encoding", None), Verb::SetGuarded);
        assert_eq!(
            verb("standard_conforming_strings", Some("off")),
            Verb::SetGuarded
        );
        assert_eq!(verb("app.user", Some("1")), Verb::SetGuarded);
        assert_eq!(verb("enable_seqscan", Some("off")), Verb::Set);
    }
}
