//! Authorization codes, in memory (RFC 6749 section 4.1.2).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use custos_model::SignInId;

use crate::call::ns;
use crate::client::ClientId;
use crate::opaque::SecretHash;
use crate::pkce::Challenge;
use crate::reason::Reason;
use crate::redirect_uri::RedirectUri;
use crate::scope::Scopes;
use crate::state::GrantId;
use crate::{ACCESS_TOKEN_LIFE, CODE_LIFE};

/// Most codes that can be redeemed at a time.
const MAX_LIVE: usize = 1024;
/// Most of them for one sign-in, so that nobody takes up all.
const MAX_LIVE_OF_A_SIGN_IN: usize = 8;
/// Most codes that are remembered, used ones too.
const MAX_REMEMBERED: usize = 4 * MAX_LIVE;
/// As long as an access token of it may live.
const REMEMBERED: Duration = CODE_LIFE.saturating_add(ACCESS_TOKEN_LIFE);

/// What a code was issued for.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) client: ClientId,
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) challenge: Challenge,
    pub(crate) sign_in: SignInId,
    pub(crate) scopes: Scopes,
    pub(crate) grant: GrantId,
}

#[derive(Debug)]
struct Kept {
    code: Code,
    issued_mono_ns: u64,
    used: bool,
}

impl Code {
    /// Whether it may be redeemed so (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
    pub(crate) fn is_for(
        &self,
        client: &ClientId,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<(), Reason> {
        if self.client != *client {
            return Err(Reason::CodeOtherClient);
        }
        if self.redirect_uri.as_str() != redirect_uri {
            return Err(Reason::CodeRedirectUri);
        }
        if !self.challenge.is_met_by(verifier) {
            return Err(Reason::CodeVerifier);
        }
        Ok(())
    }
}

/// What became of a presented code.
#[derive(Debug)]
pub(crate) enum Presented {
    Fresh(Code),
    Reused(Code),
    Expired,
    Unknown,
}

/// Codes by their hash. A used one is remembered while tokens of it may live, to tell a second use.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    kept: BTreeMap<SecretHash, Kept>,
    by_age: VecDeque<SecretHash>,
}

impl Codes {
    pub(crate) fn insert(
        &mut self,
        hash: SecretHash,
        code: Code,
        mono_ns: u64,
    ) -> Result<(), Reason> {
        self.forget(mono_ns);
        let live = |kept: &&Kept| !kept.used && !kept.has_expired(mono_ns);
        let of_sign_in = |kept: &&Kept| kept.code.sign_in == code.sign_in;
        if self.kept.len() >= MAX_REMEMBERED
            || self.kept.values().filter(live).count() >= MAX_LIVE
            || self.kept.values().filter(live).filter(of_sign_in).count() >= MAX_LIVE_OF_A_SIGN_IN
        {
            return Err(Reason::TooManyCodes);
        }
        self.by_age.push_back(hash);
        let kept = Kept {
            code,
            issued_mono_ns: mono_ns,
            used: false,
        };
        self.kept.insert(hash, kept);
        Ok(())
    }

    /// Uses a code up, whoever presents it: a code in the wrong hands is worth nothing to the right ones either.
    pub(crate) fn present(&mut self, hash: &SecretHash, mono_ns: u64) -> Presented {
        match self.kept.get_mut(hash) {
            None => Presented::Unknown,
            Some(kept) if kept.used => Presented::Reused(kept.code.clone()),
            Some(kept) if kept.has_expired(mono_ns) => Presented::Expired,
            Some(kept) => {
                kept.used = true;
                Presented::Fresh(kept.code.clone())
            }
        }
    }

    /// Old ones go, and the oldest when there are too many: they can no longer be redeemed in either case.
    fn forget(&mut self, mono_ns: u64) {
        while let Some(oldest) = self.by_age.front() {
            let (old, dead) = self.kept.get(oldest).map_or((true, true), |kept| {
                let old = mono_ns >= kept.issued_mono_ns.saturating_add(ns(REMEMBERED));
                (old, kept.used || kept.has_expired(mono_ns))
            });
            let crowded = self.kept.len() >= MAX_REMEMBERED;
            if !(old || crowded && dead) {
                break;
            }
            self.kept.remove(oldest);
            self.by_age.pop_front();
        }
    }
}

impl Kept {
    fn has_expired(&self, mono_ns: u64) -> bool {
        mono_ns >= self.issued_mono_ns.saturating_add(ns(CODE_LIFE))
    }
}

#[cfg(test)]
mod tests {
    use custos_model::IdSource;

    use super::{Code, Codes, GrantId, MAX_REMEMBERED, Presented, SecretHash};
    use crate::parameters::Parameters;
    use crate::pkce::Challenge;
    use crate::reason::Reason;
    use crate::redirect_uri::RedirectUri;
    use crate::scope::{Scope, Scopes};

    const SECOND: u64 = 1_000_000_000;
    const CALLBACK: &str = "http://127.0.0.1:1/callback";
    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &[u8] =
        b"code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn code(ids: &IdSource) -> Code {
        let parameters = Parameters::from_query(CHALLENGE).unwrap();
        Code {
            client: "custos-cli".parse().unwrap(),
            redirect_uri: RedirectUri::parse(CALLBACK, "/callback").unwrap(),
            challenge: Challenge::parse(&parameters).unwrap(),
            sign_in: ids.sign_in(0),
            scopes: Scopes::new(Scope::Api, &[]),
            grant: GrantId::from_bytes([1; 16]),
        }
    }

    #[test]
    fn a_code_is_for_one_client_address_and_verifier() {
        let code = code(&IdSource::new([1; 10]));
        let own = &code.client;
        assert_eq!(code.is_for(own, CALLBACK, VERIFIER), Ok(()));
        let other = "other".parse().unwrap();
        assert_eq!(
            code.is_for(&other, CALLBACK, VERIFIER),
            Err(Reason::CodeOtherClient)
        );
        let elsewhere = "http://127.0.0.1:2/callback";
        assert_eq!(
            code.is_for(own, elsewhere, VERIFIER),
            Err(Reason::CodeRedirectUri)
        );
        assert_eq!(
            code.is_for(own, CALLBACK, &VERIFIER[1..]),
            Err(Reason::CodeVerifier)
        );
    }

    /// However fast codes are made and used, no more than [`MAX_REMEMBERED`] are held.
    #[test]
    fn used_codes_are_forgotten_when_there_are_too_many() {
        let ids = IdSource::new([1; 10]);
        let mut codes = Codes::default();
        let hash = |number: usize| SecretHash::of(&number.to_string());
        for number in 0..MAX_REMEMBERED + 8 {
            codes.insert(hash(number), code(&ids), 0).unwrap();
            assert!(matches!(
                codes.present(&hash(number), 0),
                Presented::Fresh(_)
            ));
        }
        assert_eq!(
            (codes.kept.len(), codes.by_age.len()),
            (MAX_REMEMBERED, MAX_REMEMBERED)
        );
        assert!(matches!(codes.present(&hash(0), 0), Presented::Unknown));
        let last = MAX_REMEMBERED + 8 - 1;
        assert!(matches!(
            codes.present(&hash(last), 959 * SECOND),
            Presented::Reused(_)
        ));
        codes
            .insert(hash(last + 1), code(&ids), 960 * SECOND)
            .unwrap();
        assert_eq!(codes.kept.len(), 1);
    }
}
