//! `custos delegate`

use std::io::Write;

use crate::account::machine::{ACCESS_TOKEN, DELEGATION_TOKEN, EXCHANGE};
use crate::account::metadata::{Metadata, MetadataError};
use crate::account::oauth::{self, OAuthError};
use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::account::tokens::TokenAnswer;
use crate::account::{CLIENT_ID, private_file};
use crate::cli::DelegateArgs;
use crate::failure::Failure;
use crate::output;

/// Exchanges the access token for one that lets an agent act for whoever is signed in (RFC 8693 section 4.4).
pub(crate) async fn delegate(out: &mut dyn Write, arguments: DelegateArgs) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, arguments.gateway.gateway.as_deref())?;
    let access = sign_in.access().await?;
    let metadata = Metadata::discover(sign_in.http(), sign_in.gateway())
        .await
        .map_err(MetadataError::into_failure)?;
    let seconds = arguments.ttl.as_secs().to_string();
    let pairs = [
        ("grant_type", EXCHANGE),
        ("client_id", CLIENT_ID),
        ("subject_token", access.expose()),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", DELEGATION_TOKEN),
        ("may_act", &arguments.to),
        ("expires_in", &seconds),
    ];
    let answer = oauth::ask::<TokenAnswer>(sign_in.http(), &metadata.token, &pairs)
        .await
        .map_err(OAuthError::into_failure)?;
    let Some(file) = &arguments.output else {
        return Ok(writeln!(out, "{}", answer.access_token())?);
    };
    let file = std::path::absolute(file)?;
    private_file::write(&file, format!("{}\n", answer.access_token()).as_bytes())?;
    Ok(writeln!(
        out,
        "{} may act for you with {}",
        output::visible(&arguments.to),
        file.display()
    )?)
}
