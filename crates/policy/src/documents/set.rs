//! Documents that were read, checked and compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use cedar_policy::Policy;
use custos_masking::MAX_PATTERNS;
use custos_model::Principal;
use custos_shell::Pattern;
use serde::Serialize;

use super::cedar::{self, Refused, Vocabulary};
use super::held::Held;
use super::label::{self, Detect, Label};
use super::problem::Problem;
use super::question::Environment;
use super::reachable;
use super::reader::Reader;
use super::rule::{self, Placed, Rule, RuleEffect};
use super::slice::Slice;
use super::target::Resource;
use super::yaml::{self, At, Value};

/// Documents of one set at most.
pub const DOCUMENTS_MAX: usize = 256;
/// Rules of one set at most.
pub const RULES_MAX: usize = 5000;
/// Labels of one set at most.
pub const LABELS_MAX: usize = 256;
/// Stands before a label's name in comments.
const COMMENT_WORD: &str = "custos:";

/// A document as it was written.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// For problems; usually the file's path.
    pub name: &'a str,
    /// YAML, at most [`DOCUMENT_BYTES_MAX`](super::DOCUMENT_BYTES_MAX).
    pub text: &'a str,
}

/// A rule with what Cedar made of it.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) rule: Rule,
    pub(super) policies: Vec<Policy>,
}

/// A checked set of documents. Their order, and that of what is in them, means nothing.
#[derive(Debug)]
pub struct PolicySet {
    /// By id.
    pub(super) rules: Vec<Arc<Compiled>>,
    pub(super) labels: Arc<BTreeMap<String, Label>>,
    pub(super) guards: Arc<Vec<Policy>>,
    pub(super) vocabulary: Arc<Vocabulary>,
    digest: String,
    held: Mutex<Held>,
}

/// What was read, before it was compiled.
#[derive(Default)]
struct Read {
    rules: Vec<Placed>,
    labels: BTreeMap<String, Label>,
    problems: Vec<Problem>,
}

impl PolicySet {
    /// Reads, checks and compiles. All problems of all documents are told at once, in their order.
    pub fn parse(documents: &[Document<'_>]) -> Result<Self, Vec<Problem>> {
        let mut read = Read::default();
        for document in documents.iter().take(DOCUMENTS_MAX) {
            read.document(document);
        }
        read.limits(documents);
        if read.problems.is_empty() {
            read.agree();
        }
        if read.problems.is_empty() {
            match compile(&read) {
                Ok(set) => return Ok(set),
                Err(problems) => read.problems = problems,
            }
        }
        Err(read.problems)
    }

    /// Lower-case hexadecimal SHA-256 of what the documents say, whatever the order, layout and notes.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The rules, by id.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|compiled| &compiled.rule)
    }

    /// The rule of that id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        let found = self
            .rules
            .binary_search_by(|compiled| compiled.rule.id.as_str().cmp(id));
        let compiled = self.rules.get(found.ok()?)?;
        Some(&compiled.rule)
    }

    /// Lower-case hexadecimal SHA-256 of what the rule of that id says: another once anything of the rule changes, the
    /// same whatever happens to other rules and to labels.
    pub fn rule_digest(&self, id: &str) -> Option<String> {
        #[derive(Serialize)]
        struct Canonical<'a> {
            format: &'static str,
            rule: &'a Rule,
        }
        let canonical = Canonical {
            format: "custos.policy.rule.v1",
            rule: self.rule(id)?,
        };
        fingerprint(&canonical).ok()
    }

    /// What rules allow that their authors may not have seen, in words: commands that run others.
    pub fn warnings(&self) -> Vec<String> {
        let permits = self
            .rules()
            .filter(|rule| rule.effect == RuleEffect::Permit && rule.obligations.approve.is_none());
        let warnings = permits.flat_map(|rule| {
            let warnings = rule.commands.patterns().flat_map(Pattern::warnings);
            warnings.map(|warning| format!("`{}`: {warning}", rule.id))
        });
        warnings.collect()
    }

    /// The labels of columns.
    pub fn labels(&self) -> &BTreeMap<String, Label> {
        &self.labels
    }

    /// Labels of one column. Names are compared in lower case, so that a quoted twin is marked too.
    pub fn labels_of(&self, schema: &str, table: &str, column: &str) -> BTreeSet<String> {
        let parts = [schema, table, column].map(str::to_lowercase);
        let labels = self.labels.iter();
        let marking = labels.filter(|(_, label)| label.marks(&parts));
        marking.map(|(name, _)| name.clone()).collect()
    }

    /// Labels that a column's comment in the catalogue gives it: those of `custos:LABEL` in it, in any case. A name that
    /// no such label has is a mistake that must not show anything, so it stands for all of them.
    pub fn labels_in_comment(&self, comment: &str) -> BTreeSet<String> {
        let comment = comment.to_lowercase();
        let by_comment = self.labels.iter().filter(|(_, label)| label.commented);
        let all: BTreeSet<&String> = by_comment.map(|(name, _)| name).collect();
        let mut found = BTreeSet::new();
        for (at, word) in comment.match_indices(COMMENT_WORD) {
            let rest = comment.get(at + word.len()..).unwrap_or_default();
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            let name = rest.get(..end).unwrap_or_default();
            let name = name.trim_end_matches(['.', '_', '-']);
            match all.get(&name.to_owned()) {
                Some(label) => found.extend([(*label).clone()]),
                None => found.extend(all.iter().copied().cloned()),
            }
        }
        found
    }

    /// The part of the set that can be about this principal and this resource. Made once for a session.
    pub fn slice(
        &self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
    ) -> Slice {
        Slice::new(self, principal, resource, Some(environment))
    }

    /// The same, shared by all who ask for it while one of them holds it: a slice is large beside an idle session, and
    /// what it has decided it need not decide again.
    pub fn shared_slice(
        &self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
    ) -> Arc<Slice> {
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slice) = held().get(principal, resource, environment) {
            return slice;
        }
        // Outside the lock: others need not wait. Two may do the same work.
        let slice = Arc::new(self.slice(principal, resource, environment));
        held().put(principal, resource, environment, &slice);
        slice
    }

    /// The same where whatever rules require is taken to be so.
    pub fn slice_assuming(&self, principal: &Principal, resource: &Resource) -> Slice {
        Slice::new(self, principal, resource, None)
    }
}

impl Read {
    fn document(&mut self, document: &Document<'_>) {
        let node = match yaml::read(document.name, document.text) {
            Ok(node) => node,
            Err(problem) => return self.problems.push(problem),
        };
        let mut reader = Reader::new(document.name);
        if let Some(fields) = reader.fields(&node, "a document", &["version", "labels", "rules"]) {
            if let Some(version) = reader.needed(&fields, "version", "a document") {
                reader.number(version, "`version`", 1, 1);
            }
            if let Some(labels) = fields.get("labels") {
                for (name, (key, label)) in label::read(&mut reader, labels) {
                    if self.labels.insert(name.clone(), label).is_some() {
                        reader.say(key.at, format!("the label `{name}` is defined twice"));
                    }
                }
            }
            match fields.get("rules").map(|node| (&node.value, node.at)) {
                Some((Value::List(rules), _)) => {
                    for node in rules.iter().take(RULES_MAX + 1) {
                        self.rules.extend(rule::read(&mut reader, node));
                    }
                }
                Some((_, at)) => reader.say(at, "`rules` is a list"),
                None if fields.get("labels").is_none() => {
                    reader.say(fields.at, "the document has neither `rules` nor `labels`");
                }
                None => {}
            }
        }
        self.problems.append(&mut reader.problems);
    }

    fn limits(&mut self, documents: &[Document<'_>]) {
        let name = documents.last().map_or("", |document| document.name);
        let detect = self.labels.values().flat_map(|label| &label.detect);
        let patterns = detect.filter(|it| matches!(it, Detect::Pattern(_))).count();
        for (what, count, max) in [
            ("documents", documents.len(), DOCUMENTS_MAX),
            ("rules", self.rules.len(), RULES_MAX),
            ("labels", self.labels.len(), LABELS_MAX),
            ("patterns", patterns, MAX_PATTERNS),
        ] {
            if count > max {
                let message = format!("there are more than {max} {what}");
                self.problems
                    .push(Problem::new(name, At { line: 1, column: 1 }, message));
            }
        }
    }

    /// What only all documents together can say: ids and labels.
    fn agree(&mut self) {
        let mut first: BTreeMap<&str, &Placed> = BTreeMap::new();
        for placed in &self.rules {
            if let Some(earlier) = first.insert(&placed.rule.id, placed) {
                let message = format!(
                    "the id `{}` is taken by the rule at {}:{}",
                    placed.rule.id, earlier.file, earlier.at.line
                );
                self.problems
                    .push(Problem::new(&placed.file, placed.at, message));
            }
            let named = placed.rule.unmask.union(&placed.rule.obligations.mask);
            for label in named.filter(|label| !self.labels.contains_key(*label)) {
                let known: Vec<&str> = self.labels.keys().map(String::as_str).collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let message = format!("no document defines the label `{label}`; known: {known}");
                self.problems
                    .push(Problem::new(&placed.file, placed.labels_at, message));
            }
        }
        self.problems.extend(reachable::check(&self.rules));
    }

    fn place(&self, refused: &Refused) -> Problem {
        let placed = self
            .rules
            .iter()
            .find(|placed| Some(&placed.rule.id) == refused.rule.as_ref());
        match placed {
            Some(placed) => {
                let message = format!("`{}`: {}", placed.rule.id, refused.message);
                Problem::new(&placed.file, placed.at, message)
            }
            None => Problem::new("", At::default(), refused.message.clone()),
        }
    }
}

fn compile(read: &Read) -> Result<PolicySet, Vec<Problem>> {
    let place = |refused: Refused| vec![read.place(&refused)];
    let vocabulary = Vocabulary::new().map_err(place)?;
    let mut rules = Vec::with_capacity(read.rules.len());
    for placed in &read.rules {
        rules.push(Arc::new(Compiled {
            policies: cedar::policies(&placed.rule).map_err(place)?,
            rule: placed.rule.clone(),
        }));
    }
    rules.sort_by(|a, b| a.rule.id.cmp(&b.rule.id));
    let guards = cedar::guards(&read.labels).map_err(place)?;
    let policies = rules
        .iter()
        .flat_map(|compiled| &compiled.policies)
        .chain(&guards);
    let policies: Vec<Policy> = policies.cloned().collect();
    let refused = vocabulary.validate(&policies);
    if !refused.is_empty() {
        return Err(refused.iter().map(|refused| read.place(refused)).collect());
    }
    let digest = digest_of(&rules, &read.labels).map_err(place)?;
    Ok(PolicySet {
        rules,
        labels: Arc::new(read.labels.clone()),
        guards: Arc::new(guards),
        vocabulary: Arc::new(vocabulary),
        digest,
        held: Mutex::default(),
    })
}

/// Over compact JSON of rules by id and labels by name, all lists sorted.
fn digest_of(rules: &[Arc<Compiled>], labels: &BTreeMap<String, Label>) -> Result<String, Refused> {
    #[derive(Serialize)]
    struct Canonical<'a> {
        format: &'static str,
        labels: &'a BTreeMap<String, Label>,
        rules: Vec<&'a Rule>,
    }
    let canonical = Canonical {
        format: "custos.policy.documents.v1",
        labels,
        rules: rules.iter().map(|compiled| &compiled.rule).collect(),
    };
    fingerprint(&canonical)
}

fn fingerprint(canonical: &impl Serialize) -> Result<String, Refused> {
    let bytes = serde_json::to_vec(canonical).map_err(|error| Refused {
        rule: None,
        message: error.to_string(),
    })?;
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, &bytes).as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
