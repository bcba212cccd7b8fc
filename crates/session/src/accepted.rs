//! Accepted: a connection that has proved nothing.

use std::sync::Arc;

use custos_evidence::{DetailValue, NodeRecord, RecordOutcome, RecordType};
use custos_identity::{
    CertificateFailure, Credentials, Login, LoginFailure, PresentedCertificate, ScramParameters,
};
use custos_model::{Protocol, ResourceName, SessionId};
use custos_scram::ClientProof;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsStream};

use crate::core::Phase;
use crate::error::SessionError;
use crate::identified::Identified;
use crate::listener::{ClientAuthentication, Listener};
use crate::passage::Through;
use crate::registry::HandshakePlace;
use crate::stream::Stream;
use crate::{Ended, Session};

/// Nothing is known but where the connection comes from.
#[derive(Debug)]
pub struct Accepted {
    protocol: Protocol,
    listener: Arc<Listener>,
    /// Given back when the session is identified, or dropped.
    place: HandshakePlace,
    end_point: Option<Vec<u8>>,
    /// The connection that it came through, where it is within another.
    through: Option<Through>,
}

impl Accepted {
    pub(crate) fn new(protocol: Protocol, listener: Arc<Listener>, place: HandshakePlace) -> Self {
        Self {
            protocol,
            listener,
            place,
            end_point: None,
            through: None,
        }
    }

    /// The same, within another connection.
    pub(crate) fn within(self, through: Through) -> Self {
        Self {
            through: Some(through),
            ..self
        }
    }

    pub(crate) fn through(&self) -> Option<&Through> {
        self.through.as_ref()
    }

    /// It is past authentication.
    pub(crate) fn into_listener(self) -> Arc<Listener> {
        self.listener
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl Session<Accepted> {
    /// Bytes of one request message at most.
    pub fn request_limit_bytes(&self) -> usize {
        self.core.shared.limits().request_bytes
    }

    /// Whether the listener serves TLS, which then every client must use.
    pub fn requires_tls(&self) -> bool {
        self.stage.listener.tls().is_some()
    }

    /// How clients of this listener prove who they are.
    pub fn authentication(&self) -> ClientAuthentication {
        self.stage.listener.authentication
    }

    /// Makes the client's connection a TLS one, with the listener's certificate.
    pub async fn start_tls(&mut self, client: TcpStream) -> Result<Stream, SessionError> {
        let offered = self.stage.listener.tls().ok_or(SessionError::Internal(
            "TLS was started on a listener without it",
        ))?;
        let stream = TlsAcceptor::from(Arc::clone(&offered.config))
            .accept(client)
            .await
            .map_err(SessionError::ClientTls)?;
        let stream = Stream::Tls(Box::new(TlsStream::Server(stream)));
        self.stage.end_point.clone_from(&offered.end_point);
        self.core.state().client_tls = stream.tls_description();
        Ok(stream)
    }

    /// `tls-server-end-point` of the certificate that this client was shown.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.stage.end_point.as_deref()
    }

    /// How the client's connection is protected, where the protocol does that by itself; for the records.
    pub fn set_protection(&mut self, description: String) {
        self.core.state().client_tls = Some(description);
    }

    /// The name that the client's program gives itself; for the records.
    pub fn set_application(&self, name: &str) {
        self.core.state().application = Some(name.to_owned());
    }

    /// What a SCRAM exchange with this login name begins with; the same for names that do not exist.
    pub fn scram_parameters(&self, login_name: &str) -> ScramParameters {
        self.core
            .shared
            .services
            .credentials
            .scram_parameters(login_name)
    }

    /// Ends a SCRAM exchange: the proof fits a connection credential of the name, or the failure is on
    /// record. Also returns the server's final message.
    pub async fn identify_by_scram(
        self,
        login_name: &str,
        proof: &ClientProof,
    ) -> Result<(Session<Identified>, Vec<u8>), SessionError> {
        let services = &self.core.shared.services;
        let checked = services.credentials.check_scram(
            login_name,
            proof,
            self.core.peer.ip(),
            services.clock.now(),
        );
        match checked {
            Ok((login, server_final)) => {
                Ok((self.identified(login, "scram-sha-256"), server_final))
            }
            Err(failure) => Err(self
                .login_failed(login_name, "scram-sha-256", &failure)
                .await),
        }
    }

    /// The connection credential itself, which the adapter accepts on an encrypted connection only. `resource`: what the
    /// client names to open, which must be what the credential is for.
    pub async fn identify_by_password(
        self,
        login_name: &str,
        password: &str,
        resource: Option<&str>,
    ) -> Result<Session<Identified>, SessionError> {
        let services = &self.core.shared.services;
        let checked = services.credentials.check_password(
            login_name,
            password,
            self.core.peer.ip(),
            services.clock.now(),
        );
        match checked {
            Ok(login) if resource.is_some_and(|named| named != login.resource.as_str()) => {
                let reason = format!("the credential is for {}", login.resource);
                Err(self
                    .record_failed_login(login_name, "password", &reason)
                    .await)
            }
            Ok(login) => Ok(self.identified(login, "password")),
            Err(failure) => Err(self.login_failed(login_name, "password", &failure).await),
        }
    }

    /// Whether a certificate would do for a login name, whoever has its key.
    pub fn would_take_certificate(&self, login_name: &str, certificate: &[u8]) -> bool {
        let services = &self.core.shared.services;
        let now = services.clock.now();
        services
            .certificates
            .would_take(login_name, certificate, now)
    }

    /// A certificate, with the signature of its key. `resource` is what the client asks to open.
    pub async fn identify_by_certificate(
        self,
        login_name: &str,
        presented: &PresentedCertificate<'_>,
        resource: Option<&str>,
    ) -> Result<Session<Identified>, SessionError> {
        let resource = resource.and_then(|name| name.parse::<ResourceName>().ok());
        let Some(resource) = resource else {
            return Err(self
                .record_failed_login(login_name, "certificate", "no resource is named")
                .await);
        };
        let checked = {
            let services = &self.core.shared.services;
            let now = services.clock.now();
            services.certificates.check(login_name, presented, now)
        };
        match checked {
            Ok(sign_in) => Ok(self.identified(Login::under(sign_in, resource), "certificate")),
            Err(failure) => Err(self.certificate_refused(login_name, &failure).await),
        }
    }

    pub(crate) async fn certificate_refused(
        self,
        login_name: &str,
        failure: &CertificateFailure,
    ) -> SessionError {
        if let CertificateFailure::State(error) = failure {
            tracing::error!(%error, "a certificate could not be judged");
        }
        self.record_failed_login(login_name, "certificate", &failure.to_string())
            .await
    }

    /// Whether the login name is that of a workload, which presents its platform's token in place of a credential.
    pub fn expects_token(&self, login_name: &str) -> bool {
        self.core
            .shared
            .services
            .workloads
            .expects_token(login_name)
    }

    /// A workload's token, which the adapter accepts inside TLS only. `resource` is what the client asks to open. A
    /// connection credential, which a workload gets in exchange for its token, is taken as well.
    pub async fn identify_by_token(
        self,
        login_name: &str,
        token: &str,
        resource: &str,
    ) -> Result<Session<Identified>, SessionError> {
        if Credentials::is_secret(token) {
            return self.identify_by_password(login_name, token, None).await;
        }
        let Ok(resource) = resource.parse::<ResourceName>() else {
            return Err(self
                .record_failed_login(login_name, "token", "no resource is named")
                .await);
        };
        let checked = {
            let services = &self.core.shared.services;
            let now = services.clock.now();
            services
                .workloads
                .check(login_name, token, self.core.peer.ip(), now)
                .await
        };
        match checked {
            Ok(checked) => {
                let login = Login {
                    principal: checked.principal,
                    resource,
                    credential: None,
                    authentication: checked.authentication,
                    sign_in: None,
                    parents: Vec::new(),
                    ends_utc_ns: checked.ends_utc_ns,
                };
                Ok(self.identified(login, "token"))
            }
            Err(failure) => Err(self
                .record_failed_login(login_name, "token", &failure.to_string())
                .await),
        }
    }

    /// The client gave up or broke off while it should have proved who it is.
    pub async fn login_abandoned(self, login_name: &str, reason: &str) -> SessionError {
        self.record_failed_login(login_name, "none", reason).await
    }

    /// Records a request to cancel; `cancelled` is the session that it was for, if the key was right.
    pub async fn cancel_requested(
        self,
        cancelled: Option<SessionId>,
        reason: &str,
    ) -> Result<Ended, SessionError> {
        let outcome = if cancelled.is_some() {
            RecordOutcome::Ok
        } else {
            RecordOutcome::Denied
        };
        let session = cancelled.map(|id| id.to_string());
        let detail: Vec<_> = session
            .iter()
            .map(|id| ("session", DetailValue::Text(id)))
            .collect();
        let mut record = NodeRecord::new(RecordType::CancelRequested, outcome);
        record.reason = Some(reason);
        record.detail = &detail;
        self.core.refuse(&record).await?;
        Ok(Ended::CancelHandled)
    }

    pub(crate) fn identified(self, login: Login, method: &'static str) -> Session<Identified> {
        {
            let mut state = self.core.state();
            state.principal = Some(login.principal.clone());
            state.resource = Some(login.resource.clone());
            state.credential = login.credential;
            state.sign_in = login.sign_in;
            state.parents.clone_from(&login.parents);
        }
        self.core.set_ends_utc_ns(login.ends_utc_ns);
        self.core.enter(Phase::Connect);
        drop(self.stage.place);
        Session {
            core: self.core,
            stage: Identified {
                login,
                method,
                protocol: self.stage.protocol,
                through: self.stage.through,
            },
        }
    }

    async fn login_failed(
        self,
        login_name: &str,
        method: &'static str,
        failure: &LoginFailure,
    ) -> SessionError {
        self.record_failed_login(login_name, method, &failure.to_string())
            .await
    }

    pub(crate) async fn record_failed_login(
        self,
        login_name: &str,
        method: &'static str,
        reason: &str,
    ) -> SessionError {
        self.core
            .refuse_login(login_name, method, reason)
            .await
            .err()
            .map_or(SessionError::LoginFailed, SessionError::Evidence)
    }
}
