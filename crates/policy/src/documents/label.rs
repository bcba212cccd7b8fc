//! Labels: which columns have one, what is looked for in all values, and what is shown in their place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use custos_masking::{Detector, Detectors, JsonPath, MAX_JSON_PATHS};
use serde::Serialize;

use super::reader::{Reader, is_name};
use super::target::fits;
use super::yaml::{Key, Node, Value};

/// What is shown in place of a value. Whoever masks sees to it that the result fits the column's type, or is null.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// A fixed text.
    Redact,
    /// The first and last characters, the rest hidden.
    Partial {
        /// Characters left at the beginning.
        first: u64,
        /// Characters left at the end.
        last: u64,
    },
    /// A keyed token, the same for the same value within the scope.
    Token {
        /// Name of the scope.
        scope: String,
    },
    /// Another value of the same form (NIST SP 800-38G FF1).
    FormatPreserving,
    /// A keyed hash.
    Hash,
    /// NULL.
    Null,
}

/// What is looked for in values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Detect {
    /// By the name of a built-in detector ([`Detector::as_str`]).
    Named(String),
    /// By a regular expression whose matches have a bound ([`Detectors::with_pattern`]).
    Pattern(String),
}

/// A label of columns, or of what is found in values. It is sensitive: what it marks is shown masked, or clear to whom
/// a rule says `unmask:LABEL`.
///
/// The digest of a policy is over this form: what a document does not say must not stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// `SCHEMA.TABLE.COLUMN` in lower case, `*` for any text within a part.
    pub columns: BTreeSet<String>,
    /// Columns whose comment in the target's catalogue says `custos:LABEL` have it too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub commented: bool,
    /// Places in the documents of such columns; none: all of a value.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
    /// What is looked for in all values, of whatever column.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub detect: BTreeSet<Detect>,
    /// What is shown.
    pub mask: Transform,
    /// Whether statements may compare and sort by such columns without a right to see them clear. It tells values
    /// apart without showing them, so it is refused where the document does not say otherwise.
    pub predicates: bool,
}

impl Label {
    /// Columns can have it.
    pub fn is_of_columns(&self) -> bool {
        self.commented || !self.columns.is_empty()
    }

    /// All that it is of, in words.
    pub(super) fn marked(&self) -> BTreeSet<String> {
        let columns = self.columns.iter().map(|column| {
            let paths: Vec<&str> = self.paths.iter().map(String::as_str).collect();
            match paths.as_slice() {
                [] => column.clone(),
                paths => format!("{column} at {}", paths.join(", ")),
            }
        });
        let commented = self.commented.then(|| "columns with a comment".to_owned());
        let detected = self.detect.iter().map(|detect| format!("any {detect}"));
        columns.chain(commented).chain(detected).collect()
    }

    /// Whether the label marks the column: its schema, its table and its own name, all in lower case.
    pub(super) fn marks(&self, parts: &[String; 3]) -> bool {
        self.columns.iter().any(|pattern| {
            let mut patterns = pattern.split('.');
            parts
                .iter()
                .all(|part| patterns.next().is_some_and(|pattern| fits(pattern, part)))
        })
    }
}

impl fmt::Display for Detect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => out.write_str(name),
            Self::Pattern(pattern) => write!(out, "/{pattern}/"),
        }
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redact => out.write_str("redact"),
            Self::Partial { first, last } => write!(out, "partial, first {first} and last {last}"),
            Self::Token { scope } => write!(out, "token in {scope}"),
            Self::FormatPreserving => out.write_str("format_preserving"),
            Self::Hash => out.write_str("hash"),
            Self::Null => out.write_str("null"),
        }
    }
}

/// The field `labels` of a document.
pub(super) fn read<'n>(
    reader: &mut Reader<'_>,
    node: &'n Node,
) -> BTreeMap<String, (&'n Key, Label)> {
    let Value::Map(entries) = &node.value else {
        reader.say(node.at, "`labels` is a mapping from label to its columns");
        return BTreeMap::new();
    };
    let mut labels = BTreeMap::new();
    for (key, node) in entries {
        if !is_name(&key.text) {
            reader.say(
                key.at,
                "a label has 1 to 63 lower-case letters, digits, `.`, `_` and `-`",
            );
        } else if let Some(label) = read_one(reader, node) {
            labels.insert(key.text.clone(), (key, label));
        }
    }
    labels
}

fn read_one(reader: &mut Reader<'_>, node: &Node) -> Option<Label> {
    const WHAT: &str = "a label";
    let known = [
        "columns",
        "commented",
        "paths",
        "detect",
        "mask",
        "predicates",
    ];
    let fields = reader.fields(node, WHAT, &known)?;
    let mask = reader.needed(&fields, "mask", WHAT);
    let columns = fields.get("columns");
    let columns = columns.map_or_else(BTreeSet::new, |node| columns_of(reader, node));
    let mask = mask.and_then(|node| transform(reader, node));
    let commented = match fields.get("commented") {
        Some(node) => reader.boolean(node, "`commented`")?,
        None => false,
    };
    let paths = fields.get("paths");
    let paths = paths.map_or_else(BTreeSet::new, |node| paths_of(reader, node));
    let detect = fields.get("detect");
    let detect = detect.map_or_else(BTreeSet::new, |node| detect_of(reader, node));
    let of_columns = commented || fields.get("columns").is_some();
    if !of_columns && fields.get("detect").is_none() {
        reader.say(
            fields.at,
            "a label needs `columns`, `commented: true` or `detect`",
        );
    }
    for name in ["paths", "predicates"] {
        if let (Some(node), false) = (fields.get(name), of_columns) {
            reader.say(
                node.at,
                format!("`{name}` is about a label's columns, and it has none"),
            );
        }
    }
    let words = [("allow", true), ("deny", false)];
    let predicates = match fields.get("predicates") {
        Some(node) => reader.word(node, "`predicates`", &words)?,
        None => false,
    };
    Some(Label {
        columns,
        commented,
        paths,
        detect,
        mask: mask?,
        predicates,
    })
}

fn columns_of(reader: &mut Reader<'_>, node: &Node) -> BTreeSet<String> {
    let texts = reader.texts(node, "`columns`");
    for text in &texts {
        let good = text.split('.').count() == 3
            && text
                .split('.')
                .all(|part| !part.is_empty() && !part.contains("**"))
            && *text == text.to_lowercase();
        if !good {
            let message = format!(
                "`{text}` is no pattern of columns: write `schema.table.column` in lower case, `*` for any text in a part"
            );
            reader.say(node.at, message);
        }
    }
    texts
}

fn paths_of(reader: &mut Reader<'_>, node: &Node) -> BTreeSet<String> {
    let texts = reader.texts(node, "`paths`");
    if texts.len() > MAX_JSON_PATHS {
        reader.say(
            node.at,
            format!("`paths` has more than {MAX_JSON_PATHS} entries"),
        );
    }
    for text in &texts {
        if JsonPath::parse(text).is_err() {
            let message = format!("`{text}` is no path in a document: write `$.name.*[0][*]`");
            reader.say(node.at, message);
        }
    }
    texts
}

fn detect_of(reader: &mut Reader<'_>, node: &Node) -> BTreeSet<Detect> {
    let mut all = BTreeSet::new();
    for item in reader.list(node, "`detect`") {
        let Some(one) = detect_one(reader, item) else {
            continue;
        };
        if !all.insert(one) {
            reader.say(item.at, "it stands in `detect` twice");
        }
    }
    all
}

fn detect_one(reader: &mut Reader<'_>, node: &Node) -> Option<Detect> {
    const WHAT: &str = "an entry of `detect`";
    if let Value::Text(..) = node.value {
        let names = Detector::BUILT_IN.iter().filter_map(|it| it.as_str());
        let known: Vec<(&str, &str)> = names.map(|name| (name, name)).collect();
        let name = reader.word(node, "`detect`", &known)?;
        return Some(Detect::Named(name.to_owned()));
    }
    let fields = reader.fields(node, WHAT, &["pattern"])?;
    let pattern = reader.needed(&fields, "pattern", WHAT)?;
    let text = reader.text(pattern, "`pattern`")?;
    if let Err(error) = Detectors::new(&[]).and_then(|none| none.with_pattern(text)) {
        reader.say(pattern.at, format!("`{text}`: {error}"));
        return None;
    }
    Some(Detect::Pattern(text.to_owned()))
}

fn transform(reader: &mut Reader<'_>, node: &Node) -> Option<Transform> {
    if let Value::Text(..) = node.value {
        let words = [
            ("redact", 0),
            ("format_preserving", 1),
            ("hash", 2),
            ("null", 3),
        ];
        return Some(match reader.word(node, "`mask` of a label", &words)? {
            0 => Transform::Redact,
            1 => Transform::FormatPreserving,
            2 => Transform::Hash,
            _ => Transform::Null,
        });
    }
    let fields = reader.fields(node, "`mask` of a label", &["partial", "token"])?;
    match (fields.get("partial"), fields.get("token")) {
        (Some(node), None) => partial(reader, node),
        (None, Some(node)) => {
            let fields = reader.fields(node, "`token`", &["scope"])?;
            let scope = reader.needed(&fields, "scope", "`token`")?;
            let text = reader.text(scope, "`scope`")?;
            if !is_name(text) {
                reader.say(
                    scope.at,
                    "a scope has lower-case letters, digits, `.`, `_` and `-`",
                );
            }
            Some(Transform::Token {
                scope: text.to_owned(),
            })
        }
        _ => {
            reader.say(node.at, "`mask` of a label is one transform");
            None
        }
    }
}

fn partial(reader: &mut Reader<'_>, node: &Node) -> Option<Transform> {
    let fields = reader.fields(node, "`partial`", &["first", "last"])?;
    let mut count = |name: &str| match fields.get(name) {
        Some(node) => reader.number(node, name, 0, 16),
        None => Some(0),
    };
    let (first, last) = (count("first")?, count("last")?);
    if first + last == 0 {
        reader.say(
            node.at,
            "`partial` leaves `first` or `last` characters; for none write `redact`",
        );
    }
    Some(Transform::Partial { first, last })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Label, Transform};

    #[test]
    fn columns_by_pattern() {
        let label = Label {
            columns: ["*.*.ssn", "public.people.tax_*"].map(str::to_owned).into(),
            commented: false,
            paths: BTreeSet::new(),
            detect: BTreeSet::new(),
            mask: Transform::Redact,
            predicates: false,
        };
        let marks = |parts: [&str; 3]| label.marks(&parts.map(str::to_owned));
        assert!(marks(["hr", "staff", "ssn"]) && marks(["public", "people", "tax_id"]));
        assert!(!marks(["public", "people2", "tax_id"]) && !marks(["a", "b", "ssn2"]));
    }
}
