//! Lists, as they are searched and paged.

use serde_json::json;

use crate::dialogue::{Dialogue, USER};

fn directory() -> (Dialogue, [String; 3]) {
    let mut source = Dialogue::new();
    let ids = [
        ("alice", "1", true),
        ("bob", "2", false),
        ("carol", "3", true),
    ]
    .map(|(name, key, active)| {
        let user =
            json!({"schemas": [USER], "userName": name, "externalId": key, "active": active});
        source.send("POST /Users", &user).body["id"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    (source, ids)
}

#[test]
fn users_are_found() {
    let (mut source, [alice, bob, carol]) = directory();
    for (filter, expected) in [
        (r#"userName eq "BOB""#.to_owned(), vec![&bob]),
        (r#"externalId eq "3""#.to_owned(), vec![&carol]),
        (format!(r#"id eq "{alice}""#), vec![&alice]),
        ("active eq true".to_owned(), vec![&alice, &carol]),
        (r#"active eq "False""#.to_owned(), vec![&bob]),
        (
            r#"userName eq "alice" or userName eq "bob""#.to_owned(),
            vec![&alice, &bob],
        ),
        (r#"userName eq "bob" and active eq true"#.to_owned(), vec![]),
        (
            r#"userName eq "bob" or externalId eq "3" and active eq true"#.to_owned(),
            vec![&bob, &carol],
        ),
        (
            r#"(userName eq "bob" or externalId eq "3") and active eq true"#.to_owned(),
            vec![&carol],
        ),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "alice""#.to_owned(),
            vec![&alice],
        ),
        (r#"userName eq "" or userName eq "*""#.to_owned(), vec![]),
    ] {
        assert_eq!(
            source.get(&format!("/Users?filter={filter}")).ids(),
            expected,
            "{filter}"
        );
    }
}

#[test]
fn pages_are_cut_as_asked() {
    let (mut source, [alice, bob, carol]) = directory();
    for (query, start, expected) in [
        ("", 1, vec![&alice, &bob, &carol]),
        ("startIndex=2", 2, vec![&bob, &carol]),
        ("startIndex=0&count=1", 1, vec![&alice]),
        ("startIndex=-3&count=2", 1, vec![&alice, &bob]),
        ("count=0", 1, vec![]),
        ("count=-1", 1, vec![]),
        ("startIndex=4", 4, vec![]),
        (
            "startIndex=9223372036854775807",
            9_223_372_036_854_775_807_u64,
            vec![],
        ),
        (
            "filter=active eq true&startIndex=2&count=5",
            2,
            vec![&carol],
        ),
    ] {
        let page = source.get(&format!("/Users?{query}"));
        assert_eq!(page.ids(), expected, "{query}");
        assert_eq!(page.body["startIndex"], start, "{query}");
        let total = if query.contains("filter") { 2 } else { 3 };
        assert_eq!(page.body["totalResults"], total, "{query}");
    }
}

#[test]
fn groups_are_found_by_their_members() {
    let (mut source, [alice, bob, carol]) = directory();
    let first = source.group("First", &[&alice, &bob]);
    let second = source.group("Second", &[&bob]);
    for (filter, expected) in [
        (
            format!(r#"members.value eq "{bob}""#),
            vec![&first, &second],
        ),
        (format!(r#"members[value eq "{alice}"]"#), vec![&first]),
        (format!(r#"members eq "{carol}""#), vec![]),
        (
            format!(r#"displayName eq "second" and members.value eq "{bob}""#),
            vec![&second],
        ),
        (r#"displayName eq "FIRST""#.to_owned(), vec![&first]),
    ] {
        assert_eq!(
            source.get(&format!("/Groups?filter={filter}")).ids(),
            expected,
            "{filter}"
        );
    }
}

#[test]
fn a_slash_at_the_end_is_no_other_path() {
    let (mut source, [alice, ..]) = directory();
    assert_eq!(source.get("/Users/?count=1").ids(), [alice.as_str()]);
    assert_eq!(source.get(&format!("Users/{alice}/")).body["id"], alice);
}
