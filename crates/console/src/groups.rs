//! Groups of this gateway, put together from groups of providers.

/// A group of this gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, as access rules say it.
    pub name: String,
    /// Groups of providers, `PROVIDER:GROUP`, whose members belong to it.
    pub members: Vec<String>,
}

/// All groups of this gateway.
#[derive(Clone, Debug, Default)]
pub struct Groups(pub Vec<Group>);

impl Groups {
    /// A person's groups: those of the provider, under its name, and those of this gateway that they give.
    pub(crate) fn of(&self, given: &[String]) -> Vec<String> {
        let own = self.0.iter().filter(|group| {
            let members = &group.members;
            members.iter().any(|member| given.contains(member))
        });
        let mut groups: Vec<String> = own.map(|group| group.name.clone()).collect();
        groups.extend_from_slice(given);
        groups
    }

    /// Which group came from which, for the record.
    pub(crate) fn applied(&self, given: &[String]) -> String {
        let mut applied = Vec::new();
        for group in &self.0 {
            let from = group.members.iter().filter(|member| given.contains(member));
            applied.extend(from.map(|member| format!("{member}={}", group.name)));
        }
        applied.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Groups};

    #[test]
    fn groups_are_put_together_and_told() {
        let group = |name: &str, members: &[&str]| Group {
            name: name.to_owned(),
            members: members.iter().map(|&member| member.to_owned()).collect(),
        };
        let groups = Groups(vec![
            group("dba", &["okta:dba", "adfs:DBA"]),
            group("sre", &["okta:sre"]),
        ]);
        let given = ["adfs:DBA".to_owned(), "adfs:sre".to_owned()];
        assert_eq!(groups.of(&given), ["dba", "adfs:DBA", "adfs:sre"]);
        assert_eq!(groups.applied(&given), "adfs:DBA=dba");
        assert!(groups.of(&[]).is_empty());
    }
}
