//! `custos login`

use std::io::{self, Write};

use crate::account::http::HttpClient;
use crate::account::machine::{Machine, MachineError, Proof};
use crate::account::metadata::{Metadata, MetadataError};
use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::account::trust::Authorities;
use crate::account::{browser, code, device};
use crate::cli::LoginArgs;
use crate::commands::whoami::WhoAmI;
use crate::failure::Failure;
use crate::output;

/// Signs in and keeps the tokens.
pub(crate) async fn login(out: &mut dyn Write, arguments: LoginArgs) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    let Some(gateway) = state.choose(arguments.gateway.gateway.as_deref())? else {
        return Err(Failure::usage("which gateway?").hint("`custos login --gateway https://HOST`"));
    };
    // What is wrong with the directory is better said before somebody has signed in.
    let kept = state.authorities(&gateway);
    let given = arguments.ca_file.as_deref().map(Authorities::from_file);
    let given = given.transpose()?;
    let authorities = match &given {
        Some(given) => Some(given.clone()),
        None => kept?,
    };
    let http = HttpClient::new(authorities);
    let metadata = Metadata::discover(&http, &gateway)
        .await
        .map_err(MetadataError::into_failure)?;

    let screen = &mut io::stderr();
    let machine = machine(&arguments)?;
    let answer = if let Some(machine) = &machine {
        machine
            .sign_in(&http, &gateway, &metadata.token)
            .await
            .map_err(MachineError::into_failure)?
    } else if is_by_device(&arguments, &metadata) {
        device::sign_in(&http, &metadata, screen).await?
    } else {
        let open_browser = !arguments.no_browser;
        code::sign_in(&http, gateway.issuer(), &metadata, open_browser, screen).await?
    };
    if let Some(given) = &given {
        state.keep_authorities(&gateway, given)?;
    }
    let mut sign_in = SignIn::begin(&state, gateway, http, answer, machine)?;
    state.remember(sign_in.gateway())?;
    let me = WhoAmI::of(&mut sign_in).await?;
    writeln!(
        out,
        "signed in to {} as {}, until {}",
        sign_in.gateway(),
        output::visible(&me.principal.name),
        output::visible(&output::seconds(&me.sign_in.expires_utc))
    )?;
    Ok(())
}

/// The machine that signs in, if it is one. Its files are found again from every directory.
fn machine(arguments: &LoginArgs) -> Result<Option<Machine>, Failure> {
    let arguments = &arguments.machine;
    let Some(name) = &arguments.machine else {
        return Ok(None);
    };
    let proof = match (&arguments.key, &arguments.secret_file) {
        (Some(path), _) => Proof::KeyFile(std::path::absolute(path)?),
        (None, Some(path)) => Proof::SecretFile(std::path::absolute(path)?),
        (None, None) => {
            return Err(
                Failure::usage("a machine needs something to prove itself with")
                    .hint("`custos login --machine NAME --key FILE`"),
            );
        }
    };
    let on_behalf_of = arguments.on_behalf_of.as_ref().map(std::path::absolute);
    Ok(Some(Machine {
        name: name.clone(),
        proof,
        on_behalf_of: on_behalf_of.transpose()?,
    }))
}

/// Where no browser is to be seen, the code is the way, if the gateway knows it.
fn is_by_device(arguments: &LoginArgs, metadata: &Metadata) -> bool {
    let browser_is_meant = arguments.no_browser || metadata.device_authorization.is_none();
    arguments.device || (browser::is_headless() && !browser_is_meant)
}
