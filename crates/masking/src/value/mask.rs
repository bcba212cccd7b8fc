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
    /// One after the other.
    steps: Vec<What>,
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
        Self::of(What::Whole(transform), limit_bytes)
    }

    fn of(what: What, limit_bytes: usize) -> Self {
        Self {
            steps: vec![what],
            limit_bytes,
        }
    }

    /// Masks what is left by this mask with another one. The lower limit holds for both.
    #[must_use]
    pub fn then(mut self, next: &Self) -> Self {
        self.steps.extend(next.steps.iter().cloned());
        self.limit_bytes = self.limit_bytes.min(next.limit_bytes);
        self
    }

    /// Masks what detectors find in a value: inside of text, of strings and keys in JSON, of elements, of bytes.
    /// Where the type does not allow to change a part, and something was found, the value is withheld.
    /// `otherwise` is the transform for all that [`Self::with`] does not name.
    pub fn detected(detectors: Detectors, otherwise: Transform, limit_bytes: usize) -> Self {
        let what = What::Detected {
            detectors,
            otherwise,
            by_detector: Vec::new(),
        };
        Self::of(what, limit_bytes)
    }

    /// Names the transform for what one detector finds. Without effect on other masks than those of detectors.
    #[must_use]
    pub fn with(mut self, detector: Detector, transform: Transform) -> Self {
        let mut steps = self.steps.iter_mut();
        let by_detector = steps.find_map(|what| match what {
            What::Detected { by_detector, .. } => Some(by_detector),
            _ => None,
        });
        if let Some(by_detector) = by_detector {
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
        Ok(Self::of(What::Paths { paths, transform }, limit_bytes))
    }

    /// The value as it may be shown. Never panics, whatever the bytes; what cannot be read as the type says is
    /// withheld. Memory: a small multiple of the value's length, which the limit bounds.
    pub fn apply(&self, kind: &PgType, format: Format, value: &[u8]) -> Masked {
        if value.len() > self.limit_bytes {
            return replaced_whole(kind);
        }
        let mut masked = None;
        for what in &self.steps {
            let now = masked.as_deref().unwrap_or(value);
            match Work::new(what).value(kind, format, now) {
                Masked::Value(next) => masked = Some(next),
                Masked::Unchanged => {}
                Masked::Null => return Masked::Null,
            }
        }
        match masked {
            Some(masked) if masked != value => Masked::Value(masked),
            _ => Masked::Unchanged,
        }
    }

    /// What is looked for by the first step of a mask by detectors.
    pub(crate) fn detection(&self) -> Option<(&What, &Detectors)> {
        self.steps.iter().find_map(|what| match what {
            What::Detected { detectors, .. } => Some((what, detectors)),
            _ => None,
        })
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
