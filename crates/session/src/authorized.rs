//! Authorized: policy allows it and its start is on record. The only way to a target.

use std::sync::Arc;
use std::time::Duration;

use custos_evidence::SessionLog;
use custos_store::Resource;

use crate::core::Phase;
use crate::error::SessionError;
use crate::open::Open;
use crate::rules::{Place, Rules};
use crate::upstream::Upstream;
use crate::{Interrupt, Session};

/// Allowed, and on record.
#[derive(Debug)]
pub struct Authorized {
    pub(crate) resource: Resource,
    pub(crate) database: Option<String>,
    pub(crate) log: Arc<SessionLog>,
    pub(crate) strict: bool,
    pub(crate) place: Place,
}

impl Session<Authorized> {
    /// The database to open at the target; `None` when neither client nor resource named one.
    pub fn database(&self) -> Option<&str> {
        self.stage.database.as_deref()
    }

    /// The rules that operations of this session are under.
    pub fn rules(&self) -> Rules {
        self.stage.place.rules(&self.core)
    }

    /// How long dialling the target and signing in there may take.
    pub fn connect_timeout(&self) -> Duration {
        self.core.shared.limits().connect_timeout
    }

    /// Dials the target. The adapter signs in there and then calls [`Session::open`].
    pub async fn dial(&self) -> Result<Upstream, SessionError> {
        let password = self
            .core
            .shared
            .services
            .store
            .upstream_password_for(&self.stage.resource)?;
        Ok(Upstream::dial(self.stage.resource.clone(), password).await?)
    }

    /// The target has accepted the gateway: operations may begin.
    pub fn open(self, target_tls: Option<String>) -> Result<Session<Open>, SessionError> {
        self.core.state().target_tls = target_tls;
        self.core.enter(Phase::Open);
        self.core.bind_grants();
        if let Some(interrupt @ (Interrupt::Cut { .. } | Interrupt::EvidenceFailing { .. })) =
            &*self.core.interrupts().borrow()
        {
            return Err(SessionError::Interrupted(interrupt.clone()));
        }
        Ok(Session {
            core: self.core,
            stage: Open::new(
                self.stage.log,
                self.stage.resource,
                self.stage.strict,
                self.stage.place,
            ),
        })
    }
}
