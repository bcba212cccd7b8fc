//! One statement text, told in the words that policy asks for.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use custos_model::Effect;
use custos_session::{InsertedRows, Question, Rules, Shape, Touched, Verb};
use custos_sql::lineage::{self, Lineage, Origin};
use custos_sql::{
    CopyForm, Object, ObjectKind, Prepared, SqlError, Statement, Truth, Verb as Does,
};

use super::columns::Shown;
use super::{Changes, Judge, Named, functions, hidden, named};
use crate::catalogue::{Names, is_telling};

/// Texts that run other texts are followed so far.
const NESTED_MAX: u32 = 4;
/// Objects that are told to people.
const OBJECTS_MAX: usize = 16;

/// What is known of a text.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// For policy.
    pub(crate) question: Question,
    /// For durability.
    pub(crate) effect: Effect,
    /// What each statement gives out, in order.
    pub(crate) results: Vec<Given>,
    /// Why the text was not understood, for people.
    pub(crate) doubts: Vec<String>,
    /// The grammar does not accept it, and so the target would not either.
    pub(crate) is_syntax_error: bool,
    /// What it names and is not there, so that the target would refuse it.
    pub(crate) missing: Option<Missing>,
    /// The text as it may be recorded; `None`: as it is.
    pub(crate) recorded: Option<String>,
    /// Numbers of parameters whose values must not stand in records; `None`: all.
    pub(crate) hidden_parameters: Option<BTreeSet<u32>>,
    /// What the client sends by COPY must not stand in records.
    pub(crate) hides_copy_in: bool,
    /// Labelled columns are mentioned, or nobody knows: errors and notices may hold their values.
    pub(crate) touches_labels: bool,
    pub(super) depends_on_names: bool,
    pub(super) changes: Option<Changes>,
    pub(super) prepares: Vec<(String, String)>,
    pub(super) declares: Vec<(String, String)>,
    pub(super) searches: Searches,
    /// Names of temporary objects that it makes.
    pub(super) shadows: Vec<String>,
}

/// Something that is not there.
#[derive(Debug)]
pub(crate) struct Missing {
    /// What the target would answer.
    pub(crate) sqlstate: &'static str,
    pub(crate) what: &'static str,
    pub(crate) name: String,
}

/// What a statement gives out.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// Its columns; `None`: not known, not even how many.
    pub(crate) columns: Option<Vec<Shown>>,
    /// Rows by COPY, in this form.
    pub(crate) copy: Option<CopyForm>,
    /// OIDs of the types of those rows, where a whole table is copied.
    pub(crate) copied_kinds: Vec<u32>,
}

impl Given {
    fn unknown() -> Self {
        Self {
            columns: None,
            copy: None,
            copied_kinds: Vec::new(),
        }
    }
}

/// What becomes of `search_path`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Searches {
    AsBefore,
    Schemas(Vec<String>),
    Unknown,
}

impl Analysis {
    /// A text of which nothing is known.
    pub(crate) fn unreadable(bytes: usize, rules: &Rules, why: &str) -> Self {
        let labels = rules.labels();
        let has_labels = rules.have_labels();
        Self {
            question: Question {
                verbs: verbs(&["sql.unknown"]),
                touched: Touched {
                    in_doubt: has_labels,
                    visible: BTreeSet::new(),
                    compared: labels.clone(),
                    stored: labels,
                },
                ..Question::default()
            },
            effect: Effect::Unknown,
            results: Vec::new(),
            doubts: vec![why.to_owned()],
            is_syntax_error: false,
            missing: None,
            recorded: has_labels.then(|| format!("[{bytes} bytes that could not be read]")),
            hidden_parameters: (!has_labels).then(BTreeSet::new),
            hides_copy_in: has_labels,
            touches_labels: has_labels,
            depends_on_names: false,
            changes: Some(Changes {
                all: true,
                ..Changes::default()
            }),
            prepares: Vec::new(),
            declares: Vec::new(),
            searches: Searches::Unknown,
            shadows: Vec::new(),
        }
    }

    /// What the statement at this place gives out.
    pub(crate) fn given(&self, statement: usize) -> Option<&Given> {
        self.results.get(statement)
    }
}

/// What is known of a database when nothing is.
struct Nothing;

impl lineage::Catalogue for Nothing {
    fn relation(&self, _: &[String]) -> Option<lineage::Relation> {
        None
    }

    fn function(&self, _: &[String]) -> Option<lineage::Function> {
        None
    }

    fn operator(&self, name: &[String]) -> bool {
        matches!(name, [schema, _] if schema == "pg_catalog")
    }

    fn plain_type(&self, name: &[String]) -> bool {
        matches!(name, [schema, _] if schema == "pg_catalog")
    }
}

fn verbs(words: &[&str]) -> BTreeSet<Verb> {
    words.iter().filter_map(|word| Verb::named(word)).collect()
}

pub(super) fn analyse(judge: &Judge, text: &str, rules: &Rules) -> Analysis {
    analyse_at(judge, text, rules, 0)
}

fn analyse_at(judge: &Judge, text: &str, rules: &Rules, depth: u32) -> Analysis {
    if !judge.readable {
        let why = "the server reads statements in a way that the gateway cannot follow \
                   (a setting of the session, such as client_encoding or standard_conforming_strings)";
        return Analysis::unreadable(text.len(), rules, why);
    }
    let script = judge.scripts.parse(text);
    let script = match &*script {
        Ok(script) => script,
        Err(error) => {
            let analysis = Analysis::unreadable(text.len(), rules, &error.to_string());
            return Analysis {
                is_syntax_error: *error == SqlError::Syntax,
                ..analysis
            };
        }
    };
    let names = judge.names();
    let lineages = rules.have_labels().then(|| {
        let known = names.as_ref().map(|names| names as &dyn lineage::Catalogue);
        lineage::lineage(text, known.unwrap_or(&Nothing)).ok()
    });
    let lineages = lineages.flatten();
    let mut work = Work {
        judge,
        text,
        rules,
        depth,
        names,
        analysis: Analysis {
            question: Question::default(),
            effect: Effect::Read,
            results: Vec::new(),
            doubts: Vec::new(),
            is_syntax_error: false,
            missing: None,
            recorded: None,
            hidden_parameters: Some(BTreeSet::new()),
            hides_copy_in: false,
            touches_labels: false,
            depends_on_names: false,
            changes: None,
            prepares: Vec::new(),
            declares: Vec::new(),
            searches: Searches::AsBefore,
            shadows: Vec::new(),
        },
        hidden: Vec::new(),
    };
    for (index, statement) in script.statements.iter().enumerate() {
        work.statement(statement, lineages.as_ref().and_then(|all| all.get(index)));
    }
    work.finish()
}

struct Work<'a> {
    judge: &'a Judge,
    text: &'a str,
    rules: &'a Rules,
    depth: u32,
    names: Option<Names<'a>>,
    analysis: Analysis,
    /// Literals that must not stand in records.
    hidden: Vec<Range<usize>>,
}

impl Work<'_> {
    fn statement(&mut self, statement: &Statement, lineage: Option<&Lineage>) {
        for effect in &statement.effects {
            self.effect(statement, effect.verb, &effect.object);
            if effect.object.kind != ObjectKind::Session
                && self.analysis.question.objects.len() < OBJECTS_MAX
            {
                let object = effect.object.dotted();
                let objects = &mut self.analysis.question.objects;
                if !object.is_empty() && !objects.contains(&object) {
                    objects.push(object);
                }
            }
        }
        for (verb, doubt) in functions::judge(statement, self.names.as_ref()) {
            self.verb(verb);
            self.analysis.doubts.extend(doubt);
        }
        self.relations(statement);
        self.shape(statement);
        self.search_path(statement);
        if self.rules.have_labels() {
            self.lineage(statement, lineage);
            self.hide(statement);
        } else {
            self.analysis.results.push(Given::unknown());
        }
        self.names_of_statements(statement);
    }

    /// Relations whose columns nobody here knows.
    fn relations(&mut self, statement: &Statement) {
        let Some(names) = self.names.clone() else {
            let doubt = "the target's catalogue cannot be consulted now";
            if self.rules.have_labels() && !statement.effects.iter().all(is_bare) {
                self.analysis.doubts.push(doubt.to_owned());
            }
            return;
        };
        for effect in &statement.effects {
            let uses = matches!(
                effect.verb,
                Does::Read | Does::Insert | Does::Update | Does::Delete | Does::Truncate
            );
            let object = &effect.object;
            if !uses || object.kind != ObjectKind::Relation || names.table(&object.name).is_some() {
                continue;
            }
            let name = object.dotted();
            let told = if object.name.last().is_some_and(|name| is_telling(name)) {
                format!("{name} shows values of other tables' columns, or texts of statements")
            } else if names.is_ambiguous(&object.name) {
                format!("which relation {name} is cannot be told in this session")
            } else {
                let told = format!("{name} is not in the target's catalogue");
                self.miss("42P01", "relation", name);
                told
            };
            self.analysis.doubts.push(told);
        }
    }

    fn miss(&mut self, sqlstate: &'static str, what: &'static str, name: String) {
        let missing = Missing {
            sqlstate,
            what,
            name,
        };
        self.analysis.missing.get_or_insert(missing);
    }

    fn verb(&mut self, word: &str) {
        self.analysis.question.verbs.extend(Verb::named(word));
        if word != "sql.read" && word != "session.open" {
            self.analysis.effect = Effect::Unknown;
        }
    }

    fn changes(&mut self, verb: Does, object: &Object) {
        let changes = self.analysis.changes.get_or_insert_default();
        let defines = matches!(verb, Does::Define | Does::Destroy);
        let relation = match object.kind {
            ObjectKind::Relation if defines => object.name.last(),
            ObjectKind::Column if defines => object.name.iter().rev().nth(1),
            _ => None,
        };
        match relation {
            Some(relation) => drop(changes.relations.insert(relation.clone())),
            None => changes.all = true,
        }
    }

    fn effect(&mut self, statement: &Statement, verb: Does, object: &Object) {
        let word = match verb {
            Does::Read | Does::Cursor | Does::Lock => "sql.read",
            Does::Insert => "sql.insert",
            Does::Update | Does::Notify => "sql.update",
            Does::Delete => "sql.delete",
            Does::Truncate => "sql.truncate",
            Does::Define | Does::Maintain => "sql.define",
            Does::Destroy => "sql.destroy",
            Does::Administer | Does::SetGuarded => "sql.administer",
            Does::Escape => "sql.escape",
            Does::Unknown => "sql.unknown",
            Does::Transaction | Does::Set | Does::Prepare | Does::Show => "session.open",
            Does::Execute => return self.execute(statement),
        };
        self.verb(word);
        if matches!(verb, Does::Transaction | Does::Lock | Does::Set) {
            self.analysis.effect = Effect::Unknown;
        }
        if matches!(
            verb,
            Does::Define | Does::Destroy | Does::Administer | Does::Escape | Does::Unknown
        ) {
            self.changes(verb, object);
        }
        if statement.shape.makes_temporary {
            let effects = statement.effects.iter();
            let made = effects.filter(|effect| effect.verb == Does::Define);
            let made = made.filter_map(|effect| effect.object.name.last().cloned());
            self.analysis.shadows.extend(made);
        }
    }

    /// EXECUTE does what was prepared, CALL what nobody can tell.
    fn execute(&mut self, statement: &Statement) {
        self.analysis.effect = Effect::Unknown;
        let Some(Prepared::Executes(name)) = &statement.prepared else {
            self.verb("sql.unknown");
            self.analysis.changes.get_or_insert_default().all = true;
            let doubt = "what a procedure does cannot be told";
            return self.analysis.doubts.push(doubt.to_owned());
        };
        self.analysis.depends_on_names = true;
        if let Some(inner) = self.nested(self.prepared(name)) {
            return self.take(inner);
        }
        self.verb("sql.unknown");
        let doubt = format!("what is prepared as \"{name}\" is not known");
        self.analysis.doubts.push(doubt);
        if !self.judge.prepared.contains_key(name) {
            self.miss("26000", "prepared statement", name.clone());
        }
    }

    /// The statement that is prepared under a name, if it can be only one.
    fn prepared(&self, name: &str) -> Option<&str> {
        only(&self.judge.prepared, &self.analysis.prepares, name)
    }

    /// The same of a cursor.
    fn cursor(&self, name: &str) -> Option<&str> {
        only(&self.judge.cursors, &self.analysis.declares, name)
    }

    fn nested(&self, text: Option<&str>) -> Option<Analysis> {
        let text = text.filter(|_| self.depth < NESTED_MAX)?;
        Some(analyse_at(self.judge, text, self.rules, self.depth + 1))
    }

    /// What another text does, this one does too.
    fn take(&mut self, inner: Analysis) {
        let mine = &mut self.analysis;
        mine.question.verbs.extend(inner.question.verbs);
        mine.question.objects.extend(inner.question.objects);
        mine.question.shape.without_where |= inner.question.shape.without_where;
        mine.question.shape.inserted_rows = more(
            mine.question.shape.inserted_rows,
            inner.question.shape.inserted_rows,
        );
        if let Some(changes) = &inner.changes {
            mine.changes.get_or_insert_default().add(changes);
        }
        mine.doubts.extend(inner.doubts);
        mine.missing = mine.missing.take().or(inner.missing);
        mine.touches_labels |= inner.touches_labels;
        touch(&mut mine.question.touched, inner.question.touched);
    }

    fn shape(&mut self, statement: &Statement) {
        let shape = &statement.shape;
        let all_rows = |truth| {
            matches!(
                truth,
                Truth::Missing | Truth::Always | Truth::TautologyIfNotNull | Truth::NoColumn
            )
        };
        let mine: &mut Shape = &mut self.analysis.question.shape;
        mine.without_where |= shape.conditions.iter().any(|it| all_rows(it.truth));
        let inserted = if shape.insert_select || shape.copy_in {
            InsertedRows::Unknown
        } else if shape.insert_rows > 0 {
            InsertedRows::Known(shape.insert_rows)
        } else {
            InsertedRows::None
        };
        mine.inserted_rows = more(mine.inserted_rows, inserted);
    }

    fn search_path(&mut self, statement: &Statement) {
        if !statement.shape.changes_search_path {
            return;
        }
        let text = self.text.get(statement.range.clone()).unwrap_or_default();
        let searches = match custos_sql::search_path(text) {
            Some(schemas) => Searches::Schemas(schemas),
            None => Searches::Unknown,
        };
        self.analysis.searches = match &self.analysis.searches {
            Searches::AsBefore => searches,
            known if *known == searches => searches,
            _ => Searches::Unknown,
        };
    }

    fn lineage(&mut self, statement: &Statement, lineage: Option<&Lineage>) {
        let cursor = statement.kind == "FetchStmt";
        let executes = matches!(statement.prepared, Some(Prepared::Executes(_)));
        if cursor || executes {
            let name = if cursor {
                let objects = statement.effects.iter().map(|effect| &effect.object);
                let mut cursors = objects.filter(|object| object.kind == ObjectKind::Cursor);
                let name = cursors.next().map(custos_sql::Object::dotted);
                if let Some(name) = &name
                    && !self.judge.cursors.contains_key(name)
                    && !self.analysis.declares.iter().any(|(own, _)| own == name)
                {
                    self.miss("34000", "cursor", name.clone());
                }
                name.as_deref().and_then(|name| self.cursor(name))
            } else if let Some(Prepared::Executes(name)) = &statement.prepared {
                self.prepared(name)
            } else {
                None
            };
            let inner = self.nested(name);
            self.analysis.depends_on_names = true;
            let explained = statement.kind == "ExplainStmt";
            return match inner {
                Some(mut inner) if inner.results.len() == 1 && !explained => {
                    self.analysis.results.append(&mut inner.results);
                    self.take(inner);
                }
                _ => self.in_doubt(),
            };
        }
        let Some(lineage) = lineage else {
            return self.in_doubt();
        };
        let shown = lineage.outputs.as_ref().map(|outputs| {
            let shown = outputs.iter().map(|output| self.shown(&output.origin));
            shown.collect::<Vec<_>>()
        });
        if let Some(missing) = &lineage.missing {
            self.miss("42703", "column", missing.join("."));
        }
        let (used, stored) = (self.shown(&lineage.used), self.shown(&lineage.stored));
        let all = self.rules.labels();
        // What a cursor or a prepared statement will give out is judged here and again when it does.
        let mine = &mut self.analysis.question.touched;
        match &shown {
            None => mine.in_doubt = true,
            Some(columns) => {
                for column in columns {
                    match column {
                        Shown::Labels(labels) => mine.visible.extend(labels.iter().cloned()),
                        Shown::Unknown => mine.in_doubt = true,
                    }
                }
            }
        }
        for (shown, labels) in [(used, &mut mine.compared), (stored, &mut mine.stored)] {
            match shown {
                Shown::Labels(found) => labels.extend(found),
                Shown::Unknown => labels.extend(all.iter().cloned()),
            }
        }
        self.analysis.touches_labels |= mine_touches(&self.analysis.question.touched);
        self.analysis.results.push(Given {
            columns: shown,
            copy: statement.shape.copy_out,
            copied_kinds: self.copied_kinds(statement),
        });
    }

    fn copied_kinds(&self, statement: &Statement) -> Vec<u32> {
        let (Some(_), Some(names)) = (statement.shape.copy_out, &self.names) else {
            return Vec::new();
        };
        let [effect] = statement.effects.as_slice() else {
            return Vec::new();
        };
        let Some((_, table)) = names.table(&effect.object.name) else {
            return Vec::new();
        };
        let wanted = &effect.object.columns;
        if wanted.is_empty() {
            return table.columns.iter().map(|(_, _, kind)| *kind).collect();
        }
        let kind_of = |name: &String| {
            let found = table.columns.iter().find(|(_, column, _)| column == name);
            found.map_or(0, |(_, _, kind)| *kind)
        };
        wanted.iter().map(kind_of).collect()
    }

    fn in_doubt(&mut self) {
        let labels = self.rules.labels();
        let touched = &mut self.analysis.question.touched;
        touched.in_doubt = true;
        touched.compared.extend(labels.iter().cloned());
        touched.stored.extend(labels);
        self.analysis.touches_labels = true;
        self.analysis.results.push(Given::unknown());
    }

    fn shown(&self, origin: &Origin) -> Shown {
        let Origin::Columns(columns) = origin else {
            return Shown::Unknown;
        };
        let mut labels = BTreeSet::new();
        for column in columns {
            let ([schema, table], Some(names)) = (column.relation.as_slice(), &self.names) else {
                return Shown::Unknown;
            };
            labels.extend(super::columns::labels_of(
                self.rules,
                names.snapshot,
                schema,
                table,
                &column.column,
            ));
        }
        Shown::Labels(labels)
    }

    fn hide(&mut self, statement: &Statement) {
        let executes = matches!(statement.prepared, Some(Prepared::Executes(_)));
        if executes && self.analysis.touches_labels {
            // Its arguments go where only the prepared statement tells.
            let literals = statement.literals.iter();
            self.hidden
                .extend(literals.map(|literal| literal.range.clone()));
            self.analysis.hidden_parameters = None;
            return;
        }
        let found = hidden::of(statement, self.names.as_ref(), self.rules);
        self.hidden.extend(found.literals);
        match (&mut self.analysis.hidden_parameters, found.parameters) {
            (Some(mine), Some(found)) => mine.extend(found),
            (mine, _) => *mine = None,
        }
        self.analysis.hides_copy_in |= found.copy_in;
        self.analysis.touches_labels |= found.mentions_labels;
    }

    fn names_of_statements(&mut self, statement: &Statement) {
        let text = self.text.get(statement.range.clone()).unwrap_or_default();
        match &statement.prepared {
            Some(Prepared::Defines(name)) => {
                self.analysis.prepares.push((name.clone(), text.to_owned()));
            }
            Some(Prepared::Executes(_) | Prepared::Forgets(_)) | None => {}
        }
        if statement.kind == "DeclareCursorStmt" {
            let objects = statement.effects.iter().map(|effect| &effect.object);
            let cursors = objects.filter(|object| object.kind == ObjectKind::Cursor);
            let named = cursors.map(|object| (object.dotted(), text.to_owned()));
            self.analysis.declares.extend(named);
        }
    }

    fn finish(mut self) -> Analysis {
        if self.analysis.question.verbs.is_empty() {
            // An empty text, or one that only the session itself is concerned by.
            self.verb("session.open");
        }
        if !self.hidden.is_empty() {
            self.analysis.recorded = Some(hidden::rewrite(self.text, self.hidden));
        }
        self.analysis
    }
}

/// What a name stands for, after what came before and earlier in the same text.
fn only<'a>(
    before: &'a HashMap<String, Named>,
    here: &'a [(String, String)],
    name: &str,
) -> Option<&'a str> {
    let here = here.iter().filter(|(own, _)| own == name);
    let mut texts = here.map(|(_, text)| text.as_str());
    if !before.contains_key(name) {
        let first = texts.next()?;
        return texts.all(|text| text == first).then_some(first);
    }
    let known = named(before, name)?;
    texts.all(|text| text == known).then_some(known)
}

/// Whether an effect needs no catalogue to be understood.
fn is_bare(effect: &custos_sql::Effect) -> bool {
    matches!(effect.verb, Does::Transaction | Does::Set | Does::Show)
}

fn mine_touches(touched: &Touched) -> bool {
    touched.in_doubt
        || !(touched.visible.is_empty() && touched.compared.is_empty() && touched.stored.is_empty())
}

fn touch(mine: &mut Touched, more: Touched) {
    mine.in_doubt |= more.in_doubt;
    mine.visible.extend(more.visible);
    mine.compared.extend(more.compared);
    mine.stored.extend(more.stored);
}

/// Of all statements of a text together.
fn more(some: InsertedRows, more: InsertedRows) -> InsertedRows {
    match (some, more) {
        (InsertedRows::None, other) | (other, InsertedRows::None) => other,
        (InsertedRows::Known(some), InsertedRows::Known(more)) => {
            InsertedRows::Known(some.saturating_add(more))
        }
        _ => InsertedRows::Unknown,
    }
}
