//! A name service that answers what a test wants.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use custos_fetch::{Client, Resolve, Resolved, Settings};

/// The first answer, and another one to whoever asks again.
#[derive(Debug)]
pub(crate) struct Names {
    first: Vec<IpAddr>,
    afterwards: Vec<IpAddr>,
    asked: AtomicUsize,
}

impl Names {
    pub(crate) fn always(addresses: &[&str]) -> Arc<Self> {
        Self::changing(addresses, addresses)
    }

    pub(crate) fn changing(first: &[&str], afterwards: &[&str]) -> Arc<Self> {
        let parse = |addresses: &[&str]| addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self {
            first: parse(first),
            afterwards: parse(afterwards),
            asked: AtomicUsize::new(0),
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _host: &'a str) -> Resolved<'a> {
        let before = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = if before == 0 {
            &self.first
        } else {
            &self.afterwards
        };
        Box::pin(std::future::ready(Ok(answer.clone())))
    }
}

/// Settings that allow this machine, as a private issuer's network is allowed.
pub(crate) fn this_machine() -> Settings {
    Settings {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        ..Settings::default()
    }
}

/// Settings that allow plain `http` to this machine.
pub(crate) fn plain() -> Settings {
    Settings {
        loopback: true,
        ..Settings::default()
    }
}

/// A client whose every name is this machine.
pub(crate) fn client(settings: Settings) -> Client {
    Client::new(settings, Names::always(&["127.0.0.1"])).unwrap()
}
