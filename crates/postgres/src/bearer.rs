//! The client brings an OAuth access token, by SASL OAUTHBEARER (RFC 7628), as libpq 18 does.
//!
//! The mechanism is offered alone, and to those only who ask for it by `custos.auth=oauth`. Beside SCRAM it would help
//! nobody: libpq takes SCRAM-SHA-256-PLUS whenever that is offered, and otherwise the first mechanism that it knows, so
//! that those with a password would be asked for a token.

use custos_session::{Accepted, Bearer, Identified, Session, SessionError, Stream, TokenSource};

use zeroize::Zeroizing;

use crate::client::{Client, protocol_error};
use crate::handshake::Startup;
use crate::login::MESSAGE_BYTES;
use crate::wire::backend::Authentication;
use crate::wire::frontend::SaslInitialResponse;
use crate::wire::oauthbearer::{ACKNOWLEDGEMENT, ClientResponse, OAUTHBEARER, ServerRefusal};

/// Runs the exchange: at its end the client is known, or has been told in the mechanism's own words that it is not.
pub(crate) async fn login(
    client: &mut Client,
    startup: &Startup,
    session: Session<Accepted>,
) -> Result<Session<Identified>, SessionError> {
    if matches!(client.stream, Stream::Plain(_)) {
        return Err(SessionError::Unsupported(
            "signing in with an OAuth token needs TLS, which this listener does not have"
                .to_owned(),
        ));
    }
    let Some(source) = session.token_source() else {
        return Err(SessionError::Unsupported(
            "this gateway has no web address, so it takes no OAuth tokens".to_owned(),
        ));
    };
    match exchange(client, startup, &session).await {
        Ok(bearer) => Ok(session.identify_by_bearer(bearer)),
        Err(error) => {
            if let SessionError::BearerRefused { status } = error {
                refuse(client, status, &source).await?;
            }
            Err(error)
        }
    }
}

async fn exchange(
    client: &mut Client,
    startup: &Startup,
    session: &Session<Accepted>,
) -> Result<Bearer, SessionError> {
    let user = &startup.user;
    let message = match first_message(client, startup).await {
        Ok(Some(message)) => message,
        Ok(None) => {
            session
                .bearer_abandoned(user, "client closed the connection")
                .await?;
            return Err(SessionError::Client(
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        }
        Err(error) => {
            session.bearer_abandoned(user, &error.to_string()).await?;
            return Err(error);
        }
    };
    match ClientResponse::parse(&message) {
        Ok(ClientResponse::Token(token)) => {
            session.check_bearer(user, token, &startup.resource()).await
        }
        Ok(ClientResponse::Discovery) => Err(session.ask_for_bearer(user).await),
        Err(error) => {
            let error = protocol_error(&error);
            session.bearer_abandoned(user, &error.to_string()).await?;
            Err(error)
        }
    }
}

/// Offers the mechanism and reads the client's first message in it; `None` when the client goes instead.
async fn first_message(
    client: &mut Client,
    startup: &Startup,
) -> Result<Option<Zeroizing<Vec<u8>>>, SessionError> {
    let mut offer = startup.negotiation.clone();
    Authentication::encode_sasl(&[OAUTHBEARER], &mut offer)
        .map_err(|error| protocol_error(&error))?;
    client.send(&offer).await?;
    let Some((b'p', body)) = client.message(MESSAGE_BYTES).await? else {
        return Ok(None);
    };
    let SaslInitialResponse { mechanism, data } =
        SaslInitialResponse::parse(&body).map_err(|error| protocol_error(&error))?;
    if mechanism != OAUTHBEARER.as_bytes() {
        return Err(SessionError::ClientProtocol {
            what: "the SASL mechanism was not offered".to_owned(),
            code: "08P01",
        });
    }
    if let Some(data) = data {
        return Ok(Some(Zeroizing::new(data.to_vec())));
    }
    // It may also wait to be asked (RFC 4422 section 3.3).
    let mut empty = Vec::new();
    Authentication::encode_sasl_continue(b"", &mut empty)
        .map_err(|error| protocol_error(&error))?;
    client.send(&empty).await?;
    let message = client.message(MESSAGE_BYTES).await?;
    Ok(message.and_then(|(tag, body)| (tag == b'p').then(|| Zeroizing::new(body.to_vec()))))
}

/// Says why, and waits until the client has said that it heard it; the error message comes after that (RFC 7628
/// section 3.2.3).
async fn refuse(
    client: &mut Client,
    status: &str,
    source: &TokenSource,
) -> Result<(), SessionError> {
    let refusal = ServerRefusal {
        status,
        openid_configuration: &source.discovery_url,
        scope: source.scope,
    };
    let mut message = Vec::new();
    Authentication::encode_sasl_continue(refusal.json().as_bytes(), &mut message)
        .map_err(|error| protocol_error(&error))?;
    client.send(&message).await?;
    let heard = client.message(MESSAGE_BYTES).await?;
    if heard.is_none_or(|(tag, body)| tag == b'p' && body == ACKNOWLEDGEMENT) {
        return Ok(());
    }
    Err(SessionError::ClientProtocol {
        what: "malformed OAUTHBEARER message: the refusal was not acknowledged".to_owned(),
        code: "08P01",
    })
}
