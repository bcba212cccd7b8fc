//! Clients: built-in native ones that can keep no secret, and configured machines with a key of their own or, where it
//! cannot be helped, a static secret that ends.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use custos_jwt::{Algorithm, ClassName, ClassRule, Issuer, IssuerKeys, KeySet};
use custos_model::{Principal, PrincipalKind};

use crate::grant_type::GrantType;
use crate::opaque::SecretHash;
use crate::scope::{Scope, Scopes};

/// The command line of Custos.
pub const COMMAND_LINE: &str = "custos-cli";
/// PostgreSQL's client library (`oauth_client_id` of libpq 18).
pub const LIBPQ: &str = "custos-libpq";
/// Whoever exchanges a workload's token and names no client.
pub const WORKLOAD: &str = "custos-workload";
/// Whoever waits at this gateway itself for a person to sign in. It is no client that could ask over HTTP.
pub const CONNECTION: &str = "custos-connection";
/// Most configured clients.
pub const MAX_MACHINE_CLIENTS: usize = 1000;

const RESERVED: &str = "custos-";
const MAX_ID_BYTES: usize = 63;

/// The name of a client: `[a-z0-9][a-z0-9._-]{0,62}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

/// A machine. It acts as its own principal.
#[derive(Clone, Debug)]
pub struct MachineClient {
    /// Its id; `custos-` at the beginning is reserved.
    pub id: ClientId,
    /// What it proves itself with.
    pub proof: MachineProof,
    /// Who it is: a workload or an agent, acting for nobody.
    pub principal: Principal,
    /// The most that its tokens may be good for.
    pub scopes: Scopes,
}

/// What a machine proves itself with.
#[derive(Clone, Debug)]
pub enum MachineProof {
    /// Keys of its own (RFC 7523): the public halves, ES256, ES384, EdDSA, PS256 to PS512 or RS256 to RS512.
    Keys(KeySet),
    /// A static secret (RFC 6749 section 2.3.1).
    Secret(MachineSecret),
}

/// A static secret, of which only the hash is known.
#[derive(Clone, Copy, Debug)]
pub struct MachineSecret {
    /// Its hash.
    pub hash: SecretHash,
    /// Until when it is taken, UTC nanoseconds, that moment excluded.
    pub expires_utc_ns: u64,
}

/// Why the configured clients are refused.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an id.
    #[error(
        "`{0}` is not a client id: write lower-case letters, digits, `.`, `_` and `-`, at most 63"
    )]
    Id(String),
    /// A name of ours.
    #[error("client `{0}`: ids that begin with `custos-` are reserved")]
    Reserved(ClientId),
    /// Two of one name.
    #[error("client `{0}` is configured twice")]
    Twice(ClientId),
    /// More than anybody reads.
    #[error("more than {MAX_MACHINE_CLIENTS} clients are configured")]
    TooMany,
    /// Without a key it can never authenticate.
    #[error("client `{0}` has no usable public key")]
    NoKey(ClientId),
    /// A machine is not a person.
    #[error("client `{0}` is neither a workload nor an agent that acts for itself")]
    Principal(ClientId),
    /// The token verifier does not take the client as an issuer.
    #[error("client `{0}` cannot be verified")]
    Issuer(ClientId, #[source] custos_jwt::IssuerError),
}

/// A client as the endpoints know it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    /// For people.
    pub(crate) name: String,
    pub(crate) grants: &'static [GrantType],
    pub(crate) scopes: Scopes,
    pub(crate) kind: ClientKind,
}

#[derive(Debug)]
pub(crate) enum ClientKind {
    /// Runs on somebody's machine and can keep no key (RFC 8252).
    Public {
        /// The path of its loopback redirect URI, if it takes codes.
        callback_path: Option<&'static str>,
    },
    /// Proves who it is.
    Machine {
        proof: ClientProof,
        principal: Box<Principal>,
    },
}

#[derive(Debug)]
pub(crate) enum ClientProof {
    Keys(Box<IssuerKeys>),
    Secret(MachineSecret),
}

/// All clients: the built-in ones and the configured machines.
#[derive(Debug)]
pub struct Clients(BTreeMap<ClientId, Arc<Client>>);

impl Clients {
    /// Refuses machines that could not authenticate, or not be told apart.
    pub fn new(machines: Vec<MachineClient>) -> Result<Self, ClientError> {
        if machines.len() > MAX_MACHINE_CLIENTS {
            return Err(ClientError::TooMany);
        }
        let mut clients = BTreeMap::new();
        for client in built_in() {
            clients.insert(client.id.clone(), Arc::new(client));
        }
        for machine in machines {
            let client = Client::machine(machine)?;
            let id = client.id.clone();
            if clients.insert(id.clone(), Arc::new(client)).is_some() {
                return Err(ClientError::Twice(id));
            }
        }
        Ok(Self(clients))
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Client>> {
        self.0.get(&ClientId(id.to_owned())).cloned()
    }
}

fn built_in() -> [Client; 3] {
    let public =
        |id: &str, name: &str, grants: &'static [GrantType], scope, callback_path| Client {
            id: ClientId(id.to_owned()),
            name: name.to_owned(),
            grants,
            scopes: Scopes::new(scope, &[]),
            kind: ClientKind::Public { callback_path },
        };
    [
        public(
            COMMAND_LINE,
            "Custos command line",
            &[
                GrantType::AuthorizationCode,
                GrantType::DeviceCode,
                GrantType::RefreshToken,
                GrantType::TokenExchange,
            ],
            Scope::Api,
            Some("/callback"),
        ),
        public(
            LIBPQ,
            "PostgreSQL client",
            &[GrantType::DeviceCode],
            Scope::Postgres,
            None,
        ),
        Client {
            scopes: Scopes::new(Scope::Api, &[Scope::Postgres]),
            ..public(
                WORKLOAD,
                "Workload",
                &[GrantType::TokenExchange],
                Scope::Api,
                None,
            )
        },
    ]
}

impl Client {
    fn machine(machine: MachineClient) -> Result<Self, ClientError> {
        let MachineClient {
            id,
            proof,
            principal,
            scopes,
        } = machine;
        if id.as_str().starts_with(RESERVED) {
            return Err(ClientError::Reserved(id));
        }
        if !is_machine(&principal) {
            return Err(ClientError::Principal(id));
        }
        let proof = match proof {
            MachineProof::Keys(keys) => ClientProof::of(&id, keys)?,
            MachineProof::Secret(secret) => ClientProof::Secret(secret),
        };
        Ok(Self {
            name: id.as_str().to_owned(),
            id,
            grants: &[GrantType::ClientCredentials, GrantType::TokenExchange],
            scopes,
            kind: ClientKind::Machine {
                proof,
                principal: Box::new(principal),
            },
        })
    }
}

impl ClientProof {
    fn of(id: &ClientId, keys: KeySet) -> Result<Self, ClientError> {
        if keys.keys().is_empty() {
            return Err(ClientError::NoKey(id.clone()));
        }
        let rules = [ClassRule::new(ClassName::ClientAssertion)];
        let issuer = Issuer::new(id.as_str(), &Algorithm::ALL, &[], rules)
            .map_err(|source| ClientError::Issuer(id.clone(), source))?;
        Ok(Self::Keys(Box::new(IssuerKeys::configured(issuer, keys))))
    }
}

/// A machine that speaks for itself.
pub(crate) fn is_machine(principal: &Principal) -> bool {
    matches!(
        principal.kind,
        PrincipalKind::Workload | PrincipalKind::Agent
    ) && !principal.issuer.is_empty()
        && !principal.subject.is_empty()
        && principal.on_behalf_of.is_empty()
}

impl ClientId {
    pub(crate) fn connection() -> Self {
        Self(CONNECTION.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.len() <= MAX_ID_BYTES
            && text.bytes().next().is_some_and(plain)
            && text
                .bytes()
                .all(|byte| plain(byte) || b"._-".contains(&byte));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(ClientError::Id(text.to_owned()))
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, out)
    }
}
