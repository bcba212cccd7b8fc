//! What is found out about a session's target before its client may speak.

use custos_session::{Authorized, Session, SessionError};
use custos_sql::{Verb, is_read_as_utf8, setting_verb, startup_settings};

use crate::catalogue::search_path;
use crate::handshake::Startup;
use crate::judge::Beginning;
use crate::target::Target;
use crate::wire::backend::{BackendMessage, Event, Walker};

/// How settings of the gateway's own begin.
const OWN: &str = "custos.";

/// Asks the target what names mean, where statements are judged.
pub(crate) async fn of(
    session: &Session<Authorized>,
    startup: &Startup,
    target: &mut Target,
) -> Result<Beginning, SessionError> {
    let database = session.database().or(startup.database.as_deref());
    let mut beginning = Beginning {
        schemas: None,
        user: String::new(),
        statement_timeout_ms: 0,
        readable: settings_are_harmless(startup) && reads_as_expected(&target.greeting),
        database: database.map(str::to_owned),
    };
    if session.rules().are_judged() {
        let (user, path, timeout) = search_path(&mut target.stream, &mut target.buffer).await?;
        beginning.statement_timeout_ms = custos_sql::milliseconds(&timeout).unwrap_or(0);
        beginning.user = user;
        beginning.schemas = custos_sql::identifiers(&path);
    }
    Ok(beginning)
}

/// Whether the client asked for nothing that changes what statements mean, or whose rights they have.
fn settings_are_harmless(startup: &Startup) -> bool {
    let harmless = |name: &str, value: &str| setting_verb(name, value) == Verb::Set;
    startup
        .settings
        .iter()
        .all(|(name, value)| match name.as_str() {
            "options" => startup_settings(value).is_some_and(|settings| {
                settings
                    .iter()
                    .all(|(name, value)| name.starts_with(OWN) || harmless(name, value))
            }),
            // Extensions of the protocol are no settings.
            name if name.starts_with("_pq_.") => true,
            // Those of the gateway itself mean nothing to the target.
            name if name.starts_with(OWN) => true,
            name => harmless(name, value),
        })
}

/// Whether the server says that it takes statements for what the grammar here takes them for.
fn reads_as_expected(greeting: &[u8]) -> bool {
    let mut walker = Walker::new();
    let mut rest = greeting;
    let mut standard = false;
    loop {
        let Ok(step) = walker.next(rest) else {
            return false;
        };
        match step.event {
            Event::NeedMore => return standard,
            Event::Message { tag, body } => {
                if let Ok(BackendMessage::ParameterStatus(status)) =
                    BackendMessage::parse(tag, body)
                {
                    if !is_expected(status.name, status.value) {
                        return false;
                    }
                    standard |= status.name == b"standard_conforming_strings";
                }
            }
            _ => return false,
        }
        rest = rest.get(step.consumed..).unwrap_or_default();
    }
}

/// Whether a parameter that the server reports has a value under which its statements can be read.
pub(crate) fn is_expected(name: &[u8], value: &[u8]) -> bool {
    match name {
        b"standard_conforming_strings" => value == b"on",
        b"client_encoding" => std::str::from_utf8(value).is_ok_and(is_read_as_utf8),
        _ => true,
    }
}
