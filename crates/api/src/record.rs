//! Puts a call on record, durably.

use custos_evidence::{Detail, NodeRecord, RecordOutcome, RecordType, Source, Target};

use crate::admin::Admin;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::peer::Peer;

/// What a call did, or is about to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act<'a> {
    pub(crate) kind: RecordType,
    pub(crate) outcome: RecordOutcome,
    pub(crate) reason: Option<&'a str>,
    pub(crate) target: Option<Target<'a>>,
    pub(crate) detail: Detail<'a>,
}

impl Admin {
    /// Returns when the record is on disk.
    pub(crate) async fn record(
        &self,
        caller: impl Into<Caller>,
        act: Act<'_>,
    ) -> Result<(), ApiError> {
        let evidence = &self.services().evidence;
        let caller = caller.into();
        let position = evidence
            .append(&NodeRecord {
                reason: act.reason,
                actor: Some(caller.actor()),
                src: caller.source().map(|source| Source {
                    ip: source.ip(),
                    port: source.port(),
                    client: None,
                    tls: None,
                }),
                target: act.target,
                detail: act.detail,
                ..NodeRecord::new(act.kind, act.outcome)
            })
            .map_err(ApiError::Evidence)?;
        evidence.sync(position).await.map_err(ApiError::Evidence)
    }

    /// The record of a change that was announced and then not done. Its own failure can only be logged.
    pub(crate) async fn record_failure(&self, peer: &Peer, act: Act<'_>) {
        let failed = Act {
            outcome: RecordOutcome::Failed,
            ..act
        };
        if let Err(error) = self.record(peer, failed).await {
            tracing::error!(%error, "a failed change could not be put on record");
        }
    }
}
