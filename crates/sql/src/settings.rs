//! SET, RESET and `set_config`.

use crate::effect::{Object, ObjectKind, Role, Verb};
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

/// What setting this does. `value` is `None` for a default, or where it is not written as a literal.
pub(crate) fn verb(name: &str, value: Option<&str>) -> Verb {
    let name = name.to_lowercase();
    let value = value.map(str::to_lowercase);
    if IDENTITY.contains(&name.as_str()) {
        return Verb::Administer;
    }
    // The text is read as UTF-8 and with standard strings here, so the server must do the same.
    let is_safe = match (name.as_str(), value.as_deref()) {
        ("client_encoding", Some("utf8" | "utf-8" | "unicode"))
        | ("standard_conforming_strings", Some("on" | "true" | "yes" | "1")) => true,
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
    fn names_and_values_are_judged() {
        assert_eq!(verb("TimeZone", Some("UTC")), Verb::Set);
        assert_eq!(verb("Role", Some("postgres")), Verb::Administer);
        assert_eq!(verb("row_security", Some("off")), Verb::SetGuarded);
        assert_eq!(verb("client_encoding", Some("UTF8")), Verb::Set);
        assert_eq!(verb("client_encoding", Some("SJIS")), Verb::SetGuarded);
        assert_eq!(verb("client_encoding", None), Verb::SetGuarded);
        assert_eq!(
            verb("standard_conforming_strings", Some("off")),
            Verb::SetGuarded
        );
        assert_eq!(verb("app.user", Some("1")), Verb::SetGuarded);
        assert_eq!(verb("enable_seqscan", Some("off")), Verb::Set);
    }
}
