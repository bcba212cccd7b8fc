//! What a provider is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use custos_jwt::{Signer, SignerError};
use custos_model::{Clock, Secret};

use crate::issuer::is_local_url;
use crate::person::Person;

/// Fills a buffer with random bytes of cryptographic quality.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Most people.
const PEOPLE_MAX: usize = 64;
/// Most groups of a person.
pub(crate) const GROUPS_MAX: usize = 64;
/// Longest name of a person, in bytes.
const NAME_BYTES_MAX: usize = 32;
/// Longest name of a client, a group or a person as displayed, in bytes.
const LABEL_BYTES_MAX: usize = 128;

/// What a provider is made from.
pub struct Settings {
    /// `http://ADDRESS:PORT` of the listener: a loopback literal, no path, no trailing slash.
    pub issuer: String,
    /// Who may ask for sign-ins.
    pub clients: Vec<Client>,
    /// Who can sign in, at most 64.
    pub people: Vec<Person>,
    /// The key that tokens are signed with.
    pub signer: Signer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For codes, tokens and cookies.
    pub random: Random,
}

/// A relying party. Its URLs must stay on this machine: `http` or `https` on a loopback literal or `localhost`.
#[derive(Clone)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// Without one it is a public client.
    pub secret: Option<Secret>,
    /// Compared as they are, byte for byte.
    pub redirect_uris: Vec<String>,
    /// Compared as they are, byte for byte.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where logout tokens are sent to.
    pub backchannel_logout_uri: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("clients", &self.clients)
            .field("people", &self.people)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client")
            .field("id", &self.id)
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}

/// Why there is no provider.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The issuer could be reached from elsewhere, or has no one spelling.
    #[error(
        "`{0}` is not http:// and a loopback address literal with a port other than 80, without a path"
    )]
    Issuer(String),
    /// A client's URL could lead elsewhere.
    #[error("`{url}` of the client {client} is not an http or https URL of this machine")]
    ClientUrl {
        /// Whose.
        client: String,
        /// What was given.
        url: String,
    },
    /// A client's name is empty, too long or not printable ASCII, or two clients have it.
    #[error("`{0}` is not usable as a client's name")]
    ClientName(String),
    /// A client's secret is empty.
    #[error("the secret of the client {0} is empty")]
    ClientSecret(String),
    /// A person's name, or two people have it.
    #[error("`{0}` is not usable as a person's name")]
    PersonName(String),
    /// An empty password, a text that is too long, or too many groups.
    #[error("the password, the groups or the displayed name of {0} cannot be used")]
    Person(String),
    /// More than 64.
    #[error("there are more than 64 people")]
    TooManyPeople,
    /// The key cannot sign.
    #[error("the signing key does not work")]
    Key(#[source] SignerError),
}

/// Checks clients; they are found by their ids.
pub(crate) fn clients(clients: Vec<Client>) -> Result<BTreeMap<String, Client>, SettingsError> {
    let mut known = BTreeMap::new();
    for client in clients {
        if !is_label(&client.id) || !client.id.is_ascii() || known.contains_key(&client.id) {
            return Err(SettingsError::ClientName(client.id));
        }
        if client
            .secret
            .as_ref()
            .is_some_and(|secret| secret.expose().is_empty())
        {
            return Err(SettingsError::ClientSecret(client.id));
        }
        let mut urls = client
            .redirect_uris
            .iter()
            .chain(&client.post_logout_redirect_uris)
            .chain(&client.backchannel_logout_uri);
        if let Some(url) = urls.find(|url| !is_local_url(url)) {
            return Err(SettingsError::ClientUrl {
                url: url.clone(),
                client: client.id,
            });
        }
        known.insert(client.id.clone(), client);
    }
    Ok(known)
}

/// Checks people.
pub(crate) fn people(people: &[Person]) -> Result<(), SettingsError> {
    if people.len() > PEOPLE_MAX {
        return Err(SettingsError::TooManyPeople);
    }
    let mut names = BTreeSet::new();
    for person in people {
        if !is_name(&person.name) || !names.insert(&person.name) {
            return Err(SettingsError::PersonName(person.name.clone()));
        }
        let usable = !person.password.expose().is_empty()
            && is_label(&person.display_name)
            && are_groups(&person.groups);
        if !usable {
            return Err(SettingsError::Person(person.name.clone()));
        }
    }
    Ok(())
}

/// Whether groups fit into a token.
pub(crate) fn are_groups(groups: &[String]) -> bool {
    groups.len() <= GROUPS_MAX && groups.iter().all(|group| is_label(group))
}

fn is_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn is_label(text: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use custos_model::Secret;

    use super::{Client, SettingsError, clients, people};
    use crate::person::{SEED_BYTES, seeded};

    fn client(id: &str) -> Client {
        Client {
            id: id.to_owned(),
            secret: Some(Secret::new("s".repeat(32))),
            redirect_uris: vec!["http://127.0.0.1:8080/callback".to_owned()],
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
        }
    }

    #[test]
    fn clients_elsewhere_are_refused() {
        assert_eq!(
            clients(vec![client("custos"), client("other")])
                .unwrap()
                .len(),
            2
        );
        let elsewhere = || "https://custos.example.com/x".to_owned();
        let changes: [fn(&mut Client, String); 3] = [
            |client, url| client.redirect_uris.push(url),
            |client, url| client.post_logout_redirect_uris.push(url),
            |client, url| client.backchannel_logout_uri = Some(url),
        ];
        for change in changes {
            let mut changed = client("custos");
            change(&mut changed, elsewhere());
            let refused = clients(vec![changed]).unwrap_err();
            assert!(matches!(refused, SettingsError::ClientUrl { url, .. } if url == elsewhere()));
        }
    }

    #[test]
    fn names_are_plain_and_stand_once() {
        for ids in [vec!["a", "a"], vec![""], vec!["a\nb"]] {
            let refused = clients(ids.into_iter().map(client).collect());
            assert!(matches!(refused, Err(SettingsError::ClientName(_))));
        }
        let mut secretless = client("a");
        secretless.secret = Some(Secret::new(String::new()));
        assert!(matches!(
            clients(vec![secretless]),
            Err(SettingsError::ClientSecret(_))
        ));
        let good = seeded(&[1; SEED_BYTES]);
        assert!(people(&good).is_ok());
        for name in ["", "Alice", "a b", "bob", &"x".repeat(33)] {
            let mut changed = good.clone();
            changed[0].name = name.to_owned();
            assert!(
                matches!(people(&changed), Err(SettingsError::PersonName(_))),
                "{name}"
            );
        }
        let mut changed = good.clone();
        changed[0].groups = vec!["g".to_owned(); 65];
        assert!(matches!(people(&changed), Err(SettingsError::Person(_))));
    }
}
