//! What a rule is about: resources by name, label and kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::reader::Reader;
use super::verb::Kind;
use super::yaml::{At, Node, Value};

/// Entries of one `on` at most: each is a level of the expression that Cedar evaluates.
const TARGETS_MAX: usize = 64;
/// Labels of one entry at most, for the same reason.
const LABELS_MAX: usize = 16;

/// A resource as the caller knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `KIND/NAME`. One that begins with no known kind is denied.
    pub name: String,
    /// Its labels with their values.
    pub labels: BTreeMap<String, String>,
}

impl Resource {
    /// One without labels.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: BTreeMap::new(),
        }
    }
}

/// One way of naming resources; all that it says must fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Target {
    /// What the resource is.
    pub kind: Option<Kind>,
    /// Its name, in which `*` stands for any text.
    pub name: Option<String>,
    /// `NAME` or `NAME=VALUE`, all of them.
    pub labels: BTreeSet<String>,
}

impl Target {
    /// `*`
    pub(super) fn everything() -> Self {
        Self {
            kind: None,
            name: None,
            labels: BTreeSet::new(),
        }
    }

    pub(super) fn means(&self, resource: &Resource) -> bool {
        self.kind
            .is_none_or(|kind| Kind::of_name(&resource.name) == Some(kind))
            && self
                .name
                .as_deref()
                .is_none_or(|pattern| fits(pattern, &resource.name))
            && self.labels.iter().all(|label| has_label(resource, label))
    }

    /// Whether every resource that `other` means is meant too, as far as the words tell.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.kind.is_none_or(|kind| other.only_kind() == Some(kind))
            && self.name.as_deref().is_none_or(|mine| {
                other.name.as_deref().is_some_and(|theirs| {
                    mine == theirs || (!theirs.contains('*') && fits(mine, theirs))
                })
            })
            && self.labels.is_subset(&other.labels)
    }

    /// The kind that all it means are of, if the words tell.
    pub(super) fn only_kind(&self) -> Option<Kind> {
        self.kind
            .or_else(|| self.name.as_deref().and_then(Kind::of_name))
    }
}

fn has_label(resource: &Resource, label: &str) -> bool {
    match label.split_once('=') {
        Some((name, value)) => resource.labels.get(name).is_some_and(|has| has == value),
        None => resource.labels.contains_key(label),
    }
}

/// Whether the text fits the pattern, in which `*` stands for any text, also an empty one.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        // The earliest place leaves most for what follows.
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.name.clone());
        words.extend(self.labels.iter().map(|label| format!("label {label}")));
        words.extend(
            self.kind
                .map(|kind| format!("kind {kind}", kind = kind.as_str())),
        );
        if words.is_empty() {
            words.push("everything".to_owned());
        }
        out.write_str(&words.join(", "))
    }
}

/// The field `on`, sorted.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Target> {
    let mut all = Vec::new();
    for item in reader.list(node, "`on`") {
        let Some(target) = read_one(reader, item) else {
            continue;
        };
        if all.contains(&target) {
            reader.say(item.at, format!("{target} stands in `on` twice"));
        } else {
            all.push(target);
        }
    }
    if all.len() > TARGETS_MAX {
        reader.say(
            node.at,
            format!("`on` has more than {TARGETS_MAX} entries: write several rules"),
        );
    }
    all.sort();
    all
}

fn read_one(reader: &mut Reader<'_>, node: &Node) -> Option<Target> {
    let told = reader.problems.len();
    let target = if let Value::Map(_) = node.value {
        described(reader, node)?
    } else {
        let text = reader.text(node, "an entry of `on`")?;
        Target {
            name: pattern(reader, node.at, text),
            ..Target::everything()
        }
    };
    (reader.problems.len() == told).then_some(target)
}

fn described(reader: &mut Reader<'_>, node: &Node) -> Option<Target> {
    let kinds = Kind::ALL.map(|kind| (kind.as_str(), kind));
    let known = ["name", "label", "kind"];
    let fields = reader.fields(node, "an entry of `on`", &known)?;
    if known.iter().all(|name| fields.get(name).is_none()) {
        reader.say(node.at, "an entry of `on` needs `name`, `label` or `kind`");
    }
    let mut target = Target::everything();
    if let Some(node) = fields.get("name") {
        let text = reader.text(node, "`name`")?;
        target.name = pattern(reader, node.at, text);
    }
    if let Some(node) = fields.get("label") {
        target.labels = labels(reader, node);
    }
    if let Some(node) = fields.get("kind") {
        target.kind = reader.word(node, "`kind`", &kinds);
    }
    let of_name = target.name.as_deref().and_then(Kind::of_name);
    if let (Some(kind), Some(of_name)) = (target.kind, of_name)
        && kind != of_name
    {
        let message = format!("nothing can be named `{target}`: the name is of another kind");
        reader.say(node.at, message);
    }
    Some(target)
}

/// A pattern of names. `None` for `*` alone, which says nothing, and for what is none, which is told.
fn pattern(reader: &mut Reader<'_>, at: At, text: &str) -> Option<String> {
    if text == "*" {
        return None;
    }
    let name = text.split_once('/').map(|(_, name)| name);
    let good = Kind::of_name(text).is_some()
        && name.is_some_and(|name| {
            !name.is_empty()
                && !name.contains("**")
                && name.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-*".contains(&byte)
                })
        });
    if good {
        return Some(text.to_owned());
    }
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let message = format!(
        "`{text}` can be no resource's name: write `postgres/shop`, `postgres/shop-*` or `'*'`; kinds are {}",
        kinds.join(", ")
    );
    reader.say(at, message);
    None
}

fn labels(reader: &mut Reader<'_>, node: &Node) -> BTreeSet<String> {
    let texts = reader.texts(node, "`label`");
    if texts.len() > LABELS_MAX {
        reader.say(
            node.at,
            format!("`label` has more than {LABELS_MAX} entries"),
        );
    }
    for text in &texts {
        let (name, value) = text.split_once('=').unwrap_or((text, "x"));
        let shape =
            |part: &str| !part.is_empty() && !part.contains(['*', '=']) && part.trim() == part;
        if !shape(name) || !shape(value) {
            reader.say(
                node.at,
                format!("`{text}` is no label: write `NAME` or `NAME=VALUE`"),
            );
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in [
            ("postgres/shop", "postgres/shop"),
            ("postgres/*", "postgres/"),
            ("postgres/*-prod", "postgres/a-prod"),
            ("postgres/a*b*c", "postgres/abbc"),
            ("postgres/*a*", "postgres/bab"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("postgres/shop", "postgres/shop2"),
            ("postgres/a*a", "postgres/a"),
            ("postgres/*-prod", "postgres/prod"),
            ("postgres/a*b*c", "postgres/acb"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
