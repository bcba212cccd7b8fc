//! The authorization endpoint (RFC 6749 section 4.1.1 with RFC 7636, 8252, 8707, 9207).

use std::fmt;
use std::sync::Arc;

use custos_model::{Secret, SignInId};

use crate::call::{Call, Outcome};
use crate::client::{Client, ClientId, ClientKind};
use crate::code::Code;
use crate::event::{Consent, Endpoint, Event};
use crate::grant_type::GrantType;
use crate::opaque::SecretHash;
use crate::parameters::Parameters;
use crate::pkce::Challenge;
use crate::reason::Reason;
use crate::redirect_uri::RedirectUri;
use crate::refusal::Refusal;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::state::{GrantId, State};

/// Longest `state`, in bytes.
pub const MAX_STATE_BYTES: usize = 1024;

/// An authorization request that may be put before a person.
#[derive(Clone, Debug)]
pub struct AuthorizeRequest {
    client: Arc<Client>,
    redirect_uri: RedirectUri,
    state: Option<Secret>,
    challenge: Challenge,
    scopes: Scopes,
}

/// The browser is sent there, with status 303 (RFC 9700 section 4.12). `Debug` shows nothing: it may hold a code.
#[derive(Clone)]
pub struct Redirect(Secret);

/// How a request fails.
#[derive(Debug)]
pub enum AuthorizeRefusal {
    /// Show it to the person, with the refusal's status, and send the browser nowhere.
    Page(Refusal),
    /// Send the browser back to the client, which learns of it.
    Redirect {
        /// Where to.
        to: Redirect,
        /// Why.
        refusal: Refusal,
    },
}

/// Where an answer would go.
struct Answerable {
    client: Arc<Client>,
    redirect_uri: RedirectUri,
    state: Option<Secret>,
}

impl AuthorizationServer {
    /// Judges the query of an authorization request, without its `?`. Nobody need be signed in for that.
    ///
    /// `response_type=code`; PKCE with S256; a loopback redirect URI of the client; `state` of at most 1 KiB of
    /// printable ASCII; `resource`, if given, is the base URL. Unknown parameters are ignored (RFC 6749 section 3.1).
    pub fn authorize(&self, query: &[u8]) -> Outcome<AuthorizeRequest, AuthorizeRefusal> {
        let (answer, client) = match self.answerable(query) {
            Err(refusal) => (Err(AuthorizeRefusal::Page(refusal)), None),
            Ok((parameters, answerable)) => {
                let client = Some(answerable.client.id.clone());
                let request = self.request(&parameters, &answerable);
                let answer = request.map_err(|refusal| self.sent_back(&answerable, refusal));
                (answer, client)
            }
        };
        recorded(client, answer, Vec::new())
    }

    /// Whoever sends the request is known by then, and how to answer it.
    fn answerable(&self, query: &[u8]) -> Result<(Parameters, Answerable), Refusal> {
        let parameters = Parameters::from_query(query)?;
        for name in ["client_id", "redirect_uri"] {
            if parameters.is_repeated(name) {
                return Err(Reason::ParameterRepeated.into());
            }
        }
        let client = self
            .clients
            .get(parameters.require("client_id")?)
            .ok_or(Reason::ClientUnknown)?;
        let redirect_uri = parameters.require("redirect_uri")?;
        let ClientKind::Public {
            callback_path: Some(path),
        } = client.kind
        else {
            return Err(Reason::RedirectUri.into());
        };
        let redirect_uri = RedirectUri::parse(redirect_uri, path).ok_or(Reason::RedirectUri)?;
        let state = parameters.get("state").filter(|state| is_state(state));
        let answerable = Answerable {
            client,
            redirect_uri,
            state: state.map(|state| Secret::new(state.to_owned())),
        };
        Ok((parameters, answerable))
    }

    fn request(
        &self,
        parameters: &Parameters,
        from: &Answerable,
    ) -> Result<AuthorizeRequest, Refusal> {
        parameters.refuse_repeated()?;
        if parameters
            .get("state")
            .is_some_and(|state| !is_state(state))
        {
            return Err(Refusal::malformed("state"));
        }
        if parameters.get("request").is_some() {
            return Err(Reason::RequestObject.into());
        }
        if parameters.get("request_uri").is_some() {
            return Err(Reason::RequestUri.into());
        }
        if parameters.require("response_type")? != "code" {
            return Err(Reason::ResponseType.into());
        }
        if !from.client.grants.contains(&GrantType::AuthorizationCode) {
            return Err(Reason::ClientGrant.into());
        }
        if parameters
            .get("response_mode")
            .is_some_and(|mode| mode != "query")
        {
            return Err(Reason::ResponseMode.into());
        }
        let challenge = Challenge::parse(parameters)?;
        self.is_own_resource(parameters)?;
        Ok(AuthorizeRequest {
            scopes: from.client.scopes.narrowed(parameters.get("scope"))?,
            client: Arc::clone(&from.client),
            redirect_uri: from.redirect_uri.clone(),
            state: from.state.clone(),
            challenge,
        })
    }

    /// RFC 8707 section 2: tokens of ours are for us.
    pub(crate) fn is_own_resource(&self, parameters: &Parameters) -> Result<(), Reason> {
        match parameters.get("resource") {
            Some(resource) if resource != self.base_url.as_str() => Err(Reason::ResourceNotOurs),
            _ => Ok(()),
        }
    }

    /// Gives the client a code for a person who is signed in and has agreed. The code is good once, for a minute.
    pub fn grant_code(
        &mut self,
        request: AuthorizeRequest,
        sign_in: SignInId,
        consent: Consent,
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Outcome<Redirect, AuthorizeRefusal> {
        let client = request.client.id.clone();
        let answerable = request.answerable();
        let mut events = Vec::new();
        let answer = self.new_code(request, sign_in, state, call).map_or_else(
            |refusal| Err(self.sent_back(&answerable, refusal)),
            |(code, secret)| {
                events.push(Event::CodeIssued {
                    client: code.client,
                    sign_in,
                    grant: code.grant,
                    scopes: code.scopes,
                    consent,
                });
                Ok(self.redirect(&answerable, &[("code", secret.expose())]))
            },
        );
        recorded(Some(client), answer, events)
    }

    /// Tells the client that the person said no.
    pub fn refuse_code(&self, request: &AuthorizeRequest) -> Outcome<Redirect, AuthorizeRefusal> {
        let refusal = Reason::PersonRefused.into();
        let answer = Err(self.sent_back(&request.answerable(), refusal));
        recorded(Some(request.client.id.clone()), answer, Vec::new())
    }

    fn new_code(
        &mut self,
        request: AuthorizeRequest,
        sign_in: SignInId,
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Result<(Code, Secret), Refusal> {
        if state.sign_ins.live(sign_in, call.now)?.is_none() {
            return Err(Reason::SignInNotLive.into());
        }
        let secret = call.secret();
        let code = Code {
            client: request.client.id.clone(),
            redirect_uri: request.redirect_uri,
            challenge: request.challenge,
            sign_in,
            scopes: request.scopes,
            grant: GrantId::from_bytes(call.bytes()),
        };
        let hash = SecretHash::of(secret.expose());
        self.codes.insert(hash, code.clone(), call.mono_ns())?;
        Ok((code, secret))
    }

    fn sent_back(&self, to: &Answerable, refusal: Refusal) -> AuthorizeRefusal {
        let description = refusal.description();
        let pairs = [
            ("error", refusal.error().as_str()),
            ("error_description", description.as_str()),
        ];
        AuthorizeRefusal::Redirect {
            to: self.redirect(to, &pairs),
            refusal,
        }
    }

    /// With `state` as it came and `iss` (RFC 9207), in errors too.
    fn redirect(&self, to: &Answerable, pairs: &[(&str, &str)]) -> Redirect {
        let mut pairs = pairs.to_vec();
        if let Some(state) = &to.state {
            pairs.push(("state", state.expose()));
        }
        pairs.push(("iss", self.base_url.as_str()));
        Redirect(Secret::new(to.redirect_uri.with(&pairs)))
    }
}

impl AuthorizeRequest {
    /// The client's id.
    pub fn client(&self) -> &ClientId {
        &self.client.id
    }

    /// The client's name, for people.
    pub fn client_name(&self) -> &str {
        &self.client.name
    }

    /// What it asks for.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Where the answer goes.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    fn answerable(&self) -> Answerable {
        Answerable {
            client: Arc::clone(&self.client),
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
        }
    }
}

impl Redirect {
    /// The value of `Location`.
    pub fn location(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Redirect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Redirect(…)")
    }
}

impl AuthorizeRefusal {
    /// Why.
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::Page(refusal) | Self::Redirect { refusal, .. } => refusal,
        }
    }
}

/// RFC 6749 appendix A.5.
fn is_state(text: &str) -> bool {
    text.len() <= MAX_STATE_BYTES && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

fn recorded<T>(
    client: Option<ClientId>,
    answer: Result<T, AuthorizeRefusal>,
    mut events: Vec<Event>,
) -> Outcome<T, AuthorizeRefusal> {
    if let Err(refusal) = &answer {
        let refused = Event::refused(Endpoint::Authorization, client, refusal.refusal());
        events.push(refused);
    }
    Outcome { answer, events }
}
