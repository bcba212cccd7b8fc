//! The issuer's name, which is also where it listens.

use std::net::SocketAddr;

use axum::http::Uri;

use crate::settings::SettingsError;

/// `http://` and a loopback address literal with its port, in the one spelling that browsers use.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    name: String,
    address: SocketAddr,
}

impl Issuer {
    /// No path and no name: `localhost` may be anywhere. Port 80 is refused, as browsers leave it out.
    pub(crate) fn parse(name: &str) -> Result<Self, SettingsError> {
        let refused = || SettingsError::Issuer(name.to_owned());
        let authority = name.strip_prefix("http://").ok_or_else(refused)?;
        let address: SocketAddr = authority.parse().map_err(|_| refused())?;
        let good = address.ip().is_loopback()
            && !matches!(address.port(), 0 | 80)
            && address.to_string() == authority;
        good.then(|| Self {
            name: name.to_owned(),
            address,
        })
        .ok_or_else(refused)
    }

    /// `iss`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The only address that it may be served on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of `Host`.
    pub(crate) fn authority(&self) -> &str {
        self.name.trim_start_matches("http://")
    }

    /// An endpoint's URL.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.name)
    }
}

/// Whether a client's URL stays on this machine: `http` or `https`, a loopback literal or `localhost`, no user
/// information and no fragment.
pub(crate) fn is_local_url(text: &str) -> bool {
    let Ok(url) = text.parse::<Uri>() else {
        return false;
    };
    let scheme = matches!(url.scheme_str(), Some("http" | "https"));
    let plain =
        !text.contains(['#', '@', '\\']) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let host = url.host().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let local = literal
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    scheme && plain && (local || host == "localhost")
}

#[cfg(test)]
mod tests {
    use super::{Issuer, is_local_url};

    #[test]
    fn loopback_literals_in_one_spelling() {
        for name in [
            "http://127.0.0.1:9400",
            "http://127.1.2.3:1",
            "http://[::1]:9400",
        ] {
            let issuer = Issuer::parse(name).unwrap();
            assert_eq!(format!("http://{}", issuer.authority()), name);
        }
        for name in [
            "http://localhost:9400",
            "http://0.0.0.0:9400",
            "http://[::]:9400",
            "http://192.168.1.10:9400",
            "http://idp.example.com:9400",
            "https://127.0.0.1:9400",
            "http://127.0.0.1",
            "http://127.0.0.1:80",
            "http://127.0.0.1:0",
            "http://127.0.0.1:9400/",
            "http://127.0.0.1:09400",
            "http://127.0.0.1:9400/dev",
            "http://alice@127.0.0.1:9400",
            "http://127.0.0.1.example.com:9400",
            "http://[::ffff:127.0.0.1]:9400",
            "http://[0:0:0:0:0:0:0:1]:9400",
            "",
        ] {
            assert!(Issuer::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn clients_are_local_too() {
        for url in [
            "http://127.0.0.1:8080/callback",
            "https://localhost:8443/oidc/dev/callback?x=1",
            "http://[::1]:9/",
        ] {
            assert!(is_local_url(url), "{url}");
        }
        for url in [
            "http://example.com/callback",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://example.com@127.0.0.1/",
            "http://127.0.0.1/#x",
            "http://127.0.0.1\\.example.com/",
            "ftp://127.0.0.1/",
            "javascript:alert(1)",
            "//127.0.0.1/",
            "/callback",
            "",
        ] {
            assert!(!is_local_url(url), "{url}");
        }
    }
}
