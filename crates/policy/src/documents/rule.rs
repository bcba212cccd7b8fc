//! One rule of a document.

use std::collections::BTreeSet;

use custos_model::Principal;
use custos_shell::{Command, Line};
use serde::Serialize;

use super::approve::{self, Approve};
use super::commands::{self, Commands};
use super::condition::{self, Conditions, Then};
use super::obligation::{self, Limit, Record, Require};
use super::pause::{self, Pause};
use super::reader::{Fields, Reader, is_name};
use super::target::{self, Resource, Target};
use super::verb::{Verb, meant_by};
use super::who::{self, Who};
use super::yaml::{At, Node};

/// What stands before a label in `may`.
const UNMASK: &str = "unmask:";

/// Whether a rule allows or forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// `may`
    Permit,
    /// `deny`
    Forbid,
}

/// A rule as it was checked: lists sorted, bundles written out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Stands in verdicts and records. `[a-z0-9][a-z0-9._-]{0,62}`, unique in all documents of a set.
    pub id: String,
    /// Allows or forbids.
    pub effect: RuleEffect,
    /// Whom it is for: any of these.
    pub who: Vec<Who>,
    /// What it is about: any of these.
    pub on: Vec<Target>,
    /// What it allows or forbids.
    pub verbs: BTreeSet<Verb>,
    /// Labels of columns that are shown clear.
    pub unmask: BTreeSet<String>,
    /// What it asks for where it allows.
    pub obligations: Obligations,
    /// What must be so for it to allow.
    pub require: Option<Require>,
    /// Shapes of statements that it treats differently.
    pub conditions: Conditions,
    /// Of operations that are commands, which ones it is about.
    #[serde(skip_serializing_if = "Commands::is_empty")]
    pub commands: Commands,
}

impl Rule {
    /// Whether it is for the principal and about the resource.
    pub(super) fn is_about(&self, principal: &Principal, resource: &Resource) -> bool {
        self.is_for(principal) && self.is_on(resource)
    }

    pub(super) fn is_for(&self, principal: &Principal) -> bool {
        self.who.iter().any(|who| who.means(principal))
    }

    pub(super) fn is_on(&self, resource: &Resource) -> bool {
        self.on.iter().any(|on| on.means(resource))
    }

    /// All approvals that it may ask for.
    pub fn approvals(&self) -> impl Iterator<Item = &Approve> {
        let pause = self.obligations.pause.as_ref();
        let of_lines = pause.map(|pause| &pause.approve);
        self.obligations.approve.iter().chain(of_lines)
    }

    /// Whether it asks people about a line, of which each of these may be the text.
    pub(super) fn pauses(&self, lines: &[Line]) -> bool {
        let pause = self.obligations.pause.as_ref();
        pause.is_some_and(|pause| pause.is_for(lines))
    }

    /// Whether it is about every operation of its verbs, at any time.
    pub(super) fn is_plain(&self) -> bool {
        self.require.is_none() && self.commands.is_empty()
    }

    /// Whether it is about the operation, as far as commands tell. Where nothing is `known` of the operation but its verb, a
    /// rule that allows some commands allows some operations, and one that denies some does not deny all.
    pub(super) fn is_of(&self, verb: Verb, command: Option<&Command>, known: bool) -> bool {
        if self.commands.is_empty() || !Commands::are_about(verb) {
            return true;
        }
        match self.effect {
            RuleEffect::Permit => !known || self.commands.allow(command),
            RuleEffect::Forbid => known && self.commands.deny(command),
        }
    }
}

/// What follows from an allowing rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Obligations {
    /// Labels of columns that are masked.
    pub mask: BTreeSet<String>,
    /// Who must agree.
    pub approve: Option<Approve>,
    /// How it is recorded.
    pub record: Option<Record>,
    /// How much.
    pub limit: Option<Limit>,
    /// Which lines wait, where it allows what takes lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

/// A rule and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) rule: Rule,
    pub(super) file: String,
    pub(super) at: At,
    /// Of labels named in `mask` or `may`, which another document may define.
    pub(super) labels_at: At,
}

const WHAT: &str = "a rule";
const FIELDS: [&str; 11] = [
    "id", "note", "who", "on", "may", "deny", "mask", "approve", "require", "record", "limit",
];
const CONDITIONS: &str = "conditions";
const COMMANDS: &str = "commands";
const PAUSE: &str = "pause";

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Placed> {
    let mut known = FIELDS.to_vec();
    known.extend([CONDITIONS, COMMANDS, PAUSE]);
    let fields = reader.fields(node, WHAT, &known)?;
    let id = id(reader, &fields);
    if let Some(note) = fields.get("note") {
        reader.text(note, "`note`");
    }
    let who = reader
        .needed(&fields, "who", WHAT)
        .map(|node| who::read(reader, node));
    let on = reader
        .needed(&fields, "on", WHAT)
        .map(|node| target::read(reader, node));
    let (effect, verbs_node) = effect(reader, &fields)?;
    let (verbs, unmask) = verbs(reader, verbs_node, effect);
    let obligations = obligations(reader, &fields);
    let require = fields
        .get("require")
        .and_then(|node| obligation::require(reader, node));
    let conditions = fields
        .get(CONDITIONS)
        .and_then(|node| condition::read(reader, node));
    let commands = fields
        .get(COMMANDS)
        .map(|node| commands::read(reader, node, COMMANDS));
    let rule = Rule {
        id: id?,
        effect,
        who: who?,
        on: on?,
        verbs,
        unmask,
        obligations,
        require,
        conditions: conditions.unwrap_or_default(),
        commands: commands.unwrap_or_default(),
    };
    agreement(reader, &fields, &rule);
    Some(Placed {
        rule,
        file: reader.file.to_owned(),
        at: fields.at,
        labels_at: fields.get("mask").map_or(verbs_node.at, |node| node.at),
    })
}

fn id(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<String> {
    let node = reader.needed(fields, "id", WHAT)?;
    let text = reader.text(node, "`id`")?;
    if !is_name(text) {
        reader.say(
            node.at,
            "`id` has 1 to 63 lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit",
        );
    }
    if text == crate::DEFAULT_DENY {
        reader.say(node.at, "`default-deny` stands for the absence of a rule");
    }
    Some(text.to_owned())
}

fn effect<'n>(reader: &mut Reader<'_>, fields: &Fields<'n>) -> Option<(RuleEffect, &'n Node)> {
    match (fields.get("may"), fields.get("deny")) {
        (Some(node), None) => Some((RuleEffect::Permit, node)),
        (None, Some(node)) => Some((RuleEffect::Forbid, node)),
        (None, None) => {
            reader.say(fields.at, "a rule needs `may` or `deny`");
            None
        }
        (Some(_), Some(_)) => {
            reader.say(
                fields.at,
                "a rule has `may` or `deny`, not both: write two rules",
            );
            None
        }
    }
}

fn verbs(
    reader: &mut Reader<'_>,
    node: &Node,
    effect: RuleEffect,
) -> (BTreeSet<Verb>, BTreeSet<String>) {
    let (mut verbs, mut unmask) = (BTreeSet::new(), BTreeSet::new());
    for item in reader.list(node, "the list of verbs") {
        let Some(text) = reader.text(item, "a verb") else {
            continue;
        };
        if let Some(label) = text.strip_prefix(UNMASK) {
            if effect == RuleEffect::Forbid {
                reader.say(
                    item.at,
                    "`unmask` cannot be denied: columns are masked where no rule unmasks them",
                );
            }
            unmask.insert(label.to_owned());
            continue;
        }
        let meant = meant_by(text);
        if meant.is_empty() {
            reader.say(item.at, unknown_verb(text));
        }
        for verb in meant {
            if !verbs.insert(verb) {
                reader.say(item.at, format!("{verb} is said twice"));
            }
        }
    }
    (verbs, unmask)
}

fn unknown_verb(text: &str) -> String {
    let (protocol, _) = text.split_once('.').unwrap_or((text, ""));
    let known = Verb::all().filter(|verb| verb.protocol() == protocol);
    let mut known: Vec<&str> = known.map(Verb::as_str).collect();
    if protocol == "sql" {
        known.extend(["sql.select", "sql.dml", "sql.ddl"]);
    }
    if known.is_empty() {
        known = vec![
            "session.open",
            "unmask:LABEL",
            "sql.…",
            "ssh.…",
            "kube.…",
            "kafka.…",
            "http.…",
            "mcp.…",
        ];
    }
    format!("`{text}` is no verb; known: {}", known.join(", "))
}

fn obligations(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Obligations {
    Obligations {
        mask: fields
            .get("mask")
            .map_or_else(BTreeSet::new, |node| reader.texts(node, "`mask`")),
        approve: fields
            .get("approve")
            .and_then(|node| approve::read(reader, node)),
        record: fields
            .get("record")
            .and_then(|node| obligation::record(reader, node)),
        limit: fields
            .get("limit")
            .and_then(|node| obligation::limit(reader, node)),
        pause: fields.get(PAUSE).and_then(|node| pause::read(reader, node)),
    }
}

/// Whether the fields go together.
fn agreement(reader: &mut Reader<'_>, fields: &Fields<'_>, rule: &Rule) {
    if rule.effect == RuleEffect::Forbid {
        for name in ["mask", "approve", "require", "record", "limit", PAUSE] {
            if let Some(node) = fields.get(name) {
                reader.say(node.at, format!("a rule that denies asks for nothing more: `{name}` belongs to rules with `may`"));
            }
        }
    }
    if let (Some(node), Some(_)) = (fields.get(COMMANDS), fields.get(CONDITIONS)) {
        reader.say(
            node.at,
            "`commands` and `conditions` are about different operations: write two rules",
        );
    }
    let at = fields.get(CONDITIONS).map_or(fields.at, |node| node.at);
    let approves = rule.conditions.mention(Then::Approve);
    let approve = fields.get("approve");
    if approves && approve.is_none() && rule.effect == RuleEffect::Permit {
        reader.say(
            at,
            "a condition says `approve`, so the rule needs `approve` to say by whom",
        );
    }
    if approves && rule.effect == RuleEffect::Forbid {
        reader.say(
            at,
            "the conditions of a rule that denies can only say `deny`",
        );
    }
    let opens_only = rule.verbs == BTreeSet::from([Verb::SESSION_OPEN]);
    if let Some(at) = approve.and_then(approve::meanwhile_at)
        && opens_only
        && rule.effect == RuleEffect::Permit
    {
        reader.say(
            at,
            "`meanwhile` is about operations, and the rule allows none: a session that waits for an approval is not open",
        );
    }
    if !rule.unmask.is_empty() && rule.obligations.approve.is_some() {
        reader.say(
            fields.at,
            "`unmask` cannot wait for an approval: write a rule of its own for it",
        );
    }
    if let Some(label) = rule.unmask.intersection(&rule.obligations.mask).next() {
        reader.say(
            fields.at,
            format!("the rule both masks and unmasks `{label}`"),
        );
    }
}
