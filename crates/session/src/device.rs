//! A client that cannot open a browser and brings nothing to prove itself with: it is shown a code, by which its person signs
//! in elsewhere and lets this connection in (RFC 8628).

use std::sync::Arc;
use std::time::Duration;

use custos_evidence::{DetailValue, EvidenceError, NodeRecord, RecordOutcome, RecordType};
use custos_identity::{DeviceSignIn, DeviceSignInFailure, Login, OwnIssuer};
use custos_model::{Principal, ResourceName};

use crate::Session;
use crate::accepted::Accepted;
use crate::core::{Core, Phase};
use crate::error::SessionError;
use crate::identified::Identified;

/// How it is called in records.
const METHOD: &str = "device-code";
/// How often it is looked whether somebody has decided.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A code that waits for its person. It is withdrawn when it is dropped, and its place among those that wait given back.
#[derive(Debug)]
pub struct DeviceWait {
    core: Arc<Core>,
    issuer: OwnIssuer,
    device: Arc<DeviceSignIn>,
    login_name: String,
    lasts: Duration,
}

/// Somebody has signed in and let this connection in. Only [`Session::device_approved`] makes one.
#[derive(Debug)]
pub struct DeviceApproval(Box<Login>);

impl DeviceWait {
    /// What the person types.
    pub fn user_code(&self) -> String {
        self.device.user_code()
    }

    /// Where she types it.
    pub fn verification_uri(&self) -> &str {
        self.device.verification_uri()
    }

    /// How long it is good for.
    pub fn lasts(&self) -> Duration {
        self.lasts
    }
}

impl Drop for DeviceWait {
    fn drop(&mut self) {
        self.core.leave_sign_in();
        let (issuer, device) = (self.issuer.clone(), Arc::clone(&self.device));
        // The authorization server may be busy with the disk. Outside of a runtime the code ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || issuer.withdraw_device_sign_in(&device));
        }
    }
}

impl Session<Accepted> {
    /// Whether people can sign in elsewhere for a client of this gateway.
    pub fn offers_device_sign_in(&self) -> bool {
        self.core.shared.services.own_issuer.is_some()
    }

    /// A code for a client that says to be somebody and names what it wants to open. `None` where there is none to be had:
    /// too many wait already, which is on record, or nothing of this protocol is named. The connection may last as long
    /// as the code from now on.
    pub async fn begin_device_sign_in(
        &self,
        login_name: &str,
        resource: &str,
    ) -> Result<Option<DeviceWait>, SessionError> {
        let Some(issuer) = self.core.shared.services.own_issuer.clone() else {
            return Ok(None);
        };
        let resource = resource.parse::<ResourceName>().ok();
        let of_protocol = |name: &ResourceName| name.protocol() == self.stage.protocol();
        let Some(resource) = resource.filter(of_protocol) else {
            return Ok(None);
        };
        let lasts = self.core.shared.limits().sign_in_timeout;
        let (name, source) = (login_name.to_owned(), self.core.peer.ip());
        let now = self.core.shared.services.clock.now();
        let asking = {
            let (issuer, resource) = (issuer.clone(), resource.clone());
            move || issuer.begin_device_sign_in(&name, &resource, source, lasts, now)
        };
        let Ok(begun) = tokio::task::spawn_blocking(asking).await else {
            return Err(SessionError::Internal("asking for a code broke off"));
        };
        let device = match begun {
            Ok(device) => device,
            Err(failure) => {
                let recorded = self.record_no_code(login_name, &resource, &failure).await;
                return recorded.map(|()| None).map_err(SessionError::Evidence);
            }
        };
        self.core.enter(Phase::SignIn);
        let wait = DeviceWait {
            core: Arc::clone(&self.core),
            issuer,
            device: Arc::new(device),
            login_name: login_name.to_owned(),
            lasts,
        };
        let detail = [
            ("client", DetailValue::Text(DeviceSignIn::CLIENT)),
            ("event", DetailValue::Text("device_started")),
            ("resource", DetailValue::Text(resource.as_str())),
        ];
        let record = NodeRecord::new(RecordType::AuthorizationGranted, RecordOutcome::Ok);
        self.record_of(login_name, record, &detail).await?;
        Ok(Some(wait))
    }

    /// Resolves when somebody has let the connection in who has the name that it was asked for.
    ///
    /// # Errors
    /// When somebody has refused it, or nobody decided in time: the failed login is on record.
    pub async fn device_approved(&self, wait: &DeviceWait) -> Result<DeviceApproval, SessionError> {
        loop {
            let (issuer, device) = (wait.issuer.clone(), Arc::clone(&wait.device));
            let now = self.core.shared.services.clock.now();
            let looked =
                tokio::task::spawn_blocking(move || issuer.poll_device_sign_in(&device, now));
            match looked.await {
                Ok(Ok(Some(login))) => return Ok(DeviceApproval(Box::new(login))),
                Ok(Ok(None)) => tokio::time::sleep(LOOK_INTERVAL).await,
                Ok(Err(failure)) => return Err(self.refuse_device(wait, &failure).await),
                Err(_) => return Err(SessionError::Internal("looking for a sign-in broke off")),
            }
        }
    }

    /// It is known who connects.
    pub fn identify_by_device(self, approval: DeviceApproval) -> Session<Identified> {
        self.identified(*approval.0, METHOD)
    }

    async fn refuse_device(
        &self,
        wait: &DeviceWait,
        failure: &DeviceSignInFailure,
    ) -> SessionError {
        if let DeviceSignInFailure::State(error) = failure {
            tracing::error!(%error, "a sign-in elsewhere could not be judged");
        }
        let reason = failure.to_string();
        let refused = self.core.refuse_login(&wait.login_name, METHOD, &reason);
        refused
            .await
            .err()
            .map_or(SessionError::LoginFailed, SessionError::Evidence)
    }

    async fn record_no_code(
        &self,
        login_name: &str,
        resource: &ResourceName,
        failure: &DeviceSignInFailure,
    ) -> Result<(), EvidenceError> {
        let reason = failure.to_string();
        let mut record = NodeRecord::new(RecordType::AuthorizationRefused, RecordOutcome::Denied);
        record.reason = Some(&reason);
        let detail = [
            ("client", DetailValue::Text(DeviceSignIn::CLIENT)),
            ("event", DetailValue::Text("refused")),
            ("resource", DetailValue::Text(resource.as_str())),
        ];
        self.record_of(login_name, record, &detail).await
    }

    /// Returns when it is on disk.
    async fn record_of<'a>(
        &self,
        login_name: &str,
        record: NodeRecord<'a>,
        detail: &'a [(&'a str, DetailValue<'a>)],
    ) -> Result<(), EvidenceError> {
        let actor = Principal::unknown(login_name);
        let position = self.core.append(&NodeRecord {
            actor: Some(&actor),
            detail,
            ..record
        })?;
        self.core.shared.services.evidence.sync(position).await
    }
}
