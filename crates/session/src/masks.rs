//! What is shown in place of sensitive values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use custos_masking::{
    Alphabet, Detector, Detectors, Flush, Format, JsonPath, Mask, MaskError, Masked,
    MaskedTerminal, MaskedText, PgType, ScopeKey, Transform,
};
use custos_policy::Policy;
use custos_policy::documents::{Detect, Label, Transform as Shown};
use custos_store::Store;
use zeroize::Zeroizing;

/// Values longer than this are replaced unseen.
const VALUE_BYTES_MAX: usize = 16 << 20;
/// Combinations of labels whose masks are kept.
const KEPT: usize = 1024;

/// Makes masks of what policy says; keeps those of the policy in force, since keys are derived and searches built for
/// each.
pub(crate) struct Maskers {
    master: Zeroizing<[u8; 32]>,
    made: Mutex<Option<Made>>,
}

/// Under one policy.
struct Made {
    policy: Arc<Policy>,
    /// By what a verdict masks.
    by_verdict: HashMap<BTreeMap<String, Shown>, Masks>,
    recorded: Option<Masks>,
    /// Of whole values. Shared, so that what is shown and recorded under the same mask is masked once.
    whole: HashMap<Shown, Arc<Mask>>,
    /// Of what is found, by the labels that look for it.
    detected: HashMap<Vec<String>, Detected>,
}

/// What masks all that some labels look for.
#[derive(Clone, Debug)]
struct Detected {
    in_values: Arc<Mask>,
    /// The same, where a text must be left.
    in_text: Arc<Mask>,
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
    pub(crate) fn of(
        &self,
        policy: &Arc<Policy>,
        masked: &BTreeMap<String, Shown>,
    ) -> Result<Masks, MaskError> {
        if masked.is_empty() {
            return Ok(Masks::default());
        }
        self.with_made(policy, |made| {
            if let Some(masks) = made.by_verdict.get(masked) {
                return Ok(masks.clone());
            }
            let masks = self.make(made, |label| masked.contains_key(label))?;
            if made.by_verdict.len() >= KEPT {
                made.by_verdict.clear();
            }
            made.by_verdict.insert(masked.clone(), masks.clone());
            Ok(masks)
        })
    }

    /// The masks of what is recorded: all labels'.
    pub(crate) fn recorded(&self, policy: &Arc<Policy>) -> Result<Masks, MaskError> {
        self.with_made(policy, |made| {
            if let Some(masks) = &made.recorded {
                return Ok(masks.clone());
            }
            let masks = self.make(made, |_| true)?;
            made.recorded = Some(masks.clone());
            Ok(masks)
        })
    }

    fn with_made<T>(&self, policy: &Arc<Policy>, work: impl FnOnce(&mut Made) -> T) -> T {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let current = made.take().filter(|made| Arc::ptr_eq(&made.policy, policy));
        let current = current.unwrap_or_else(|| Made {
            policy: Arc::clone(policy),
            by_verdict: HashMap::new(),
            recorded: None,
            whole: HashMap::new(),
            detected: HashMap::new(),
        });
        work(made.insert(current))
    }

    fn make(&self, made: &mut Made, is_masked: impl Fn(&str) -> bool) -> Result<Masks, MaskError> {
        let policy = Arc::clone(&made.policy);
        let Policy::Documents(set) = &*policy else {
            return Ok(Masks::default());
        };
        let labels = set.labels().iter().filter(|(name, _)| is_masked(name));
        let labels: Vec<(&String, &Label)> = labels.collect();
        if labels.is_empty() {
            return Ok(Masks::default());
        }
        let mut by_label = BTreeMap::new();
        for (name, label) in labels.iter().filter(|(_, label)| label.is_of_columns()) {
            let paths = label.paths.iter().map(|path| JsonPath::parse(path));
            let marked = Marked {
                strictness: strictness(&label.mask),
                whole: self.whole(made, &label.mask)?,
                transform: self.transform(&label.mask)?,
                paths: paths.collect::<Result<_, _>>()?,
            };
            by_label.insert((*name).clone(), marked);
        }
        let in_doubt = if by_label.is_empty() {
            None
        } else {
            Some(self.whole(made, &Shown::Redact)?)
        };
        Ok(Masks(Some(Arc::new(Inner {
            by_label,
            in_doubt,
            detected: self.detected(made, &labels)?,
            kept: Mutex::default(),
        }))))
    }

    fn whole(&self, made: &mut Made, shown: &Shown) -> Result<Arc<Mask>, MaskError> {
        if let Some(mask) = made.whole.get(shown) {
            return Ok(Arc::clone(mask));
        }
        let mask = Arc::new(Mask::whole(self.transform(shown)?, VALUE_BYTES_MAX));
        made.whole.insert(shown.clone(), Arc::clone(&mask));
        Ok(mask)
    }

    /// What masks all that these labels look for; `None`: nothing.
    fn detected(
        &self,
        made: &mut Made,
        labels: &[(&String, &Label)],
    ) -> Result<Option<Detected>, MaskError> {
        let looking = labels.iter().filter(|(_, label)| !label.detect.is_empty());
        let key: Vec<String> = looking.clone().map(|(name, _)| (*name).clone()).collect();
        if key.is_empty() {
            return Ok(None);
        }
        if let Some(known) = made.detected.get(&key) {
            return Ok(Some(known.clone()));
        }
        // Where several look for the same, the strictest mask is taken.
        let mut wanted: BTreeMap<&Detect, &Shown> = BTreeMap::new();
        for (_, label) in looking {
            for detect in &label.detect {
                let shown = wanted.entry(detect).or_insert(&label.mask);
                if strictness(&label.mask) > strictness(shown) {
                    *shown = &label.mask;
                }
            }
        }
        let found = Detected {
            in_values: Arc::new(self.detecting(&wanted, false)?),
            in_text: Arc::new(self.detecting(&wanted, true)?),
        };
        if made.detected.len() >= KEPT {
            made.detected.clear();
        }
        made.detected.insert(key, found.clone());
        Ok(Some(found))
    }

    /// `in_text`: a text must be left.
    fn detecting(
        &self,
        wanted: &BTreeMap<&Detect, &Shown>,
        in_text: bool,
    ) -> Result<Mask, MaskError> {
        let known = wanted.keys().filter_map(|detect| match detect {
            Detect::Named(name) => Detector::named(name),
            Detect::Pattern(_) => None,
        });
        let mut detectors = Detectors::new(&known.collect::<Vec<_>>())?;
        let mut each = Vec::new();
        let mut patterns = 0;
        for (detect, shown) in wanted {
            let detector = match detect {
                Detect::Named(name) => Detector::named(name).ok_or(MaskError::Key)?,
                Detect::Pattern(pattern) => {
                    detectors = detectors.with_pattern(pattern)?;
                    patterns += 1;
                    Detector::Custom(patterns - 1)
                }
            };
            let shown = match shown {
                // Neither leaves a text in all cases.
                Shown::Null | Shown::FormatPreserving if in_text => &Shown::Redact,
                shown => shown,
            };
            each.push((detector, self.transform(shown)?));
        }
        let redact = self.transform(&Shown::Redact)?;
        let mask = Mask::detected(detectors, redact, VALUE_BYTES_MAX);
        let each = each.into_iter();
        Ok(each.fold(mask, |mask, (detector, with)| mask.with(detector, with)))
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

/// The masks that one operation's results and records are under. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Masks(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Of labels that columns can have.
    by_label: BTreeMap<String, Marked>,
    /// There whenever such a label is masked.
    in_doubt: Option<Arc<Mask>>,
    /// Of what is found in any value.
    detected: Option<Detected>,
    /// Masks of labels together, of whole columns.
    kept: Mutex<HashMap<BTreeSet<String>, Option<Arc<Mask>>>>,
}

/// How a label's columns are masked.
#[derive(Debug)]
struct Marked {
    strictness: u8,
    whole: Arc<Mask>,
    transform: Transform,
    /// Places in documents; none: all of a value.
    paths: Vec<JsonPath>,
}

impl Masks {
    /// Nothing is masked: there are no labels, or all may be seen clear.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The mask of a value with these labels; `None`: it may be seen clear. `is_whole`: it is the value of a column and
    /// not one that was worked out of it. Of others nothing is left: a piece of a value under a partial mask, or a
    /// dictionary of its tokens, would give it away piece by piece.
    pub fn of(&self, labels: &BTreeSet<String>, is_whole: bool) -> Option<Arc<Mask>> {
        let inner = self.0.as_ref()?;
        let marked = labels.iter().filter_map(|label| inner.by_label.get(label));
        let marked: Vec<&Marked> = marked.collect();
        if marked.is_empty() {
            return inner.in_values();
        }
        let leaves_some = |it: &&Marked| it.strictness < REDACTS || !it.paths.is_empty();
        if !is_whole && marked.iter().any(leaves_some) {
            return inner.in_doubt.clone();
        }
        if let [only] = marked.as_slice()
            && only.paths.is_empty()
        {
            return Some(Arc::clone(&only.whole));
        }
        let mut kept = inner.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mask) = kept.get(labels) {
            return mask.clone();
        }
        let mask = inner.together(&marked).map(Arc::new);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(labels.clone(), mask.clone());
        mask
    }

    /// Whether a value with these labels is masked for their sake, and not only for what is found in it.
    pub fn mark(&self, labels: &BTreeSet<String>) -> bool {
        let inner = self.0.as_ref();
        inner.is_some_and(|inner| labels.iter().any(|it| inner.by_label.contains_key(it)))
    }

    /// The mask of a value of unknown origin; `None`: whatever it is may be seen clear.
    pub fn in_doubt(&self) -> Option<Arc<Mask>> {
        let inner = self.0.as_ref()?;
        inner.in_doubt.clone().or_else(|| inner.in_values())
    }

    /// Whether a value of unknown origin is masked for the sake of labels.
    pub fn mark_what_is_in_doubt(&self) -> bool {
        let inner = self.0.as_ref();
        inner.is_some_and(|inner| inner.in_doubt.is_some())
    }

    /// A text without what is looked for in values; `None`: as it is.
    pub fn text(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mask = &self.0.as_ref()?.detected.as_ref()?.in_text;
        match mask.apply(&PgType::Text, Format::Text, text) {
            Masked::Unchanged => None,
            Masked::Value(masked) => Some(masked),
            Masked::Null => Some(Vec::new()),
        }
    }

    /// The same for a text that comes in chunks; `None`: nothing is looked for.
    pub fn stream(&self) -> Option<MaskedText> {
        MaskedText::new(&self.0.as_ref()?.detected.as_ref()?.in_text)
    }

    /// The same for what a terminal or a program says.
    pub fn terminal(&self, flush: Flush) -> Option<MaskedTerminal> {
        MaskedTerminal::new(&self.0.as_ref()?.detected.as_ref()?.in_text, flush)
    }

    /// Whether both look for the same things in values.
    pub fn look_for_the_same(&self, other: &Self) -> bool {
        match (self.detected(), other.detected()) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one, &other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// The mask of what is looked for in any value; `None`: nothing.
    pub fn detected(&self) -> Option<Arc<Mask>> {
        self.0.as_ref()?.in_values()
    }
}

impl Inner {
    fn in_values(&self) -> Option<Arc<Mask>> {
        let detected = self.detected.as_ref()?;
        Some(Arc::clone(&detected.in_values))
    }

    /// Places first, then the strictest of those that mask all of a value, or else what is found in what is left.
    fn together(&self, marked: &[&Marked]) -> Option<Mask> {
        let strictest = marked.iter().filter(|it| it.paths.is_empty());
        let strictest = strictest.max_by_key(|it| it.strictness);
        let places = marked.iter().filter(|it| !it.paths.is_empty());
        let places = places.map(|it| {
            let (paths, transform) = (it.paths.clone(), it.transform.clone());
            // There are paths, and not too many: policy was read with them.
            Mask::paths(paths, transform.clone(), VALUE_BYTES_MAX)
                .unwrap_or_else(|_| Mask::whole(transform, VALUE_BYTES_MAX))
        });
        let last = match strictest {
            Some(all) => Some(Mask::clone(&all.whole)),
            None => self.in_values().map(|mask| Mask::clone(&mask)),
        };
        places.chain(last).reduce(|mask, next| mask.then(&next))
    }
}
