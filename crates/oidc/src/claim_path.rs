//! Where a claim stands.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

const MAX_STEPS: usize = 8;
const MAX_STEP_BYTES: usize = 256;

/// Where a claim stands: member names joined by dots (`realm_access.roles`), or, for names that have dots
/// themselves, a JSON pointer (RFC 6901: `/https:~1~1example.com~1groups`). At most 8 members deep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath {
    first: String,
    further: Vec<String>,
}

/// A path that names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim path is empty, has an empty member, or is too deep")]
pub struct ClaimPathError;

/// Something on the way to the claim is no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

impl ClaimPath {
    pub(crate) fn find<'a>(
        &self,
        claims: &'a Map<String, Value>,
    ) -> Result<Option<&'a Value>, NotAnObject> {
        let Some(mut found) = claims.get(&self.first) else {
            return Ok(None);
        };
        for step in &self.further {
            let members = found.as_object().ok_or(NotAnObject)?;
            let Some(next) = members.get(step) else {
                return Ok(None);
            };
            found = next;
        }
        Ok(Some(found))
    }

    /// The claim itself, of which the rest of the path is a part.
    pub(crate) fn first(&self) -> &str {
        &self.first
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.first == name && self.further.is_empty()
    }
}

impl FromStr for ClaimPath {
    type Err = ClaimPathError;

    fn from_str(text: &str) -> Result<Self, ClaimPathError> {
        let steps: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescape).collect::<Option<_>>(),
            None => Some(text.split('.').map(str::to_owned).collect()),
        }
        .ok_or(ClaimPathError)?;
        let good = |step: &String| (1..=MAX_STEP_BYTES).contains(&step.len());
        if steps.len() > MAX_STEPS || !steps.iter().all(good) {
            return Err(ClaimPathError);
        }
        let mut steps = steps.into_iter();
        Ok(Self {
            first: steps.next().ok_or(ClaimPathError)?,
            further: steps.collect(),
        })
    }
}

fn unescape(step: &str) -> Option<String> {
    let mut pieces = step.split('~');
    let mut text = pieces.next()?.to_owned();
    for piece in pieces {
        let (escaped, rest) = match piece.strip_prefix('0') {
            Some(rest) => ('~', rest),
            None => ('/', piece.strip_prefix('1')?),
        };
        text.push(escaped);
        text.push_str(rest);
    }
    Some(text)
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = vec![&self.first];
        steps.extend(&self.further);
        for step in steps {
            write!(out, "/{}", step.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ClaimPath, ClaimPathError, NotAnObject};

    fn find(path: &str, claims: &Value) -> Result<Option<Value>, NotAnObject> {
        let path: ClaimPath = path.parse().unwrap();
        path.find(claims.as_object().unwrap())
            .map(Option::<&Value>::cloned)
    }

    #[test]
    fn finds_what_it_names() {
        let claims = json!({
            "realm_access": {"roles": ["sre"]},
            "realm_access.roles": ["other"],
            "https://example.com/groups": ["dba"],
            "a~b": 1,
        });
        assert_eq!(
            find("realm_access.roles", &claims),
            Ok(Some(json!(["sre"])))
        );
        assert_eq!(
            find("/realm_access.roles", &claims),
            Ok(Some(json!(["other"])))
        );
        assert_eq!(
            find("/realm_access/roles", &claims),
            Ok(Some(json!(["sre"])))
        );
        let pointer = "/https:~1~1example.com~1groups";
        assert_eq!(find(pointer, &claims), Ok(Some(json!(["dba"]))));
        assert_eq!(find("/a~0b", &claims), Ok(Some(json!(1))));
        assert_eq!(find("realm_access.groups", &claims), Ok(None));
        assert_eq!(find("groups", &claims), Ok(None));
        assert_eq!(find("a~b.c", &claims), Err(NotAnObject));
        let path: ClaimPath = pointer.parse().unwrap();
        assert_eq!(path.to_string(), pointer);
    }

    #[test]
    fn names_something() {
        let deep = "a.".repeat(8) + "a";
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "/",
            "/a//b",
            "/a~2",
            "/a~",
            &deep,
            &"a".repeat(257),
        ] {
            assert_eq!(bad.parse::<ClaimPath>(), Err(ClaimPathError), "{bad}");
        }
    }
}
