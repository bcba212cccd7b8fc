//! One module for each noun of the command line.

pub(crate) mod administrator;
pub(crate) mod approve;
pub(crate) mod approver;
pub(crate) mod config;
pub(crate) mod connect;
pub(crate) mod credential;
pub(crate) mod delegate;
pub(crate) mod key;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod machine;
pub(crate) mod open;
pub(crate) mod policy;
pub(crate) mod replay;
pub(crate) mod request;
pub(crate) mod resource;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod ssh;
pub(crate) mod status;
pub(crate) mod whoami;

use crate::failure::Failure;

/// Runs what talks to the gateway on a small runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
