//! What an access token is good for (RFC 6749 section 3.3).

use std::collections::BTreeSet;
use std::fmt;

use crate::reason::Reason;

/// One thing that an access token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The API of the command line: who am I, what may I open, connection credentials, sign-out.
    Api,
    /// Signing in to PostgreSQL resources.
    Postgres,
}

/// Some scopes, never none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scopes(BTreeSet<Scope>);

/// More text is no scope of ours.
const MAX_SCOPE_BYTES: usize = 256;

impl Scope {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Api, Self::Postgres];

    /// The word in requests and tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Postgres => "postgres",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl Scopes {
    /// One or more.
    pub fn new(first: Scope, others: &[Scope]) -> Self {
        Self(others.iter().copied().chain([first]).collect())
    }

    /// Words between single spaces.
    ///
    /// # Errors
    /// [`Reason::ScopeMalformed`] also for words that are not known here: nobody may have them.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        if text.len() > MAX_SCOPE_BYTES {
            return Err(Reason::ScopeMalformed);
        }
        let scopes: Option<BTreeSet<Scope>> = text.split(' ').map(Scope::parse).collect();
        scopes.map(Self).ok_or(Reason::ScopeMalformed)
    }

    /// Whether one of them is meant.
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// What is asked for, of what can be had: all of it, if nothing is said.
    pub(crate) fn narrowed(&self, asked: Option<&str>) -> Result<Self, Reason> {
        let Some(asked) = asked else {
            return Ok(self.clone());
        };
        let asked = Self::parse(asked)?;
        if asked.0.is_subset(&self.0) {
            Ok(asked)
        } else {
            Err(Reason::ScopeNotAllowed)
        }
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Scope::as_str).collect();
        out.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Scopes};
    use crate::reason::Reason;

    #[test]
    fn scopes_are_read_strictly_and_narrowed() {
        let both = Scopes::new(Scope::Api, &[Scope::Postgres]);
        assert_eq!(both.to_string(), "api postgres");
        assert_eq!(Scopes::parse("postgres api api"), Ok(both.clone()));
        for bad in [
            "",
            " ",
            "api ",
            " api",
            "api  postgres",
            "API",
            "api\tpostgres",
            "openid",
        ] {
            assert_eq!(Scopes::parse(bad), Err(Reason::ScopeMalformed), "{bad}");
        }
        let api = Scopes::new(Scope::Api, &[]);
        assert_eq!(both.narrowed(Some("api")), Ok(api.clone()));
        assert_eq!(both.narrowed(None), Ok(both));
        assert_eq!(
            api.narrowed(Some("api postgres")),
            Err(Reason::ScopeNotAllowed)
        );
    }
}
