//! Reads typed values out of a parsed TOML document and notes every problem on the way.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::keys::{self, Fallback, Key, Kind};
use super::problem::{Problems, did_you_mean};
use super::units;

/// One table of the document, or the place where it could stand.
#[derive(Debug)]
pub(super) struct Section<'d> {
    /// As in the key table.
    name: &'static str,
    /// As people write it: `limits.`, `listener[0].`.
    shown: String,
    table: Option<&'d DeTable<'d>>,
    /// Where a missing key is reported.
    span: Range<usize>,
}

impl<'d> Section<'d> {
    /// The top of the document.
    pub(super) fn top(table: &'d DeTable<'d>) -> Self {
        Self {
            name: "",
            shown: String::new(),
            table: Some(table),
            span: 0..0,
        }
    }

    /// The table `[name]`, which may be absent.
    pub(super) fn table(&self, name: &'static str, problems: &mut Problems) -> Section<'d> {
        let mut section = Section {
            name,
            shown: format!("{name}."),
            table: None,
            span: 0..0,
        };
        if let Some(value) = self.value(name) {
            section.span = value.span();
            match value.get_ref() {
                DeValue::Table(table) => section.table = Some(table),
                other => problems.push(
                    value.span(),
                    format!("`{name}` is {}", describe(other)),
                    format!("write a table: [{name}]"),
                ),
            }
        }
        section
    }

    /// The tables `[[key]]`; `name` is `key[]` as in the key table.
    pub(super) fn tables(
        &self,
        key: &'static str,
        name: &'static str,
        problems: &mut Problems,
    ) -> Vec<Section<'d>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let allowed = format!("write a table for each: [[{key}]]");
        let DeValue::Array(items) = value.get_ref() else {
            problems.push(
                value.span(),
                format!("`{key}` is {}", describe(value.get_ref())),
                allowed,
            );
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let shown = format!("{key}[{index}].");
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section {
                        name,
                        shown,
                        table: Some(table),
                        span: item.span(),
                    });
                }
                other => problems.push(
                    item.span(),
                    format!("`{key}` holds {}", describe(other)),
                    allowed.clone(),
                ),
            }
        }
        sections
    }

    /// Notes every key that the table of keys does not know. `tables`: names of sub-tables.
    pub(super) fn refuse_unknown(&self, tables: &[&'static str], problems: &mut Problems) {
        let Some(table) = self.table else { return };
        let known: BTreeSet<&str> = keys::of_section(self.name)
            .map(|key| key.name)
            .chain(tables.iter().copied())
            .collect();
        for (name, _) in table {
            let text: &str = name.get_ref();
            if !known.contains(text) {
                let allowed = did_you_mean(text, known.iter().copied()).map_or_else(
                    || {
                        format!(
                            "known here: {}",
                            known.iter().copied().collect::<Vec<_>>().join(", ")
                        )
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                problems.push(
                    name.span(),
                    format!("unknown key `{}{text}`", self.shown),
                    allowed,
                );
            }
        }
    }

    /// Where the key's value stands, or else its section.
    pub(super) fn span_of(&self, name: &str) -> Range<usize> {
        self.value(name)
            .map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Whether the key stands there, whatever it holds.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// How people write the key.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{}{name}", self.shown)
    }

    /// A text, name, or one of the words of a choice.
    pub(super) fn text(&self, name: &'static str, problems: &mut Problems) -> Option<String> {
        let key = keys::find(self.name, name);
        let text = self.raw_text(key, problems)?;
        let fits = match key.kind {
            Kind::Choice(words) => words.contains(&text.as_str()),
            Kind::Name => is_name(&text),
            _ => !text.is_empty(),
        };
        if !fits {
            let mut allowed = key.allowed();
            if let Kind::Choice(words) = key.kind
                && let Some(near) = did_you_mean(&text, words.iter().copied())
            {
                allowed = format!("did you mean \"{near}\"? {allowed}");
            }
            self.refuse(key, &format!("\"{text}\""), allowed, problems);
            return None;
        }
        Some(text)
    }

    /// A path, made absolute against `base`.
    pub(super) fn path(
        &self,
        name: &'static str,
        base: &Path,
        problems: &mut Problems,
    ) -> Option<PathBuf> {
        let key = keys::find(self.name, name);
        let text = self.raw_text(key, problems)?;
        if text.is_empty() || text.contains('\0') {
            self.refuse(key, "not a path", key.allowed(), problems);
            return None;
        }
        // Written out again from its parts, so that `./` does not show.
        Some(base.join(text).components().collect())
    }

    /// A duration within the key's bounds.
    pub(super) fn duration(&self, name: &'static str, problems: &mut Problems) -> Option<Duration> {
        let key = keys::find(self.name, name);
        let Kind::Duration(low, high) = key.kind else {
            return None;
        };
        let text = self.raw_text(key, problems)?;
        let checked = units::parse_duration(&text).and_then(|duration| {
            let within = (u128::from(low)..=u128::from(high)).contains(&duration.as_millis());
            if within {
                Ok(duration)
            } else {
                Err("is out of bounds".to_owned())
            }
        });
        checked
            .map_err(|what| self.refuse_text(key, &text, &what, problems))
            .ok()
    }

    /// A size within the key's bounds, in bytes.
    pub(super) fn size(&self, name: &'static str, problems: &mut Problems) -> Option<u64> {
        let key = keys::find(self.name, name);
        let Kind::Size(low, high) = key.kind else {
            return None;
        };
        let text = self.raw_text(key, problems)?;
        let checked = units::parse_size(&text).and_then(|bytes| {
            if (low..=high).contains(&bytes) {
                Ok(bytes)
            } else {
                Err("is out of bounds".to_owned())
            }
        });
        checked
            .map_err(|what| self.refuse_text(key, &text, &what, problems))
            .ok()
    }

    /// A whole number within the key's bounds.
    pub(super) fn integer(&self, name: &'static str, problems: &mut Problems) -> Option<u64> {
        let key = keys::find(self.name, name);
        let Kind::Integer(low, high) = key.kind else {
            return None;
        };
        let Some(value) = self.value(name) else {
            return self.default_text(key, problems)?.parse().ok();
        };
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|number| (low..=high).contains(number)),
            _ => None,
        };
        if number.is_none() {
            let found = match value.get_ref() {
                DeValue::Integer(number) => number.to_string(),
                other => describe(other).to_owned(),
            };
            self.refuse(key, &found, key.allowed(), problems);
        }
        number
    }

    /// IP address and port.
    pub(super) fn address(
        &self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<SocketAddr> {
        let key = keys::find(self.name, name);
        let text = self.raw_text(key, problems)?;
        let address = text.parse().ok();
        if address.is_none() {
            self.refuse(key, &format!("\"{text}\""), key.allowed(), problems);
        }
        address
    }

    /// A list of texts, not empty.
    pub(super) fn texts(&self, name: &'static str, problems: &mut Problems) -> Option<Vec<String>> {
        let key = keys::find(self.name, name);
        let Some(value) = self.value(name) else {
            self.default_text(key, problems);
            return None;
        };
        let texts: Option<Vec<String>> = match value.get_ref() {
            DeValue::Array(items) if !items.is_empty() => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        if texts.is_none() {
            let found = match value.get_ref() {
                DeValue::Array(items) if items.is_empty() => "an empty list",
                DeValue::Array(_) => "a list that holds something else than texts",
                other => describe(other),
            };
            self.refuse(key, found, key.allowed(), problems);
        }
        texts
    }

    /// The beginning of a day, UTC nanoseconds.
    pub(super) fn date(&self, name: &'static str, problems: &mut Problems) -> Option<u64> {
        let key = keys::find(self.name, name);
        let Some(value) = self.value(name) else {
            self.default_text(key, problems);
            return None;
        };
        let date = match value.get_ref() {
            DeValue::Datetime(date) => Some(*date),
            DeValue::String(text) => text.parse::<Datetime>().ok(),
            _ => None,
        };
        let begins = date.and_then(|date| units::begin_of_day(&date));
        if begins.is_none() {
            let found = date.map_or_else(
                || describe(value.get_ref()).to_owned(),
                |date| date.to_string(),
            );
            self.refuse(key, &found, key.allowed(), problems);
        }
        begins
    }

    fn value(&self, name: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table?.get(name)
    }

    /// The text that stands there, or the default.
    fn raw_text(&self, key: &Key, problems: &mut Problems) -> Option<String> {
        let Some(value) = self.value(key.name) else {
            return self.default_text(key, problems);
        };
        if let DeValue::String(text) = value.get_ref() {
            return Some(text.clone().into_owned());
        }
        let found = match value.get_ref() {
            DeValue::Integer(number) if matches!(key.kind, Kind::Duration(..) | Kind::Size(..)) => {
                format!("{number}, a number without a unit")
            }
            other => describe(other).to_owned(),
        };
        self.refuse(key, &found, key.allowed(), problems);
        None
    }

    fn default_text(&self, key: &Key, problems: &mut Problems) -> Option<String> {
        match key.default {
            Fallback::Is(text) => Some(text.to_owned()),
            Fallback::Derived(_) => None,
            Fallback::Required => {
                problems.push(
                    self.span.clone(),
                    format!("`{}` is missing", self.shown(key.name)),
                    key.allowed(),
                );
                None
            }
        }
    }

    fn refuse(&self, key: &Key, found: &str, allowed: String, problems: &mut Problems) {
        problems.push(
            self.span_of(key.name),
            format!("`{}` is {found}", self.shown(key.name)),
            allowed,
        );
    }

    fn refuse_text(&self, key: &Key, text: &str, what: &str, problems: &mut Problems) {
        problems.push(
            self.span_of(key.name),
            format!("`{}` is \"{text}\", which {what}", self.shown(key.name)),
            key.allowed(),
        );
    }
}

/// Whether the text may name a cluster, node or listener.
fn is_name(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
