//! Filters as conditions of the database.

use custos_scim::{Filter, GroupTerm, UserTerm, folded};
use rusqlite::types::Value;

/// A condition on rows of a provider: `?1` is the provider, `?2` and on are the values, in their order.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Condition {
    /// Every row.
    pub(super) fn all() -> Self {
        Self {
            sql: "true".to_owned(),
            values: Vec::new(),
        }
    }

    pub(super) fn of_users(filter: Option<&Filter<UserTerm>>) -> Self {
        Self::of(filter, &|term| match term {
            UserTerm::Id(id) => ("id = ?", Value::from(id.clone())),
            UserTerm::ExternalId(id) => ("external_id = ?", Value::from(id.clone())),
            UserTerm::UserName(name) => ("user_name_folded = ?", Value::from(folded(name))),
            UserTerm::Active(active) => ("active = ?", Value::from(i64::from(*active))),
        })
    }

    pub(super) fn of_groups(filter: Option<&Filter<GroupTerm>>) -> Self {
        Self::of(filter, &|term| match term {
            GroupTerm::Id(id) => ("id = ?", Value::from(id.clone())),
            GroupTerm::ExternalId(id) => ("external_id = ?", Value::from(id.clone())),
            GroupTerm::DisplayName(name) => ("display_name_folded = ?", Value::from(folded(name))),
            GroupTerm::Member(id) => (
                "id IN (SELECT group_id FROM provisioned_members WHERE provider = ?1 AND user_id = ?)",
                Value::from(id.clone()),
            ),
        })
    }

    fn of<T>(filter: Option<&Filter<T>>, compare: &impl Fn(&T) -> (&'static str, Value)) -> Self {
        let Some(filter) = filter else {
            return Self::all();
        };
        let mut condition = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        condition.write(filter, compare);
        condition
    }

    fn write<T>(&mut self, filter: &Filter<T>, compare: &impl Fn(&T) -> (&'static str, Value)) {
        let (filters, word, nothing) = match filter {
            Filter::Is(term) => {
                let (sql, value) = compare(term);
                self.values.push(value);
                // Numbered, because `?1` is used again and again.
                let number = format!("?{}", self.values.len() + 1);
                let (before, after) = sql.rsplit_once('?').unwrap_or((sql, ""));
                self.sql.extend([before, number.as_str(), after]);
                return;
            }
            Filter::All(filters) => (filters, " AND ", "true"),
            Filter::Any(filters) => (filters, " OR ", "false"),
        };
        self.sql.push('(');
        if filters.is_empty() {
            self.sql.push_str(nothing);
        }
        for (at, filter) in filters.iter().enumerate() {
            if at > 0 {
                self.sql.push_str(word);
            }
            self.write(filter, compare);
        }
        self.sql.push(')');
    }
}

#[cfg(test)]
mod tests {
    use custos_scim::{Filter, GroupTerm};

    use super::Condition;

    #[test]
    fn values_never_stand_in_the_text() {
        let term = |text: &str| Filter::Is(GroupTerm::DisplayName(text.to_owned()));
        let filter = Filter::All(vec![
            Filter::Is(GroupTerm::Member("' OR 1 --".to_owned())),
            Filter::Any(vec![term("DBA"), term("?")]),
            Filter::Any(Vec::new()),
        ]);
        let condition = Condition::of_groups(Some(&filter));
        assert_eq!(
            condition.sql,
            "(id IN (SELECT group_id FROM provisioned_members WHERE provider = ?1 AND user_id = ?2) \
             AND (display_name_folded = ?3 OR display_name_folded = ?4) AND (false))"
        );
        let values = ["' OR 1 --", "dba", "?"].map(|text| text.to_owned().into());
        assert_eq!(condition.values, values);
    }
}
