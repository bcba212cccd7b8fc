//! A gateway's HTTP side, as far as the command line sees it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    bearer: Option<String>,
    body: String,
}

impl Request {
    /// A member of its form.
    pub(crate) fn field(&self, name: &str) -> String {
        form(&self.body).remove(name).unwrap_or_default()
    }
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    Response {
        status,
        headers: String::new(),
        body: body.to_string(),
    }
}

/// What the gateway knows.
pub(crate) struct State {
    /// Generation of the tokens that are good now; 0 when there is no sign-in.
    pub(crate) generation: u32,
    pub(crate) expires_in: u64,
    /// How often a refresh token was used.
    pub(crate) refreshes: u32,
    /// Answers to polls for a device, before the good one.
    pub(crate) polls: Vec<&'static str>,
    pub(crate) asked: Vec<String>,
    codes: BTreeMap<String, String>,
}

type Answering = Box<dyn Fn(&Request) -> Option<Response> + Send + Sync>;

struct Shared {
    url: String,
    ca: String,
    state: Mutex<State>,
    instead: Answering,
}

pub(crate) struct Server {
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| None)
    }

    /// Whatever `instead` answers is the answer.
    pub(crate) fn with(
        instead: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        Self::listen(None, Box::new(instead))
    }

    /// By `https`, with a certificate for `localhost`; also its PEM.
    pub(crate) fn tls() -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let server = Self::listen(Some(Arc::new(config)), Box::new(|_| None));
        (server, made.cert.pem())
    }

    fn listen(tls: Option<Arc<rustls::ServerConfig>>, instead: Answering) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = match &tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let made = rcgen::generate_simple_self_signed(vec!["gw.example.com".to_owned()]);
        let shared = Arc::new(Shared {
            url,
            ca: made.unwrap().cert.pem(),
            state: Mutex::new(State {
                generation: 0,
                expires_in: 3600,
                refreshes: 0,
                polls: Vec::new(),
                asked: Vec::new(),
                codes: BTreeMap::new(),
            }),
            instead,
        });
        let server = Self {
            shared: shared.clone(),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared, tls) = (stream.unwrap(), shared.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let connection = rustls::ServerConnection::new(config).unwrap();
                        shared.serve(rustls::StreamOwned::new(connection, stream));
                    }
                    None => shared.serve(stream),
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.shared.url
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    /// What the sign-in page does when somebody has signed in there: where it sends the browser.
    pub(crate) fn authorize(&self, url: &str) -> String {
        let (place, query) = url.split_once('?').unwrap();
        assert_eq!(place, format!("{}/oauth/authorize", self.url()));
        let query = form(query);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "custos-cli");
        assert_eq!(query["code_challenge_method"], "S256");
        let mut state = self.state();
        let code = format!("code-{}", state.codes.len());
        state
            .codes
            .insert(code.clone(), query["code_challenge"].clone());
        let answer = pairs(&[
            ("code", &code),
            ("state", &query["state"]),
            ("iss", self.url()),
        ]);
        format!("{}?{answer}", query["redirect_uri"])
    }
}

impl Shared {
    fn serve(&self, mut stream: impl Read + Write) {
        // A client that does not believe the certificate hangs up.
        let Some(request) = read(&mut stream) else {
            return;
        };
        let asked = format!("{} {}", request.method, request.path);
        self.state.lock().unwrap().asked.push(asked);
        let answer = (self.instead)(&request).unwrap_or_else(|| self.answer(&request));
        let text = format!(
            "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}\r\n{}",
            answer.status,
            answer.body.len(),
            answer.headers,
            answer.body
        );
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.flush();
    }

    fn answer(&self, request: &Request) -> Response {
        let mut state = self.state.lock().unwrap();
        if request.path.starts_with("/v1/") {
            return self.api(&mut state, request);
        }
        match request.path.as_str() {
            "/.well-known/oauth-authorization-server" => answer(200, &metadata(&self.url)),
            "/oauth/token" => token(&mut state, request),
            "/oauth/device_authorization" => answer(
                200,
                &json!({
                    "device_code": "device-1", "user_code": "BCDF-GHJK", "expires_in": 600,
                    "verification_uri": format!("{}/device", self.url), "interval": 1,
                    "verification_uri_complete": format!("{}/device?user_code=BCDF-GHJK", self.url),
                }),
            ),
            _ => answer(
                404,
                &json!({"error": "there is nothing here", "code": "not_found"}),
            ),
        }
    }

    fn api(&self, state: &mut State, request: &Request) -> Response {
        if state.generation == 0 || request.bearer != Some(access(state.generation)) {
            return answer(
                401,
                &json!({"error": "sign in first", "code": "unauthenticated"}),
            );
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/v1/whoami") => answer(
                200,
                &json!({
                    "principal": {
                        "issuer": "https://login.example.com", "subject": "00u1", "name": "alice",
                        "kind": "human", "groups": ["idp:developers", "idp:on-call"],
                    },
                    "sign_in": {
                        "id": "0194a000-0000-7000-8000-000000000001", "provider": "company",
                        "authenticated_utc": "2026-11-21T08:00:00Z",
                        "expires_utc": "2026-11-21T20:00:00Z",
                    },
                }),
            ),
            ("GET", "/v1/my/resources") => answer(
                200,
                &json!({"resources": [
                    {"name": "postgres/orders", "protocol": "postgres"},
                    {"name": "postgres/shop", "protocol": "postgres"},
                ]}),
            ),
            ("POST", "/v1/my/connections") => self.connection(request),
            ("DELETE", "/v1/my/sign-in") => {
                state.generation = 0;
                Response {
                    status: 204,
                    headers: String::new(),
                    body: String::new(),
                }
            }
            _ => answer(
                404,
                &json!({"error": "there is nothing here", "code": "not_found"}),
            ),
        }
    }

    fn connection(&self, request: &Request) -> Response {
        let asked: Value = serde_json::from_str(&request.body).unwrap();
        let resource = asked["resource"].as_str().unwrap();
        match resource {
            "postgres/orders" => {
                let text = "you may not open postgres/orders";
                return answer(403, &json!({"error": text, "code": "denied"}));
            }
            "postgres/shop" => {}
            _ => {
                let text = format!("there is no resource {resource}");
                return answer(404, &json!({"error": text, "code": "not_found"}));
            }
        }
        let seconds = asked["ttl_seconds"].as_u64().unwrap();
        answer(
            201,
            &json!({
                "id": "0194a000-0000-7000-8000-000000000002", "secret": format!("cus_for_{seconds}_s"),
                "login_name": "alice", "resource": resource, "protocol": "postgres",
                "host": "gw.example.com", "port": 6432, "tls": true, "ca_certificates": self.ca,
                "database": "shopdb", "expires_utc": "2026-11-21T09:00:00Z",
            }),
        )
    }
}

pub(crate) fn metadata(url: &str) -> Value {
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/oauth/authorize"),
        "token_endpoint": format!("{url}/oauth/token"),
        "device_authorization_endpoint": format!("{url}/oauth/device_authorization"),
        "revocation_endpoint": format!("{url}/oauth/revoke"),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn token(state: &mut State, request: &Request) -> Response {
    let refused = |code: &str| answer(400, &json!({"error": code}));
    assert_eq!(request.field("client_id"), "custos-cli");
    match request.field("grant_type").as_str() {
        "authorization_code" => {
            let verifier = request.field("code_verifier");
            let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
            let challenge = state.codes.remove(&request.field("code"));
            if challenge != Some(URL_SAFE_NO_PAD.encode(hash)) {
                return refused("invalid_grant");
            }
            state.generation += 1;
        }
        "refresh_token" => {
            state.refreshes += 1;
            if request.field("refresh_token") != format!("refresh-{}", state.generation) {
                // Used twice: nobody knows by whom, so the sign-in ends (RFC 9700 section 4.14.2).
                state.generation = 0;
                return refused("invalid_grant");
            }
            state.generation += 1;
        }
        "urn:ietf:params:oauth:grant-type:device_code" => {
            assert_eq!(request.field("device_code"), "device-1");
            if !state.polls.is_empty() {
                return refused(state.polls.remove(0));
            }
            state.generation += 1;
        }
        _ => return refused("unsupported_grant_type"),
    }
    answer(
        200,
        &json!({
            "access_token": access(state.generation), "token_type": "Bearer",
            "expires_in": state.expires_in, "refresh_token": format!("refresh-{}", state.generation),
        }),
    )
}

fn access(generation: u32) -> String {
    format!("access-{generation}")
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut bearer) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => bearer = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        bearer,
        body: String::from_utf8(body).unwrap(),
    })
}

fn form(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs).finish()
}
