//! Who must agree before a rule allows.

use std::fmt;

use serde::Serialize;

use super::hours::Hours;
use super::reader::{Fields, Reader};
use super::units::{self, show_duration};
use super::yaml::{At, Node, Value};

/// What an approval covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// One statement, exactly as it was asked.
    Statement,
    /// What the rule allows, to the end of the session.
    Session,
    /// What the rule allows, for some time.
    Window,
}

/// What a client does as long as nobody has decided about its operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meanwhile {
    /// It waits for the answer.
    #[default]
    Wait,
    /// It is told at once to come again, with a token.
    Retry,
}

/// Who counts as well when nobody has decided for some time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Escalate {
    /// Seconds after the question; less than it stays open.
    pub after: u64,
    /// Which group, by its name in the gateway.
    pub of: String,
}

/// Going first and being asked afterwards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BreakGlass {
    /// Seconds for which whoever the rule is for may take what it allows without an approval.
    pub window: u64,
    /// Which group must review it, by its name in the gateway.
    pub review: String,
    /// Seconds in which the review is due.
    pub within: u64,
}

/// How many people of which group must agree. Who asked, and whoever acts for them, never counts.
///
/// What a document does not say is left out of the canonical form, so that no digest changes because of a later field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Approve {
    /// How many.
    pub count: u64,
    /// Of which group, by its name in the gateway, at the time of their decision.
    pub of: String,
    /// What they agree to.
    pub per: Per,
    /// Seconds that it holds, with [`Per::Window`].
    pub window: Option<u64>,
    /// Seconds that the question stays open.
    pub expires: u64,
    /// When approvals count. `None`: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Who counts as well later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalate: Option<Escalate>,
    /// A decision counts without a signature of the approver's own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub attested: bool,
    /// What the client of a held operation does.
    #[serde(skip_serializing_if = "Meanwhile::is_default")]
    pub meanwhile: Meanwhile,
    /// Without approval, with [`Per::Session`] and [`Per::Window`] only. `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
}

impl Meanwhile {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

const WHAT: &str = "`approve`";
const FIELDS: [&str; 10] = [
    "count",
    "of",
    "per",
    "window",
    "expires",
    "hours",
    "escalate",
    "attested",
    MEANWHILE,
    "break_glass",
];
const MEANWHILE: &str = "meanwhile";
const EXPIRES_SECONDS: u64 = 30 * 60;

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Approve> {
    let fields = reader.fields(node, WHAT, &FIELDS)?;
    let count = fields
        .get("count")
        .map_or(Some(1), |node| reader.number(node, "`count`", 1, 10));
    let of = reader
        .needed(&fields, "of", WHAT)
        .and_then(|node| group(reader, node, "`of`"));
    let per = per(reader, &fields);
    let window = fields
        .get("window")
        .and_then(|node| units::duration(reader, node, "`window`"));
    let expires = match fields.get("expires") {
        Some(node) => units::duration(reader, node, "`expires`"),
        None => Some(EXPIRES_SECONDS),
    };
    let hours = fields
        .get("hours")
        .and_then(|node| Hours::read(reader, node));
    let escalate = fields
        .get("escalate")
        .and_then(|node| escalate(reader, node, of.as_deref(), expires));
    let attested = fields
        .get("attested")
        .and_then(|node| reader.boolean(node, "`attested`"));
    let words = [("wait", Meanwhile::Wait), ("retry", Meanwhile::Retry)];
    let meanwhile = fields
        .get(MEANWHILE)
        .and_then(|node| reader.word(node, "`meanwhile`", &words));
    let break_glass = fields
        .get("break_glass")
        .and_then(|node| break_glass(reader, node, per));
    Some(Approve {
        count: count?,
        of: of?,
        per: per?,
        window,
        expires: expires?,
        hours,
        escalate,
        attested: attested.unwrap_or_default(),
        meanwhile: meanwhile.unwrap_or_default(),
        break_glass,
    })
}

/// Where a rule's `approve` says what a client does meanwhile.
pub(super) fn meanwhile_at(node: &Node) -> Option<At> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let mut said = entries.iter().filter(|(key, _)| key.text == MEANWHILE);
    said.next().map(|(_, value)| value.at)
}

/// What is covered, and whether `window` goes with it.
fn per(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Per> {
    let words = [
        ("statement", Per::Statement),
        ("session", Per::Session),
        ("window", Per::Window),
    ];
    let node = reader.needed(fields, "per", WHAT)?;
    let per = reader.word(node, "`per`", &words)?;
    if (per == Per::Window) != fields.get("window").is_some() {
        reader.say(
            fields.at,
            "`window` belongs to `per: window`: it says how long the approval holds",
        );
    }
    Some(per)
}

fn escalate(
    reader: &mut Reader<'_>,
    node: &Node,
    first: Option<&str>,
    expires: Option<u64>,
) -> Option<Escalate> {
    const WHAT: &str = "`escalate`";
    let fields = reader.fields(node, WHAT, &["after", "of"])?;
    let after_node = reader.needed(&fields, "after", WHAT);
    let after = after_node.and_then(|node| units::duration(reader, node, "`after`"));
    let of_node = reader.needed(&fields, "of", WHAT);
    let of = of_node.and_then(|node| group(reader, node, "`of`"));
    if let (Some(node), Some(after), Some(expires)) = (after_node, after, expires)
        && after >= expires
    {
        let expires = show_duration(expires);
        reader.say(
            node.at,
            format!("`after` must be shorter than `expires`, which is {expires}: nobody is asked any more then"),
        );
    }
    if let (Some(node), Some(of)) = (of_node, of.as_deref())
        && first == Some(of)
    {
        reader.say(
            node.at,
            format!("`{of}` counts from the beginning: `escalate` names another group"),
        );
    }
    Some(Escalate {
        after: after?,
        of: of?,
    })
}

fn break_glass(reader: &mut Reader<'_>, node: &Node, per: Option<Per>) -> Option<BreakGlass> {
    const WHAT: &str = "`break_glass`";
    if per == Some(Per::Statement) {
        reader.say(
            node.at,
            "`break_glass` belongs to `per: session` and `per: window`: what is taken without an approval is a grant",
        );
    }
    let fields = reader.fields(node, WHAT, &["for", "review", "within"])?;
    let mut duration = |name: &str| {
        let node = reader.needed(&fields, name, WHAT)?;
        units::duration(reader, node, &format!("`{name}`"))
    };
    let (window, within) = (duration("for"), duration("within"));
    let review = reader
        .needed(&fields, "review", WHAT)
        .and_then(|node| group(reader, node, "`review`"));
    Some(BreakGlass {
        window: window?,
        review: review?,
        within: within?,
    })
}

/// A group's name, with or without `group:`.
fn group(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<String> {
    let text = reader.text(node, what)?;
    let name = text.strip_prefix("group:").unwrap_or(text);
    if name.is_empty() || name.contains('*') || name.trim() != name {
        reader.say(
            node.at,
            format!("`{text}` names no group: write `NAME` or `group:NAME`"),
        );
        return None;
    }
    Some(name.to_owned())
}

impl Approve {
    /// All that it says, with how long the question stays open, and `only` behind that.
    pub(super) fn in_full(&self, only: &str) -> String {
        let mut words = self.asked();
        words.push(format!("within {}{only}", show_duration(self.expires)));
        words.extend(self.otherwise());
        words.join(", ")
    }

    /// Whose approval of what, when and how.
    fn asked(&self) -> Vec<String> {
        let scope = match (self.per, self.window) {
            (Per::Window, Some(seconds)) => show_duration(seconds),
            (Per::Session, _) => "the session".to_owned(),
            _ => "the statement".to_owned(),
        };
        let mut words = vec![format!(
            "approval by {} of {} for {scope}",
            self.count, self.of
        )];
        if let Some(Escalate { after, of }) = &self.escalate {
            words.push(format!("after {} also of {of}", show_duration(*after)));
        }
        if self.attested {
            words.push("or by attestation".to_owned());
        }
        if let Some(hours) = &self.hours {
            words.push(format!("given from {hours}"));
        }
        if self.meanwhile == Meanwhile::Retry {
            words.push("for which the client comes again".to_owned());
        }
        words
    }

    /// What takes its place.
    fn otherwise(&self) -> Option<String> {
        let glass = self.break_glass.as_ref()?;
        Some(format!(
            "or taken for {} without it and reviewed by {} within {}",
            show_duration(glass.window),
            glass.review,
            show_duration(glass.within)
        ))
    }
}

impl fmt::Display for Approve {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.asked();
        words.extend(self.otherwise());
        out.write_str(&words.join(", "))
    }
}
