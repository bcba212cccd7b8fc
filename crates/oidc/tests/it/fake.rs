//! A provider made of pure functions, and a sign-in at it that has come to a given point.

use custos_jwt::{Algorithm, IssuerKeys, KeySet, Signer};
use custos_model::{Instant, Secret};
use custos_oidc::{
    Begun, Callback, ClaimSource, ClientAuthentication, CodeExchange, GroupsClaim, Mapping,
    Provider, Random, Redeeming, RelyingParty, ReturnPath, Settings, SignInRequest, TokenResponse,
};
use serde_json::{Map, Value, json};

/// Seconds since the epoch at which everything happens.
pub(crate) const NOW: u64 = 1_795_000_000;
pub(crate) const ACCESS_TOKEN: &str = "SlAV32hkKG";
pub(crate) const ASSERTION_ID: [u8; 16] = [9; 16];

pub(crate) fn at(seconds: u64) -> Instant {
    Instant {
        utc_ns: seconds * 1_000_000_000,
        mono_ns: seconds * 1_000_000_000,
    }
}

pub(crate) fn now() -> Instant {
    at(NOW)
}

pub(crate) fn random() -> Random {
    Random::new([0x69; 32], [2; 32], [3; 32], [4; 32])
}

/// A provider, its key, and the relying party that knows it.
pub(crate) struct Fake {
    pub(crate) issuer: String,
    pub(crate) signer: Signer,
    pub(crate) settings: Settings,
    pub(crate) document: Value,
}

impl Fake {
    pub(crate) fn new(name: &str) -> Self {
        let issuer = format!("https://{name}.example");
        Self {
            signer: Signer::generate().unwrap(),
            settings: settings(name, &issuer),
            document: document(&issuer),
            issuer,
        }
    }

    pub(crate) fn relying_party(&self) -> RelyingParty {
        RelyingParty::new(self.settings.clone()).unwrap()
    }

    pub(crate) fn provider(&self) -> Provider {
        let document = self.document.to_string();
        self.relying_party()
            .discovered(document.as_bytes())
            .unwrap()
    }

    /// The provider's keys as they come from its address.
    pub(crate) fn key_set(&self) -> Vec<u8> {
        json!({"keys": [self.signer.public_jwk()]})
            .to_string()
            .into_bytes()
    }

    pub(crate) fn keys(&self) -> IssuerKeys {
        let keys = KeySet::parse(&self.key_set()).unwrap();
        IssuerKeys::configured(self.provider().token_issuer().clone(), keys)
    }

    /// Claims of a good identity token.
    pub(crate) fn claims(&self, nonce: &str) -> Value {
        json!({
            "iss": self.issuer,
            "sub": "248289761001",
            "aud": "custos",
            "exp": NOW + 300,
            "iat": NOW,
            "nonce": nonce,
            "auth_time": NOW - 5,
            "preferred_username": "alice",
            "groups": ["sre", "analysts"],
            "sid": "session-1",
            "acr": "mfa",
            "amr": ["pwd", "otp"],
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.signer
            .sign("JWT", claims.as_object().unwrap())
            .unwrap()
    }

    pub(crate) fn begin(&self) -> Begun {
        let request = SignInRequest::new(ReturnPath::parse("/sessions").unwrap());
        self.provider().begin(&request, &random(), now()).unwrap()
    }

    /// A sign-in whose browser has come back with a good code.
    pub(crate) fn came_back(&self) -> CameBack {
        self.came_back_from(&SignInRequest::new(ReturnPath::parse("/sessions").unwrap()))
    }

    pub(crate) fn came_back_from(&self, request: &SignInRequest) -> CameBack {
        let begun = self.provider().begin(request, &random(), now()).unwrap();
        let nonce = sent(&begun, "nonce");
        let query = format!(
            "code=good&state={}&iss={}",
            begun.pending.state(),
            self.issuer
        );
        let CodeExchange { request, redeeming } = self
            .provider()
            .callback(
                begun.pending,
                &Callback::parse(&query).unwrap(),
                begun.browser.expose(),
                ASSERTION_ID,
                now(),
            )
            .unwrap();
        CameBack {
            nonce,
            redeeming,
            body: request.body.unwrap(),
        }
    }
}

/// A sign-in whose code is to be exchanged.
pub(crate) struct CameBack {
    pub(crate) nonce: String,
    pub(crate) redeeming: Redeeming,
    pub(crate) body: Secret,
}

pub(crate) fn settings(name: &str, issuer: &str) -> Settings {
    Settings {
        name: name.to_owned(),
        issuer: issuer.to_owned(),
        loopback: false,
        client_id: "custos".to_owned(),
        client_authentication: ClientAuthentication::Secret(Secret::new("s3cret+/".to_owned())),
        redirect_uri: format!("https://custos.example.com/oidc/{name}/callback"),
        scopes: vec!["profile".to_owned(), "groups".to_owned()],
        algorithms: vec![Algorithm::Es256, Algorithm::Rs256],
        max_age: None,
        s256_unadvertised: false,
        untyped_logout_tokens: false,
        offline_access: false,
        mapping: Mapping {
            source: ClaimSource::IdToken,
            name: vec![
                "preferred_username".parse().unwrap(),
                "email".parse().unwrap(),
            ],
            groups: Some(GroupsClaim {
                path: "groups".parse().unwrap(),
                optional: false,
            }),
        },
    }
}

pub(crate) fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_post", "private_key_jwt"
        ],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "some_extension": {"a": [1, 2.5, null]},
    })
}

/// The value as JSON with one member another, or without it.
pub(crate) fn with(mut value: Value, name: &str, other: Option<Value>) -> Value {
    let members: &mut Map<String, Value> = value.as_object_mut().unwrap();
    match other {
        Some(other) => members.insert(name.to_owned(), other),
        None => members.remove(name),
    };
    value
}

pub(crate) fn answer(id_token: &str) -> Value {
    json!({
        "access_token": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": "8xLOxBtZp8",
        "id_token": id_token,
    })
}

pub(crate) fn parse(answer: &Value) -> TokenResponse {
    TokenResponse::parse(200, answer.to_string().as_bytes()).unwrap()
}

/// A parameter of the request that the browser carries.
pub(crate) fn sent(begun: &Begun, name: &str) -> String {
    let (_, query) = begun.url.expose().split_once('?').unwrap();
    let prefix = format!("{name}=");
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&prefix));
    value
        .unwrap_or_else(|| panic!("{name} was not sent"))
        .to_owned()
}
