//! Portals: a statement with its parameters.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use custos_model::{Decision, OperationNumber};
use custos_session::masking::{Format as MaskFormat, Mask, Masked, PgType};
use custos_session::{Limit, Ruled, SessionError};

use super::Requests;
use crate::conversation::{Conversation, Expected};
use crate::judge::Plan;
use crate::masked::MASKED;
use crate::names::{BoundValue, Portal};
use crate::wire::Format;
use crate::wire::frontend::Bind;

/// Bytes of one portal's parameters that are kept for people to approve, which is as much as they can be asked about, and
/// of all portals' of a session. What is beyond is denied instead of held.
const KEPT_VALUES_BYTES: usize = 1 << 20;
const KEPT_VALUES_BYTES_IN_ALL: usize = 8 << 20;

impl Requests<'_> {
    pub(super) fn bind(
        &mut self,
        conversation: &mut Conversation,
        bind: &Bind<'_>,
    ) -> Result<(), SessionError> {
        if conversation.portals.is_full() {
            return Err(SessionError::Limit("too many portals in one session"));
        }
        let statements = if self.session.rules().are_judged() {
            conversation.statements_named(bind.statement)
        } else {
            conversation
                .statements
                .get(bind.statement)
                .into_iter()
                .cloned()
                .collect()
        };
        let analysis = self.analyse_bound(bind.statement, &statements);
        let hides = |number: usize| match &analysis {
            None => false,
            Some((analysis, _)) => match &analysis.hidden_parameters {
                None => true,
                Some(hidden) => u32::try_from(number).is_ok_and(|number| hidden.contains(&number)),
            },
        };
        let masks = self.recorded(analysis.as_ref())?;
        let detected = masks.detected();
        let parameters = bind
            .parameters()
            .enumerate()
            .map(|(index, (format, value))| {
                let is_text = format == Format::Text;
                match value {
                    Some(_) if hides(index + 1) => (Some(Cow::Borrowed(MASKED)), true),
                    Some(value) => (under(detected.as_deref(), is_text, value), is_text),
                    None => (None, is_text),
                }
            });
        let parameters: Vec<_> = parameters.collect();
        let parameters = parameters.iter();
        let parameters = parameters.map(|(value, is_text)| (value.as_deref(), *is_text));
        self.session
            .event(&mut self.lines, OperationNumber(0))
            .word("request", "bind")
            .text("portal", bind.portal)
            .text("name", bind.statement)
            .values("parameters", parameters)
            .end();
        let ruled = match &analysis {
            Some((analysis, rules)) if !masks.is_empty() || rules.may_hold() => {
                Some(self.session.decide(&analysis.question, rules)?)
            }
            _ => None,
        };
        // People approve them together with the statement.
        let is_kept = ruled.as_ref().is_some_and(Ruled::needs_approval);
        let values = is_kept.then(|| kept_values(conversation, bind)).flatten();
        let plan = match (analysis, ruled) {
            (Some((analysis, rules)), Some(ruled)) if !masks.is_empty() => {
                let shown = match ruled.verdict.decision {
                    Decision::Allow | Decision::Hold => ruled.masks,
                    Decision::Deny => masks.clone(),
                };
                Some(Arc::new(Plan::new(
                    analysis,
                    shown,
                    masks,
                    None,
                    rules,
                    Limit::default(),
                )))
            }
            _ => None,
        };
        let in_sql = self.bound(bind, &statements);
        let mut statements = statements.into_iter();
        let statement = statements.next();
        let others: Vec<_> = statements.collect();
        let undo = statement.map(|statement| {
            let portal = Portal {
                statement,
                others,
                in_sql,
                parameters: bind.values.len(),
                values,
                result_formats: bind.result_formats.iter().collect(),
                columns: OnceLock::new(),
            };
            conversation.portals.set(bind.portal, Arc::new(portal))
        });
        // A statement that the protocol level does not know was prepared in SQL, or the target will refuse.
        let undo = undo.or_else(|| Some(conversation.portals.remove(bind.portal)));
        conversation.expect_under(Expected::Bind { undo }, plan);
        Ok(())
    }
}

/// A portal's parameters as they are to be approved; `None`: they are more than is kept.
fn kept_values(conversation: &mut Conversation, bind: &Bind<'_>) -> Option<Box<[BoundValue]>> {
    let bytes = |value: Option<&[u8]>| value.map_or(0, <[u8]>::len);
    let all: usize = bind.parameters().map(|(_, value)| bytes(value)).sum();
    let in_all = conversation.kept_values_bytes.saturating_add(all);
    if all > KEPT_VALUES_BYTES || in_all > KEPT_VALUES_BYTES_IN_ALL {
        return None;
    }
    conversation.kept_values_bytes = in_all;
    let values = bind.parameters();
    Some(
        values
            .map(|(format, value)| (format, value.map(Box::from)))
            .collect(),
    )
}

/// A parameter's value as it is recorded; `None`: withheld. Its type is not known.
fn under<'v>(mask: Option<&Mask>, is_text: bool, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
    let Some(mask) = mask else {
        return Some(Cow::Borrowed(value));
    };
    let (kind, format) = if is_text {
        (PgType::Text, MaskFormat::Text)
    } else {
        (PgType::Opaque, MaskFormat::Binary)
    };
    let masked = mask.apply(&kind, format, value);
    match masked {
        Masked::Unchanged => Some(Cow::Borrowed(value)),
        Masked::Value(masked) => Some(Cow::Owned(masked)),
        Masked::Null => None,
    }
}
