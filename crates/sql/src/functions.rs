//! Functions of PostgreSQL and its usual extensions that do more than compute a value.
//!
//! Told by the last part of the name: extensions stand in any schema, and `search_path` may put any schema first. A
//! harmless function of the same name is then taken for a dangerous one, and never the other way round.

use crate::effect::Verb;

/// What a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// This, to nothing that its arguments name.
    Does(Verb),
    /// This, to the sequence that its first argument names.
    ToSequence(Verb),
    /// `set_config`.
    Sets,
}

/// What a function of this name does besides computing, when it is in the list; its schema does not matter.
pub fn known_function(name: &str) -> Option<Verb> {
    known(name).map(|known| match known {
        Known::Does(verb) | Known::ToSequence(verb) => verb,
        Known::Sets => SetGuarded,
    })
}

pub(crate) fn known(name: &str) -> Option<Known> {
    match name {
        "set_config" => return Some(Known::Sets),
        "nextval" | "setval" => return Some(Known::ToSequence(Verb::Update)),
        "currval" => return Some(Known::ToSequence(Verb::Read)),
        _ => {}
    }
    if let Some((_, verb)) = EXACT.iter().find(|(known, _)| *known == name) {
        return Some(Known::Does(*verb));
    }
    let (_, verb) = PREFIXES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix))?;
    Some(Known::Does(*verb))
}

use Verb::{Administer, Escape, Lock, Maintain, Notify, SetGuarded};

const PREFIXES: &[(&str, Verb)] = &[
    // Other servers.
    ("dblink", Escape),
    ("postgres_fdw_", Administer),
    // Large objects: files, and data outside of tables.
    ("lo_", Escape),
    // Files of the server.
    ("pg_read_", Escape),
    ("pg_ls_", Escape),
    ("pg_file_", Escape),
    ("pg_stat_file", Escape),
    ("pg_logdir_ls", Escape),
    // Replication, backup, recovery.
    ("pg_logical_", Administer),
    ("pg_replication_", Administer),
    ("pg_create_", Administer),
    ("pg_drop_replication_slot", Administer),
    ("pg_copy_", Administer),
    ("pg_backup_", Administer),
    ("pg_start_backup", Administer),
    ("pg_stop_backup", Administer),
    ("pg_wal_replay_", Administer),
    ("pg_sync_replication_slots", Administer),
    // Statistics of all sessions.
    ("pg_stat_reset", Administer),
    ("pg_clear_", Administer),
    ("pg_restore_", Administer),
    ("binary_upgrade_", Administer),
    // Pages, tuples and buffers past every right.
    ("heap_", Escape),
    ("bt_", Escape),
    ("brin_page", Escape),
    ("gin_page", Escape),
    ("gin_leafpage", Escape),
    ("gin_metapage", Escape),
    ("gist_page", Escape),
    ("hash_page", Escape),
    ("hash_bitmap", Escape),
    ("hash_metapage", Escape),
    ("tuple_data_split", Escape),
    ("get_raw_page", Escape),
    ("page_header", Escape),
    ("pgstattuple", Maintain),
    ("pg_prewarm", Maintain),
    ("autoprewarm_", Maintain),
    ("pg_advisory_", Lock),
    ("pg_try_advisory_", Lock),
    ("crosstab", Escape),
    ("xslt_process", Escape),
];

const EXACT: &[(&str, Verb)] = &[
    // Texts that are run as SQL.
    ("query_to_xml", Escape),
    ("query_to_xmlschema", Escape),
    ("query_to_xml_and_xmlschema", Escape),
    ("cursor_to_xml", Escape),
    ("cursor_to_xmlschema", Escape),
    ("table_to_xml", Escape),
    ("table_to_xmlschema", Escape),
    ("table_to_xml_and_xmlschema", Escape),
    ("schema_to_xml", Escape),
    ("schema_to_xmlschema", Escape),
    ("schema_to_xml_and_xmlschema", Escape),
    ("database_to_xml", Escape),
    ("database_to_xmlschema", Escape),
    ("database_to_xml_and_xmlschema", Escape),
    ("ts_stat", Escape),
    ("ts_rewrite", Escape),
    ("connectby", Escape),
    ("xpath_table", Escape),
    ("plpgsql_call_handler", Escape),
    ("plpgsql_inline_handler", Escape),
    ("schedule", Escape),
    ("schedule_in_database", Escape),
    ("unschedule", Escape),
    // Large objects without the prefix.
    ("loread", Escape),
    ("lowrite", Escape),
    ("lo", Escape),
    // Files.
    ("pg_current_logfile", Escape),
    ("pg_execute_server_program", Escape),
    // Other sessions and the server.
    ("pg_terminate_backend", Escape),
    ("pg_cancel_backend", Administer),
    ("pg_reload_conf", Administer),
    ("pg_rotate_logfile", Administer),
    ("pg_log_backend_memory_contexts", Administer),
    ("pg_switch_wal", Administer),
    ("pg_log_standby_snapshot", Administer),
    ("pg_promote", Administer),
    ("pg_export_snapshot", Administer),
    ("pg_import_system_collations", Administer),
    ("pg_nextoid", Administer),
    ("pg_extension_config_dump", Administer),
    ("pg_set_relation_stats", Administer),
    ("pg_set_attribute_stats", Administer),
    ("pg_truncate_visibility_map", Administer),
    ("pg_stat_statements_reset", Administer),
    // What shows rows or texts of others.
    ("pg_stat_get_activity", Verb::Read),
    ("pg_stat_get_backend_activity", Verb::Read),
    ("pg_hba_file_rules", Escape),
    ("pg_ident_file_mappings", Escape),
    ("pg_show_all_file_settings", Escape),
    // Upkeep.
    ("brin_summarize_new_values", Maintain),
    ("brin_summarize_range", Maintain),
    ("brin_desummarize_range", Maintain),
    ("gin_clean_pending_list", Maintain),
    ("pg_stat_force_next_flush", Maintain),
    // Channels between sessions.
    ("pg_notify", Notify),
    // Rules of the database itself.
    ("lastval", Verb::Read),
    ("pg_sequence_last_value", Verb::Read),
    ("pg_get_sequence_data", Verb::Read),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{EXACT, Known, PREFIXES, known};
    use crate::effect::Verb;

    #[test]
    fn names_are_in_lower_case_and_listed_once() {
        let names: Vec<&str> = EXACT.iter().chain(PREFIXES).map(|entry| entry.0).collect();
        assert!(names.iter().all(|name| *name == name.to_lowercase()));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn families_are_known() {
        for name in [
            "dblink_exec",
            "lo_import",
            "pg_read_binary_file",
            "pg_ls_dir",
            "query_to_xml",
        ] {
            assert_eq!(known(name), Some(Known::Does(Verb::Escape)), "{name}");
        }
        for name in [
            "lower",
            "count",
            "now",
            "pg_get_viewdef",
            "format_type",
            "pg_table_is_visible",
        ] {
            assert_eq!(known(name), None, "{name}");
        }
    }
}
