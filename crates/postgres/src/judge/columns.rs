//! Labels of columns, and the masks that follow from them.

use std::collections::BTreeSet;
use std::sync::Arc;

use custos_session::Rules;
use custos_session::masking::{Format as MaskFormat, Mask, Masked, PgType};
use custos_sql::lineage;

use crate::catalogue::{Names, Snapshot, Table};
use crate::wire::Format;

/// Where the values of a column come from, as far as policy cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// From columns with these labels; none is clear.
    Labels(BTreeSet<String>),
    /// From anywhere.
    Unknown,
}

/// How one column of a result is shown and recorded; `None`: as it is.
#[derive(Clone, Debug)]
pub(crate) struct ColumnMask {
    kind: PgType,
    shown: Option<Arc<Mask>>,
    recorded: Option<Arc<Mask>>,
    /// For the sake of where it comes from, and not only for what is found in it.
    by_origin: bool,
}

/// A value in its two forms.
pub(crate) struct Both {
    pub(crate) recorded: Masked,
    /// `None`: the same.
    shown: Option<Masked>,
}

impl Both {
    pub(crate) const NULL: Self = Self {
        recorded: Masked::Null,
        shown: None,
    };

    pub(crate) fn shown(&self) -> &Masked {
        self.shown.as_ref().unwrap_or(&self.recorded)
    }
}

/// How a result is shown and recorded.
pub(crate) type ColumnMasks = Arc<[ColumnMask]>;

impl ColumnMask {
    pub(crate) fn new(
        kind: PgType,
        shown: Option<Arc<Mask>>,
        recorded: Option<Arc<Mask>>,
        by_origin: bool,
    ) -> Self {
        Self {
            kind,
            shown,
            recorded,
            by_origin,
        }
    }

    /// It depends on where values come from.
    pub(crate) fn is_by_origin(&self) -> bool {
        self.by_origin
    }

    /// Nothing is changed.
    pub(crate) fn is_clear(&self) -> bool {
        self.shown.is_none() && self.recorded.is_none()
    }

    /// Something that the client sees is changed.
    pub(crate) fn changes_what_is_shown(&self) -> bool {
        self.shown.is_some()
    }

    /// What is recorded is what the client sees.
    pub(crate) fn is_recorded_as_shown(&self) -> bool {
        match (&self.recorded, &self.shown) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// A value as it is recorded, and as the client sees it. Under one mask for both it is masked once.
    pub(crate) fn both(&self, value: &[u8], format: Format) -> Both {
        let recorded = masked(self.recorded.as_deref(), &self.kind, value, format);
        let shown = (!self.is_recorded_as_shown())
            .then(|| masked(self.shown.as_deref(), &self.kind, value, format));
        Both { recorded, shown }
    }
}

/// A value under a mask.
fn masked(mask: Option<&Mask>, kind: &PgType, value: &[u8], format: Format) -> Masked {
    let format = match format {
        Format::Text => MaskFormat::Text,
        Format::Binary => MaskFormat::Binary,
        Format::Other(_) => {
            return if mask.is_some() {
                Masked::Null
            } else {
                Masked::Unchanged
            };
        }
    };
    mask.map_or(Masked::Unchanged, |mask| mask.apply(kind, format, value))
}

/// Labels of a column, also by what it is called in relations that share its rows.
pub(super) fn labels_of(
    rules: &Rules,
    snapshot: &Snapshot,
    schema: &str,
    table: &str,
    column: &str,
) -> BTreeSet<String> {
    let mut labels = rules.labels_of(schema, table, column);
    if let Some((_, found)) = snapshot.named(schema, table) {
        labels.extend(labels_by_comment(rules, found, column));
        for relative in &found.family {
            if let Some(relative) = snapshot.table(*relative) {
                labels.extend(rules.labels_of(&relative.schema, &relative.name, column));
                labels.extend(labels_by_comment(rules, relative, column));
            }
        }
    }
    labels
}

/// By the comment of a column, or of its table.
fn labels_by_comment(rules: &Rules, table: &Table, column: &str) -> BTreeSet<String> {
    let mut columns = table.columns.iter();
    let number = columns.find(|(_, name, _)| name == column);
    let number = number.map(|(number, _, _)| *number);
    let comments = table.comments.iter();
    let comments = comments.filter(|(of, _)| *of == 0 || Some(*of) == number);
    comments
        .flat_map(|(_, comment)| rules.labels_in_comment(comment))
        .collect()
}

/// Labels of each column of a table or view, in order. Where the columns of a view come from is not known, it has all.
pub(super) fn labels_of_table(
    rules: &Rules,
    names: &Names<'_>,
    oid: u32,
) -> Arc<[BTreeSet<String>]> {
    names
        .snapshot
        .labels(rules.digest(), oid, || work_out(rules, names, oid))
}

fn work_out(rules: &Rules, names: &Names<'_>, oid: u32) -> Vec<BTreeSet<String>> {
    let Some(table) = names.snapshot.table(oid) else {
        return Vec::new();
    };
    let own =
        |column: &String| labels_of(rules, names.snapshot, &table.schema, &table.name, column);
    if table.definition.is_none() {
        return table
            .columns
            .iter()
            .map(|(_, column, _)| own(column))
            .collect();
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let text = format!("table {}.{}", quoted(&table.schema), quoted(&table.name));
    let outputs = lineage::lineage(&text, names)
        .ok()
        .and_then(|all| all.into_iter().next()?.outputs)
        .filter(|outputs| outputs.len() == table.columns.len());
    let Some(outputs) = outputs else {
        return vec![rules.labels(); table.columns.len()];
    };
    let labels = outputs
        .iter()
        .zip(&table.columns)
        .map(|(output, (_, column, _))| {
            let mut labels = own(column);
            match &output.origin {
                lineage::Origin::Columns(columns) => {
                    for column in columns {
                        if let [schema, table] = column.relation.as_slice() {
                            labels.extend(labels_of(
                                rules,
                                names.snapshot,
                                schema,
                                table,
                                &column.column,
                            ));
                        }
                    }
                }
                lineage::Origin::Unknown => labels.extend(rules.labels()),
            }
            labels
        });
    labels.collect()
}
