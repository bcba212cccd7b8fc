//! What a device code is asked for.

use custos_model::ResourceName;

use crate::scope::Scopes;

/// What somebody gets whose code is approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Tokens that are good for this.
    Tokens(Scopes),
    /// A connection that waits at this gateway goes on. There is no token.
    Connection(WaitingConnection),
}

/// A connection whose client cannot open a browser and brings nothing that it could prove itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingConnection {
    /// Who its client says to be: nobody else may approve it.
    pub login_name: String,
    /// What it is to open, and nothing else.
    pub resource: ResourceName,
}

impl Purpose {
    /// What a connection is to open.
    pub fn resource(&self) -> Option<&ResourceName> {
        match self {
            Self::Tokens(_) => None,
            Self::Connection(connection) => Some(&connection.resource),
        }
    }
}
