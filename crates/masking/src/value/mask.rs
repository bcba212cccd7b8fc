use super::json_path::{JsonPath, MAX_JSON_PATHS};
use super::pg_type::{Format, PgType};
use super::work::Work;
use crate::detect::{Detector, Detectors};
use crate::error::MaskError;
use crate::transform::{REDACTED, Transform};

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Masked {
    /// It is this one now, of the same type and in the same format.
    Value(Vec<u8>),
    /// It is withheld.
    Null,
    /// There is nothing to mask in it.
    Unchanged,
}

/// What is masked in a value, and how. Made once, used for each value of a column; never for NULL, which stays NULL.
#[derive(Clone, Debug)]
pub struct Mask {
    what: What,
    limit_bytes: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Whole(Transform),
    Detected {
        detectors: Detectors,
        otherwise: Transform,
        by_detector: Vec<(Detector, Transform)>,
    },
    Paths {
        paths: Vec<JsonPath>,
        transform: Transform,
    },
}

impl Mask {
    /// Masks all of a value. One longer than `limit_bytes` is replaced by a fixed text, or by NULL where its type
    /// holds no text, without being looked at.
    ///
    /// Of arrays and composites each element is masked by its own type. A document (`json`, `jsonb`) becomes one
    /// JSON string.
    pub fn whole(transform: Transform, limit_bytes: usize) -> Self {
        let what = What::Whole(transform);
        Self { what, limit_bytes }
    }

    /// Masks what detectors find in a value: inside of text, of strings and keys in JSON, of elements, of bytes.
    /// Where the type does not allow to change a part, and something was found, the value is withheld.
    /// `otherwise` is the transform for all that [`Self::with`] does not name.
    pub fn detected(detectors: Detectors, otherwise: Transform, limit_bytes: usize) -> Self {
        Self {
            what: What::Detected {
                detectors,
                otherwise,
                by_detector: Vec::new(),
            },
            limit_bytes,
        }
    }

    /// Names the transform for what one detector finds. Without effect on other masks than those of detectors.
    #[must_use]
    pub fn with(mut self, detector: Detector, transform: Transform) -> Self {
        if let What::Detected { by_detector, .. } = &mut self.what {
            by_detector.retain(|(known, _)| *known != detector);
            by_detector.push((detector, transform));
        }
        self
    }

    /// Masks what stands in these places of `json` and `jsonb`; of other types all, since there are no places in them.
    ///
    /// # Errors
    /// [`MaskError::JsonPaths`] for no path, or more than [`MAX_JSON_PATHS`].
    pub fn paths(
        paths: Vec<JsonPath>,
        transform: Transform,
        limit_bytes: usize,
    ) -> Result<Self, MaskError> {
        if paths.is_empty() || paths.len() > MAX_JSON_PATHS {
            return Err(MaskError::JsonPaths(MAX_JSON_PATHS));
        }
        Ok(Self {
            what: What::Paths { paths, transform },
            limit_bytes,
        })
    }

    /// The value as it may be shown. Never panics, whatever the bytes; what cannot be read as the type says is
    /// withheld. Memory: a small multiple of the value's length, which the limit bounds.
    pub fn apply(&self, kind: &PgType, format: Format, value: &[u8]) -> Masked {
        if value.len() > self.limit_bytes {
            return replaced_whole(kind);
        }
        match Work::new(&self.what).value(kind, format, value) {
            Masked::Value(masked) if masked == value => Masked::Unchanged,
            masked => masked,
        }
    }
}

fn replaced_whole(kind: &PgType) -> Masked {
    match kind {
        PgType::Text | PgType::Bpchar | PgType::Name | PgType::Xml => {
            Masked::Value(REDACTED.to_vec())
        }
        _ => Masked::Null,
    }
}
