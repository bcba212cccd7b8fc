//! What is shown in place of sensitive values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use custos_masking::{Alphabet, Mask, MaskError, ScopeKey, Transform};
use custos_policy::documents::Transform as Shown;
use custos_store::Store;
use zeroize::Zeroizing;

/// Values longer than this are replaced unseen.
const VALUE_BYTES_MAX: usize = 16 << 20;

/// Makes masks of what policy says; keeps them, since keys are derived for each.
pub(crate) struct Maskers {
    master: Zeroizing<[u8; 32]>,
    made: Mutex<HashMap<Shown, Arc<Mask>>>,
}

impl std::fmt::Debug for Maskers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Maskers").finish_non_exhaustive()
    }
}

impl Maskers {
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            master: store.masking_key(),
            made: Mutex::default(),
        }
    }

    /// The masks of a verdict.
    ///
    /// # Errors
    /// If one cannot be made, which no policy brings about.
    pub(crate) fn of(&self, shown: &BTreeMap<String, Shown>) -> Result<Masks, MaskError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut mask = |shown: &Shown| -> Result<_, MaskError> {
            if let Some(mask) = made.get(shown) {
                return Ok(Arc::clone(mask));
            }
            let mask = Arc::new(Mask::whole(self.transform(shown)?, VALUE_BYTES_MAX));
            made.insert(shown.clone(), Arc::clone(&mask));
            Ok(mask)
        };
        let by_label = shown
            .iter()
            .map(|(label, shown)| Ok((label.clone(), (strictness(shown), mask(shown)?))));
        Ok(Masks {
            by_label: by_label.collect::<Result<_, MaskError>>()?,
            in_doubt: (!shown.is_empty())
                .then(|| mask(&Shown::Redact))
                .transpose()?,
        })
    }

    fn transform(&self, shown: &Shown) -> Result<Transform, MaskError> {
        let key = |scope: &str| ScopeKey::derive(&self.master, scope);
        match shown {
            Shown::Redact => Transform::redact("[redacted]"),
            Shown::Partial { first, last } => {
                let count = |number: u64| usize::try_from(number).unwrap_or(0);
                Transform::partial(count(*first), count(*last), '*')
            }
            Shown::Token { scope } => Transform::token(&key(&format!("token:{scope}"))?, "tok_"),
            Shown::FormatPreserving => Ok(Transform::format_preserving(
                &key("format_preserving")?,
                Alphabet::AsWritten,
            )),
            Shown::Hash => Ok(Transform::hash(&key("hash")?)),
            Shown::Null => Ok(Transform::null()),
        }
    }
}

/// From this strictness on nothing is left of a value.
const REDACTS: u8 = 4;

/// How little is left of a value: where a column has several labels, the strictest mask is taken.
fn strictness(shown: &Shown) -> u8 {
    match shown {
        Shown::Partial { .. } => 0,
        Shown::FormatPreserving => 1,
        Shown::Token { .. } => 2,
        Shown::Hash => 3,
        Shown::Redact => 4,
        Shown::Null => 5,
    }
}

/// The masks that one operation's results and records are under.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    by_label: BTreeMap<String, (u8, Arc<Mask>)>,
    /// There whenever a label is masked.
    in_doubt: Option<Arc<Mask>>,
}

impl Masks {
    /// Nothing is masked: there are no labels, or all may be seen clear.
    pub fn is_empty(&self) -> bool {
        self.by_label.is_empty()
    }

    /// The mask of a value with these labels; `None`: it may be seen clear. `is_whole`: it is the value of a column and
    /// not one that was worked out of it. Of others nothing is left: a piece of a value under a partial mask, or a
    /// dictionary of its tokens, would give it away piece by piece.
    pub fn of(&self, labels: &BTreeSet<String>, is_whole: bool) -> Option<Arc<Mask>> {
        let masks = labels.iter().filter_map(|label| self.by_label.get(label));
        let (strictness, strictest) = masks.max_by_key(|(strictness, _)| *strictness)?;
        if !is_whole && *strictness < REDACTS {
            return self.in_doubt();
        }
        Some(Arc::clone(strictest))
    }

    /// The mask of a value of unknown origin; `None`: whatever it is may be seen clear.
    pub fn in_doubt(&self) -> Option<Arc<Mask>> {
        self.in_doubt.clone()
    }

    /// The labels that are masked.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.by_label.keys().map(String::as_str)
    }
}
