//! What a client says in OAUTHBEARER: `custos_postgres_wire::oauthbearer`.
#![no_main]

use custos_postgres_wire::oauthbearer::{ClientResponse, MAX_OAUTHBEARER_BYTES, ServerRefusal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match ClientResponse::parse(data) {
        Ok(response) => taken(data, response),
        Err(error) => {
            assert_eq!(ClientResponse::parse(data), Err(error));
            assert_eq!(error.sqlstate(), "08P01");
            assert!(!error.public_text().is_empty());
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let json = ServerRefusal {
            status: text,
            openid_configuration: text,
            scope: text,
        }
        .json();
        assert!(!json.bytes().any(|byte| byte < 0x20));
        assert!(json.starts_with("{\"status\":\"") && json.ends_with("\"}"));
    }
});

/// Written anew it means the same, and no beginning of it means anything.
fn taken(data: &[u8], response: ClientResponse<'_>) {
    assert!(data.len() <= MAX_OAUTHBEARER_BYTES);
    assert!(data.ends_with(b"\x01\x01") && !data.contains(&0));
    let cuts = (0..data.len()).rev().take(64);
    assert!(
        cuts.into_iter()
            .all(|cut| ClientResponse::parse(&data[..cut]).is_err())
    );
    if let ClientResponse::Token(token) = response {
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(data.windows(token.len()).any(|part| part == token.as_bytes()));
    }
    let mut again = Vec::new();
    response.encode(&mut again);
    assert_eq!(ClientResponse::parse(&again), Ok(response));
}
