//! `custos whoami`

use std::io::Write;

use serde::Deserialize;
use serde_json::Value;

use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::WhoAmIArgs;
use crate::failure::Failure;
use crate::output;

const PATH: &str = "/v1/whoami";

/// What the gateway knows of the one who is signed in. Members that this version does not know are left out.
#[derive(Debug, Deserialize)]
pub(crate) struct WhoAmI {
    pub(crate) principal: Principal,
    pub(crate) sign_in: SignInView,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Principal {
    pub(crate) name: String,
    kind: String,
    issuer: String,
    subject: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    on_behalf_of: Vec<Principal>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SignInView {
    id: String,
    provider: String,
    authenticated_utc: String,
    pub(crate) expires_utc: String,
}

impl WhoAmI {
    /// Asks the gateway.
    pub(crate) async fn of(sign_in: &mut SignIn) -> Result<Self, Failure> {
        sign_in.get(PATH).await
    }
}

/// Shows who is signed in, by the gateway's word.
pub(crate) async fn whoami(out: &mut dyn Write, arguments: WhoAmIArgs) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, arguments.gateway.gateway.as_deref())?;
    if arguments.json {
        let mut value: Value = sign_in.get(PATH).await?;
        if let Some(members) = value.as_object_mut() {
            members.insert("gateway".to_owned(), sign_in.gateway().issuer().into());
        }
        return Ok(output::json(out, &value)?);
    }
    let me = WhoAmI::of(&mut sign_in).await?;
    let principal = &me.principal;
    let mut lines = vec![
        (
            "principal",
            format!("{} ({})", principal.name, principal.kind),
        ),
        ("issuer", principal.issuer.clone()),
        ("subject", principal.subject.clone()),
    ];
    if !principal.groups.is_empty() {
        lines.push(("groups", principal.groups.join(", ")));
    }
    if !principal.on_behalf_of.is_empty() {
        let names: Vec<&str> = principal
            .on_behalf_of
            .iter()
            .map(|person| person.name.as_str())
            .collect();
        lines.push(("acts for", names.join(", ")));
    }
    lines.push(("gateway", sign_in.gateway().issuer().to_owned()));
    lines.push(("provider", me.sign_in.provider));
    lines.push(("sign-in", me.sign_in.id));
    lines.push(("since", output::seconds(&me.sign_in.authenticated_utc)));
    lines.push(("until", output::seconds(&me.sign_in.expires_utc)));
    for (name, text) in lines {
        writeln!(out, "{name:<11} {}", output::visible(&text))?;
    }
    Ok(())
}
