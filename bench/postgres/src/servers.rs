//! The servers of a run, each started on free loopback ports with its files under one directory.

pub(crate) mod custos;
pub(crate) mod documents;
pub(crate) mod pgbouncer;
pub(crate) mod postgres;
pub(crate) mod tcp_relay;

/// The database, its owner, and the principal at Custos all have this name.
pub(crate) const NAME: &str = "bench";
