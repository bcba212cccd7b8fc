//! Tells people of requests for approval, through webhooks: CloudEvents for programs, messages for Slack and Teams.
//!
//! An event's life: [`Webhooks::tell`] queues it in the control database, one row for each webhook that wants it, and
//! only then returns → the webhook's own loop ([`Webhooks::run`]) renders it, signs it (Standard Webhooks) and sends
//! it through `fetch`, which guards where it may go → after a 2xx the row is gone; otherwise it is tried again, more
//! and more rarely, for a day. How each delivery ended is reported, so that it can be put on record.
//!
//! **Invariant**: what is queued is delivered at least once, or reported as given up; a restart changes nothing of it.
//! **Invariant**: nothing that a user wrote is anything but text to whoever receives it.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod cloudevents;
mod delivered;
mod delivery;
mod error;
mod event;
mod format;
mod outcome;
mod retries;
mod settings;
mod sign;
mod slack;
mod teams;
mod text;
mod webhooks;

pub use delivered::{Delivered, DeliveryOutcome};
pub use error::WebhookError;
pub use event::{Event, EventType, RequestKind};
pub use format::Format;
pub use retries::Retries;
pub use settings::WebhookSettings;
pub use sign::{SECRET_BYTES_MIN, SecretError, SigningSecret};
pub use webhooks::{Random, Report, Webhooks};
