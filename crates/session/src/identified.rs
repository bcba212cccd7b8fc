//! Identified: it is known who connects.

use custos_evidence::{
    DetailValue, NodeRecord, RecordOutcome, RecordType, SessionStart, Source, Target,
};
use custos_identity::Login;
use custos_model::{Decision, Protocol, Rfc3339, Verdict};
use custos_policy::documents::Environment;
use custos_store::{Durability, Resource};

use crate::Session;
use crate::authorized::Authorized;
use crate::error::SessionError;
use crate::passage::Through;
use crate::policy_resource;
use crate::rules::Place;

/// What the client presented was right.
#[derive(Debug)]
pub struct Identified {
    pub(crate) login: Login,
    /// How it was presented.
    pub(crate) method: &'static str,
    pub(crate) protocol: Protocol,
    /// The connection that it came through, where it is within another.
    pub(crate) through: Option<Through>,
}

/// What the client asks for inside its resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The database, where the protocol has such a thing.
    pub database: Option<&'a str>,
    /// Further settings that the client sent, name and value; for the record.
    pub settings: &'a [(&'a str, &'a str)],
    /// Why.
    pub reason: Option<&'a str>,
    /// A token that it got when it was sent away to come again.
    pub token: Option<&'a str>,
}

impl Session<Identified> {
    /// Resolves the resource, asks policy, and records the start of the session, durably. A
    /// denial is a record too.
    pub async fn authorize(
        mut self,
        asked: Asked<'_>,
    ) -> Result<Session<Authorized>, SessionError> {
        let name = self.stage.login.resource.clone();
        let services = &self.core.shared.services;
        let now = services.clock.now();
        let current = {
            // Held meanwhile, so that whoever changes groups comes after this with what is new.
            let mut state = self.core.state();
            // Where nobody signs in any more, nobody holds sign-ins of before to what they hang on.
            let current = if self.stage.login.sign_in.is_some() && services.own_issuer.is_none() {
                None
            } else {
                services.credentials.still_good(&self.stage.login, now)?
            };
            if current.is_some() {
                state.principal.clone_from(&current);
            }
            current
        };
        let Some(principal) = current else {
            let verdict = Verdict::denied("sign-in-ended");
            return Err(self
                .denied(
                    &verdict,
                    "what the client signed in with was revoked or ended meanwhile",
                )
                .await);
        };
        self.stage.login.principal = principal;
        let login = &self.stage.login;
        let through = self.stage.through.as_ref();
        if through.is_some_and(|through| !through.is_of(&login.principal)) {
            let verdict = Verdict::denied("somebody-elses-connection");
            let reason = "the connection that it came through is somebody else's";
            return Err(self.denied(&verdict, reason).await);
        }
        let Some(resource) = self.core.shared.services.store.resource(&name)? else {
            let verdict = Verdict::denied("no-such-resource");
            return Err(self
                .denied(&verdict, "the resource does not exist any more")
                .await);
        };
        if name.protocol() != self.stage.protocol {
            let verdict = Verdict::denied("other-protocol");
            return Err(self
                .denied(&verdict, "the resource speaks another protocol")
                .await);
        }
        {
            let mut state = self.core.state();
            state.reason = asked.reason.map(str::to_owned);
            state.token = asked.token.map(str::to_owned);
        }
        let login = &self.stage.login;
        let environment = Environment {
            acr: login.authentication.acr.clone(),
            amr: login.authentication.amr.iter().cloned().collect(),
            reason_given: asked.reason.is_some_and(|reason| !reason.trim().is_empty())
                || services
                    .approvals
                    .has_grant(&login.principal, name.as_str()),
            address: Some(self.core.peer.ip().to_canonical()),
        };
        let (verdict, place) = Place::open(
            services.policy.load_full(),
            &login.principal,
            policy_resource(&resource),
            environment,
            now.utc_ns,
        );
        let verdict = match verdict.decision {
            Decision::Allow => verdict,
            Decision::Hold => self.granted(&place, verdict).await?,
            Decision::Deny => return Err(self.denied(&verdict, "no access rule allows it").await),
        };
        let database = match self.database(&resource, asked.database) {
            Ok(database) => database,
            Err(only) => {
                let error = SessionError::WrongDatabase {
                    resource: name.to_string(),
                    only,
                };
                let refused = Verdict::denied("resource-database");
                let recorded = self
                    .denied(&refused, "the resource opens another database only")
                    .await;
                if let SessionError::Evidence(_) = recorded {
                    return Err(recorded);
                }
                return Err(error);
            }
        };
        self.take_place()?;
        self.start(resource, database, asked, &verdict, place).await
    }

    /// What people must agree to first is open to whoever has a grant.
    async fn granted(&self, place: &Place, verdict: Verdict) -> Result<Verdict, SessionError> {
        let (unmet, grant) = self.core.unmet(&place.resource.name, &place.approvals);
        if unmet.is_empty() && grant.is_some() {
            return Ok(Verdict {
                decision: Decision::Allow,
                ..verdict
            });
        }
        let reason = "people have to approve it first, and there is no grant";
        match self.denied(&verdict, reason).await {
            SessionError::Denied { resource, rules } => {
                Err(SessionError::NeedsGrant { resource, rules })
            }
            error => Err(error),
        }
    }

    /// The database to open: the resource's own if it has one, which a client may leave out or, as libpq
    /// does by default, fill with its user name.
    fn database(&self, resource: &Resource, asked: Option<&str>) -> Result<Option<String>, String> {
        match (&resource.database, asked) {
            (None, asked) => Ok(asked.map(str::to_owned)),
            (Some(only), None) => Ok(Some(only.clone())),
            (Some(only), Some(asked)) if asked == only => Ok(Some(only.clone())),
            (Some(only), Some(asked)) if asked == self.stage.login.principal.name => {
                Ok(Some(only.clone()))
            }
            (Some(only), Some(_)) => Err(only.clone()),
        }
    }

    fn take_place(&self) -> Result<(), SessionError> {
        let limits = self.core.shared.limits();
        let place = self
            .core
            .shared
            .registry
            .enter_session(
                &self.stage.login.principal,
                limits.sessions,
                limits.sessions_per_principal,
            )
            .map_err(SessionError::Limit)?;
        self.core.state().place = Some(place);
        Ok(())
    }

    async fn start(
        self,
        resource: Resource,
        database: Option<String>,
        asked: Asked<'_>,
        verdict: &Verdict,
        place: Place,
    ) -> Result<Session<Authorized>, SessionError> {
        let core = self.core;
        let login = self.stage.login;
        let (log, position) = {
            let mut state = core.state();
            let address = format!("{}:{}", resource.host, resource.port);
            let credential = login.credential.map(|id| id.to_string());
            let sign_in = login.sign_in.map(|id| id.to_string());
            let through = self.stage.through.map(|it| it.session().to_string());
            let authentication = &login.authentication;
            let authenticated = Rfc3339(authentication.authenticated_utc_ns).to_string();
            let amr = authentication.amr.join(" ");
            let facts = authentication.facts.iter();
            let facts: Vec<_> = facts
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let facts = facts.join(" ");
            let mut detail: Vec<(&str, DetailValue<'_>)> = vec![
                ("authenticated", DetailValue::Text(&authenticated)),
                ("method", DetailValue::Text(self.stage.method)),
                ("provider", DetailValue::Text(&authentication.provider)),
            ];
            let optional = [
                ("acr", authentication.acr.as_deref()),
                ("amr", Some(amr.as_str())),
                ("claims", Some(facts.as_str())),
                ("credential", credential.as_deref()),
                ("reason", state.reason.as_deref()),
                ("sign_in", sign_in.as_deref()),
                ("through", through.as_deref()),
            ];
            let given = optional
                .into_iter()
                .filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)));
            detail.extend(given.map(|(name, text)| (name, DetailValue::Text(text))));
            let settings = asked
                .settings
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let settings = settings.collect::<Vec<_>>().join(" ");
            if !settings.is_empty() {
                detail.push(("settings", DetailValue::Text(&settings)));
            }
            let start = SessionStart {
                id: core.id,
                actor: &login.principal,
                src: Source {
                    ip: core.peer.ip(),
                    port: core.peer.port(),
                    client: state.application.as_deref(),
                    tls: state.client_tls.as_deref(),
                },
                target: Target {
                    resource: resource.name.as_str(),
                    protocol: Some(resource.name.protocol().as_str()),
                    addr: Some(&address),
                    account: Some(&resource.account),
                    database: database.as_deref(),
                    tls: None,
                },
                verdict,
                durability: resource.durability.as_str(),
                detail: &detail,
            };
            let (log, position) = core.shared.services.evidence.begin_session(start)?;
            let log = std::sync::Arc::new(log);
            state.log = Some(std::sync::Arc::clone(&log));
            (log, position)
        };
        let strict = resource.durability == Durability::Strict;
        if strict {
            core.shared.services.evidence.sync(position).await?;
        } else {
            core.shared.services.evidence.write_out(position)?;
        }
        Ok(Session {
            core,
            stage: Authorized {
                resource,
                database,
                log,
                strict,
                place,
            },
        })
    }

    async fn denied(&self, verdict: &Verdict, reason: &str) -> SessionError {
        let login = &self.stage.login;
        let credential = login.credential.map(|id| id.to_string());
        let mut detail = vec![(
            "provider",
            DetailValue::Text(&login.authentication.provider),
        )];
        detail.extend(
            credential
                .iter()
                .map(|id| ("credential", DetailValue::Text(id))),
        );
        let mut record = NodeRecord::new(RecordType::SessionDenied, RecordOutcome::Denied);
        record.actor = Some(&login.principal);
        record.target = Some(Target {
            resource: login.resource.as_str(),
            ..Target::default()
        });
        record.verdict = Some(verdict);
        record.reason = Some(reason);
        record.detail = &detail;
        match self.core.refuse(&record).await {
            Ok(()) => SessionError::Denied {
                resource: login.resource.to_string(),
                rules: verdict.rules.join(", "),
            },
            Err(error) => SessionError::Evidence(error),
        }
    }
}
