//! One statement text, told in the words that policy asks for.

use std::collections::BTreeSet;

use custos_model::Effect;
use custos_session::{InsertedRows, Question, Rules, Shape, Touched, Verb};
use custos_sql::{CopyForm, Statement, TimeLimit, Truth, Verb as Does};

use super::Changes;
use super::columns::Shown;

/// What is known of a text.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// For policy.
    pub(crate) question: Question,
    /// It is not proven that it only reads.
    pub(crate) may_change: bool,
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
    /// It is one of several texts, of which nobody knows which.
    pub(crate) is_one_of_several: bool,
    /// Texts that it runs without being them, by the names that they were prepared under.
    pub(crate) runs: Vec<(String, String)>,
    /// Those are all.
    pub(crate) runs_known: bool,
    pub(super) depends_on_names: bool,
    pub(super) changes: Option<Changes>,
    pub(super) prepares: Vec<(String, String)>,
    pub(super) declares: Vec<(String, String)>,
    pub(super) searches: Searches,
    /// What it makes of `statement_timeout`.
    pub(super) statement_timeout: Option<TimeLimit>,
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
    pub(super) fn unknown() -> Self {
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
    /// Whether it is that of every text with the same template: nothing in it is made of what stands in the text's values.
    pub(super) fn holds_for_other_values(&self) -> bool {
        let has_no_texts = self.recorded.is_none()
            && self.runs.is_empty()
            && self.prepares.is_empty()
            && self.declares.is_empty();
        let changes_nothing = self.changes.is_none()
            && self.searches == Searches::AsBefore
            && self.statement_timeout.is_none();
        has_no_texts && changes_nothing && !self.depends_on_names && !self.is_syntax_error
    }

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
            may_change: true,
            results: Vec::new(),
            doubts: vec![why.to_owned()],
            is_syntax_error: false,
            missing: None,
            recorded: (has_labels || rules.detect())
                .then(|| format!("[{bytes} bytes that could not be read]")),
            hidden_parameters: (!has_labels).then(BTreeSet::new),
            hides_copy_in: has_labels,
            touches_labels: has_labels,
            is_one_of_several: false,
            runs: Vec::new(),
            runs_known: true,
            depends_on_names: false,
            changes: Some(Changes {
                all: true,
                ..Changes::default()
            }),
            prepares: Vec::new(),
            declares: Vec::new(),
            searches: Searches::Unknown,
            statement_timeout: None,
            shadows: Vec::new(),
        }
    }

    /// One of several texts, of which nobody knows which it is.
    pub(super) fn one_of(all: &[std::sync::Arc<Self>], rules: &Rules) -> Self {
        let mut one = Self::unreadable(0, rules, "its name may stand for several statements");
        one.is_one_of_several = true;
        one.question = Question::default();
        one.question.touched.in_doubt = rules.have_labels();
        // What is recorded as the text is the first, and may be another: it stands there only if no value can.
        let hides = all.iter().any(|each| each.recorded.is_some());
        one.recorded = hides.then(|| "[one of several statements of this name]".to_owned());
        // What each of them would change of names and objects may have changed.
        one.changes = None;
        one.searches = Searches::AsBefore;
        for each in all {
            if let Some(changes) = &each.changes {
                one.changes.get_or_insert_default().add(changes);
            }
            if each.searches != Searches::AsBefore {
                one.searches = Searches::Unknown;
            }
            one.prepares.extend(each.prepares.iter().cloned());
            one.declares.extend(each.declares.iter().cloned());
            one.shadows.extend(each.shadows.iter().cloned());
            one.question
                .verbs
                .extend(each.question.verbs.iter().copied());
            one.question
                .objects
                .extend(each.question.objects.iter().cloned());
            add_shapes(&mut one.question.shape, each.question.shape);
            touch(&mut one.question.touched, each.question.touched.clone());
            one.hides_copy_in |= each.hides_copy_in;
        }
        one
    }

    /// What it does, for records.
    pub(crate) fn effect(&self) -> Effect {
        let effects = self.question.verbs.iter().map(|verb| match verb.as_str() {
            "session.open" | "sql.read" => Effect::Read,
            "sql.insert" | "sql.update" | "sql.delete" => Effect::Write,
            "sql.define" => Effect::Define,
            "sql.truncate" | "sql.destroy" => Effect::Destroy,
            "sql.administer" => Effect::Administer,
            "sql.escape" => Effect::Escape,
            _ => Effect::Unknown,
        });
        effects.max().unwrap_or(Effect::Unknown)
    }

    /// Whether it may change the database's objects.
    pub(crate) fn may_change_objects(&self) -> bool {
        self.changes.is_some()
    }

    /// Whether names may mean something else after it.
    pub(super) fn renames(&self) -> bool {
        self.searches != Searches::AsBefore || !self.shadows.is_empty() || self.changes.is_some()
    }

    /// What the statement at this place gives out.
    pub(crate) fn given(&self, statement: usize) -> Option<&Given> {
        self.results.get(statement)
    }
}

/// Policy's word for it; `None` where it is what another statement does.
pub(super) fn word(verb: Does) -> Option<&'static str> {
    Some(match verb {
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
        Does::Execute => return None,
    })
}

fn verbs(words: &[&str]) -> BTreeSet<Verb> {
    words.iter().filter_map(|word| Verb::named(word)).collect()
}

pub(super) fn touch(mine: &mut Touched, more: Touched) {
    mine.in_doubt |= more.in_doubt;
    mine.visible.extend(more.visible);
    mine.compared.extend(more.compared);
    mine.stored.extend(more.stored);
}

pub(super) fn add_shapes(shape: &mut Shape, more_of: Shape) {
    shape.without_where |= more_of.without_where;
    shape.inserted_rows = more(shape.inserted_rows, more_of.inserted_rows);
}

/// How much a statement changes.
pub(super) fn add_shape(shape: &mut Shape, statement: &Statement) {
    let its = &statement.shape;
    let all_rows = |truth| {
        matches!(
            truth,
            Truth::Missing | Truth::Always | Truth::TautologyIfNotNull | Truth::NoColumn
        )
    };
    shape.without_where |= its.conditions.iter().any(|it| all_rows(it.truth));
    let merges = statement.kind == "MergeStmt" && statement.does(Does::Insert);
    let inserted = if its.insert_select || its.copy_in || merges {
        InsertedRows::Unknown
    } else if its.insert_rows > 0 {
        InsertedRows::Known(its.insert_rows)
    } else {
        InsertedRows::None
    };
    shape.inserted_rows = more(shape.inserted_rows, inserted);
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
