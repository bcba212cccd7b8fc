//! Opens what is kept of requests, grants and approvers' keys.

use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use custos_approvals::{Approvals, Parts, RelyingParty};
use custos_evidence::Evidence;
use custos_identity::SignIns;
use custos_model::Clock;
use custos_policy::Policy;
use custos_store::Store;

use crate::config::Config;
use crate::failure::Failure;
use crate::machine;

pub(crate) fn open(
    config: &Config,
    clock: &Arc<dyn Clock>,
    evidence: &Evidence,
    store: &Store,
    sign_ins: &SignIns,
    policy: &Arc<ArcSwap<Policy>>,
) -> Result<Approvals, Failure> {
    let opened = Approvals::new(Parts {
        clock: Arc::clone(clock),
        evidence: evidence.clone(),
        store: store.clone(),
        sign_ins: sign_ins.clone(),
        policy: Arc::clone(policy),
        node: (config.cluster.clone(), config.node.clone()),
        relying_party: config.web.as_ref().and_then(|web| relying_party(&web.url)),
        random: Box::new(machine::random),
        announce: Box::new(|_| {}),
    });
    Ok(opened.context("cannot read what is kept of requests and grants")?)
}

/// Scheme, host and port of the web address, and its host.
fn relying_party(base_url: &str) -> Option<RelyingParty> {
    let (scheme, rest) = base_url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    Some(RelyingParty {
        id: host.to_owned(),
        origin: format!("{scheme}://{authority}"),
    })
}
