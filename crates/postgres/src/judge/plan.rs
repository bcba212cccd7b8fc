//! What a statement's results are shown and recorded under.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use custos_session::masking::PgType;
use custos_session::{Limit, Masks, Rules};
use custos_sql::CopyForm;

use super::analysis::Analysis;
use super::columns::{self, ColumnMask, ColumnMasks, Shown};
use crate::catalogue::{Names, Snapshot};

/// A column as the target describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    /// OID of the table, 0 for an expression.
    pub(crate) table: u32,
    /// Number of the column in it.
    pub(crate) column: i16,
    /// OID of the type; 0: not described.
    pub(crate) kind: u32,
}

impl Described {
    /// What is known without a description.
    const NOTHING: Self = Self {
        table: 0,
        column: 0,
        kind: 0,
    };
}

/// Goes with a statement that was let through, to what comes back.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) analysis: Arc<Analysis>,
    rules: Rules,
    /// What the principal sees.
    shown: Masks,
    /// What anybody may find in records.
    recorded: Masks,
    snapshot: Option<Arc<Snapshot>>,
    /// How much it may return.
    pub(crate) limit: Limit,
}

/// The text of a statement as it may be recorded: without literals that land in labelled columns, and without what is
/// looked for in values.
pub(crate) fn recorded_statement<'t>(
    analysis: Option<&'t Analysis>,
    recorded: &Masks,
    text: &'t str,
) -> Cow<'t, str> {
    let known = analysis.and_then(|analysis| analysis.recorded.as_deref());
    let text = known.unwrap_or(text);
    match recorded.text(text.as_bytes()) {
        Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        None => Cow::Borrowed(text),
    }
}

impl Plan {
    pub(crate) fn new(
        analysis: Arc<Analysis>,
        shown: Masks,
        recorded: Masks,
        snapshot: Option<Arc<Snapshot>>,
        rules: Rules,
        limit: Limit,
    ) -> Self {
        Self {
            analysis,
            rules,
            shown,
            recorded,
            snapshot,
            limit,
        }
    }

    /// Texts of errors and notices are withheld from the client.
    pub(crate) fn hides_texts(&self) -> bool {
        self.analysis.touches_labels && !self.shown.is_empty()
    }

    /// Texts of errors and notices are withheld from records.
    pub(crate) fn hides_recorded_texts(&self) -> bool {
        self.analysis.touches_labels && !self.recorded.is_empty()
    }

    /// The masks of a result: of the statement at this place, with the columns that its own description has. `None`:
    /// nothing is masked.
    pub(crate) fn columns(&self, statement: usize, described: &[Described]) -> Option<ColumnMasks> {
        self.masks(statement, described, true)
    }

    /// The masks of what is executed, whose columns were described before. `of_portal`: when it was bound already.
    pub(crate) fn executed(&self, described: &[Described], of_portal: bool) -> Option<ColumnMasks> {
        // A statement may be another by now, or mean another table.
        self.masks(0, described, of_portal && !self.analysis.is_one_of_several)
    }

    fn masks(
        &self,
        statement: usize,
        described: &[Described],
        is_certain: bool,
    ) -> Option<ColumnMasks> {
        if self.recorded.is_empty() {
            return None;
        }
        let given = self.analysis.given(statement);
        let known = given
            .and_then(|given| given.columns.as_ref())
            .filter(|columns| columns.len() == described.len());
        let masks = described.iter().enumerate().map(|(index, column)| {
            let shown = known.and_then(|columns| columns.get(index));
            let shown = shown.unwrap_or(&Shown::Unknown);
            self.column(shown, column, is_certain)
        });
        let masks: ColumnMasks = masks.collect();
        (!masks.iter().all(ColumnMask::is_clear)).then_some(masks)
    }

    /// The masks of rows that the target did not describe.
    pub(crate) fn undescribed(&self, statement: usize, count: usize) -> Option<ColumnMasks> {
        self.columns(statement, &vec![Described::NOTHING; count])
    }

    /// The masks of the rows of COPY.
    pub(crate) fn copied(&self, statement: usize, count: usize) -> Option<ColumnMasks> {
        let given = self.analysis.given(statement);
        let kinds = given.map_or(&[][..], |given| given.copied_kinds.as_slice());
        let described = (0..count).map(|index| Described {
            kind: kinds.get(index).copied().unwrap_or(0),
            // Of a table that is copied as it is.
            column: i16::from(kinds.get(index).is_some()),
            ..Described::NOTHING
        });
        self.columns(statement, &described.collect::<Vec<_>>())
    }

    /// A statement copies rows out that would have to be masked, in a form in which that cannot be done.
    pub(crate) fn copies_in_an_odd_form(&self) -> bool {
        let mut copies = self.analysis.results.iter().enumerate();
        copies.any(|(index, given)| {
            let count = given.columns.as_ref().map_or(1, Vec::len);
            self.is_copied_as_text(index)
                && self
                    .undescribed(index, count)
                    .is_some_and(|masks| masks.iter().any(ColumnMask::is_by_origin))
        })
    }

    /// Whether the statement at this place copies rows out in a form of which the gateway sees the text only.
    pub(crate) fn is_copied_as_text(&self, statement: usize) -> bool {
        let given = self.analysis.given(statement);
        given.is_some_and(|given| given.copy == Some(CopyForm::Other))
    }

    /// The text of a statement as it may be recorded.
    pub(crate) fn recorded_statement<'t>(&'t self, text: &'t str) -> Cow<'t, str> {
        recorded_statement(Some(&self.analysis), &self.recorded, text)
    }

    /// A text of the target for the client, without what is looked for in values; `None`: as it is.
    pub(crate) fn shown_text(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.shown.text(text)
    }

    /// The same for records.
    pub(crate) fn recorded_text(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.recorded.text(text)
    }

    /// `is_certain`: these are the columns that the description is of.
    fn column(&self, shown: &Shown, described: &Described, is_certain: bool) -> ColumnMask {
        let kind = match (&self.snapshot, described.kind) {
            (_, 0) => PgType::Opaque,
            (Some(snapshot), oid) => snapshot.kind(oid),
            (None, oid) => PgType::from_oid(oid),
        };
        // What the column of a view is made of is not looked at.
        let is_view = self
            .snapshot
            .as_deref()
            .and_then(|snapshot| snapshot.table(described.table))
            .is_some_and(|table| table.definition.is_some());
        let labels = match shown {
            Shown::Labels(labels) => self.described_labels(described).map(|more| &more | labels),
            // What the target says of a table's own column is certain; a view may be another by now.
            Shown::Unknown
                if is_certain && described.table > 0 && described.column > 0 && !is_view =>
            {
                self.described_labels(described)
            }
            Shown::Unknown => None,
        };
        let is_whole = described.column > 0 && !is_view;
        let (shown, recorded, by_origin) = match &labels {
            Some(labels) => (
                self.shown.of(labels, is_whole),
                self.recorded.of(labels, is_whole),
                self.recorded.mark(labels),
            ),
            None => (
                self.shown.in_doubt(),
                self.recorded.in_doubt(),
                self.recorded.mark_what_is_in_doubt(),
            ),
        };
        // How many elements there are tells something too.
        let kind = match kind {
            PgType::Array(_) | PgType::Composite(_) | PgType::Record | PgType::Hstore
                if by_origin && !is_whole =>
            {
                PgType::Opaque
            }
            kind => kind,
        };
        ColumnMask::new(kind, shown, recorded, by_origin)
    }

    /// Labels of the column that the target says it is; `None`: it is of a table that nobody knows here, such as a
    /// temporary one.
    fn described_labels(&self, described: &Described) -> Option<BTreeSet<String>> {
        // An expression, a whole row, or a column of the system's own.
        if described.table == 0 || described.column <= 0 {
            return Some(BTreeSet::new());
        }
        let snapshot = self.snapshot.as_deref()?;
        let table = snapshot.table(described.table)?;
        let place = table
            .columns
            .iter()
            .position(|(number, _, _)| *number == described.column)?;
        let names = Names {
            snapshot,
            paths: &[],
            shadows: &HashSet::new(),
            changed: None,
        };
        let labels = columns::labels_of_table(&self.rules, &names, described.table);
        labels.get(place).cloned()
    }
}
