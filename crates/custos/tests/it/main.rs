//! The program as a user sees it: help, errors, exit codes, and a gateway's life by its signals.

mod account;
mod account_home;
mod account_hostile;
mod account_open;
mod account_server;
mod command;
mod help;
mod life;
mod policy;
mod usage;
