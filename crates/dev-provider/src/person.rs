//! Who can sign in.

use std::fmt;

use custos_model::Secret;

use crate::opaque::Hash;

/// Random bytes that [`seeded`] takes: 16 for each person.
pub const SEED_BYTES: usize = 64;
/// 32 characters that are not taken for one another, so that 5 bits choose one.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters between two dashes of a password.
const GROUP: usize = 4;

/// A person as configured.
#[derive(Clone)]
pub struct Person {
    /// What is typed to sign in: 1 to 32 of `a-z`, `0-9`, `.`, `_`, `-`.
    pub name: String,
    /// Random: it is kept as a bare SHA-256, which would not do for one that somebody made up.
    pub password: Secret,
    /// `groups`, at most 64.
    pub groups: Vec<String>,
    /// `name`.
    pub display_name: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Person").field(&self.name).finish()
    }
}

/// alice (analysts), bob (sre, sre-leads), carol (sre-leads) and dan (auditor), each with a password of 80 bits made
/// from 16 of these bytes.
pub fn seeded(random: &[u8; SEED_BYTES]) -> Vec<Person> {
    let people: [(&str, &[&str]); 4] = [
        ("alice", &["analysts"]),
        ("bob", &["sre", "sre-leads"]),
        ("carol", &["sre-leads"]),
        ("dan", &["auditor"]),
    ];
    let parts = random.chunks_exact(SEED_BYTES / people.len());
    people
        .into_iter()
        .zip(parts)
        .map(|((name, groups), bytes)| Person {
            name: name.to_owned(),
            password: password(bytes),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            display_name: capitalised(name),
        })
        .collect()
}

fn password(bytes: &[u8]) -> Secret {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / GROUP);
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        // A value below 32 always finds its character.
        let character = ALPHABET.get(usize::from(byte & 31)).copied();
        text.push(char::from(character.unwrap_or_default()));
    }
    Secret::new(text)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// `sub`: the same at each start, and not the name, so that nobody takes one for the other.
pub fn subject(name: &str) -> String {
    Hash::of(&format!("custos development provider: {name}")).prefix(16)
}

/// A person at run time.
pub(crate) struct Account {
    pub(crate) subject: String,
    pub(crate) password: Hash,
    pub(crate) groups: Vec<String>,
    pub(crate) display_name: String,
    pub(crate) enabled: bool,
}

impl From<Person> for Account {
    fn from(person: Person) -> Self {
        Self {
            subject: subject(&person.name),
            password: Hash::of(person.password.expose()),
            groups: person.groups,
            display_name: person.display_name,
            enabled: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{SEED_BYTES, seeded, subject};

    #[test]
    fn four_people_with_passwords_of_their_own() {
        let mut random = [0; SEED_BYTES];
        for (place, byte) in random.iter_mut().enumerate() {
            *byte = (place as u8).wrapping_mul(5).wrapping_add(place as u8 / 16);
        }
        let people = seeded(&random);
        let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["alice", "bob", "carol", "dan"]);
        assert_eq!(people[1].groups, ["sre", "sre-leads"]);
        assert_eq!(people[0].password.expose(), "afkr-w38d-ipuz-6bgm");
        let passwords: BTreeSet<&str> = people
            .iter()
            .map(|person| person.password.expose())
            .collect();
        assert_eq!(passwords.len(), 4);
        assert_eq!(format!("{:?}", people[0]), r#"Person("alice")"#);
    }

    #[test]
    fn subjects_stay_and_differ_from_names() {
        assert_eq!(subject("alice"), subject("alice"));
        assert_ne!(subject("alice"), subject("bob"));
        assert!(!subject("alice").contains("alice"));
        assert_eq!(subject("alice").len(), 22);
    }
}
