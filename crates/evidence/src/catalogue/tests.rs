use super::*;

#[test]
fn every_type_is_described_once_and_in_order() {
    let described: Vec<_> = ENTRIES.iter().map(|entry| entry.kind).collect();
    assert_eq!(described, RecordType::ALL);
}

#[test]
fn session_types_and_only_they_have_a_session() {
    for entry in ENTRIES {
        assert_eq!(
            entry.required.contains(&"sess"),
            entry.kind.has_session(),
            "{:?}",
            entry.kind
        );
        assert!(!entry.optional.contains(&"sess"), "{:?}", entry.kind);
    }
}

#[test]
fn members_are_sorted_and_detail_is_declared_where_it_has_members() {
    for entry in ENTRIES {
        assert!(
            entry.required.is_sorted() && entry.optional.is_sorted(),
            "{:?}",
            entry.kind
        );
        assert!(
            entry.detail.is_sorted_by_key(|member| member.name),
            "{:?}",
            entry.kind
        );
        assert_eq!(
            entry.optional.contains(&"detail"),
            !entry.detail.is_empty(),
            "{:?}",
            entry.kind
        );
    }
}

#[test]
fn the_page_names_every_type_and_detail() {
    let page = markdown();
    for entry in ENTRIES {
        assert!(page.contains(&format!("\n## {}\n", entry.kind.as_str())));
        for member in entry.detail {
            assert!(page.contains(&format!("| `{}` |", member.name)));
        }
    }
}

#[test]
fn the_schema_is_json_with_a_branch_for_each_type() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), ENTRIES.len());
    assert_eq!(schema["oneOf"][0]["properties"]["sess"], false);
}
