//! Which attributes an answer holds (RFC 7644 section 3.9).

/// `attributes` and `excludedAttributes`, as names in lower case.
#[derive(Debug)]
pub(crate) struct Projection {
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl Projection {
    pub(crate) fn new(schema: &str, only: Option<&str>, without: Option<&str>) -> Self {
        Self {
            only: only.map(|list| names(schema, list)),
            without: without.map(|list| names(schema, list)).unwrap_or_default(),
        }
    }

    /// Whether the request named the attributes that it wants.
    pub(crate) fn is_explicit(&self) -> bool {
        self.only.is_some()
    }

    /// Whether the answer holds this attribute. One whose parts are asked for is returned whole; one whose parts are
    /// excluded stays.
    pub(crate) fn keeps(&self, attribute: &str) -> bool {
        let asked = |name: &String| {
            name.split_once('.')
                .map_or(name.as_str(), |(whole, _)| whole)
                == attribute
        };
        let wanted = self
            .only
            .as_ref()
            .is_none_or(|names| names.iter().any(asked));
        wanted && !self.without.iter().any(|name| name == attribute)
    }
}

fn names(schema: &str, list: &str) -> Vec<String> {
    let prefix = format!("{schema}:").to_ascii_lowercase();
    let name = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        name.strip_prefix(&prefix)
            .map_or(name.clone(), str::to_owned)
    };
    list.split(',').map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::Projection;
    use crate::{group, user};

    #[test]
    fn names_what_is_kept() {
        let all = Projection::new(group::SCHEMA, None, None);
        assert!(all.keeps("members") && !all.is_explicit());
        let without = Projection::new(group::SCHEMA, None, Some("Members, meta"));
        assert!(
            !without.keeps("members") && !without.keeps("meta") && without.keeps("displayname")
        );
        let only = "urn:ietf:params:scim:schemas:core:2.0:User:userName,name.givenName,emails";
        let only = Projection::new(user::SCHEMA, Some(only), Some("emails"));
        assert!(only.keeps("username") && only.keeps("name") && only.is_explicit());
        assert!(!only.keeps("emails") && !only.keeps("active"));
    }
}
