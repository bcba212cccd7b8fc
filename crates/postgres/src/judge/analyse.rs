//! From a statement text to what is known of it.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use custos_session::{InsertedRows, Question, Rules, Touched, Verb};
use custos_sql::lineage::{self, Lineage, Origin};
use custos_sql::{Object, ObjectKind, Prepared, SqlError, Statement, Trees, Verb as Does};

use super::analysis::{Analysis, Given, Missing, Searches, add_shape, add_shapes, touch, word};
use super::columns::Shown;
use super::{Judge, Named, functions, hidden, named};
use crate::catalogue::{Names, is_telling};

/// Texts that run other texts are followed so far.
const NESTED_MAX: u32 = 4;

/// Objects that are told to people.
const OBJECTS_MAX: usize = 16;

/// `trees`: those of the text, where they are there already.
fn lineages_of(
    text: &str,
    trees: Option<&Trees>,
    rules: &Rules,
    names: Option<&Names<'_>>,
) -> Option<Vec<Lineage>> {
    if !rules.have_labels() {
        return None;
    }
    let known = names.map(|names| names as &dyn lineage::Catalogue);
    let known = known.unwrap_or(&Nothing);
    match trees {
        Some(trees) => Some(lineage::lineage_of(trees, known)),
        None => lineage::lineage(text, known).ok(),
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

pub(super) fn analyse(judge: &Judge, text: &str, rules: &Rules) -> Analysis {
    analyse_at(judge, text, rules, 0)
}

fn analyse_at(judge: &Judge, text: &str, rules: &Rules, depth: u32) -> Analysis {
    if !judge.readable {
        let why = "the server reads statements in a way that the gateway cannot follow \
                   (a setting of the session, such as client_encoding or standard_conforming_strings)";
        return Analysis::unreadable(text.len(), rules, why);
    }
    let (script, trees) = judge.scripts.parse_with_trees(text);
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
    let mut lineages = lineages_of(text, trees.as_ref(), rules, names.as_ref());
    let mut work = Work {
        judge,
        text,
        rules,
        depth,
        names,
        analysis: Analysis {
            question: Question::default(),
            may_change: false,
            results: Vec::new(),
            doubts: Vec::new(),
            is_syntax_error: false,
            missing: None,
            recorded: None,
            hidden_parameters: Some(BTreeSet::new()),
            hides_copy_in: false,
            touches_labels: false,
            is_one_of_several: false,
            runs: Vec::new(),
            runs_known: true,
            depends_on_names: false,
            changes: None,
            prepares: Vec::new(),
            declares: Vec::new(),
            searches: Searches::AsBefore,
            statement_timeout: None,
            shadows: Vec::new(),
        },
        hidden: Vec::new(),
    };
    for (index, statement) in script.statements.iter().enumerate() {
        work.statement(statement, lineages.as_ref().and_then(|all| all.get(index)));
        if work.names.is_some() && work.analysis.renames() {
            // What follows in the text meets other names than those of before it.
            work.names = None;
            lineages = lineages_of(text, trees.as_ref(), rules, None);
        }
    }
    work.finish()
}

/// Statements whose literals are code or remarks, which can be about any column.
const HOLDS_CODE: &[&str] = &[
    "CommentStmt",
    "CreateFunctionStmt",
    "DoStmt",
    "SecLabelStmt",
];

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
        self.views(statement);
        if statement.shape.locks_others {
            self.verb("sql.update");
        }
        self.shape(statement);
        self.search_path(statement);
        let text = self.text.get(statement.range.clone()).unwrap_or_default();
        if let Some(timeout) = custos_sql::statement_timeout(text) {
            self.analysis.statement_timeout = Some(timeout);
        }
        if self.rules.have_labels() {
            self.lineage(statement, lineage);
            self.hide(statement);
        } else {
            self.analysis.results.push(Given {
                copy: statement.shape.copy_out,
                ..Given::unknown()
            });
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

    /// Views do what the functions do that they call.
    fn views(&mut self, statement: &Statement) {
        let Some(names) = self.names.clone() else {
            return;
        };
        for effect in &statement.effects {
            let object = &effect.object;
            if object.kind != ObjectKind::Relation || effect.verb == Does::Destroy {
                continue;
            }
            let Some((oid, _)) = names.table(&object.name) else {
                continue;
            };
            if functions::is_odd_view(&names, oid, 0) {
                self.verb("sql.unknown");
                let doubt = format!("the view {} calls functions of users", object.dotted());
                self.analysis.doubts.push(doubt);
            }
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
            self.analysis.may_change = true;
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
        let Some(word) = word(verb) else {
            return self.execute(statement);
        };
        self.verb(word);
        if matches!(verb, Does::Transaction | Does::Lock | Does::Set) {
            self.analysis.may_change = true;
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
        self.analysis.may_change = true;
        let Some(Prepared::Executes(name)) = &statement.prepared else {
            self.verb("sql.unknown");
            self.analysis.changes.get_or_insert_default().all = true;
            let doubt = "what a procedure does cannot be told";
            return self.analysis.doubts.push(doubt.to_owned());
        };
        self.analysis.depends_on_names = true;
        if let Some(text) = self.prepared(name).map(str::to_owned)
            && let Some(inner) = self.nested(Some(&text))
        {
            self.analysis.runs.push((name.clone(), text));
            return self.take(inner);
        }
        self.analysis.runs_known = false;
        self.verb("sql.unknown");
        let doubt = format!("what is prepared as \"{name}\" is not known");
        self.analysis.doubts.push(doubt);
        if !self
            .judge
            .prepared
            .contains_key(&super::key(name.as_bytes()))
        {
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
        add_shapes(&mut mine.question.shape, inner.question.shape);
        if let Some(changes) = &inner.changes {
            mine.changes.get_or_insert_default().add(changes);
        }
        mine.doubts.extend(inner.doubts);
        mine.missing = mine.missing.take().or(inner.missing);
        mine.prepares.extend(inner.prepares);
        mine.declares.extend(inner.declares);
        mine.shadows.extend(inner.shadows);
        if inner.searches != Searches::AsBefore {
            mine.searches = match &mine.searches {
                Searches::AsBefore => inner.searches,
                _ => Searches::Unknown,
            };
        }
        mine.touches_labels |= inner.touches_labels;
        touch(&mut mine.question.touched, inner.question.touched);
    }

    fn shape(&mut self, statement: &Statement) {
        let shape = &mut self.analysis.question.shape;
        add_shape(shape, statement);
        let may_multiply = |call: &custos_sql::Call| match &self.names {
            Some(names) => lineage::Catalogue::returns_set(names, &call.name),
            None => true,
        };
        if statement.shape.insert_rows > 0 && statement.calls.iter().any(may_multiply) {
            shape.inserted_rows = InsertedRows::Unknown;
        }
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
        let executes = statement.kind == "ExecuteStmt";
        if cursor || executes {
            let name = if cursor {
                let objects = statement.effects.iter().map(|effect| &effect.object);
                let mut cursors = objects.filter(|object| object.kind == ObjectKind::Cursor);
                let name = cursors.next().map(custos_sql::Object::dotted);
                if let Some(name) = &name
                    && !self
                        .judge
                        .cursors
                        .contains_key(&super::key(name.as_bytes()))
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
            return match inner {
                Some(mut inner) if inner.results.len() == 1 => {
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
        self.defines(statement);
        self.analysis.touches_labels |= mine_touches(&self.analysis.question.touched);
        self.analysis.results.push(Given {
            columns: shown,
            copy: statement.shape.copy_out,
            copied_kinds: self.copied_kinds(statement),
        });
    }

    /// Who changes a table with labelled columns can take their labels away: by other names, by columns that are worked
    /// out of them, by constraints that tell values apart.
    fn defines(&mut self, statement: &Statement) {
        let Some(names) = self.names.clone() else {
            return;
        };
        let effects = statement.effects.iter();
        for effect in effects.filter(|effect| effect.verb == Does::Define) {
            let name = match effect.object.kind {
                ObjectKind::Relation => effect.object.name.as_slice(),
                ObjectKind::Column => effect
                    .object
                    .name
                    .split_last()
                    .map_or(&[][..], |(_, it)| it),
                _ => continue,
            };
            let Some((oid, table)) = names.table(name) else {
                continue;
            };
            // A view's labels are those of what it shows, and of its comments.
            if table.definition.is_some() && statement.kind != "CommentStmt" {
                continue;
            }
            let labels = super::columns::labels_of_table(self.rules, &names, oid);
            let stored = &mut self.analysis.question.touched.stored;
            stored.extend(labels.iter().flatten().cloned());
        }
    }

    fn copied_kinds(&self, statement: &Statement) -> Vec<u32> {
        // A query's columns are none of the table's, however few it names.
        let Some(names) = &self.names else {
            return Vec::new();
        };
        if statement.shape.copy_out.is_none() || !statement.shape.copies_relation {
            return Vec::new();
        }
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
        if HOLDS_CODE.contains(&statement.kind) || self.calls_users_functions(statement) {
            let literals = statement.literals.iter();
            self.hidden
                .extend(literals.map(|literal| literal.range.clone()));
            self.analysis.hidden_parameters = None;
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

    fn calls_users_functions(&self, statement: &Statement) -> bool {
        !functions::judge(statement, self.names.as_ref()).is_empty()
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
        if self.analysis.touches_labels {
            self.hidden.extend(custos_sql::comments(self.text));
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
    let known = if before.contains_key(&super::key(name.as_bytes())) {
        named(before, name)?
    } else {
        texts.next()?
    };
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
