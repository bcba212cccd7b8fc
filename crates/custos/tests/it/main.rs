//! The program as a user sees it: help, errors, exit codes, and a gateway's life by its signals.

mod command;
mod help;
mod life;
mod usage;
