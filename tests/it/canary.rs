//! Secrets are looked for in every byte that a gateway leaves behind.

use custos_testkit::{Browser, Client, Custos, Laptop, PATIENCE, Page, Postgres, Version, run};

use crate::outages::front::Front;
use crate::sign_in::providers::TestProvider;
use crate::web::{self, Web};

#[test]
fn no_secret_is_left_in_clear() {
    let postgres = Postgres::shared(Version::V15);
    let (mut custos, credential) = Custos::in_front_of(postgres);
    let endpoint = custos.endpoint(&credential, "shop");
    assert_eq!(
        endpoint.query("select 'canary session'").success(),
        "canary session\n"
    );
    Client::Psycopg.run(&endpoint).success();

    // The ways that go wrong: each has an error text that could carry too much.
    let mut wrong = credential.clone();
    wrong.secret.push_str("-typo");
    custos.endpoint(&wrong, "shop").query("select 1").failure();
    custos
        .endpoint(&credential, "no_such_database")
        .query("select 1")
        .failure();
    custos
        .add_target("postgres/nobody", "localhost", 1, Postgres::APP, &[])
        .success();
    custos
        .endpoint(&custos.issue("bob", "postgres/nobody"), "shop")
        .query("select 1")
        .failure();
    let mut password_login = custos.password_endpoint(&credential, "shop");
    custos_testkit::Wire::sign_in(&password_login).expect("alice may come in");
    password_login.password = wrong.secret.clone();
    custos_testkit::Wire::sign_in(&password_login).expect_err("and not so");
    let mut told = String::new();
    for arguments in [
        &["status"][..],
        &["resource", "ls", "--json"],
        &["credential", "ls", "--json"],
        &["session", "ls", "--json"],
        &["doctor"],
    ] {
        let finished = run(&mut custos.command(arguments), custos_testkit::PATIENCE);
        told.push_str(&finished.to_string());
    }
    custos.wait_for_ended_sessions(4);
    custos.stop();

    let secrets = [
        Postgres::PASSWORD,
        credential.secret.as_str(),
        wrong.secret.as_str(),
    ];
    look_for(&custos, &secrets, told);
    // The search itself can find: the same bytes hold what may be there.
    assert!(
        custos
            .files()
            .iter()
            .any(|(_, bytes)| bytes.windows(5).any(|window| window == b"alice"))
    );
    custos.finish();
}

/// Looks for secrets in every file of a gateway, in its log, in its transcripts and in `told`.
fn look_for(custos: &Custos, secrets: &[&str], told: String) {
    let files = custos.files().into_iter();
    let mut places: Vec<(String, Vec<u8>)> = files
        .map(|(path, bytes)| (path.display().to_string(), bytes))
        .collect();
    places.push(("the gateway's log".to_owned(), custos.log().into_bytes()));
    let transcripts = custos.transcripts();
    assert!(
        transcripts.contains("canary session"),
        "no segment was looked at"
    );
    places.push(("transcripts".to_owned(), transcripts.into_bytes()));
    places.push(("what the commands print".to_owned(), told.into_bytes()));
    for (place, bytes) in places {
        for form in secrets.iter().flat_map(|secret| forms(secret)) {
            let found = bytes.windows(form.len()).any(|window| window == form);
            assert!(
                !found,
                "{place} contains {}",
                String::from_utf8_lossy(&form)
            );
        }
    }
}

/// A member of a JSON text or a parameter of a URL: all that stands there under this name.
fn all_of(text: &str, before: &str) -> Vec<String> {
    let ends = |found: char| !(found.is_ascii_alphanumeric() || "-._~".contains(found));
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split(ends).next())
        .filter(|value| value.len() > 10)
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_secret_of_a_sign_in_is_left_in_clear() {
    let url = web::url();
    let front = Front::start(None);
    let (okta, behind) = TestProvider::behind("okta", &url, front.url());
    front.lead_to(behind);
    let settings = okta.settings() + "scopes = [\"openid\", \"profile\", \"offline_access\"]\n";
    let mut web = Web::with_settings(&url, &settings);
    let laptop = Laptop::new(&url, &[]);
    let (login, link) = laptop.login();
    let mut browser = Browser::new();
    browser.open(&link);
    let before = browser.cookies().clone();
    browser.follow("/sign-in/okta");
    let password = okta.password("alice");
    let asked = browser.page().url.clone();
    browser.submit(&[("name", "alice"), ("password", &password)]);
    let mut told = login.finish(PATIENCE).to_string();
    let heard = laptop.query("postgres/shop", "select 'canary session'");
    assert_eq!(heard.stdout, "canary session\n");
    let printed = laptop
        .run(&["connect", "postgres/shop", "--print"])
        .success();

    // The ways that go wrong, each with a secret in it.
    let tokens = laptop.tokens();
    let token = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let altered = format!("Bearer {access}x");
    let whoami = format!("{url}/v1/whoami");
    assert_eq!(
        Page::fetch(&whoami, &[("Authorization", &altered)], None).status,
        401
    );
    let wrong = format!("grant_type=refresh_token&client_id=custos-libpq&refresh_token={refresh}");
    assert_eq!(
        Page::fetch(&format!("{url}/oauth/token"), &[], Some(&wrong)).status,
        400
    );
    let mut late = Browser::new();
    late.open(&format!("{url}/sign-in/okta"));
    okta.set_clock_ahead(90);
    let answer = okta.answer_for("alice", &late.page().url);
    assert_eq!(late.open(&answer).status, 400);
    for arguments in [
        &["sign-in", "ls", "--json"][..],
        &["session", "ls", "--json"],
        &["status"],
    ] {
        told.push_str(&run(&mut web.custos.command(arguments), PATIENCE).to_string());
    }
    for arguments in [
        &["whoami", "--json"][..],
        &["connect"],
        &["logout"],
        &["whoami"],
    ] {
        told.push_str(&laptop.run(arguments).to_string());
    }
    web.custos.wait_for_ended_sessions(1);
    web.custos.stop();

    let answers = front.answers();
    let mut secrets = vec![password, access, refresh];
    // What the provider gave: identity and access tokens, as it wrote them, and codes on their way through the browser.
    for before in [
        "\"id_token\":\"",
        "\"access_token\":\"",
        "\"refresh_token\":\"",
        "?code=",
        "&code=",
    ] {
        secrets.extend(all_of(&answers, before));
        secrets.extend(all_of(&answer, before));
    }
    secrets.extend(all_of(&asked, "state="));
    secrets.extend(all_of(&asked, "nonce="));
    secrets.extend(all_of(&answer, "state="));
    secrets.extend(before.into_values());
    secrets.extend(browser.cookies().values().cloned());
    secrets.extend(late.cookies().values().cloned());
    // Of the sign-in that was refused, too.
    let refresh_tokens = all_of(&answers, "\"refresh_token\":\"").len();
    assert_eq!(refresh_tokens, 2, "{answers}");
    let issued = all_of(&printed, "cus_");
    assert_eq!(issued.len(), 1, "{printed}");
    secrets.extend(issued);
    assert!(
        secrets.iter().all(|secret| secret.len() > 10),
        "{secrets:?}"
    );
    let tokens = secrets.iter().filter(|secret| secret.starts_with("eyJ"));
    assert!(tokens.count() >= 2, "{secrets:?}");
    assert!(secrets.len() >= 14, "{}: {secrets:?}", secrets.len());
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    look_for(&web.custos, &secrets, told);
    web.custos.finish();
}

/// A secret as it is, in hexadecimal, and in base64 at each of the three alignments.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in secret.bytes() {
        write!(hex, "{byte:02x}").expect("a string takes all");
    }
    let mut forms = vec![secret.as_bytes().to_vec(), hex.into_bytes()];
    for skipped in 0..3 {
        // Only whole groups of three bytes look the same wherever they stand.
        forms.push(base64(
            &secret.as_bytes()[skipped..][..(secret.len() - skipped) / 3 * 3],
        ));
    }
    forms
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three
            .iter()
            .fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        [18, 12, 6, 0].map(|shift| ALPHABET[bits >> shift & 63])
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}
