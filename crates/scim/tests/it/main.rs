//! The service provider through its public interface, with a directory in memory.

mod by_put;
mod dialogue;
mod discovery;
mod entra;
mod failing;
mod filters;
mod groups;
mod hostile;
mod memory;
mod okta;
mod properties;
mod users;
