//! Our side: who we are, our metadata, and the requests that we sign.

use crate::encoding::encode_base64;
use crate::endpoint::{Endpoint, Transport};
use crate::key::{KeyError, VerifyingKey};
use crate::metadata::ENTITY_ID_BYTES_MAX;
use crate::name_id::{NameIdFormat, plain};
use crate::names::{ASSERTION, METADATA, POST_BINDING, PROTOCOL, REDIRECT_BINDING, SIGNATURE};
use crate::signing_key::SigningKey;
use crate::write::escape;
use crate::{Metadata, RequestId, redirect, time};

/// SAML bindings, section 3.4.3.
const RELAY_STATE_BYTES_MAX: usize = 80;

/// What the service provider is made of.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// Our name, at most 1024 bytes: a URI by convention.
    pub entity_id: &'a str,
    /// Where identity providers post responses.
    pub assertion_consumer_url: &'a str,
    /// Where identity providers send logout requests, by HTTP-Redirect and by HTTP-POST.
    pub logout_url: Option<&'a str>,
    /// RSA with 2048 to 8192 bits, or P-256; DER. The caller keeps it: identity providers learn it from our metadata.
    pub signing_key_pkcs8: &'a [u8],
    /// A certificate of this key, DER. Self-signed will do: it only carries the key.
    pub certificate_der: &'a [u8],
    /// Which name identifier is asked for.
    pub name_id_format: Option<&'a NameIdFormat>,
    /// Whether our own addresses may be plain HTTP on loopback.
    pub transport: Transport,
}

impl std::fmt::Debug for Settings<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Settings")
            .field("entity_id", &self.entity_id)
            .finish_non_exhaustive()
    }
}

/// Why there is no service provider, or no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceProviderError {
    /// Empty, longer than 1024 bytes, or with control characters or space around it.
    #[error("the entity ID of the service provider is not accepted")]
    EntityId,
    /// Not an address that browsers are sent to.
    #[error("an address of the service provider is not accepted")]
    Address,
    /// The signing key or its certificate.
    #[error("the signing key of the service provider is not accepted")]
    Key(#[from] KeyError),
    /// The certificate is of another key.
    #[error("the certificate does not belong to the signing key")]
    Certificate,
    /// Longer than 80 bytes (SAML bindings, section 3.4.3).
    #[error("the relay state is longer than 80 bytes")]
    RelayState,
    /// The identity provider has no address for logout, or we have none.
    #[error("logout has no address")]
    NoLogout,
}

/// A service provider. Holds the signing key, and nothing that changes.
#[derive(Debug)]
pub struct ServiceProvider {
    pub(crate) entity_id: String,
    pub(crate) assertion_consumer: Endpoint,
    pub(crate) logout: Option<Endpoint>,
    pub(crate) key: SigningKey,
    certificate: Vec<u8>,
    name_id_format: Option<NameIdFormat>,
}

impl ServiceProvider {
    /// Checks the settings.
    ///
    /// # Errors
    /// See [`ServiceProviderError`].
    pub fn new(settings: &Settings<'_>) -> Result<Self, ServiceProviderError> {
        let endpoint =
            |url| Endpoint::parse(url, settings.transport).ok_or(ServiceProviderError::Address);
        let entity_id =
            plain(settings.entity_id, ENTITY_ID_BYTES_MAX).ok_or(ServiceProviderError::EntityId)?;
        let key = SigningKey::from_pkcs8(settings.signing_key_pkcs8)?;
        let certified = VerifyingKey::from_certificate(settings.certificate_der)?;
        if certified.bytes() != key.public_key() {
            return Err(ServiceProviderError::Certificate);
        }
        Ok(Self {
            entity_id: entity_id.to_owned(),
            assertion_consumer: endpoint(settings.assertion_consumer_url)?,
            logout: settings.logout_url.map(endpoint).transpose()?,
            key,
            certificate: settings.certificate_der.to_owned(),
            name_id_format: settings.name_id_format.cloned(),
        })
    }

    /// Our own name.
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Our metadata (SAML metadata, section 2.4.4), for the identity provider's administrator.
    pub fn metadata(&self) -> String {
        let logout = self.logout.as_ref().map_or(String::new(), |location| {
            let location = escape(location.as_str());
            [REDIRECT_BINDING, POST_BINDING]
                .map(|binding| {
                    format!(
                        "<md:SingleLogoutService Binding=\"{binding}\" Location=\"{location}\"/>"
                    )
                })
                .concat()
        });
        let format = self
            .name_id_format
            .as_ref()
            .map_or(String::new(), |format| {
                format!(
                    "<md:NameIDFormat>{}</md:NameIDFormat>",
                    escape(format.uri())
                )
            });
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{entity_id}\">\
             <md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" protocolSupportEnumeration=\"{PROTOCOL}\">\
             <md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"{SIGNATURE}\"><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
             {logout}{format}\
             <md:AssertionConsumerService Binding=\"{POST_BINDING}\" Location=\"{consumer}\" index=\"0\" isDefault=\"true\"/>\
             </md:SPSSODescriptor></md:EntityDescriptor>\n",
            entity_id = escape(&self.entity_id),
            certificate = encode_base64(&self.certificate),
            consumer = escape(self.assertion_consumer.as_str()),
        )
    }

    /// The address that a browser is sent to for signing in: a signed `AuthnRequest` by HTTP-Redirect (SAML bindings,
    /// section 3.4). The response comes by HTTP-POST. `relay_state`: at most 80 bytes, comes back unchanged, and the
    /// response's signature does not cover it.
    ///
    /// # Errors
    /// [`ServiceProviderError::RelayState`]; [`ServiceProviderError::Key`] when the cryptographic library fails.
    pub fn authn_request(
        &self,
        idp: &Metadata,
        id: &RequestId,
        utc_ns: u64,
        relay_state: Option<&str>,
    ) -> Result<String, ServiceProviderError> {
        if relay_state.is_some_and(|state| state.len() > RELAY_STATE_BYTES_MAX) {
            return Err(ServiceProviderError::RelayState);
        }
        let policy = self
            .name_id_format
            .as_ref()
            .map_or(String::new(), |format| {
                format!(
                    "<samlp:NameIDPolicy Format=\"{}\" AllowCreate=\"true\"/>",
                    escape(format.uri())
                )
            });
        let request = format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"{now}\" Destination=\"{destination}\" ProtocolBinding=\"{POST_BINDING}\" \
             AssertionConsumerServiceURL=\"{consumer}\"><saml:Issuer>{issuer}</saml:Issuer>{policy}</samlp:AuthnRequest>",
            id = id.as_str(),
            now = time::format(utc_ns),
            destination = escape(idp.sso_location().as_str()),
            consumer = escape(self.assertion_consumer.as_str()),
            issuer = escape(&self.entity_id),
        );
        Ok(redirect::signed_address(
            idp.sso_location(),
            "SAMLRequest",
            &request,
            relay_state,
            &self.key,
        )?)
    }
}
