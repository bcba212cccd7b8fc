//! What a webhook is.

use std::collections::BTreeSet;

use custos_fetch::Client;
use custos_model::Secret;

use crate::error::WebhookError;
use crate::event::EventType;
use crate::format::Format;
use crate::sign::SigningSecret;

/// A receiver of events.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Its name in records: lower-case letters, digits, `.` and `-`; each once.
    pub name: String,
    /// Where it is. Secret, because who knows the address of a channel can write into it.
    pub url: Secret,
    /// What it reads.
    pub format: Format,
    /// What is signed with: one, or two while the receiver changes from one to the other. Formats of chats need none.
    pub secrets: Vec<SigningSecret>,
    /// Which events it gets; [`EventType::ALL`] for all of them.
    pub events: Vec<EventType>,
    /// What goes out to it, and guards where that may be. Its total timeout is the time of one attempt.
    pub client: Client,
}

/// While receivers change from one secret to the next.
const SECRETS_MAX: usize = 2;

pub(crate) fn check(settings: &[WebhookSettings]) -> Result<(), WebhookError> {
    let mut names = BTreeSet::new();
    for webhook in settings {
        let name = &webhook.name;
        let named =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        if name.is_empty() || !name.bytes().all(named) || !names.insert(name) {
            return Err(WebhookError::Name(name.clone()));
        }
        let least = usize::from(webhook.format.must_be_signed());
        if !(least..=SECRETS_MAX).contains(&webhook.secrets.len()) {
            return Err(WebhookError::Secrets(name.clone()));
        }
    }
    Ok(())
}
