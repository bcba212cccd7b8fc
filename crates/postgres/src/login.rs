//! The client proves who it is: its connection credential by SCRAM-SHA-256(-PLUS) or as password inside TLS, or
//! a workload's token as password inside TLS, or an access token in a mechanism of its own (`bearer`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use custos_session::scram::ServerExchange;
use custos_session::{Accepted, ClientAuthentication, Identified, Session, SessionError, Stream};

use zeroize::Zeroizing;

use crate::bearer;
use crate::client::{Client, protocol_error};
use crate::handshake::Startup;
use crate::wire::backend::Authentication;
use crate::wire::frontend::{PasswordMessage, SaslInitialResponse};

/// Bytes of one authentication message at most.
pub(crate) const MESSAGE_BYTES: usize = 16 * 1024;
const PLAIN: &str = "SCRAM-SHA-256";
const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Runs the exchange. Also returns what the client must read before AuthenticationOk.
pub(crate) async fn login(
    client: &mut Client,
    startup: &Startup,
    session: Session<Accepted>,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<(Session<Identified>, Vec<u8>), SessionError> {
    if startup.wants_oauth()? {
        let session = bearer::login(client, startup, session).await?;
        return Ok((session, Vec::new()));
    }
    if session.expects_token(&startup.user) {
        let session = token(client, startup, session).await?;
        return Ok((session, Vec::new()));
    }
    match session.authentication() {
        ClientAuthentication::Scram => scram(client, startup, session, random).await,
        ClientAuthentication::Password => {
            let session = password(client, startup, session).await?;
            Ok((session, Vec::new()))
        }
    }
}

async fn scram(
    client: &mut Client,
    startup: &Startup,
    session: Session<Accepted>,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<(Session<Identified>, Vec<u8>), SessionError> {
    let proof = {
        let end_point = session.end_point().map(<[u8]>::to_vec);
        let parameters = session.scram_parameters(&startup.user);
        exchange(
            client,
            startup,
            end_point,
            &parameters.salt,
            parameters.iterations,
            random,
        )
        .await
    };
    match proof {
        Ok(Some(proof)) => {
            let (session, server_final) = session.identify_by_scram(&startup.user, &proof).await?;
            let mut message = Vec::new();
            Authentication::encode_sasl_final(&server_final, &mut message)
                .map_err(|error| protocol_error(&error))?;
            Ok((session, message))
        }
        Ok(None) => Err(session
            .login_abandoned(&startup.user, "client closed the connection")
            .await),
        Err(error) => {
            let told = session
                .login_abandoned(&startup.user, &error.to_string())
                .await;
            Err(if matches!(told, SessionError::Evidence(_)) {
                told
            } else {
                error
            })
        }
    }
}

async fn exchange(
    client: &mut Client,
    startup: &Startup,
    end_point: Option<Vec<u8>>,
    salt: &[u8],
    iterations: u32,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Option<custos_session::scram::ClientProof>, SessionError> {
    let mut request = startup.negotiation.clone();
    let mechanisms: &[&str] = if end_point.is_some() {
        &[PLUS, PLAIN]
    } else {
        &[PLAIN]
    };
    Authentication::encode_sasl(mechanisms, &mut request)
        .map_err(|error| protocol_error(&error))?;
    client.send(&request).await?;

    let Some((b'p', first)) = client.message(MESSAGE_BYTES).await? else {
        return Ok(None);
    };
    let SaslInitialResponse { mechanism, data } =
        SaslInitialResponse::parse(&first).map_err(|error| protocol_error(&error))?;
    let mechanism = std::str::from_utf8(mechanism).unwrap_or_default();
    let mut exchange =
        ServerExchange::start(mechanism, data.unwrap_or_default(), end_point.as_deref())
            .map_err(|error| scram_error(&error))?;

    let mut nonce = [0; 18];
    random(&mut nonce);
    let challenge = exchange.challenge(&STANDARD_NO_PAD.encode(nonce), salt, iterations);
    let mut message = Vec::new();
    Authentication::encode_sasl_continue(&challenge, &mut message)
        .map_err(|error| protocol_error(&error))?;
    client.send(&message).await?;

    let Some((b'p', last)) = client.message(MESSAGE_BYTES).await? else {
        return Ok(None);
    };
    exchange
        .finish(&last)
        .map(Some)
        .map_err(|error| scram_error(&error))
}

fn scram_error(error: &custos_session::scram::ScramError) -> SessionError {
    SessionError::ClientProtocol {
        what: format!("malformed SCRAM message: {error}"),
        code: "08P01",
    }
}

async fn password(
    client: &mut Client,
    startup: &Startup,
    session: Session<Accepted>,
) -> Result<Session<Identified>, SessionError> {
    let Some(password) = cleartext(client, startup).await? else {
        return Err(session
            .login_abandoned(&startup.user, "client closed the connection")
            .await);
    };
    session
        .identify_by_password(&startup.user, &password, None)
        .await
}

/// A workload sends its platform's token as password.
async fn token(
    client: &mut Client,
    startup: &Startup,
    session: Session<Accepted>,
) -> Result<Session<Identified>, SessionError> {
    let Some(token) = cleartext(client, startup).await? else {
        return Err(session
            .login_abandoned(&startup.user, "client closed the connection")
            .await);
    };
    session
        .identify_by_token(&startup.user, &token, &startup.resource())
        .await
}

/// The password as it is, inside TLS only; `None` when the client goes instead.
async fn cleartext(
    client: &mut Client,
    startup: &Startup,
) -> Result<Option<Zeroizing<String>>, SessionError> {
    if matches!(client.stream, Stream::Plain(_)) {
        return Err(SessionError::Unsupported(
            "password authentication needs TLS, which this listener does not have".to_owned(),
        ));
    }
    let mut request = startup.negotiation.clone();
    Authentication::encode_cleartext_password(&mut request);
    client.send(&request).await?;
    let Some((b'p', body)) = client.message(MESSAGE_BYTES).await? else {
        return Ok(None);
    };
    let message = PasswordMessage::parse(&body).map_err(|error| protocol_error(&error))?;
    let password = std::str::from_utf8(message.password).unwrap_or_default();
    Ok(Some(Zeroizing::new(password.to_owned())))
}
