//! One session from the first byte to the last.

use std::time::Duration;

use bytes::BytesMut;
use custos_model::{ResourceName, SessionId};
use custos_session::{
    Accepted, Asked, Ended, Identified, Interrupt, Open, Session, SessionError, Stream,
    UpstreamError,
};
use custos_ssh_wire::Transport;
use custos_ssh_wire::message::number;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Ssh;
use crate::channels::Side;
use crate::conversation::{Batch, Shared};
use crate::link::{Link, LinkError, of_client};
use crate::login::SignedIn;
use crate::requests::Requests;
use crate::responses::{self, Responses, outcome_of};
use crate::{end, held, jump, lines, login, target};

/// `SSH_DISCONNECT_BY_APPLICATION`
const BY_APPLICATION: u32 = 11;
/// How long a client may take to read why it ends.
pub(crate) const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a client may take to read what the target had said before it left.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn serve(
    ssh: &Ssh,
    stream: TcpStream,
    session: Session<Accepted>,
) -> Result<Ended, SessionError> {
    let mut link = ssh.link(&ssh.names, stream);
    let id = session.id();
    let opened = match signed_in(&mut link, session, None).await {
        Ok(SignedIn::Target(session)) => open(ssh, &mut link, *session).await,
        Ok(SignedIn::Passage(session)) => {
            return Box::pin(jump::run(ssh, link, session)).await;
        }
        Err(error) => Err(error),
    };
    go_on(link, id, opened).await
}

/// A session within another connection, which has asked for this target by one of these names.
pub(crate) async fn serve_within<S: AsyncRead + AsyncWrite + Unpin>(
    ssh: &Ssh,
    names: &[String],
    target: &ResourceName,
    stream: S,
    session: Session<Accepted>,
) -> Result<Ended, SessionError> {
    let mut link = ssh.link(names, stream);
    let id = session.id();
    let opened = match signed_in(&mut link, session, Some(target)).await {
        Ok(SignedIn::Target(session)) => open(ssh, &mut link, *session).await,
        Ok(SignedIn::Passage(_)) => Err(SessionError::Internal("a target was lost on the way")),
        Err(error) => Err(error),
    };
    go_on(link, id, opened).await
}

async fn go_on<S: AsyncRead + AsyncWrite + Unpin>(
    mut link: Link<S>,
    id: SessionId,
    opened: Result<(Session<Open>, Link<Stream>), SessionError>,
) -> Result<Ended, SessionError> {
    match opened {
        Ok((session, target)) => Box::pin(converse(link, target, session)).await,
        Err(error) => {
            let (reason, text) = end::words(&error, id);
            let farewell = link.disconnect(reason, &text);
            // It may not read any more.
            let _ = tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await;
            Err(error)
        }
    }
}

async fn signed_in<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    mut session: Session<Accepted>,
    target: Option<&ResourceName>,
) -> Result<SignedIn, SessionError> {
    link.establish().await.map_err(LinkError::of_client)?;
    if let Some(program) = link.transport.peer_identification() {
        session.set_application(program);
    }
    session.set_protection(protection(&link.transport));
    login::login(link, session, target).await
}

async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    ssh: &Ssh,
    link: &mut Link<S>,
    session: Session<Identified>,
) -> Result<(Session<Open>, Link<Stream>), SessionError> {
    let session = session.authorize(Asked::default()).await?;
    let connecting = Box::pin(target::sign_in(ssh, &session));
    let target = tokio::time::timeout(session.connect_timeout(), connecting)
        .await
        .unwrap_or(Err(SessionError::Timeout("connecting to the target")))?;
    let session = session.open(Some(protection(&target.transport)))?;
    link.transport
        .send(&[number::USERAUTH_SUCCESS])
        .map_err(of_client)?;
    link.flush().await.map_err(LinkError::of_client)?;
    Ok((session, target))
}

/// How a connection is protected, as records show it.
fn protection(transport: &Transport) -> String {
    let Some(agreed) = transport.negotiated() else {
        return String::new();
    };
    let kex = agreed.kex.names().first().copied().unwrap_or_default();
    format!("SSH-2.0 {kex} {}", agreed.client_cipher.name())
}

async fn converse<S: AsyncRead + AsyncWrite>(
    client: Link<S>,
    target: Link<Stream>,
    session: Session<Open>,
) -> Result<Ended, SessionError> {
    let shared = Shared::new(client.transport, target.transport);
    let (client_reader, mut client_writer) = tokio::io::split(client.stream);
    let (target_reader, mut target_writer) = tokio::io::split(target.stream);
    let requests = Requests::new(&session, &shared);
    let responses = Responses::new(&session, &shared);
    let (mut client_output, mut target_output) = (BytesMut::new(), BytesMut::new());
    let result = {
        let to_client = shared.write(Side::Client, &mut client_writer, &mut client_output);
        let to_target = shared.write(Side::Target, &mut target_writer, &mut target_output);
        let holds = held::run(&requests, &session, &shared);
        let lines = lines::run(&requests, &session, &shared);
        let exchange = exchange(
            &shared,
            requests.run(client_reader),
            responses.run(target_reader),
            to_client,
            to_target,
        );
        // A target that always has more to say uses up what tokio lets one task do at a time; this comes after it.
        let order = tokio::task::unconstrained(ordered_to_end(&session, &shared));
        tokio::select! {
            biased;
            error = order => Err(error),
            ended = exchange => ended,
            error = holds => Err(error),
            error = lines => Err(error),
        }
    };
    // Evidence may be what failed; the client is told all the same.
    let finished = finish(&session, &shared);
    let text = match &result {
        Ok(_) => None,
        Err(error) => Some(end::words(error, session.id())),
    };
    let to_client = shared.last_words(Side::Client, text, client_output);
    let goodbye = (
        BY_APPLICATION,
        format!("session {} has ended", session.id()),
    );
    let to_target = shared.last_words(Side::Target, Some(goodbye), target_output);
    let both = async {
        tokio::join!(
            farewell(&mut client_writer, to_client),
            farewell(&mut target_writer, to_target)
        )
    };
    // Neither has to listen any more.
    let _ = tokio::time::timeout(FAREWELL_TIMEOUT, both).await;
    let ended = result?;
    finished?;
    Ok(ended)
}

/// Runs all directions until one side has left.
async fn exchange(
    shared: &Shared,
    requests: impl Future<Output = Result<crate::conversation::Left, SessionError>>,
    responses: impl Future<Output = Result<UpstreamError, SessionError>>,
    to_client: impl Future<Output = Result<std::convert::Infallible, SessionError>>,
    to_target: impl Future<Output = Result<std::convert::Infallible, SessionError>>,
) -> Result<Ended, SessionError> {
    tokio::pin!(requests, responses, to_client, to_target);
    let why = tokio::select! {
        left = &mut requests => return Ok(left?.ended()),
        why = &mut responses => why?,
        failed = &mut to_client => match failed? {},
        failed = &mut to_target => match failed? {},
    };
    // The client still gets what the target has said.
    let rest = async {
        tokio::select! {
            left = &mut requests => Ok(left?.ended()),
            failed = &mut to_client => match failed? {},
            () = shared.delivered() => Err(SessionError::Upstream(why)),
        }
    };
    tokio::time::timeout(SETTLE_TIMEOUT, rest)
        .await
        .unwrap_or(Err(SessionError::Upstream(UpstreamError::Closed)))
}

/// Resolves when the session is told to end: at once, or when draining, as soon as nothing runs.
async fn ordered_to_end(session: &Session<Open>, shared: &Shared) -> SessionError {
    let mut draining = None;
    loop {
        tokio::select! {
            interrupt = session.interrupted(draining.as_ref()) => match interrupt {
                Interrupt::Draining => draining = Some(Interrupt::Draining),
                interrupt => return SessionError::Interrupted(interrupt),
            },
            () = shared.idle(), if draining.is_some() => {
                return SessionError::Interrupted(Interrupt::Draining);
            }
        }
    }
}

/// Programs that were still running when the session ended have an outcome too.
fn finish(session: &Session<Open>, shared: &Shared) -> Result<(), SessionError> {
    let mut conversation = shared.conversation();
    for channel in conversation.channels.each() {
        if let Some(mut running) = channel.running.take() {
            let mut batch = Batch::default();
            responses::end(session, &mut batch, 0, &mut running)?;
            session.record(&mut batch.lines)?;
            let interrupted = (
                "interrupted".to_owned(),
                "the session ended first".to_owned(),
            );
            running.ending.get_or_insert(interrupted);
            session.finish(running.number, &outcome_of(running))?;
        }
    }
    Ok(())
}

/// Writes the last of what one side is sent.
async fn farewell(writer: &mut (impl AsyncWrite + Unpin), mut output: BytesMut) {
    // It may be gone already.
    let _ = writer.write_all_buf(&mut output).await;
    let _ = writer.shutdown().await;
}
