//! Headers of the pages on which people sign in, agree and let devices in.

use crate::redirect_uri::RedirectUri;

/// Name and value of each. No script, no frame around the page, nothing in caches and no address told to others.
///
/// A form whose answer is a redirect to a native client needs that client's address in `form-action`, because
/// browsers apply it to redirects too.
pub fn page_headers(answer_goes_to: Option<&RedirectUri>) -> [(&'static str, String); 6] {
    let form_action = answer_goes_to.map_or_else(String::new, |uri| format!(" {}", uri.origin()));
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         form-action 'self'{form_action}; frame-ancestors 'none'"
    );
    [
        ("content-security-policy", policy),
        ("x-frame-options", "DENY".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("cross-origin-opener-policy", "same-origin".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ]
}
