//! Targets.

use custos_evidence::{DetailValue, RecordOutcome, RecordType, Target};
use custos_model::ResourceName;
use custos_store::{Resource, StoreError};

use crate::admin::Admin;
use crate::error::ApiError;
use crate::peer::Peer;
use crate::record::Act;
use crate::wire::NewResource;

impl Admin {
    /// Every target, by name.
    pub async fn resources(&self) -> Result<Vec<Resource>, ApiError> {
        self.blocking(|admin| admin.services().store.resources().map_err(ApiError::Store))
            .await
    }

    /// One target.
    pub async fn resource(&self, name: ResourceName) -> Result<Resource, ApiError> {
        let unknown = || ApiError::NotFound(format!("resource {name}"));
        let key = name.clone();
        let found = self
            .blocking(move |admin| {
                admin
                    .services()
                    .store
                    .resource(&key)
                    .map_err(ApiError::Store)
            })
            .await?;
        found.ok_or_else(unknown)
    }

    /// Adds a target: on record first, then in force.
    pub async fn add_resource(&self, peer: &Peer, new: NewResource) -> Result<Resource, ApiError> {
        let (admin, peer) = (self.clone(), peer.clone());
        self.to_the_end(async move { admin.add_recorded(&peer, new).await })
            .await
    }

    /// Removes a target: on record first. Its live sessions are cut.
    pub async fn remove_resource(&self, peer: &Peer, name: ResourceName) -> Result<(), ApiError> {
        let (admin, peer) = (self.clone(), peer.clone());
        self.to_the_end(async move { admin.remove_recorded(&peer, name).await })
            .await
    }

    async fn add_recorded(&self, peer: &Peer, new: NewResource) -> Result<Resource, ApiError> {
        let NewResource { resource, password } = new;
        resource.check().map_err(|source| {
            ApiError::Store(StoreError::ResourceInvalid {
                name: resource.name.clone(),
                source,
            })
        })?;
        match self.resource(resource.name.clone()).await {
            Err(ApiError::NotFound(_)) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(ApiError::Exists(format!("resource {}", resource.name))),
        }
        let address = format!("{}:{}", resource.host, resource.port);
        let labels = labels(&resource);
        let detail = [
            (
                "allow_cleartext",
                DetailValue::Boolean(resource.allow_cleartext),
            ),
            ("allow_md5", DetailValue::Boolean(resource.allow_md5)),
            (
                "durability",
                DetailValue::Text(resource.durability.as_str()),
            ),
            ("labels", DetailValue::Text(&labels)),
            ("own_ca", DetailValue::Boolean(resource.ca_pem.is_some())),
            ("tls", DetailValue::Text(resource.tls.as_str())),
        ];
        let act = Act {
            kind: RecordType::ResourceAdded,
            outcome: RecordOutcome::Ok,
            reason: None,
            target: Some(target(&resource, &address)),
            detail: &detail,
        };
        self.record(peer, act).await?;
        let stored = resource.clone();
        let done = self
            .blocking(move |admin| {
                let random = &admin.settings().random;
                let store = &admin.services().store;
                store
                    .add_resource(&stored, &password, |bytes| random(bytes))
                    .map_err(ApiError::Store)
            })
            .await;
        if let Err(error) = done {
            self.record_failure(
                peer,
                Act {
                    reason: Some("control state failed"),
                    ..act
                },
            )
            .await;
            return Err(error);
        }
        tracing::info!(resource = %resource.name, "resource added");
        Ok(resource)
    }

    async fn remove_recorded(&self, peer: &Peer, name: ResourceName) -> Result<(), ApiError> {
        let resource = self.resource(name).await?;
        let address = format!("{}:{}", resource.host, resource.port);
        let act = Act {
            kind: RecordType::ResourceRemoved,
            outcome: RecordOutcome::Ok,
            reason: None,
            target: Some(target(&resource, &address)),
            detail: &[],
        };
        self.record(peer, act).await?;
        let key = resource.name.clone();
        let done = self
            .blocking(move |admin| {
                admin
                    .services()
                    .store
                    .remove_resource(&key)
                    .map_err(ApiError::Store)
            })
            .await;
        if let Err(error) = done {
            self.record_failure(
                peer,
                Act {
                    reason: Some("control state failed"),
                    ..act
                },
            )
            .await;
            return Err(error);
        }
        for session in self.gateway().live() {
            if session.resource.as_ref() == Some(&resource.name) {
                self.gateway().cut(session.id, "resource was removed");
            }
        }
        tracing::info!(resource = %resource.name, "resource removed");
        Ok(())
    }
}

fn target<'a>(resource: &'a Resource, address: &'a str) -> Target<'a> {
    Target {
        resource: resource.name.as_str(),
        protocol: Some(resource.name.protocol().as_str()),
        addr: Some(address),
        account: Some(&resource.account),
        database: resource.database.as_deref(),
        tls: None,
    }
}

fn labels(resource: &Resource) -> String {
    let pairs: Vec<String> = resource
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(", ")
}
