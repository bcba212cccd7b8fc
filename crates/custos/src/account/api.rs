//! The gateway's API for people, `/v1/…`, by the access token of a sign-in.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::http::{Answer, Body, HttpError, Request};
use super::sign_in::SignIn;
use super::told;
use crate::failure::{Exit, Failure};

/// A statement of 1 MiB, in JSON.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// What the gateway says when it does not do it.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    code: String,
}

/// How a sign-in came to its end at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It ended it now.
    Now,
    /// It knew it no more.
    Before,
}

impl SignIn {
    /// Reads something.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        self.json(&Method::GET, path, None).await
    }

    /// Hands something over and reads the answer.
    pub(crate) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        json: Vec<u8>,
    ) -> Result<T, Failure> {
        self.json(&Method::POST, path, Some(json)).await
    }

    /// Asks for something to be ended.
    pub(crate) async fn delete(&mut self, path: &str) -> Result<(), Failure> {
        self.command(&Method::DELETE, path, None).await
    }

    /// Hands something over, for no answer.
    pub(crate) async fn command(
        &mut self,
        method: &Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<(), Failure> {
        let answer = self.send(method, path, json).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(self.refusal(&answer))
    }

    /// Ends the sign-in at the gateway, with all that hangs on it.
    pub(crate) async fn end(&mut self) -> Result<Ended, Failure> {
        let answer = match self.send(&Method::DELETE, "/v1/my/sign-in", None).await {
            Err(failure) if failure.exit_code() == Exit::SignIn => return Ok(Ended::Before),
            answer => answer?,
        };
        match answer.status {
            StatusCode::UNAUTHORIZED => Ok(Ended::Before),
            status if status.is_success() => Ok(Ended::Now),
            _ => Err(self.refusal(&answer)),
        }
    }

    async fn json<T: DeserializeOwned>(
        &mut self,
        method: &Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<T, Failure> {
        let answer = self.send(method, path, json).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            // The answer may hold a secret: where, not what.
            let place = format!("line {}, column {}", error.line(), error.column());
            Failure::new(
                anyhow::Error::msg(place).context("the gateway's answer is not as expected"),
            )
            .hint("this command and the gateway should be of the same version")
        })
    }

    /// Sends it; once more with a new token when the first one is not taken.
    async fn send(
        &mut self,
        method: &Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<Answer, Failure> {
        let url = self.gateway().below(path)?;
        let mut token = self.access().await?;
        let mut renewed = false;
        loop {
            let request = Request {
                method: method.clone(),
                url: &url,
                bearer: Some(&token),
                body: json.clone().map_or(Body::Nothing, Body::Json),
                answer_bytes_max: ANSWER_BYTES_MAX,
            };
            let answer = self.http().send(request).await;
            let answer = answer.map_err(HttpError::into_failure)?;
            if answer.status != StatusCode::UNAUTHORIZED || renewed {
                return Ok(answer);
            }
            token = self.renew().await?;
            renewed = true;
        }
    }

    fn refusal(&self, answer: &Answer) -> Failure {
        if answer.status == StatusCode::UNAUTHORIZED {
            return self.ended();
        }
        let (said, code) = match serde_json::from_slice::<Refusal>(&answer.body) {
            Ok(refusal) => (told(&refusal.error), refusal.code),
            Err(_) => (
                format!("the gateway answered with HTTP status {}", answer.status),
                String::new(),
            ),
        };
        let failure = Failure::new(anyhow::Error::msg(said));
        let list = "`custos connect` lists what you may open";
        match answer.status {
            StatusCode::FORBIDDEN if code == "not_an_administrator" => failure
                .exit(Exit::Denied)
                .hint("who runs the gateway sees with `custos administrator ls` who is one"),
            StatusCode::FORBIDDEN if code == "administrator_token" => failure
                .exit(Exit::Denied)
                .hint("the gateway makes a new one at each start, as long as nobody has used one"),
            StatusCode::FORBIDDEN if code == "denied" => failure.exit(Exit::Denied).hint(list),
            StatusCode::FORBIDDEN => failure.exit(Exit::Denied),
            StatusCode::NOT_FOUND if code == "no_such_request" => {
                failure.hint("`custos request ls` lists what is open")
            }
            StatusCode::NOT_FOUND => failure.hint(list),
            StatusCode::TOO_MANY_REQUESTS => failure.hint("wait a minute and try again"),
            _ => failure,
        }
    }
}
