use std::convert::Infallible;
use std::fmt::Write as _;

use custos_scim::{
    Change, Committed, Directory, Email, Filter, Group, GroupTerm, Listing, Name, Page, User,
    UserTerm,
};

use super::{MEMBERS_BYTES, Told, told};

/// Knows users and groups by their ids alone, and calls them so.
struct Named;

impl Directory for Named {
    type Error = Infallible;

    fn user(&self, id: &str) -> Result<Option<User>, Infallible> {
        Ok(Some(user(id, &format!("name of {id}"))))
    }

    fn users(&self, _: Option<&Filter<UserTerm>>, _: Page) -> Result<Listing<User>, Infallible> {
        unreachable!("nobody is searched")
    }

    fn group(&self, id: &str) -> Result<Option<Group>, Infallible> {
        Ok(Some(group(id, &format!("name of {id}"))))
    }

    fn groups(&self, _: Option<&Filter<GroupTerm>>, _: Page) -> Result<Listing<Group>, Infallible> {
        unreachable!("nothing is searched")
    }

    fn members(&self, _: &str) -> Result<Vec<String>, Infallible> {
        unreachable!("members are in the changes")
    }

    fn commit(&mut self, _: &[Change]) -> Result<Committed, Infallible> {
        unreachable!("nothing is changed")
    }
}

fn user(id: &str, name: &str) -> User {
    User {
        id: id.to_owned(),
        external_id: Some(format!("key of {id}")),
        user_name: name.to_owned(),
        active: true,
        display_name: Some("Alice Archer".to_owned()),
        name: Name {
            given_name: Some("Alice".to_owned()),
            ..Name::default()
        },
        emails: vec![Email {
            value: "alice@mail.example".to_owned(),
            ..Email::default()
        }],
        created: 1,
        last_modified: 1,
    }
}

fn group(id: &str, name: &str) -> Group {
    Group {
        id: id.to_owned(),
        external_id: None,
        display_name: name.to_owned(),
        created: 1,
        last_modified: 1,
    }
}

fn added(group_id: &str, user_id: &str) -> Change {
    Change::MemberAdded {
        group_id: group_id.to_owned(),
        user_id: user_id.to_owned(),
    }
}

fn removed(group_id: &str, user_id: &str) -> Change {
    Change::MemberRemoved {
        group_id: group_id.to_owned(),
        user_id: user_id.to_owned(),
    }
}

/// As a line: the event, then the rest in order.
fn line(told: &Told) -> String {
    let mut line = told.event.to_owned();
    for (name, text) in &told.texts {
        write!(line, " {name}={text:?}").unwrap();
    }
    if let Some(active) = told.active {
        write!(line, " active={active}").unwrap();
    }
    told.count
        .map_or(line.clone(), |count| format!("{line} count={count}"))
}

fn lines(changes: &[Change]) -> Vec<String> {
    let Ok(records) = told(changes, &Named);
    records.iter().map(line).collect()
}

#[test]
fn users_are_told_by_id_key_and_name() {
    let before = user("u1", "alice");
    let after = User {
        user_name: "alicia".to_owned(),
        external_id: None,
        active: false,
        emails: Vec::new(),
        ..before.clone()
    };
    let changes = [
        Change::UserCreated(before.clone()),
        Change::UserUpdated {
            before: Box::new(before),
            after: Box::new(after),
        },
        Change::UserDeactivated {
            user_id: "u1".to_owned(),
        },
        removed("g1", "u1"),
        removed("g2", "u1"),
        Change::UserDeleted(user("u1", "alicia")),
    ];
    assert_eq!(
        lines(&changes),
        [
            r#"user_created user="u1" user_name="alice" external_id="key of u1" active=true"#,
            r#"user_updated user="u1" user_name="alicia" changed="userName, externalId, emails" user_name_before="alice" external_id_before="key of u1""#,
            r#"user_deactivated user="u1" user_name="alicia""#,
            r#"members_removed group="g1" group_name="name of g1" members="alicia (u1)" count=1"#,
            r#"members_removed group="g2" group_name="name of g2" members="alicia (u1)" count=1"#,
            r#"user_deleted user="u1" user_name="alicia" external_id="key of u1""#,
        ]
    );
    let shown = lines(&changes).concat();
    assert!(!shown.contains('@') && !shown.contains("Archer"), "{shown}");
}

#[test]
fn what_says_nothing_new_has_no_record() {
    let (alice, dba) = (user("u1", "alice"), group("g1", "dba"));
    let switched = User {
        active: false,
        last_modified: 2,
        ..alice.clone()
    };
    let touched = Group {
        last_modified: 2,
        ..dba.clone()
    };
    let changes = [
        Change::UserUpdated {
            before: Box::new(switched),
            after: Box::new(alice),
        },
        Change::UserActivated {
            user_id: "u1".to_owned(),
        },
        Change::GroupUpdated {
            before: dba,
            after: touched,
        },
        added("g1", "u2"),
    ];
    assert_eq!(
        lines(&changes),
        [
            r#"user_activated user="u1" user_name="alice""#,
            r#"members_added group="g1" group_name="dba" members="name of u2 (u2)" count=1"#,
        ]
    );
}

#[test]
fn groups_are_told_with_their_names_before_and_after() {
    let renamed = Change::GroupUpdated {
        before: group("g1", "dba"),
        after: Group {
            external_id: Some("k".to_owned()),
            ..group("g1", "sre")
        },
    };
    let rekeyed = Change::GroupUpdated {
        before: Group {
            external_id: Some("k".to_owned()),
            ..group("g1", "sre")
        },
        after: group("g1", "sre"),
    };
    let changes = [
        Change::GroupCreated(group("g2", "ops")),
        renamed,
        rekeyed,
        Change::GroupDeleted(group("g2", "ops")),
    ];
    assert_eq!(
        lines(&changes),
        [
            r#"group_created group="g2" group_name="ops""#,
            r#"group_renamed group="g1" group_name="sre" external_id="k" group_name_before="dba""#,
            r#"group_updated group="g1" group_name="sre" external_id_before="k""#,
            r#"group_deleted group="g2" group_name="ops""#,
        ]
    );
}

#[test]
fn many_members_take_several_records_and_nobody_is_left_out() {
    let long = "n".repeat(256);
    let mut changes = vec![Change::UserCreated(user("u0", &long))];
    changes.extend((0..200).map(|n| removed("g1", &format!("u{n}"))));
    changes.extend((0..3).map(|n| added("g1", &format!("u{n}"))));
    let Ok(records) = told(&changes, &Named);
    let texts = |event: &str| -> Vec<String> {
        let of_event = records.iter().filter(|record| record.event == event);
        let texts = of_event.flat_map(|record| &record.texts);
        let members = texts.filter(|(name, _)| *name == "members");
        members.map(|(_, text)| text.clone()).collect()
    };
    let removed = texts("members_removed");
    assert!(removed.len() > 1);
    assert!(removed.iter().all(|text| text.len() <= MEMBERS_BYTES));
    let everybody = removed.join(", ");
    assert_eq!(everybody.split(", ").count(), 200);
    assert!(everybody.starts_with(&format!("{long} (u0), name of u1 (u1)")));
    assert_eq!(texts("members_added").len(), 1);
    let counted: usize = records.iter().filter_map(|record| record.count).sum();
    assert_eq!(counted, 203);
}
