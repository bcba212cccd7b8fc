//! What can go wrong before an event is queued.

use custos_store::StoreError;

/// Webhooks that cannot be used, or an event that could not be queued. No text in it is secret.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Two webhooks have that name, or it is none.
    #[error("`{0}` is not the name of one webhook")]
    Name(String),
    /// It has no secret, or more than two.
    #[error("webhook `{0}` needs a signing secret, and has at most two")]
    Secrets(String),
    /// The event could not be written down.
    #[error("an event cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// The event could not be queued.
    #[error("an event cannot be queued")]
    Store(#[source] StoreError),
}
