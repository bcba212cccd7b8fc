//! Secrets are looked for in every byte that a gateway leaves behind.

use custos_testkit::{Client, Custos, Postgres, Version, run};

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
    let mut places: Vec<(String, Vec<u8>)> = custos
        .files()
        .into_iter()
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
    // The search itself can find: the same bytes hold what may be there.
    assert!(
        custos
            .files()
            .iter()
            .any(|(_, bytes)| bytes.windows(5).any(|window| window == b"alice"))
    );
    custos.finish();
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
