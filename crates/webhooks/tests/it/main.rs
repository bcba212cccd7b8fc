//! Webhooks against receivers on this machine, and what is sent to them.

mod answers;
mod formats;
mod outbox;
mod receiver;
mod secrets;
mod signed;
mod world;
