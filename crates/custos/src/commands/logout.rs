//! `custos logout`

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::account::api::Ended;
use crate::account::gateway::Gateway;
use crate::account::private_file;
use crate::account::sign_in::SignIn;
use crate::account::state::{StateDirectory, suffixed};
use crate::account::tokens::Tokens;
use crate::cli::LogoutArgs;
use crate::failure::{Exit, Failure};

/// Ends sign-ins at their gateways and forgets their tokens, the second also when the first does not work.
pub(crate) async fn logout(out: &mut dyn Write, arguments: LogoutArgs) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    if arguments.all {
        return everywhere(out, &state).await;
    }
    let Some(gateway) = state.choose(arguments.gateway.gateway.as_deref())? else {
        return Ok(writeln!(out, "not signed in")?);
    };
    Ok(writeln!(out, "{}", one(&state, gateway).await?)?)
}

async fn everywhere(out: &mut dyn Write, state: &StateDirectory) -> Result<(), Failure> {
    let found = state.signed_in()?;
    if found.is_empty() {
        return Ok(writeln!(out, "not signed in")?);
    }
    let mut failed = 0;
    for path in &found {
        let ended = match gateway_of(path) {
            Ok(gateway) => one(state, gateway).await,
            Err(failure) => Err(deleted(path, failure)),
        };
        match ended {
            Ok(text) => writeln!(out, "{text}")?,
            Err(failure) => {
                failed += 1;
                write!(io::stderr(), "{failure}")?;
            }
        }
    }
    if failed > 0 {
        return Err(Failure::new(anyhow::anyhow!(
            "{failed} of {} sign-ins may live on at their gateways",
            found.len()
        )));
    }
    Ok(())
}

/// Says what was done.
async fn one(state: &StateDirectory, gateway: Gateway) -> Result<String, Failure> {
    let path = suffixed(&state.of_gateway(&gateway)?, "json");
    let mut sign_in = match SignIn::open(state, gateway.clone()) {
        Ok(Some(sign_in)) => sign_in,
        Ok(None) => return Ok(format!("not signed in to {gateway}")),
        Err(failure) => return Err(deleted(&path, failure)),
    };
    let ended = sign_in.end().await;
    sign_in.forget()?;
    match ended {
        Ok(Ended::Now) => Ok(format!("signed out of {gateway}")),
        Ok(Ended::Before) => Ok(format!("the sign-in at {gateway} had ended before")),
        Err(failure) => Err(failure
            .context(format!(
                "the sign-in at {gateway} could not be ended there; its tokens are deleted here"
            ))
            .exit(Exit::Failed)
            .hint("it ends by itself within 12 hours; who runs the gateway can end it at once")),
    }
}

fn gateway_of(path: &Path) -> Result<Gateway, Failure> {
    let json = private_file::read(path)?.unwrap_or_default();
    let (gateway, _) =
        Tokens::from_json(&json).with_context(|| format!("{} is damaged", path.display()))?;
    Ok(gateway)
}

/// Tokens that cannot be read cannot be used to end the sign-in, but they can be deleted.
fn deleted(path: &Path, failure: Failure) -> Failure {
    match private_file::remove(path) {
        Ok(_) => failure
            .context(format!(
                "a sign-in could not be ended at its gateway; {} is deleted",
                path.display()
            ))
            .exit(Exit::Failed)
            .hint("it ends by itself within 12 hours; who runs the gateway can end it at once"),
        Err(failure) => failure,
    }
}
