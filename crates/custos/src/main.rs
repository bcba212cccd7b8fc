//! The `custos` program: the command line and the wiring, no logic of its own.
//!
//! Only this crate reads arguments, the environment and the machine's clock.

mod account;
mod approvals;
mod cli;
mod client;
mod commands;
mod config;
mod dev;
mod doctor;
mod failure;
mod issuers;
mod logging;
mod machine;
mod machines;
mod output;
mod policy_files;
mod reload;
mod saml_providers;
mod serve;
mod signing;
mod signing_keys;
mod ssh;
mod start;
mod web;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use custos_approvals::Choice;

use clap::Parser as _;

use cli::{Cli, Command, ConfigCommand};
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Verify(arguments) = cli.command {
        return verify(arguments.arguments);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let result = run(cli.command, &mut out).and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    match result {
        Ok(code) => code,
        Err(failure) => {
            // What was printed before the failure comes first.
            let _ = out.flush();
            failure.report(&mut io::stderr())
        }
    }
}

/// The exit code is not always success: a client that was started has its own.
fn run(command: Command, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if let Command::Connect(arguments) = command {
        return commands::block_on(commands::open::connect(out, arguments));
    }
    perform(command, out).map(|()| ExitCode::SUCCESS)
}

fn perform(command: Command, out: &mut dyn Write) -> Result<(), Failure> {
    use commands::{
        administrator, approve, approver, block_on, config, credential, delegate, key, login,
        logout, machine, policy, request, resource, session, sign_in, ssh, status, whoami,
    };
    match command {
        Command::Login(arguments) => block_on(login::login(out, arguments)),
        Command::Delegate(arguments) => block_on(delegate::delegate(out, arguments)),
        Command::Logout(arguments) => block_on(logout::logout(out, arguments)),
        Command::Whoami(arguments) => block_on(whoami::whoami(out, arguments)),
        Command::SshConfig(arguments) => block_on(ssh::configure(out, arguments)),
        Command::SshCert(arguments) => block_on(ssh::certify(arguments)),
        Command::Approve(arguments) => block_on(approve::decide(out, arguments, Choice::Approve)),
        Command::Deny(arguments) => block_on(approve::decide(out, arguments, Choice::Deny)),
        Command::Request(arguments) => block_on(request::run(out, arguments)),
        Command::Grant(command) => block_on(approver::grants(out, command)),
        Command::Approver(command) => block_on(approver::run(out, command)),
        Command::Serve(arguments) => serve::serve(&config::file(arguments.config)),
        Command::Dev(arguments) => dev::dev(arguments),
        Command::Status(arguments) => block_on(status::status(out, arguments)),
        Command::Resource(command) => block_on(resource::run(out, command)),
        Command::Credential(command) => block_on(credential::run(out, command)),
        Command::Administrator(command) => block_on(administrator::run(out, command)),
        Command::Machine(command) => machine::run(out, command),
        Command::SignIn(command) => block_on(sign_in::run(out, command)),
        Command::Key(command) => block_on(key::run(out, command)),
        Command::Session(command) => block_on(session::run(out, command)),
        Command::Config(ConfigCommand::Check(arguments)) => config::check(out, arguments.config),
        Command::Config(ConfigCommand::Reference) => config::reference(out),
        Command::Policy(command) => policy::run(out, command),
        Command::Doctor(arguments) => doctor::doctor(out, arguments),
        // Handled by the callers, because their exit codes are their own.
        other @ (Command::Connect(_) | Command::Verify(_)) => {
            Err(Failure::usage(format!("{other:?}")))
        }
    }
}

fn verify(arguments: Vec<std::ffi::OsString>) -> ExitCode {
    let code = custos_verify::main_with_args(
        arguments.into_iter(),
        &mut io::stdout().lock(),
        &mut io::stderr().lock(),
    );
    ExitCode::from(code)
}
