//! Keyboard-interactive (RFC 4256): a client without anything to prove itself with shows where its person signs in, and waits.
//!
//! There is one question. Its answer is empty when she has signed in, or before; the client then waits until she has. Whoever
//! has a connection credential may enter that instead: clients take this method before `password`, and many have a password
//! ready for whatever question speaks of one. Address and code are part of the question, because what stands above it is
//! not shown by quiet clients, nor by programs that ask in a window.

use bytes::Bytes;
use custos_session::{Accepted, DeviceApproval, DeviceWait, Session, SessionError};
use custos_ssh_wire::Broken;
use custos_ssh_wire::message::{information_request, information_responses, number};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use crate::link::{Link, LinkError, of_client};

/// What came of the question.
#[derive(Debug)]
pub(crate) enum Answered {
    /// Somebody has let the connection in.
    Approved(DeviceApproval),
    /// The client has a credential after all.
    Credential(Zeroizing<Vec<u8>>),
    /// The client goes on by another request, which ends this one (RFC 4256 section 3.1).
    Otherwise(Bytes),
    /// The client is gone.
    Left,
}

/// Asks, and waits until the client has answered and somebody has decided.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    session: &Session<Accepted>,
    wait: &DeviceWait,
) -> Result<Answered, SessionError> {
    let (text, question) = words(wait);
    link.transport
        .send_with(|out| information_request(out, "", &text, &[(&question, false)]))
        .map_err(of_client)?;
    let approved = session.device_approved(wait);
    tokio::pin!(approved);
    let (mut approval, mut is_answered) = (None, false);
    loop {
        if is_answered && let Some(approval) = approval.take() {
            return Ok(Answered::Approved(approval));
        }
        let payload = tokio::select! {
            payload = link.next() => payload,
            decided = &mut approved, if approval.is_none() => {
                approval = Some(decided?);
                continue;
            }
            interrupt = session.interrupted(None) => {
                return Err(SessionError::Interrupted(interrupt));
            }
        };
        let payload = match payload {
            Ok(payload) => payload,
            Err(LinkError::Closed | LinkError::Broken(Broken::Disconnected { .. })) => {
                return Ok(Answered::Left);
            }
            Err(error) => return Err(error.of_client()),
        };
        match payload.first() {
            Some(&number::USERAUTH_INFO_RESPONSE) if !is_answered => {
                if let Some(credential) = credential(&payload)? {
                    return Ok(Answered::Credential(credential));
                }
                is_answered = true;
            }
            Some(&number::USERAUTH_REQUEST) => return Ok(Answered::Otherwise(payload)),
            other => {
                let number = other.copied().unwrap_or_default();
                return Err(of_client(Broken::Unexpected(number)));
            }
        }
    }
}

/// What stands above the question, and the question.
fn words(wait: &DeviceWait) -> (String, String) {
    let lasts = match wait.lasts().as_secs() {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    };
    let text = format!("Sign in in a browser to open this connection. It waits for {lasts}.");
    let question = format!(
        "Sign in at {} with the code {}, then press Enter, or enter a connection password: ",
        wait.verification_uri(),
        wait.user_code()
    );
    (text, question)
}

/// What was answered, where it is more than Enter. Some clients send no answer for an empty one.
fn credential(payload: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, SessionError> {
    let mut answers = information_responses(payload)
        .map_err(|error| of_client(Broken::Malformed("answers", error)))?;
    if answers.len() > 1 {
        return Err(of_client(Broken::Unexpected(
            number::USERAUTH_INFO_RESPONSE,
        )));
    }
    Ok(answers.pop().filter(|answer| !answer.is_empty()))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use custos_ssh_wire::Put as _;
    use custos_ssh_wire::message::number;

    use super::credential;

    fn answers(texts: &[&str]) -> BytesMut {
        let mut out = BytesMut::new();
        out.byte(number::USERAUTH_INFO_RESPONSE);
        out.uint32(texts.len() as u32);
        for text in texts {
            out.string(text);
        }
        out
    }

    #[test]
    fn enter_is_no_credential_and_two_answers_are_none() {
        for enter in [&[][..], &[""]] {
            assert_eq!(credential(&answers(enter)).unwrap(), None);
        }
        let given = credential(&answers(&["cus_x"])).unwrap().unwrap();
        assert_eq!(given.as_slice(), b"cus_x");
        credential(&answers(&["", ""])).unwrap_err();
        credential(b"\x3d\0\0\0\x01").unwrap_err();
    }
}
