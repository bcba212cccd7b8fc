//! From an assertion to a principal.

use std::collections::BTreeSet;

use custos_model::{Principal, PrincipalKind, is_shown_as_it_is};
use custos_oidc::{MAX_GROUP_BYTES, MAX_GROUPS, MAX_NAME_BYTES};
use custos_saml::{Assertion, Attribute, NameId, NameIdFormat};

use super::failure::SamlFailure;

/// From attributes to name and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SamlMapping {
    /// Attributes that may hold the login name, in the order in which they are tried. The first that is there counts.
    /// Without any the name identifier itself is the login name.
    pub name_attributes: Vec<String>,
    /// The attribute that holds the groups. `None`: this provider gives no groups.
    pub groups: Option<GroupsAttribute>,
}

/// The attribute that holds the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupsAttribute {
    /// Its name, exactly.
    pub name: String,
    /// Whether a missing attribute means no groups. Otherwise it is an error, so that a provider that forgets to send
    /// them is noticed.
    pub optional: bool,
}

/// Whose names they are when nothing is said (SAML core, section 8.3.7).
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties<'a> {
    /// The provider's entity ID.
    pub(super) idp: &'a str,
    /// Our own.
    pub(super) sp: &'a str,
}

impl SamlMapping {
    /// The principal: its key is the provider's entity ID and the name identifier with its format; its groups carry the
    /// name of the provider in the configuration.
    pub(super) fn principal(
        &self,
        namespace: &str,
        assertion: &Assertion,
        parties: Parties<'_>,
    ) -> Result<Principal, SamlFailure> {
        Ok(Principal {
            issuer: assertion.issuer.clone(),
            subject: subject(&assertion.name_id, parties)?,
            name: self.name(assertion)?,
            kind: PrincipalKind::Human,
            groups: self.groups(namespace, &assertion.attributes)?,
            on_behalf_of: Vec::new(),
        })
    }

    fn name(&self, assertion: &Assertion) -> Result<String, SamlFailure> {
        let name = if self.name_attributes.is_empty() {
            &assertion.name_id.value
        } else {
            let mut given = self.name_attributes.iter();
            let attribute = given.find_map(|name| find(&assertion.attributes, name));
            match attribute.ok_or(SamlFailure::NameMissing)?.values.as_slice() {
                [only] => only,
                _ => return Err(SamlFailure::NameMalformed),
            }
        };
        if !is_shown_as_it_is(name, MAX_NAME_BYTES) {
            return Err(SamlFailure::NameMalformed);
        }
        Ok(name.clone())
    }

    fn groups(
        &self,
        namespace: &str,
        attributes: &[Attribute],
    ) -> Result<Vec<String>, SamlFailure> {
        let Some(wanted) = &self.groups else {
            return Ok(Vec::new());
        };
        let values = match find(attributes, &wanted.name) {
            Some(attribute) => attribute.values.as_slice(),
            None if wanted.optional => return Ok(Vec::new()),
            None => return Err(SamlFailure::GroupsMissing),
        };
        if values.len() > MAX_GROUPS {
            return Err(SamlFailure::GroupsTooMany);
        }
        let mut groups = BTreeSet::new();
        for group in values {
            if !is_shown_as_it_is(group, MAX_GROUP_BYTES) {
                return Err(SamlFailure::GroupMalformed);
            }
            groups.insert(format!("{namespace}:{group}"));
        }
        Ok(groups.into_iter().collect())
    }
}

/// The provider's stable name for a person. Its format stands before it: one text in two formats is two people.
pub(super) fn subject(name_id: &NameId, parties: Parties<'_>) -> Result<String, SamlFailure> {
    let foreign = |qualifier: &Option<String>, usual: &str| {
        qualifier
            .as_deref()
            .is_some_and(|qualifier| qualifier != usual)
    };
    if foreign(&name_id.name_qualifier, parties.idp)
        || foreign(&name_id.sp_name_qualifier, parties.sp)
    {
        return Err(SamlFailure::QualifiedName);
    }
    let value = &name_id.value;
    match &name_id.format {
        NameIdFormat::Transient => Err(SamlFailure::TransientName),
        NameIdFormat::Persistent => Ok(format!("persistent:{value}")),
        NameIdFormat::EmailAddress => Ok(format!("email:{value}")),
        NameIdFormat::Unspecified => Ok(format!("unspecified:{value}")),
        // No word above begins with an angle bracket, so none of them can be meant.
        other => Ok(format!("<{}>:{value}", other.uri())),
    }
}

/// Whether a subject is this name, whatever its format.
pub(super) fn is_named(subject: &str, name: &str) -> bool {
    let value = match subject.strip_prefix('<') {
        Some(other) => other.split_once(">:"),
        None => subject.split_once(':'),
    };
    value.is_some_and(|(_, value)| value == name)
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name == name)
}

#[cfg(test)]
mod tests {
    use custos_saml::AuthnStatement;

    use super::*;

    const PARTIES: Parties<'_> = Parties {
        idp: "https://idp.example",
        sp: "https://gateway.example",
    };

    fn name_id(format: NameIdFormat) -> NameId {
        NameId {
            value: "alice".to_owned(),
            format,
            name_qualifier: None,
            sp_name_qualifier: None,
        }
    }

    /// An attribute's name and values.
    type Said<'a> = (&'a str, &'a [&'a str]);

    fn assertion(attributes: &[Said<'_>]) -> Assertion {
        let attribute = |(name, values): &Said<'_>| Attribute {
            name: (*name).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        Assertion {
            id: "_a".to_owned(),
            issuer: PARTIES.idp.to_owned(),
            name_id: name_id(NameIdFormat::Persistent),
            authn: AuthnStatement {
                instant: 0,
                context_class: None,
                session_index: None,
                session_not_on_or_after: None,
            },
            attributes: attributes.iter().map(attribute).collect(),
            not_on_or_after: 0,
        }
    }

    fn mapping(optional: bool) -> SamlMapping {
        SamlMapping {
            name_attributes: vec!["uid".to_owned(), "mail".to_owned()],
            groups: Some(GroupsAttribute {
                name: "groups".to_owned(),
                optional,
            }),
        }
    }

    fn verdict(mapping: &SamlMapping, attributes: &[Said<'_>]) -> &'static str {
        mapping
            .principal("adfs", &assertion(attributes), PARTIES)
            .map_or_else(|failure| failure.code(), |_| "accepted")
    }

    #[test]
    fn one_text_in_two_formats_is_two_people() {
        let formats = [
            NameIdFormat::Unspecified,
            NameIdFormat::EmailAddress,
            NameIdFormat::Persistent,
            NameIdFormat::Other("persistent".to_owned()),
            NameIdFormat::Other("urn:example".to_owned()),
        ];
        let subjects: BTreeSet<String> = formats
            .iter()
            .map(|format| subject(&name_id(format.clone()), PARTIES).unwrap())
            .collect();
        assert_eq!(subjects.len(), formats.len(), "{subjects:?}");
        assert!(subjects.iter().all(|subject| is_named(subject, "alice")));
        for other in ["lice", "persistent:alice", "alice ", ""] {
            assert!(!subjects.iter().any(|subject| is_named(subject, other)));
        }
        let transient = subject(&name_id(NameIdFormat::Transient), PARTIES);
        assert_eq!(transient.unwrap_err().code(), "name-id-transient");
    }

    #[test]
    fn names_qualified_for_others_are_refused() {
        let mut name = name_id(NameIdFormat::Persistent);
        name.name_qualifier = Some(PARTIES.idp.to_owned());
        name.sp_name_qualifier = Some(PARTIES.sp.to_owned());
        assert_eq!(subject(&name, PARTIES).unwrap(), "persistent:alice");
        for change in [
            |name: &mut NameId| name.name_qualifier = Some("https://other.example".to_owned()),
            |name: &mut NameId| name.sp_name_qualifier = Some("https://other.example".to_owned()),
        ] {
            let mut other = name.clone();
            change(&mut other);
            let refused = subject(&other, PARTIES).unwrap_err();
            assert_eq!(refused.code(), "name-id-qualified");
        }
    }

    #[test]
    fn attributes_give_name_and_groups() {
        let said: &[Said<'_>] = &[
            ("mail", &["alice@example.com"]),
            ("uid", &["alice"]),
            ("groups", &["sre", "dba", "sre"]),
        ];
        let principal = mapping(false)
            .principal("adfs", &assertion(said), PARTIES)
            .unwrap();
        assert_eq!(principal.name, "alice");
        assert_eq!(principal.groups, ["adfs:dba", "adfs:sre"]);
        assert_eq!(principal.subject, "persistent:alice");
        assert_eq!(verdict(&SamlMapping::default(), &[]), "accepted");
        assert_eq!(verdict(&mapping(true), &[("uid", &["a"])]), "accepted");
    }

    #[test]
    fn what_is_missing_or_malformed_is_refused() {
        let many: Vec<String> = (0..=MAX_GROUPS).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let name: Said<'_> = ("uid", &["a"]);
        let groups: Said<'_> = ("groups", &["a"]);
        let cases: [(&str, [Said<'_>; 2]); 7] = [
            ("name_missing", [("Uid", &["a"]), groups]),
            ("name_malformed", [("uid", &[]), groups]),
            ("name_malformed", [("uid", &["a", "b"]), groups]),
            ("name_malformed", [("uid", &["a\u{202e}"]), groups]),
            ("groups_missing", [name, ("Groups", &["a"])]),
            ("group_malformed", [name, ("groups", &[""])]),
            ("groups_too_many", [name, ("groups", &many)]),
        ];
        for (code, attributes) in &cases {
            assert_eq!(
                verdict(&mapping(false), attributes),
                *code,
                "{attributes:?}"
            );
        }
    }
}
