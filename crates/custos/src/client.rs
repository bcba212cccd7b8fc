//! Talks to the running gateway over its admin socket.

use std::io;
use std::path::{Path, PathBuf};

use custos_api::Failure as ApiFailure;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::cli::GatewayArgs;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::machine::environment;

/// The largest answer that is not a stream.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The longest line of a recording; the format promises 1 MiB.
const LINE_BYTES_MAX: usize = 4 << 20;
/// Where `custos dev` puts its socket.
const DEV_SOCKET: &str = "custos-dev/admin.sock";
/// Where a gateway with the default configuration has it.
const DEFAULT_SOCKET: &str = "/var/lib/custos/admin.sock";

/// The admin API of one gateway.
#[derive(Debug)]
pub(crate) struct AdminClient {
    socket: PathBuf,
}

impl AdminClient {
    /// The gateway that the arguments, the environment, or the working directory name.
    pub(crate) fn find(arguments: &GatewayArgs) -> Result<Self, Failure> {
        Ok(Self::at(&socket(arguments)?))
    }

    /// The gateway at this socket.
    pub(crate) fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// A call whose answer is JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.json(Method::GET, path, Vec::new()).await
    }

    /// A call that hands something over and gets JSON back.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        self.json(Method::POST, path, body).await
    }

    /// A call without an answer.
    pub(crate) async fn command(&self, method: Method, path: &str) -> Result<(), Failure> {
        self.send(method, path, Vec::new()).await.map(drop)
    }

    /// Hands each line of a streamed answer to `each`, without its line feed.
    pub(crate) async fn lines(
        &self,
        path: &str,
        mut each: impl AsyncFnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut answer = self.send(Method::GET, path, Vec::new()).await?;
        let mut pending = Vec::new();
        while let Some(frame) = answer.body.frame().await {
            let frame = frame.map_err(|error| broken_off(&error))?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            pending.extend_from_slice(data);
            let mut start = 0;
            while let Some(length) = pending.iter().skip(start).position(|byte| *byte == b'\n') {
                each(pending.get(start..start + length).unwrap_or_default()).await?;
                start += length + 1;
            }
            pending.drain(..start);
            if pending.len() > LINE_BYTES_MAX {
                return Err(Failure::new(anyhow::anyhow!(
                    "a line of the recording is too long"
                )));
            }
        }
        if pending.is_empty() {
            Ok(())
        } else {
            each(&pending).await
        }
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let mut answer = self.send(method, path, body).await?;
        let answer = whole(&mut answer.body).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            Failure::new(
                anyhow::Error::new(error).context("the gateway's answer is not as expected"),
            )
            .hint("this command and the running gateway should be of the same version")
        })
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Answer, Failure> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.unreachable(error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // What breaks here shows in the answer.
            let _ = connection.await;
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "custos")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| broken_off(&error))?;
        if response.status().is_success() {
            return Ok(Answer {
                body: response.into_body(),
                _driver: driver,
            });
        }
        Err(refused(response).await)
    }

    fn unreachable(&self, error: io::Error) -> Failure {
        let socket = self.socket.display();
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "run this as root or as the gateway's own user".to_owned()
            }
            _ => "start a gateway with `custos serve --config FILE` or `custos dev`, \
                  or name its socket with --socket"
                .to_owned(),
        };
        Failure::new(anyhow::Error::new(error).context(format!("no gateway answers at {socket}")))
            .hint(hint)
    }
}

/// An answer that is good, and the task that moves its bytes.
struct Answer {
    body: Incoming,
    _driver: JoinSet<()>,
}

/// Flag, then environment, then configuration file, then the usual places.
fn socket(arguments: &GatewayArgs) -> Result<PathBuf, Failure> {
    if let Some(socket) = &arguments.socket {
        return Ok(socket.clone());
    }
    if arguments.config.is_none()
        && let Some(socket) = environment("CUSTOS_SOCKET")
    {
        return Ok(socket.into());
    }
    let file = arguments
        .config
        .clone()
        .or_else(|| environment("CUSTOS_CONFIG").map(PathBuf::from));
    if let Some(file) = file {
        let config = Config::load(&file).map_err(|error| Failure::new(error).exit(Exit::Usage))?;
        return Ok(config.admin_socket);
    }
    // The directory counts, not the socket: a development gateway that is not running is still meant.
    let dev = Path::new(DEV_SOCKET);
    let is_dev = dev.parent().is_some_and(Path::is_dir);
    Ok(if is_dev {
        dev
    } else {
        Path::new(DEFAULT_SOCKET)
    }
    .to_owned())
}

async fn whole(body: &mut Incoming) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken_off(&error))?;
        if let Some(data) = frame.data_ref() {
            answer.extend_from_slice(data);
        }
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(Failure::new(anyhow::anyhow!(
                "the gateway's answer is too long"
            )));
        }
    }
    Ok(answer)
}

/// The gateway's own words for what it did not do.
async fn refused(mut response: Response<Incoming>) -> Failure {
    let status = response.status();
    let text = match whole(response.body_mut()).await {
        Ok(text) => text,
        Err(failure) => return failure,
    };
    let Ok(failure) = serde_json::from_slice::<ApiFailure>(&text) else {
        return Failure::new(anyhow::anyhow!(
            "the gateway answered with HTTP status {status}"
        ));
    };
    let hint = match failure.code.as_str() {
        "evidence_unavailable" => Some("`custos status` tells what is failing"),
        "too_early" => Some("after a leak: custos key rotate --now"),
        "not_found" => Some("the `ls` commands tell what there is"),
        _ => None,
    };
    let mut chain = failure.causes.into_iter().rev().map(anyhow::Error::msg);
    let error = match chain.next() {
        Some(first) => chain
            .fold(first, |inner, outer| inner.context(outer.to_string()))
            .context(failure.error),
        None => anyhow::Error::msg(failure.error),
    };
    let exit = if status == StatusCode::FORBIDDEN {
        Exit::Denied
    } else {
        Exit::Failed
    };
    let failure = Failure::new(error).exit(exit);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn broken_off(error: &hyper::Error) -> Failure {
    Failure::new(anyhow::anyhow!("the gateway broke off: {error}"))
        .hint("`custos status` tells whether it still runs; its log says why")
}
