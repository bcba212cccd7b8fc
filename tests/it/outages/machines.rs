//! The same for the issuer of a machine's tokens.

use custos_jwt::Signer;
use custos_testkit::{Custos, Endpoint, Postgres, Settings, Version, now_utc};
use serde_json::{Map, Value, json};

use super::front::{Answer, Behaviour, Front};
use super::keys_record;

const AUDIENCE: &str = "https://custos.example.com";

/// An issuer whose keys are fetched.
struct Platform {
    signer: Signer,
    front: Front,
}

impl Platform {
    fn start() -> Self {
        let platform = Self {
            signer: Signer::generate().expect("a key can be made"),
            front: Front::start(None),
        };
        platform.serve(&platform.front.url());
        platform
    }

    /// Serves its keys, and a discovery document in which it has this name.
    fn serve(&self, name: &str) {
        let keys = json!({"keys": [self.signer.public_jwk()]}).to_string();
        let discovery = json!({"issuer": name, "jwks_uri": format!("{}/keys", self.front.url())});
        self.front.behave(Behaviour {
            keys: Some(Answer::Text(keys)),
            discovery: Some(Answer::Text(discovery.to_string())),
            ..Behaviour::default()
        });
    }

    fn gateway(&self) -> Custos {
        let access = format!(
            r#"
[[workload_issuer]]
name = "ci"
kind = "other"
issuer = "{}"
audience = "{AUDIENCE}"
allow_networks = ["127.0.0.0/8"]

[[workload]]
name = "shop-ci"
issuer = "ci"
claims = ["sub=shop"]

[[access]]
name = "ci"
principals = ["shop-ci"]
resources = ["postgres/shop"]
"#,
            self.front.url()
        );
        let custos = Custos::start_with(&Settings {
            access,
            ..Settings::default()
        });
        custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
        custos
    }

    /// A token that is issued so many seconds from now, and lasts so long.
    fn token(&self, from_now: i64, lasts: u64) -> String {
        let issued = now_utc().as_secs().saturating_add_signed(from_now);
        let claims = json!({
            "iss": self.front.url(), "sub": "shop", "aud": AUDIENCE,
            "iat": issued, "exp": issued + lasts, "jti": format!("{from_now} {lasts}"),
        });
        let none = Map::new();
        let claims = claims.as_object().unwrap_or(&none);
        self.signer
            .sign("JWT", claims)
            .expect("claims can be signed")
    }
}

fn endpoint(custos: &Custos, token: &str) -> Endpoint {
    let credential = custos.issue("nobody", "postgres/shop");
    Endpoint {
        user: "shop-ci".to_owned(),
        password: token.to_owned(),
        ..custos.endpoint(&credential, "shop")
    }
}

fn last_refusal(custos: &Custos, count: usize) -> Value {
    custos_testkit::wait_for("the record of it", custos_testkit::PATIENCE, || {
        let evidence = custos.evidence();
        evidence.of_type("login.failed").nth(count - 1).cloned()
    })
}

#[test]
fn a_job_signs_in_while_its_issuer_is_away_until_keys_are_forgotten() {
    let platform = Platform::start();
    let mut custos = platform.gateway();
    keys_record(&custos, "ci", "keys_loaded");
    platform.front.go_down();
    let job = endpoint(&custos, &platform.token(0, 300));
    assert_eq!(job.query("select 1").success(), "1\n");
    // After a restart there are no keys from before.
    custos.stop();
    custos.restart();
    job.query("select 1").failure();
    let record = last_refusal(&custos, 1);
    assert_eq!(
        record["reason"], "token refused: the issuer's keys are not known yet",
        "{record}"
    );
    let failed = keys_record(&custos, "ci", "keys_refresh_failed");
    assert_eq!(failed["reason"], "unreachable", "{failed}");
    custos.finish();
}

#[test]
fn a_jobs_clock_may_be_a_minute_off() {
    let platform = Platform::start();
    let custos = platform.gateway();
    for (from_now, lasts) in [(30, 300), (-30, 300), (-90, 300)] {
        let job = endpoint(&custos, &platform.token(from_now, lasts));
        assert_eq!(job.query("select 1").success(), "1\n", "{from_now} {lasts}");
    }
    for (at, (from_now, lasts, reason)) in [(90, 300, "future"), (-180, 90, "expired")]
        .into_iter()
        .enumerate()
    {
        endpoint(&custos, &platform.token(from_now, lasts))
            .query("select 1")
            .failure();
        let record = last_refusal(&custos, at + 1);
        let said = record["reason"].as_str().unwrap_or_default();
        assert!(said.contains(reason), "{record}");
    }
    // A minute's difference makes no session longer than its token.
    let heard = endpoint(&custos, &platform.token(-90, 60))
        .query("select 1")
        .failure();
    assert!(heard.contains("sign-in-ended"), "{heard}");
    custos.finish();
}

#[test]
fn an_issuer_that_calls_itself_something_else_has_no_keys() {
    let platform = Platform::start();
    platform.serve("http://127.0.0.1:1");
    let custos = platform.gateway();
    let failed = keys_record(&custos, "ci", "keys_refresh_failed");
    assert_eq!(failed["reason"], "forbidden", "{failed}");
    endpoint(&custos, &platform.token(0, 300))
        .query("select 1")
        .failure();
    custos.finish();
}
