//! Grants: what they rest on, and that nothing runs under one that is not in force.

use serde_json::{Map, Value};

use super::files::ApprovalFiles;
use super::members::{Person, actor, by, detail, detail_id, within};
use super::{Approvals, Judged, bad, fits};
use crate::finding::Code;
use crate::record::{Record, Uuid};
use crate::time;

/// How long after a grant's end the record of an intent may come that was allowed before it.
const GRACE_NS: i128 = 10 * 1_000_000_000;

/// A grant that began.
#[derive(Debug)]
pub(super) struct Grant {
    holder: Person,
    resource: Option<String>,
    until_ns: Option<i128>,
    ended: bool,
}

impl Approvals {
    /// `grant.started`
    pub(super) fn grant_started(
        &mut self,
        files: &mut ApprovalFiles,
        (origin, index): (&str, u64),
        record: &Record,
        members: &Map<String, Value>,
    ) -> Judged {
        let Some(id) = detail_id(members, "request") else {
            return bad(Code::RecordSchema, "detail.request is no UUID");
        };
        let grant = Grant {
            holder: actor(members),
            resource: within(members, "target", "resource").map(str::to_owned),
            until_ns: detail(members, "until").and_then(time::parse_instant),
            ended: false,
        };
        if self.grants.insert(id, grant).is_some() {
            return bad(Code::ApprovalReused, format!("grant {id} began before"));
        }
        let kind = detail(members, "kind").unwrap_or_default();
        if kind == "break_glass" {
            let name = within(members, "actor", "name").unwrap_or_default();
            files.warn(
                origin,
                index,
                &format!("grant {id} of {name} began, and nobody had agreed (break_glass)"),
            );
            return Ok(());
        }
        let Some(request) = self.requests.get(&id) else {
            return Err(self.unknown(Code::ApprovalRequest, format!("{id} was not asked for")));
        };
        request.check(kind, members)?;
        self.agreed(&by(members), id, request, request.policy.as_deref(), record)
    }

    /// `grant.ended`
    pub(super) fn grant_ended(&mut self, members: &Map<String, Value>) {
        let grant = detail_id(members, "request");
        if let Some(grant) = grant.and_then(|id| self.grants.get_mut(&id)) {
            grant.ended = true;
        }
    }

    /// An intent that was allowed under a grant.
    pub(super) fn under_grant(
        &self,
        id: Uuid,
        record: &Record,
        members: &Map<String, Value>,
    ) -> Judged {
        let Some(grant) = self.grants.get(&id) else {
            return Err(self.unknown(Code::GrantUse, format!("grant {id} has not begun")));
        };
        let over = |until: i128| record.time.utc_ns > until + GRACE_NS;
        let problem = if grant.ended || grant.until_ns.is_some_and(over) {
            "is over"
        } else if grant.holder != actor(members) {
            "is somebody else's"
        } else if !fits(grant.resource.as_deref(), members) {
            "is for another resource"
        } else {
            return Ok(());
        };
        bad(Code::GrantUse, format!("grant {id} {problem}"))
    }
}
