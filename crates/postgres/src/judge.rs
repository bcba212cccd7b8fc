//! What a session's statements do, told in the words that policy asks for.
//!
//! One [`Judge`] for each session turns statement texts into [`Analysis`]: verbs, labels of the columns that are seen,
//! compared or copied, and which literals must not stand in records. What is not certain counts as the worst: an
//! unknown verb, every label.

mod analyse;
mod analysis;
mod columns;
mod functions;
mod hidden;
mod plan;
mod recorded;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use custos_session::{Open, Rules, Session};
use custos_sql::TimeLimit;

use crate::catalogue::{Catalogue, Names, Snapshot};
use crate::names::clip;

pub(crate) use analysis::{Analysis, Missing};
pub(crate) use columns::{Both, ColumnMask, ColumnMasks};
pub(crate) use plan::{Described, Plan, recorded_statement};
pub use recorded::recorded_question;

/// Analyses that a session keeps.
const KEPT: usize = 512;
/// Longer texts are kept apart, and under no name.
const KEPT_TEXT_BYTES: usize = 16 << 10;
/// Longer texts that are kept all the same, the last ones: each is asked for when it is parsed, bound and executed.
const LONG_KEPT: usize = 4;
/// Names of prepared statements, cursors, temporary and changed objects that are told apart, of each; what is beyond is
/// unknown.
const NAMES_MAX: usize = 4096;

/// Search paths that are told apart.
const PATHS_MAX: usize = 16;

/// What the target and the client agreed on when the session began.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// What `search_path` says; `None`: not known.
    pub(crate) schemas: Option<Vec<String>>,
    /// Whom `$user` in a search path means.
    pub(crate) user: String,
    /// What `statement_timeout` says; 0 is none.
    pub(crate) statement_timeout_ms: u64,
    /// The server reads statements as the grammar here does.
    pub(crate) readable: bool,
    /// The database.
    pub(crate) database: Option<String>,
}

/// Judges the statements of one session.
#[derive(Debug)]
pub(crate) struct Judge {
    scripts: Arc<custos_sql::Cache>,
    catalogue: Arc<Catalogue>,
    database: Option<String>,
    /// All search paths that may be in force: settings come and go with transactions, which are not followed.
    paths: Vec<Vec<String>>,
    /// A search path that is not known may be in force.
    lost: bool,
    user: String,
    /// `statement_timeout` at first, and now, as far as statements say so.
    first_timeout_ms: u64,
    timeout_ms: u64,
    /// Names that the session gave to temporary objects, which are found before all others.
    shadows: HashSet<String>,
    readable: bool,
    /// The session changed objects in a transaction that may be open still: only it sees them so.
    unsettled: Option<Changes>,
    snapshot: Option<Arc<Snapshot>>,
    /// Of these rules and this snapshot.
    analyses: HashMap<String, Arc<Analysis>>,
    /// The same for texts of which only the template matters.
    templates: HashMap<String, Arc<Analysis>>,
    rules_version: u64,
    /// What was prepared under each name, in the protocol and in SQL.
    prepared: HashMap<String, Named>,
    /// Of those, what was prepared in SQL.
    prepared_in_sql: HashMap<String, Named>,
    /// Cursors and portals.
    cursors: HashMap<String, Named>,
    /// Of those, what was declared in SQL.
    declared: HashMap<String, Named>,
    /// Of long texts, the last.
    long: VecDeque<(String, Arc<Analysis>)>,
}

/// What statements may have changed of the database's objects.
#[derive(Clone, Debug, Default)]
struct Changes {
    /// Anything.
    all: bool,
    /// Relations of these names, whatever their schema.
    relations: HashSet<String>,
}

impl Changes {
    fn add(&mut self, more: &Self) {
        self.all |= more.all || self.relations.len() + more.relations.len() > NAMES_MAX;
        if self.all {
            self.relations.clear();
        } else {
            self.relations.extend(more.relations.iter().cloned());
        }
    }
}

/// The texts that a name stood for.
#[derive(Debug, Default)]
struct Named {
    texts: Vec<String>,
    /// There were more, or longer ones, than are kept.
    lost: bool,
}

/// Texts that are kept for one name.
const TEXTS_PER_NAME: usize = 8;
/// Bytes of texts that are kept for all names of one kind, and how long one is that is kept beyond that.
const NAMED_TEXTS_BYTES: usize = 16 << 20;
const SHORT_TEXT_BYTES: usize = 512;

impl Judge {
    pub(crate) fn new(
        scripts: Arc<custos_sql::Cache>,
        catalogue: Arc<Catalogue>,
        beginning: Beginning,
    ) -> Self {
        let mut judge = Self {
            scripts,
            catalogue,
            database: beginning.database,
            lost: beginning.schemas.is_none(),
            paths: Vec::new(),
            user: beginning.user,
            first_timeout_ms: beginning.statement_timeout_ms,
            timeout_ms: beginning.statement_timeout_ms,
            shadows: HashSet::new(),
            readable: beginning.readable,
            unsettled: None,
            snapshot: None,
            analyses: HashMap::new(),
            templates: HashMap::new(),
            rules_version: 0,
            prepared: HashMap::new(),
            prepared_in_sql: HashMap::new(),
            cursors: HashMap::new(),
            declared: HashMap::new(),
            long: VecDeque::new(),
        };
        judge.search(&beginning.schemas.unwrap_or_default());
        judge
    }

    /// Gets what the catalogue says now. `is_idle`: no transaction is open and nothing under way.
    pub(crate) async fn refresh(
        &mut self,
        session: &Session<Open>,
        random: &(dyn Fn(&mut [u8]) + Send + Sync),
        is_idle: bool,
    ) {
        if is_idle && self.unsettled.take().is_some() {
            self.catalogue.changed();
            self.forget();
        }
        let database = self.database.as_deref();
        let snapshot = self.catalogue.snapshot(session, database, random).await;
        let same = match (&snapshot, &self.snapshot) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (None, None) => true,
            _ => false,
        };
        if !same {
            self.snapshot = snapshot;
            self.forget();
        }
    }

    /// The server reads statements otherwise from now on.
    pub(crate) fn unreadable(&mut self) {
        if self.readable {
            self.readable = false;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.analyses.clear();
        self.templates.clear();
        self.long.clear();
    }

    /// What a text does.
    pub(crate) fn analyse(&mut self, text: &[u8], rules: &Rules) -> Arc<Analysis> {
        if rules.version() != self.rules_version {
            self.rules_version = rules.version();
            self.forget();
        }
        let Ok(text) = std::str::from_utf8(text) else {
            return Arc::new(Analysis::unreadable(text.len(), rules, "it is not UTF-8"));
        };
        let long = self.long.iter().find(|(known, _)| known == text);
        if let Some(known) = self.analyses.get(text).or(long.map(|(_, known)| known)) {
            return Arc::clone(known);
        }
        let template = custos_sql::template(text);
        if let Some(known) = template.as_ref().and_then(|it| self.templates.get(it)) {
            debug_assert_eq!(
                format!("{known:?}"),
                format!("{:?}", analyse::analyse(self, text, rules)),
                "{text}"
            );
            return Arc::clone(known);
        }
        let analysis = Arc::new(analyse::analyse(self, text, rules));
        // What names of the session mean changes from statement to statement.
        if analysis.depends_on_names {
            return analysis;
        }
        if let Some(template) = template.filter(|_| analysis.holds_for_other_values()) {
            if self.templates.len() >= KEPT {
                self.templates.clear();
            }
            self.templates.insert(template, Arc::clone(&analysis));
            return analysis;
        }
        if text.len() > KEPT_TEXT_BYTES {
            if self.long.len() >= LONG_KEPT {
                self.long.pop_front();
            }
            self.long
                .push_back((text.to_owned(), Arc::clone(&analysis)));
        } else {
            if self.analyses.len() >= KEPT {
                self.analyses.clear();
            }
            self.analyses.insert(text.to_owned(), Arc::clone(&analysis));
        }
        analysis
    }

    /// What one of several texts does, whichever the target takes.
    pub(crate) fn analyse_all(&mut self, texts: &[&[u8]], rules: &Rules) -> Arc<Analysis> {
        let mut distinct: Vec<&[u8]> = Vec::new();
        for text in texts {
            if !distinct.contains(text) {
                distinct.push(text);
            }
        }
        match distinct.as_slice() {
            [one] => self.analyse(one, rules),
            [] => Arc::new(Analysis::unreadable(0, rules, "its statement is not known")),
            several => {
                let all = several.iter().map(|text| self.analyse(text, rules));
                Arc::new(Analysis::one_of(&all.collect::<Vec<_>>(), rules))
            }
        }
    }

    /// The client prepares a statement under this name.
    pub(crate) fn prepared(&mut self, name: &[u8], text: &str) {
        if !name.is_empty() {
            remember(&mut self.prepared, name, text);
        }
    }

    /// The client binds a portal of this name to one of these texts, which a cursor may read; `None`: nobody knows to
    /// which.
    pub(crate) fn bound<'t>(
        &mut self,
        name: &[u8],
        texts: Option<impl IntoIterator<Item = &'t str>>,
    ) {
        if name.is_empty() {
            return;
        }
        match texts {
            Some(texts) => {
                for text in texts {
                    remember(&mut self.cursors, name, text);
                }
            }
            None => lose(&mut self.cursors, name),
        }
    }

    /// Texts that were prepared in SQL under a name of the protocol; `None`: more than are known.
    pub(crate) fn prepared_in_sql(&self, name: &[u8]) -> Option<Vec<String>> {
        texts(&self.prepared_in_sql, name)
    }

    /// Texts of cursors that were declared in SQL under a portal's name; `None`: more than are known.
    pub(crate) fn declared(&self, name: &[u8]) -> Option<Vec<String>> {
        texts(&self.declared, name)
    }

    /// Whose objects a statement may change.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue)
    }

    /// How long a statement may take, as far as statements have said so.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        (self.timeout_ms > 0).then(|| Duration::from_millis(self.timeout_ms))
    }

    /// The statement is forwarded: what it changes of names and objects is in force from now on.
    pub(crate) fn forwarded(&mut self, analysis: &Arc<Analysis>) {
        for (name, text) in &analysis.prepares {
            remember(&mut self.prepared, name.as_bytes(), text);
            remember(&mut self.prepared_in_sql, name.as_bytes(), text);
        }
        for (name, text) in &analysis.declares {
            remember(&mut self.cursors, name.as_bytes(), text);
            remember(&mut self.declared, name.as_bytes(), text);
        }
        match analysis.statement_timeout {
            Some(TimeLimit::Milliseconds(ms)) => self.timeout_ms = ms,
            Some(TimeLimit::First) => self.timeout_ms = self.first_timeout_ms,
            None => {}
        }
        match &analysis.searches {
            analysis::Searches::AsBefore => {}
            analysis::Searches::Schemas(schemas) => self.search(schemas),
            analysis::Searches::Unknown => {
                self.lost = true;
                self.forget();
            }
        }
        if let Some(changes) = &analysis.changes {
            // What is temporary may have got another name.
            let own = changes.all || !changes.relations.is_disjoint(&self.shadows);
            self.lost |= own && !self.shadows.is_empty() && analysis.shadows.is_empty();
            if self.shadows.len() + analysis.shadows.len() > NAMES_MAX {
                self.lost = true;
            } else {
                self.shadows.extend(analysis.shadows.iter().cloned());
            }
            self.unsettled.get_or_insert_default().add(changes);
            self.catalogue.changed();
            self.forget();
        }
    }

    /// One more search path may be in force; an empty one is what it was at first.
    fn search(&mut self, schemas: &[String]) {
        if schemas.is_empty() {
            return;
        }
        let named = schemas.iter().map(|schema| match schema.as_str() {
            "$user" => self.user.clone(),
            other => other.to_owned(),
        });
        let mut path: Vec<String> = named.collect();
        // What is temporary would be found first or, named so, wherever it is named.
        self.lost |= path.iter().any(|schema| schema == "pg_temp");
        if !path.iter().any(|schema| schema == "pg_catalog") {
            path.insert(0, "pg_catalog".to_owned());
        }
        if self.paths.len() >= PATHS_MAX {
            self.lost = true;
        } else if !self.paths.contains(&path) {
            self.paths.push(path);
        }
        self.forget();
    }

    /// What the catalogue says now.
    pub(crate) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        let all = self.unsettled.as_ref().is_some_and(|changes| changes.all);
        self.snapshot.clone().filter(|_| !all)
    }

    /// The catalogue under the session's names; `None`: nothing is known.
    fn names(&self) -> Option<Names<'_>> {
        let snapshot = self.snapshot.as_deref()?;
        let unsettled = self.unsettled.as_ref();
        if unsettled.is_some_and(|changes| changes.all) {
            return None;
        }
        let paths = if self.lost {
            &[]
        } else {
            self.paths.as_slice()
        };
        Some(Names {
            snapshot,
            paths,
            shadows: &self.shadows,
            changed: unsettled.map(|changes| &changes.relations),
        })
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        if self.unsettled.is_some() {
            self.catalogue.changed();
        }
    }
}

/// The entry of a name; `None` where it would be one too many: what has no entry is unknown.
fn entry<'n>(all: &'n mut HashMap<String, Named>, name: &[u8]) -> Option<&'n mut Named> {
    let name = key(name);
    let has_room = all.len() < NAMES_MAX || all.contains_key(&name);
    has_room.then(|| all.entry(name).or_default())
}

fn remember(all: &mut HashMap<String, Named>, name: &[u8], text: &str) {
    let fits = has_room(all, text);
    let Some(named) = entry(all, name) else {
        return;
    };
    if named.texts.iter().any(|known| known == text) {
        return;
    }
    if fits && named.texts.len() < TEXTS_PER_NAME {
        named.texts.push(text.to_owned());
    } else {
        named.lost = true;
    }
}

/// Whether there is room for one more text.
fn has_room(all: &HashMap<String, Named>, text: &str) -> bool {
    // Counted for the longer ones only: the number of the others is bounded.
    text.len() <= SHORT_TEXT_BYTES
        || (text.len() <= KEPT_TEXT_BYTES
            && all
                .values()
                .flat_map(|named| &named.texts)
                .map(String::len)
                .sum::<usize>()
                + text.len()
                <= NAMED_TEXTS_BYTES)
}

/// The name may stand for anything.
fn lose(all: &mut HashMap<String, Named>, name: &[u8]) {
    if let Some(named) = entry(all, name) {
        named.lost = true;
    }
}

fn key(name: &[u8]) -> String {
    String::from_utf8_lossy(clip(name)).into_owned()
}

/// The text under a name, if it can be only one.
fn named<'n>(all: &'n HashMap<String, Named>, name: &str) -> Option<&'n str> {
    let named = all.get(&key(name.as_bytes()))?;
    match named.texts.as_slice() {
        [one] if !named.lost => Some(one),
        _ => None,
    }
}

/// All texts under a name. `None`: there were more than are kept.
fn texts(all: &HashMap<String, Named>, name: &[u8]) -> Option<Vec<String>> {
    let Some(named) = all.get(&key(name)) else {
        return (all.len() < NAMES_MAX).then(Vec::new);
    };
    (!named.lost).then(|| named.texts.clone())
}
