//! Rules written in Cedar, and questions as Cedar's requests.
//!
//! One rule is one policy with the rule's id, so that Cedar names the rules that decided. A rule that unmasks has a
//! second one, `ID#unmask`; a rule that forbids one shape of statement forbids what was not understood whatever its
//! shape, by `ID#unknown`. Every label has its guards, `guard:LABEL`, `stored:LABEL` and `predicates:LABEL`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{self, Write as _};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy,
    PolicyId, PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use custos_model::Principal;

use super::condition::{Conditions, Then};
use super::label::Label;
use super::rule::{Rule, RuleEffect};
use super::target::{Resource, Target};
use super::verb::{Kind, Verb};
use super::who::{self, Who};

/// Separates a rule's id from what else it is compiled to. No id contains it.
const PART: char = '#';
const UNMASK_PART: &str = "#unmask";
const UNKNOWN_PART: &str = "#unknown";
/// The action that shows columns clear.
pub(super) const UNMASK: &str = "unmask";

/// Something that Cedar did not accept, with the rule's id where it is about a rule.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) rule: Option<String>,
    pub(super) message: String,
}

fn refused(message: impl fmt::Display) -> Refused {
    Refused {
        rule: None,
        message: message.to_string(),
    }
}

/// What is the same for all rules.
#[derive(Debug)]
pub(super) struct Vocabulary {
    schema: Schema,
    principal: EntityTypeName,
    parents: [EntityTypeName; 3],
    label: EntityTypeName,
    action: EntityTypeName,
}

impl Vocabulary {
    pub(super) fn new() -> Result<Self, Refused> {
        let name = |text: &str| text.parse::<EntityTypeName>().map_err(refused);
        let (schema, _) = Schema::from_cedarschema_str(&schema_text()).map_err(refused)?;
        Ok(Self {
            schema,
            principal: name("Principal")?,
            parents: [name("Group")?, name("Workload")?, name("Machine")?],
            label: name("Label")?,
            action: name("Action")?,
        })
    }

    pub(super) fn action(&self, word: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.action.clone(), EntityId::new(word))
    }

    /// The principal and the resource with all that rules can name of them.
    pub(super) fn entities(
        &self,
        principal: &Principal,
        resource: &Resource,
        kind: Kind,
    ) -> Result<(EntityUid, EntityUid, Entities), Refused> {
        let [group, workload, machine] = &self.parents;
        let of = |name: &EntityTypeName, id: &str| {
            EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
        };
        let mut parents: HashSet<EntityUid> = principal
            .groups
            .iter()
            .map(|name| of(group, name))
            .collect();
        parents.extend(who::workload_name(principal).map(|name| of(workload, name)));
        parents.extend(who::machine_name(principal).map(|name| of(machine, name)));
        let who = of(
            &self.principal,
            &principal_id(&principal.issuer, &principal.subject),
        );
        let labels = resource.labels.iter();
        let labels = labels.flat_map(|(name, value)| [name.clone(), format!("{name}={value}")]);
        let labels = labels.map(|label| of(&self.label, &label)).collect();
        let type_name = kind_type(kind).parse().map_err(refused)?;
        let what = EntityUid::from_type_name_and_id(type_name, EntityId::new(&resource.name));
        let name = RestrictedExpression::new_string(resource.name.clone());
        let attributes = HashMap::from([("name".to_owned(), name)]);
        let entities = [
            Entity::new_no_attrs(who.clone(), parents),
            Entity::new(what.clone(), attributes, labels).map_err(refused)?,
        ];
        let actions = self.schema.action_entities().map_err(refused)?;
        let all = actions
            .add_entities(entities, Some(&self.schema))
            .map_err(refused)?;
        Ok((who, what, all))
    }

    /// Every policy, with errors and warnings of the validator: a rule that cannot apply is a mistake.
    pub(super) fn validate(&self, policies: &[Policy]) -> Vec<Refused> {
        let set = match PolicySet::from_policies(policies.iter().cloned()) {
            Ok(set) => set,
            Err(error) => return vec![refused(error)],
        };
        let result = Validator::new(self.schema.clone()).validate(&set, ValidationMode::Strict);
        let about = |id: &PolicyId, message: String| Refused {
            rule: Some(rule_of(id).to_owned()),
            message,
        };
        let errors = result
            .validation_errors()
            .map(|it| about(it.policy_id(), it.to_string()));
        let warnings = result
            .validation_warnings()
            .map(|it| about(it.policy_id(), it.to_string()));
        errors.chain(warnings).collect()
    }
}

/// The rule that a policy came from.
fn rule_of(id: &PolicyId) -> &str {
    let id: &str = id.as_ref();
    id.split_once(PART).map_or(id, |(rule, _)| rule)
}

fn kind_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => "Postgres",
        Kind::Mysql => "Mysql",
        Kind::Ssh => "Ssh",
        Kind::Kubernetes => "Kubernetes",
        Kind::Kafka => "Kafka",
        Kind::Http => "Http",
        Kind::Mcp => "Mcp",
    }
}

fn types(kinds: &[Kind]) -> String {
    let types: Vec<&str> = kinds.iter().map(|kind| kind_type(*kind)).collect();
    types.join(", ")
}

fn schema_text() -> String {
    let all = types(&Kind::ALL);
    let mut text = format!(
        "entity Group, Workload, Machine, Label;\n\
         entity Principal in [Group, Workload, Machine];\n\
         entity {all} in [Label] {{ name: String }};\n\
         type Facts = {{ visible: Set<String>, compared: Set<String>, stored: Set<String>, masked: Set<String>, clear: Set<String>,\n\
         met: Set<String>, label: String, without_where: Bool, inserted_rows: Long }};\n"
    );
    let actions = Verb::all().map(|verb| (verb.as_str(), verb.kinds()));
    for (word, kinds) in actions.chain([(UNMASK, Kind::ALL.as_slice())]) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "action \"{word}\" appliesTo {{ principal: [Principal], resource: [{}], context: Facts }};",
            types(kinds)
        );
    }
    text
}

/// Injective: no issuer and subject look like another pair.
fn principal_id(issuer: &str, subject: &str) -> String {
    format!("{}:{issuer}{subject}", issuer.len())
}

/// A text as a literal. Texts of documents have no control characters, so these are the two that need it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The policies of a rule.
pub(super) fn policies(rule: &Rule) -> Result<Vec<Policy>, Refused> {
    let scope = format!("{}{}", whom(&rule.who), what(&rule.on));
    let texts = match rule.effect {
        RuleEffect::Permit => permits(rule, &scope),
        RuleEffect::Forbid => forbids(rule, &scope),
    };
    let parse = |(part, text): (&str, String)| {
        policy(&format!("{}{part}", rule.id), &text).map_err(|refused| Refused {
            rule: Some(rule.id.clone()),
            ..refused
        })
    };
    texts.into_iter().map(parse).collect()
}

/// What an allowing rule is compiled to, with what is added to the rule's id.
fn permits(rule: &Rule, scope: &str) -> Vec<(&'static str, String)> {
    let met = met(rule);
    let mut texts = Vec::new();
    if !rule.verbs.is_empty() {
        let actions = actions(&rule.verbs);
        let unless = shapes(&rule.conditions).map(|shapes| format!(" unless {{ {shapes} }}"));
        let unless = unless.unwrap_or_default();
        let text = format!("permit(principal, {actions}, resource){scope}{met}{unless};");
        texts.push(("", text));
    }
    if !rule.unmask.is_empty() {
        let labels: Vec<String> = rule.unmask.iter().map(|label| quoted(label)).collect();
        let labels = labels.join(", ");
        let text = format!(
            "permit(principal, action == Action::\"{UNMASK}\", resource){scope}{met} \
             when {{ [{labels}].contains(context.label) }};"
        );
        texts.push((UNMASK_PART, text));
    }
    texts
}

/// That a rule's requirements are met and the command is one that it is about, which is found out here and not by Cedar.
fn met(rule: &Rule) -> String {
    if rule.is_plain() {
        return String::new();
    }
    format!(" when {{ context.met.contains({}) }}", quoted(&rule.id))
}

/// What a forbidding rule is compiled to. The shape of what was not understood is not known either.
fn forbids(rule: &Rule, scope: &str) -> Vec<(&'static str, String)> {
    let unknown = rule
        .verbs
        .iter()
        .filter_map(|verb| verb.unknown_of_its_protocol());
    let unknown: BTreeSet<Verb> = unknown.collect();
    if !rule.is_plain() {
        let (some, unknown, met) = (actions(&rule.verbs), actions(&unknown), met(rule));
        return vec![
            (
                "",
                format!("forbid(principal, {some}, resource){scope}{met};"),
            ),
            (
                UNKNOWN_PART,
                format!("forbid(principal, {unknown}, resource){scope};"),
            ),
        ];
    }
    let Some(shapes) = shapes(&rule.conditions) else {
        let all = actions(&rule.verbs.union(&unknown).copied().collect());
        return vec![("", format!("forbid(principal, {all}, resource){scope};"))];
    };
    let (some, unknown) = (actions(&rule.verbs), actions(&unknown));
    vec![
        (
            "",
            format!("forbid(principal, {some}, resource){scope} when {{ {shapes} }};"),
        ),
        (
            UNKNOWN_PART,
            format!("forbid(principal, {unknown}, resource){scope};"),
        ),
    ]
}

/// What keeps a label's columns from being seen without a mask, whatever rules allow.
pub(super) fn guards(labels: &BTreeMap<String, Label>) -> Result<Vec<Policy>, Refused> {
    let mut policies = Vec::new();
    for (name, label) in labels {
        let id = quoted(name);
        let text = format!(
            "forbid(principal, action, resource) when {{ context.visible.contains({id}) }} \
             unless {{ context.masked.contains({id}) || context.clear.contains({id}) }};"
        );
        policies.push(policy(&format!("guard:{name}"), &text)?);
        let text = format!(
            "forbid(principal, action, resource) when {{ context.stored.contains({id}) }} \
             unless {{ context.clear.contains({id}) }};"
        );
        policies.push(policy(&format!("stored:{name}"), &text)?);
        if !label.predicates {
            let text = format!(
                "forbid(principal, action, resource) when {{ context.compared.contains({id}) }} \
                 unless {{ context.clear.contains({id}) }};"
            );
            policies.push(policy(&format!("predicates:{name}"), &text)?);
        }
    }
    Ok(policies)
}

fn policy(id: &str, text: &str) -> Result<Policy, Refused> {
    Policy::parse(Some(PolicyId::new(id)), text).map_err(refused)
}

fn actions(verbs: &BTreeSet<Verb>) -> String {
    let words: Vec<String> = verbs
        .iter()
        .map(|verb| format!("Action::\"{verb}\""))
        .collect();
    format!("action in [{}]", words.join(", "))
}

/// One set for each type, since sets are flat where chains of `||` are as deep as they are long.
fn whom(who: &[Who]) -> String {
    if who.contains(&Who::Everybody) {
        return String::new();
    }
    let mut by_type: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for who in who {
        let (of_type, id) = match who {
            Who::Everybody => continue,
            Who::Group(name) => ("Group", name.clone()),
            Who::Workload(name) => ("Workload", name.clone()),
            Who::Machine(name) => ("Machine", name.clone()),
            Who::Principal { issuer, subject } => ("Principal", principal_id(issuer, subject)),
        };
        by_type
            .entry(of_type)
            .or_default()
            .push(format!("{of_type}::{}", quoted(&id)));
    }
    any(by_type
        .values()
        .map(|ids| format!("principal in [{}]", ids.join(", "))))
}

fn what(on: &[Target]) -> String {
    let words = on.iter().map(|target| {
        let mut words = Vec::new();
        words.extend(
            target
                .kind
                .map(|kind| format!("resource is {}", kind_type(kind))),
        );
        // Patterns have letters, digits and `._-/*` only, which mean the same in Cedar.
        words.extend(
            target
                .name
                .as_ref()
                .map(|name| format!("resource.name like \"{name}\"")),
        );
        words.extend(
            target
                .labels
                .iter()
                .map(|label| format!("resource in Label::{}", quoted(label))),
        );
        if words.is_empty() {
            words.push("true".to_owned());
        }
        format!("({})", words.join(" && "))
    });
    if on.iter().any(|target| target.covers(&Target::everything())) {
        return String::new();
    }
    any(words)
}

fn any(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    format!(" when {{ {} }}", words.join(" || "))
}

/// The shapes for which a rule says deny.
fn shapes(conditions: &Conditions) -> Option<String> {
    let mut words = Vec::new();
    if conditions.without_where == Some(Then::Deny) {
        words.push("context.without_where".to_owned());
    }
    if let Some((rows, Then::Deny)) = conditions.bulk_insert_over {
        words.push(format!("context.inserted_rows > {rows}"));
    }
    (!words.is_empty()).then(|| words.join(" || "))
}

/// What a request says beside who, what and on which resource.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) visible: BTreeSet<&'a str>,
    pub(super) compared: BTreeSet<&'a str>,
    pub(super) stored: BTreeSet<&'a str>,
    pub(super) masked: BTreeSet<&'a str>,
    pub(super) clear: BTreeSet<&'a str>,
    /// Ids of rules whose requirements are met and whose commands it is.
    pub(super) met: BTreeSet<&'a str>,
    pub(super) label: &'a str,
    pub(super) without_where: bool,
    pub(super) inserted_rows: i64,
}

impl Facts<'_> {
    fn context(&self) -> Result<Context, Refused> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let set =
            |texts: &BTreeSet<&str>| RestrictedExpression::new_set(texts.iter().map(|it| text(it)));
        let pairs = [
            ("visible", set(&self.visible)),
            ("compared", set(&self.compared)),
            ("stored", set(&self.stored)),
            ("masked", set(&self.masked)),
            ("clear", set(&self.clear)),
            ("met", set(&self.met)),
            ("label", text(self.label)),
            (
                "without_where",
                RestrictedExpression::new_bool(self.without_where),
            ),
            (
                "inserted_rows",
                RestrictedExpression::new_long(self.inserted_rows),
            ),
        ];
        Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value))).map_err(refused)
    }
}

/// What Cedar says: allowed or not, and the rules that decided.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    /// Sorted. Empty in a denial by default.
    pub(super) rules: BTreeSet<String>,
}

/// One principal and one resource, with the policies that may be about them.
#[derive(Debug)]
pub(super) struct Court {
    policies: PolicySet,
    principal: EntityUid,
    resource: EntityUid,
    entities: Entities,
    authorizer: Authorizer,
}

impl Court {
    pub(super) fn new<'a>(
        vocabulary: &Vocabulary,
        principal: &Principal,
        resource: &Resource,
        kind: Kind,
        policies: impl Iterator<Item = &'a Policy>,
    ) -> Result<Self, Refused> {
        let (principal, resource, entities) = vocabulary.entities(principal, resource, kind)?;
        Ok(Self {
            policies: PolicySet::from_policies(policies.cloned()).map_err(refused)?,
            principal,
            resource,
            entities,
            authorizer: Authorizer::new(),
        })
    }

    /// A rule that could not be evaluated makes an error, never a smaller answer.
    pub(super) fn ask(&self, action: EntityUid, facts: &Facts<'_>) -> Result<Answer, Refused> {
        let (principal, resource) = (self.principal.clone(), self.resource.clone());
        let request =
            Request::new(principal, action, resource, facts.context()?, None).map_err(refused)?;
        let response = self
            .authorizer
            .is_authorized(&request, &self.policies, &self.entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(refused(error));
        }
        Ok(Answer {
            allowed: response.decision() == Decision::Allow,
            rules: response
                .diagnostics()
                .reason()
                .map(|id| rule_of(id).to_owned())
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Vocabulary, principal_id, quoted};

    #[test]
    fn the_schema_is_one() {
        assert!(Vocabulary::new().is_ok());
    }

    #[test]
    fn texts_stay_texts() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_ne!(principal_id("ab", "c"), principal_id("a", "bc"));
        assert_ne!(principal_id("1:", "a"), principal_id("1", ":a"));
    }
}
