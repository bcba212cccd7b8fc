//! What the provider remembers while it runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::logout::LogoutNotice;
use crate::opaque::Hash;
use crate::person::Account;
use crate::request::AuthorizationRequest;
use crate::shelf::Shelf;
use crate::tries::Tries;

const MINUTE: u64 = 60;
/// Life of a browser session, and of what came from it.
const SESSION_SECONDS: u64 = 12 * 60 * MINUTE;
/// Life of an access token.
pub(crate) const ACCESS_TOKEN_SECONDS: u64 = 10 * MINUTE;
/// How long a page may stand open before its form is sent.
const PAGE_SECONDS: u64 = 10 * MINUTE;
/// How long a code is remembered, so that a second use is noticed.
const CODE_MEMORY_SECONDS: u64 = 10 * MINUTE;
/// Notices that nobody has fetched; the oldest go first.
const NOTICES_MAX: usize = 1024;

/// All state. Times are monotonic nanoseconds unless they say otherwise.
pub(crate) struct Memory {
    pub(crate) people: BTreeMap<String, Account>,
    pub(crate) tries: Tries,
    /// Sign-in pages, by the hash of the value in their form.
    pub(crate) sign_ins: Shelf<SignInPage>,
    /// Sign-out pages, likewise.
    pub(crate) sign_outs: Shelf<SignOutPage>,
    /// By the hash of their cookie.
    pub(crate) sessions: Shelf<Session>,
    /// By their hash.
    pub(crate) codes: Shelf<Code>,
    /// By the hash of the code that they began with.
    pub(crate) grants: Shelf<Grant>,
    /// The grants of access tokens.
    pub(crate) access_tokens: Shelf<Hash>,
    pub(crate) refresh_tokens: Shelf<RefreshToken>,
    /// Identity tokens that were issued, as they come back as hints: so no token is ever parsed.
    pub(crate) id_tokens: Shelf<Hint>,
    notices: VecDeque<LogoutNotice>,
}

/// A sign-in page that somebody looks at.
pub(crate) struct SignInPage {
    pub(crate) request: AuthorizationRequest,
    pub(crate) browser: Hash,
}

/// A question whether to sign out.
pub(crate) struct SignOutPage {
    pub(crate) browser: Hash,
    pub(crate) target: Option<String>,
}

/// A person signed in with a browser.
#[derive(Clone)]
pub(crate) struct Session {
    /// `sid` (Back-Channel Logout 1.0 section 2.1).
    pub(crate) id: String,
    pub(crate) person: String,
    /// `auth_time`: seconds since 1970-01-01T00:00:00Z.
    pub(crate) authenticated: u64,
    /// Who got a code from it.
    pub(crate) clients: BTreeSet<String>,
}

/// An authorization code.
pub(crate) struct Code {
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Hash,
    pub(crate) issued_ns: u64,
    pub(crate) used: bool,
}

/// What a client was granted. It is worth nothing without its session.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) client: String,
    pub(crate) session: String,
    pub(crate) person: String,
    pub(crate) authenticated: u64,
    pub(crate) nonce: Option<String>,
    pub(crate) offline: bool,
}

pub(crate) struct RefreshToken {
    pub(crate) grant: Hash,
    pub(crate) used: bool,
}

/// What an identity token tells at the end of a session.
#[derive(Clone)]
pub(crate) struct Hint {
    pub(crate) client: String,
    pub(crate) session: String,
}

impl Memory {
    pub(crate) fn new(people: BTreeMap<String, Account>) -> Self {
        Self {
            people,
            tries: Tries::default(),
            sign_ins: Shelf::new(1024, PAGE_SECONDS),
            sign_outs: Shelf::new(256, PAGE_SECONDS),
            sessions: Shelf::new(512, SESSION_SECONDS),
            codes: Shelf::new(4096, CODE_MEMORY_SECONDS),
            grants: Shelf::new(4096, SESSION_SECONDS),
            access_tokens: Shelf::new(8192, ACCESS_TOKEN_SECONDS),
            refresh_tokens: Shelf::new(16_384, SESSION_SECONDS),
            id_tokens: Shelf::new(8192, SESSION_SECONDS),
            notices: VecDeque::new(),
        }
    }

    /// The session of a browser whose person may still sign in.
    pub(crate) fn session(&self, browser: &Hash, now_ns: u64) -> Option<&Session> {
        let session = self.sessions.get(browser, now_ns)?;
        self.is_enabled(&session.person).then_some(session)
    }

    /// A grant whose session and person are still good.
    pub(crate) fn grant(&self, key: &Hash, now_ns: u64) -> Option<(&Grant, &Account)> {
        let grant = self.grants.get(key, now_ns)?;
        let account = self
            .people
            .get(&grant.person)
            .filter(|account| account.enabled)?;
        let mut sessions = self.sessions.iter(now_ns);
        let lives = sessions.any(|(_, session)| session.id == grant.session);
        lives.then_some((grant, account))
    }

    /// Ends sessions, and with them whatever was granted from them.
    pub(crate) fn end(&mut self, ends: impl Fn(&Session) -> bool, now_ns: u64) -> Vec<Session> {
        let live = self.sessions.iter(now_ns).map(|(_, session)| session);
        let ended: Vec<Session> = live.filter(|session| ends(session)).cloned().collect();
        self.sessions.retain(|session| !ends(session));
        let ids: BTreeSet<&str> = ended.iter().map(|session| session.id.as_str()).collect();
        self.grants
            .retain(|grant| !ids.contains(grant.session.as_str()));
        ended
    }

    pub(crate) fn put_notices(&mut self, notices: Vec<LogoutNotice>) {
        self.notices.extend(notices);
        let over = self.notices.len().saturating_sub(NOTICES_MAX);
        self.notices.drain(..over);
    }

    pub(crate) fn take_notice(&mut self) -> Option<LogoutNotice> {
        self.notices.pop_front()
    }

    fn is_enabled(&self, person: &str) -> bool {
        self.people
            .get(person)
            .is_some_and(|account| account.enabled)
    }
}
