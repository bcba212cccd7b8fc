//! Which type is masked how.

use super::mask::{Masked, What};
use super::pg_type::{Format, PgType};
use super::rewrite::Rewrite;
use super::{array, bytes, composite, hstore, json, scalar, xml};
use crate::detect::{Detector, Finding};
use crate::transform::{Range, Transform};

/// Elements in elements in elements. Types say how deep they are, but a binary `record` says so itself.
const MAX_DEPTH: usize = 16;
/// Longest binary form of a boolean, a date or a time: that of `interval`.
const MAX_FIXED_BYTES: usize = 16;
/// Longest `name` (NAMEDATALEN less one).
const MAX_NAME_BYTES: usize = 63;

/// One value's masking.
#[derive(Clone, Copy)]
pub(crate) struct Work<'m> {
    what: &'m What,
    depth: usize,
}

impl<'m> Work<'m> {
    pub(crate) fn new(what: &'m What) -> Self {
        Self { what, depth: 0 }
    }

    pub(crate) fn what(self) -> &'m What {
        self.what
    }

    pub(crate) fn value(self, kind: &PgType, format: Format, value: &[u8]) -> Masked {
        if self.depth > MAX_DEPTH {
            return Masked::Null;
        }
        let inside = Self {
            depth: self.depth + 1,
            ..self
        };
        match kind {
            PgType::Text => self.text(value),
            PgType::Bpchar => self.text(value.trim_ascii_end_of_spaces()),
            PgType::Name => self.name(value),
            PgType::Int2
            | PgType::Int4
            | PgType::Int8
            | PgType::Oid
            | PgType::Money
            | PgType::Numeric
            | PgType::Float4
            | PgType::Float8
            | PgType::Uuid
            | PgType::Inet
            | PgType::Macaddr => scalar::mask(self, kind, format, value).unwrap_or(Masked::Null),
            PgType::Bytea => bytes::mask(self, format, value),
            PgType::Json => json::mask(self, value),
            PgType::Jsonb => json::jsonb(self, format, value),
            PgType::Xml => xml::mask(self, value),
            PgType::Hstore => hstore::mask(self, format, value),
            PgType::Bool | PgType::Char | PgType::Temporal if format == Format::Binary => {
                self.fixed(value)
            }
            PgType::Bool
            | PgType::Char
            | PgType::Temporal
            | PgType::Bit
            | PgType::Enum
            | PgType::Opaque => self.withheld(value),
            PgType::Array(element) => array::mask(inside, element, format, value),
            PgType::Range(bound) => scalar::range(inside, bound, format, value),
            PgType::Multirange(bound) => scalar::multirange(inside, bound, format, value),
            PgType::Composite(columns) => composite::mask(inside, Some(columns), format, value),
            PgType::Record => composite::mask(inside, None, format, value),
        }
    }

    /// Text, without anything around it.
    pub(crate) fn text(self, text: &[u8]) -> Masked {
        match self.what {
            What::Whole(transform) | What::Paths { transform, .. } => {
                transform.text(text).map_or(Masked::Null, Masked::Value)
            }
            What::Detected { .. } => {
                let found = self.found(text);
                let mut out = Rewrite::new(text);
                for finding in &found {
                    match self.replacement(text, finding) {
                        Some((range, with)) => out.replace(range, &with),
                        None => return Masked::Null,
                    }
                }
                out.finish()
            }
        }
    }

    /// A number, written as `-?digits(.digits)?`.
    pub(crate) fn number(self, number: &str, range: Range) -> Masked {
        let transform = match self.what {
            What::Whole(transform) | What::Paths { transform, .. } => transform,
            What::Detected { .. } => match self.found(number.as_bytes()).first() {
                Some(finding) => self.transform_for(finding.detector),
                None => return Masked::Unchanged,
            },
        };
        let masked = transform.number(number, range);
        masked.map_or(Masked::Null, |number| Masked::Value(number.into_bytes()))
    }

    /// Something of which no part can be changed.
    pub(crate) fn withheld(self, text: &[u8]) -> Masked {
        match self.what {
            What::Detected { .. } if self.found(text).is_empty() => Masked::Unchanged,
            _ => Masked::Null,
        }
    }

    /// A binary value of fixed length, in which no detector finds anything.
    fn fixed(self, value: &[u8]) -> Masked {
        if value.len() > MAX_FIXED_BYTES {
            return Masked::Null;
        }
        self.featureless()
    }

    /// Something in which no detector finds anything.
    pub(crate) fn featureless(self) -> Masked {
        match self.what {
            What::Detected { .. } => Masked::Unchanged,
            _ => Masked::Null,
        }
    }

    pub(crate) fn is_detecting(self) -> bool {
        matches!(self.what, What::Detected { .. })
    }

    pub(crate) fn found(self, text: &[u8]) -> Vec<Finding> {
        match self.what {
            What::Detected { detectors, .. } => detectors.find(text),
            _ => Vec::new(),
        }
    }

    /// Where a finding is, and what takes its place.
    pub(crate) fn replacement(
        self,
        text: &[u8],
        finding: &Finding,
    ) -> Option<(std::ops::Range<usize>, Vec<u8>)> {
        let start = usize::try_from(finding.range.start).ok()?;
        let end = usize::try_from(finding.range.end).ok()?;
        let part = text.get(start..end)?;
        let with = self.transform_for(finding.detector).text(part)?;
        Some((start..end, with))
    }

    pub(crate) fn transform_for(self, detector: Detector) -> &'m Transform {
        match self.what {
            What::Whole(transform) | What::Paths { transform, .. } => transform,
            What::Detected {
                otherwise,
                by_detector,
                ..
            } => by_detector
                .iter()
                .find(|(known, _)| *known == detector)
                .map_or(otherwise, |(_, transform)| transform),
        }
    }

    fn name(self, value: &[u8]) -> Masked {
        match self.text(value) {
            Masked::Value(mut name) if name.len() > MAX_NAME_BYTES => {
                let cut = (0..=MAX_NAME_BYTES)
                    .rev()
                    .find(|&place| name.get(place).is_some_and(|byte| byte & 0xc0 != 0x80));
                name.truncate(cut.unwrap_or(0));
                Masked::Value(name)
            }
            masked => masked,
        }
    }
}

trait PaddedText {
    fn trim_ascii_end_of_spaces(&self) -> &[u8];
}

impl PaddedText for [u8] {
    /// The padding of `character(n)` says nothing, and the value must have the token that it has as `text`.
    fn trim_ascii_end_of_spaces(&self) -> &[u8] {
        let kept = self
            .iter()
            .rposition(|byte| *byte != b' ')
            .map_or(0, |place| place + 1);
        self.get(..kept).unwrap_or(self)
    }
}
