//! The filters that are answered: `eq` on a few attributes, joined by `and` and `or`.

use crate::expression::{AttributePath, Expression, Literal, Operator};
use crate::{Email, Group, ScimError, User, folded, group, user};

/// A condition on resources or on values, as a tree without limits of its own: it comes from a filter that has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter<T> {
    /// One comparison.
    Is(T),
    /// Every one of them.
    All(Vec<Filter<T>>),
    /// At least one of them.
    Any(Vec<Filter<T>>),
}

/// What users can be found by. Texts are compared exactly unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserTerm {
    /// `id eq "…"`
    Id(String),
    /// `externalId eq "…"`
    ExternalId(String),
    /// `userName eq "…"`, compared as [`folded`].
    UserName(String),
    /// `active eq true`
    Active(bool),
}

/// What groups can be found by. Texts are compared exactly unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupTerm {
    /// `id eq "…"`
    Id(String),
    /// `externalId eq "…"`
    ExternalId(String),
    /// `displayName eq "…"`, compared as [`folded`].
    DisplayName(String),
    /// `members.value eq "…"`: the user with this id is a member.
    Member(String),
}

/// What the addresses of a user can be told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EmailTerm {
    Type(String),
    Value(String),
    Primary(bool),
}

/// A member's id, in `members[value eq "…"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberTerm(pub(crate) String);

/// Reads one comparison for equality.
pub(crate) trait Term: Sized {
    fn equal(attribute: &AttributePath, value: &Literal) -> Result<Self, ScimError>;
}

impl<T> Filter<T> {
    /// Whether the condition holds, given what holds of one comparison.
    pub fn matches(&self, holds: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Is(term) => holds(term),
            Self::All(filters) => filters.iter().all(|filter| filter.matches(holds)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(holds)),
        }
    }
}

/// Reads a filter as one that can be answered.
pub(crate) fn filter<T: Term>(expression: &Expression) -> Result<Filter<T>, ScimError> {
    let each = |filters: &[Expression]| filters.iter().map(filter).collect::<Result<_, _>>();
    match expression {
        Expression::Compare {
            attribute,
            operator: Operator::Equal,
            value,
        } => T::equal(attribute, value).map(Filter::Is),
        Expression::All(filters) => each(filters).map(Filter::All),
        Expression::Any(filters) => each(filters).map(Filter::Any),
        Expression::Has {
            attribute,
            filter: one,
        } => filter(&inside(attribute, one)?),
        Expression::Compare { .. } | Expression::Present(_) | Expression::Not(_) => {
            Err(ScimError::Filter("only eq, and and or are supported"))
        }
    }
}

/// `members[value eq "…"]` means `members.value eq "…"`. Only a single comparison: two in brackets are about one value.
fn inside(attribute: &AttributePath, filter: &Expression) -> Result<Expression, ScimError> {
    match filter {
        Expression::Compare {
            attribute: inner,
            operator,
            value,
        } if attribute.sub.is_none() && inner.sub.is_none() && inner.schema.is_none() => {
            Ok(Expression::Compare {
                attribute: AttributePath {
                    sub: Some(inner.name.clone()),
                    ..attribute.clone()
                },
                operator: *operator,
                value: value.clone(),
            })
        }
        _ => Err(ScimError::Filter("brackets hold a single comparison")),
    }
}

impl UserTerm {
    /// Whether it holds of this user.
    pub fn holds(&self, user: &User) -> bool {
        match self {
            Self::Id(id) => *id == user.id,
            Self::ExternalId(id) => user.external_id.as_ref() == Some(id),
            Self::UserName(name) => folded(name) == folded(&user.user_name),
            Self::Active(active) => *active == user.active,
        }
    }
}

impl GroupTerm {
    /// Whether it holds of this group; `has` tells whether the user with an id is a member.
    pub fn holds(&self, group: &Group, has: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Id(id) => *id == group.id,
            Self::ExternalId(id) => group.external_id.as_ref() == Some(id),
            Self::DisplayName(name) => folded(name) == folded(&group.display_name),
            Self::Member(id) => has(id),
        }
    }
}

impl EmailTerm {
    pub(crate) fn holds(&self, email: &Email) -> bool {
        let same = |kept: &str, asked: &str| folded(kept) == folded(asked);
        match self {
            Self::Type(kind) => email.kind.as_deref().is_some_and(|kept| same(kept, kind)),
            Self::Value(value) => same(&email.value, value),
            Self::Primary(primary) => *primary == email.primary,
        }
    }
}

impl Term for UserTerm {
    fn equal(attribute: &AttributePath, value: &Literal) -> Result<Self, ScimError> {
        match kept(attribute, user::SCHEMA)?.as_str() {
            "id" => text(value).map(Self::Id),
            "externalid" => text(value).map(Self::ExternalId),
            "username" => text(value).map(Self::UserName),
            "active" => boolean(value).map(Self::Active),
            _ => Err(UNKNOWN),
        }
    }
}

impl Term for GroupTerm {
    fn equal(attribute: &AttributePath, value: &Literal) -> Result<Self, ScimError> {
        match kept(attribute, group::SCHEMA)?.as_str() {
            "id" => text(value).map(Self::Id),
            "externalid" => text(value).map(Self::ExternalId),
            "displayname" => text(value).map(Self::DisplayName),
            "members" | "members.value" => text(value).map(Self::Member),
            _ => Err(UNKNOWN),
        }
    }
}

impl Term for EmailTerm {
    fn equal(attribute: &AttributePath, value: &Literal) -> Result<Self, ScimError> {
        match kept(attribute, user::SCHEMA)?.as_str() {
            "type" => text(value).map(Self::Type),
            "value" => text(value).map(Self::Value),
            "primary" => boolean(value).map(Self::Primary),
            _ => Err(UNKNOWN),
        }
    }
}

impl Term for MemberTerm {
    fn equal(attribute: &AttributePath, value: &Literal) -> Result<Self, ScimError> {
        match kept(attribute, group::SCHEMA)?.as_str() {
            "value" => text(value).map(Self),
            _ => Err(UNKNOWN),
        }
    }
}

const UNKNOWN: ScimError = ScimError::Filter("this attribute cannot be searched");

/// The attribute's name in lower case, if it is of this schema.
fn kept(attribute: &AttributePath, schema: &str) -> Result<String, ScimError> {
    if !attribute.belongs_to(schema) {
        return Err(UNKNOWN);
    }
    let name = match &attribute.sub {
        Some(sub) => format!("{}.{sub}", attribute.name),
        None => attribute.name.clone(),
    };
    Ok(name.to_ascii_lowercase())
}

fn text(value: &Literal) -> Result<String, ScimError> {
    match value {
        Literal::Text(text) => Ok(text.clone()),
        _ => Err(ScimError::Filter("the attribute is compared with a text")),
    }
}

/// Entra ID also writes "True" and "False".
fn boolean(value: &Literal) -> Result<bool, ScimError> {
    match value {
        Literal::Boolean(value) => Ok(*value),
        Literal::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Literal::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(ScimError::Filter(
            "the attribute is compared with true or false",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, GroupTerm, UserTerm, filter};
    use crate::{Expression, ScimError};

    fn of_users(text: &str) -> Result<Filter<UserTerm>, ScimError> {
        filter(&Expression::parse(text)?)
    }

    fn of_groups(text: &str) -> Result<Filter<GroupTerm>, ScimError> {
        filter(&Expression::parse(text)?)
    }

    #[test]
    fn users_are_found_by_four_attributes() {
        let name = || Filter::Is(UserTerm::UserName("alice".into()));
        assert_eq!(of_users(r#"userName eq "alice""#), Ok(name()));
        assert_eq!(of_users(r#"USERNAME Eq "alice""#), Ok(name()));
        let urn = r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "alice""#;
        assert_eq!(of_users(urn), Ok(name()));
        let both = Filter::All(vec![name(), Filter::Is(UserTerm::Active(false))]);
        assert_eq!(
            of_users(r#"userName eq "alice" and active eq "False""#),
            Ok(both)
        );
        let either = Filter::Any(vec![
            Filter::Is(UserTerm::Id("1".into())),
            Filter::Is(UserTerm::ExternalId("2".into())),
        ]);
        assert_eq!(of_users(r#"id eq "1" or externalId eq "2""#), Ok(either));
    }

    #[test]
    fn groups_are_found_by_their_members() {
        let member = || Filter::Is(GroupTerm::Member("u1".into()));
        for text in [
            r#"members.value eq "u1""#,
            r#"members[value eq "u1"]"#,
            r#"members eq "u1""#,
        ] {
            assert_eq!(of_groups(text), Ok(member()), "{text}");
        }
        let both = Filter::All(vec![Filter::Is(GroupTerm::Id("g1".into())), member()]);
        assert_eq!(of_groups(r#"id eq "g1" and members eq "u1""#), Ok(both));
    }

    #[test]
    fn everything_else_is_an_invalid_filter() {
        for text in [
            r#"userName sw "a""#,
            r#"userName ne "a""#,
            "userName pr",
            r#"not (userName eq "a")"#,
            "userName eq 1",
            "userName eq null",
            r#"active eq "yes""#,
            "active eq 1",
            r#"title eq "x""#,
            r#"userName.value eq "x""#,
            r#"emails.value eq "a@example.com""#,
            r#"emails[type eq "work"] and active eq true"#,
            r#"urn:ietf:params:scim:schemas:core:2.0:Group:id eq "1""#,
        ] {
            assert!(
                matches!(of_users(text), Err(ScimError::Filter(_))),
                "{text}"
            );
        }
        for text in [
            r#"members[value eq "a" and value eq "b"]"#,
            r#"members.display eq "a""#,
            "members eq true",
        ] {
            assert!(
                matches!(of_groups(text), Err(ScimError::Filter(_))),
                "{text}"
            );
        }
    }
}
