//! A CI job presents its platform's own token as password, with plain psql.

use std::time::Duration;

use custos_jwt::Signer;
use custos_testkit::{
    Custos, Endpoint, PATIENCE, Postgres, Settings, Version, run, signal, start, wait_for,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const AUDIENCE: &str = "https://custos.example.com";
const REPOSITORY_ID: &str = "456789";

/// An issuer whose keys the gateway has in a file.
struct Platform {
    signer: Signer,
    directory: TempDir,
}

impl Platform {
    fn new() -> Self {
        let signer = Signer::generate().expect("a key can be made");
        let directory = tempfile::tempdir().expect("a directory can be made");
        let platform = Self { signer, directory };
        let keys = json!({"keys": [platform.signer.public_jwk()]});
        std::fs::write(platform.keys_file(), keys.to_string()).expect("the keys can be written");
        platform
    }

    fn keys_file(&self) -> std::path::PathBuf {
        self.directory.path().join("keys.json")
    }

    fn settings(&self) -> Settings {
        let access = format!(
            r#"
[[workload_issuer]]
name = "github"
kind = "github-actions"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
keys_file = "{}"

[[workload]]
name = "shop-ci"
issuer = "github"
claims = ["repository_id={REPOSITORY_ID}", "environment=prod"]
groups = ["ci"]

[[access]]
name = "ci"
principals = ["group:ci"]
resources = ["postgres/shop"]
"#,
            self.keys_file().display()
        );
        Settings {
            access,
            ..Settings::default()
        }
    }

    /// What GitHub Actions says of a job, with some of it changed; null takes a claim away.
    fn token(&self, changes: &Value) -> String {
        let now = now_seconds();
        let claims = json!({
            "iss": ISSUER,
            "sub": "repo:acme/shop:environment:prod",
            "aud": AUDIENCE,
            "exp": now + 300,
            "iat": now,
            "nbf": now - 5,
            "jti": format!("job-{now}-{changes}"),
            "repository": "acme/shop",
            "repository_id": REPOSITORY_ID,
            "repository_owner_id": "123",
            "environment": "prod",
            "ref": "refs/heads/main",
            "workflow": "migrate",
            "job_workflow_ref": "acme/shop/.github/workflows/migrate.yml@refs/heads/main",
            "run_id": "987654321",
            "run_attempt": "1",
            "event_name": "push",
        });
        let Value::Object(mut claims) = claims else {
            return String::new();
        };
        for (name, value) in changes.as_object().into_iter().flatten() {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        self.sign(&claims)
    }

    fn sign(&self, claims: &Map<String, Value>) -> String {
        self.signer
            .sign("JWT", claims)
            .expect("claims can be signed")
    }
}

fn now_seconds() -> u64 {
    custos_testkit::now_utc().as_secs()
}

fn world() -> (Platform, Custos) {
    let platform = Platform::new();
    let custos = Custos::start_with(&platform.settings());
    custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
    (platform, custos)
}

fn endpoint(custos: &Custos, token: &str) -> Endpoint {
    let credential = custos.issue("nobody", "postgres/shop");
    Endpoint {
        user: "shop-ci".to_owned(),
        password: token.to_owned(),
        ..custos.endpoint(&credential, "shop")
    }
}

#[test]
fn a_job_signs_in_with_its_own_token_and_the_record_says_which() {
    let (platform, custos) = world();
    let token = platform.token(&json!({}));
    let job = endpoint(&custos, &token);
    assert_eq!(job.query("select 1").success(), "1\n");
    // A job connects more than once, and may name its resource in words.
    let mut psql = job.psql(&["-Atq", "-c", "select 2"]);
    psql.env("PGOPTIONS", "-c custos.resource=postgres/shop");
    assert_eq!(run(&mut psql, PATIENCE).success(), "2\n");
    custos.wait_for_ended_sessions(2);
    let stopped = custos.finish();
    for start in stopped.evidence.of_type("session.start") {
        let (actor, detail) = (&start["actor"], &start["detail"]);
        assert_eq!(actor["iss"], ISSUER, "{start}");
        assert_eq!(actor["sub"], "repo:acme/shop:environment:prod", "{start}");
        assert_eq!(actor["name"], "shop-ci", "{start}");
        assert_eq!(actor["kind"], "workload", "{start}");
        assert_eq!(actor["groups"], json!(["ci"]), "{start}");
        assert_eq!(detail["provider"], "github", "{start}");
        let claims = detail["claims"].as_str().unwrap_or_default();
        for fact in [
            "repository_id=456789",
            "workflow=migrate",
            "run_id=987654321",
            "job_workflow_ref=acme/shop/.github/workflows/migrate.yml@refs/heads/main",
        ] {
            assert!(
                claims.split(' ').any(|claim| claim == fact),
                "{fact}: {start}"
            );
        }
    }
    assert_eq!(stopped.evidence.sessions().len(), 2);
    let begins = token.get(..64).expect("a token is long");
    assert!(!stopped.log.contains(begins), "the token is in the log");
}

#[test]
fn other_tokens_are_refused_each_with_its_reason_on_record() {
    let (platform, custos) = world();
    let stranger = Platform::new();
    let now = now_seconds();
    let refused = [
        (
            platform.token(&json!({"repository_id": "456780"})),
            "`repository_id` is not that of the workload",
        ),
        (
            platform.token(&json!({"repository_id": null})),
            "`repository_id` is not that of the workload",
        ),
        (
            platform.token(&json!({"environment": "dev"})),
            "`environment` is not that of the workload",
        ),
        (
            platform.token(&json!({"aud": "https://github.com/acme"})),
            "for somebody else",
        ),
        (
            platform.token(&json!({"iss": "https://evil.example"})),
            "from another issuer",
        ),
        (
            platform.token(&json!({"exp": now - 61, "iat": now - 300})),
            "expired",
        ),
        (
            platform.token(&json!({"exp": (now + 300).to_string()})),
            "`exp` is malformed",
        ),
        (stranger.token(&json!({})), "no such key"),
        ("eyJhbGciOiJub25lIn0.e30.".to_owned(), "refused"),
        ("no token at all".to_owned(), "three parts"),
    ];
    for (token, _) in &refused {
        let heard = endpoint(&custos, token).query("select 1").failure();
        assert!(
            heard.contains("password authentication failed for user \"shop-ci\""),
            "{heard}"
        );
    }
    let evidence = custos.finish().evidence;
    let failed: Vec<_> = evidence.of_type("login.failed").collect();
    assert_eq!(failed.len(), refused.len(), "{evidence}");
    for (record, (_, reason)) in failed.iter().zip(&refused) {
        let said = record["reason"].as_str().unwrap_or_default();
        assert!(said.contains(reason), "wanted {reason}: {record}");
        assert_eq!(record["detail"]["method"], "token", "{record}");
    }
    assert_eq!(evidence.sessions().len(), 0);
}

#[test]
fn a_token_that_is_taken_elsewhere_is_refused() {
    let (platform, custos) = world();
    let job = endpoint(&custos, &platform.token(&json!({})));
    assert_eq!(job.query("select 1").success(), "1\n");
    // The same token from another address.
    let relay = custos_testkit::Relay::from_address([127, 0, 0, 2].into(), job.port);
    let thief = Endpoint {
        port: relay.port(),
        ..job.clone()
    };
    let heard = thief.query("select 1").failure();
    assert!(heard.contains("password authentication failed"), "{heard}");
    let evidence = custos.finish().evidence;
    let reason = &evidence.only("login.failed")["reason"];
    assert_eq!(
        reason,
        "the token was presented from another address before"
    );
}

#[test]
fn a_session_ends_with_its_token() {
    let (platform, custos) = world();
    let lasts = 3;
    let token = platform.token(&json!({"exp": now_seconds() + lasts}));
    let job = endpoint(&custos, &token);
    let begun = custos_testkit::now_utc();
    let heard = job.query("select pg_sleep(60)").failure();
    let lasted = custos_testkit::now_utc().saturating_sub(begun);
    assert!(heard.contains("has expired"), "{heard}");
    assert!(lasted < Duration::from_secs(lasts + 1), "{lasted:?}");
    let evidence = custos.finish().evidence;
    let end = evidence.only("session.end");
    assert_eq!(end["outcome"], "interrupted", "{end}");
}

#[test]
fn a_session_ends_with_its_token_also_while_the_gateway_stops() {
    let (platform, mut custos) = world();
    let token = platform.token(&json!({"exp": now_seconds() + 4}));
    let job = endpoint(&custos, &token);
    let mut psql = start(&mut job.psql(&["-Atq"]));
    psql.write("select 'ready';\nselect pg_sleep(60);\n");
    wait_for("the session", PATIENCE, || {
        psql.stdout().contains("ready").then_some(())
    });
    signal(custos.pid(), rustix::process::Signal::TERM);
    psql.close_stdin();
    let heard = psql.finish(PATIENCE);
    assert!(heard.stderr.contains("has expired"), "{heard}");
    assert_eq!(custos.collect().code(), 0);
    custos.finish();
}

#[test]
fn what_is_not_granted_stays_closed() {
    let (platform, custos) = world();
    custos.add_resource("postgres/other", Postgres::shared(Version::V15));
    let mut job = endpoint(&custos, &platform.token(&json!({})));
    job.database = "other".to_owned();
    let heard = job.query("select 1").failure();
    assert!(heard.contains("postgres/other"), "{heard}");
    job.database = "nothing".to_owned();
    job.query("select 1").failure();
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.of_type("session.denied").count(), 2, "{evidence}");
}

/// One request to the gateway's web address; its status and its JSON.
fn exchange(url: &str, token: &str) -> serde_json::Value {
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&\
         subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&subject_token={token}&\
         requested_token_type=urn%3Acustos%3Aparams%3Aoauth%3Atoken-type%3Aconnection-credential&\
         resource=postgres%2Fshop"
    );
    let page = custos_testkit::Browser::new().post(&format!("{url}/oauth/token"), &form);
    serde_json::from_str(&page.body).expect("the token endpoint answers in JSON")
}

#[test]
fn a_token_is_exchanged_for_a_credential_that_does_not_outlive_it() {
    let platform = Platform::new();
    let url = format!("http://127.0.0.1:{}", custos_testkit::free_port());
    let mut settings = platform.settings();
    settings.access = format!(
        "[web]\naddress = \"{}\"\nurl = \"{url}\"\ntls = \"off\"\n{}",
        url.trim_start_matches("http://"),
        settings.access
    );
    let mut custos = Custos::start_with(&settings);
    custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
    let ends = now_seconds() + 40;
    let issued = exchange(&url, &platform.token(&json!({"exp": ends})));
    let lasts = issued["expires_in"].as_u64().unwrap_or(u64::MAX);
    assert!((1..=40).contains(&lasts), "{issued}");
    let secret = issued["access_token"].as_str().unwrap_or_default();
    let exchanged = custos_testkit::Credential {
        id: String::new(),
        principal: "shop-ci".to_owned(),
        secret: secret.to_owned(),
    };
    assert_eq!(
        custos
            .endpoint(&exchanged, "shop")
            .query("select 1")
            .success(),
        "1\n"
    );
    let refused = exchange(&url, &platform.token(&json!({"repository_id": "1"})));
    assert_eq!(refused["error"], "invalid_request", "{refused}");

    // A start holds it to its platform, and a gateway where nobody signs in any more lets nobody in with a sign-in.
    custos.stop();
    custos.restart();
    let job = |custos: &Custos| custos.endpoint(&exchanged, "shop").query("select 1");
    assert_eq!(job(&custos).success(), "1\n");
    custos.stop();
    custos.write_settings(&platform.settings());
    custos.restart();
    job(&custos).failure();
    let evidence = custos.finish().evidence;
    let started = evidence.only("sign_in.started");
    assert_eq!(started["actor"]["name"], "shop-ci", "{started}");
    assert_eq!(started["actor"]["kind"], "workload", "{started}");
    let denied = evidence.only("session.denied");
    assert_eq!(denied["verdict"]["rules"][0], "sign-in-ended", "{denied}");
}
