//! Asking for approval, and giving it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use custos_model::{RequestId, ResourceName};

use super::{GatewayArgs, SignInArgs};
use crate::config;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  custos approve 01997d3c-5c0e-7000-8000-000000000001 --reason 'checked with the owner of the table'

What is asked is shown first, to the byte, and what you sign is checked against it. The signature is made by ssh-keygen with
your own key, from your SSH agent, a file or a security key; the gateway never has it. Enrol a key with `custos approver enrol`.")]
pub(crate) struct DecideArgs {
    /// The request's id
    pub(crate) id: RequestId,
    /// Why; asked for on a terminal
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Public or private key file to sign with [default: an enrolled key of ~/.ssh]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Without a signature of your own, where policy lets that count
    #[arg(long, conflicts_with = "key")]
    pub(crate) attest: bool,
    /// Do not ask once more
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  custos request postgres/shop --for 1h --reason 'ticket 4711'   a right for an hour, once people have agreed
  custos request postgres/shop --break-glass --reason 'down'     at once, where a rule lets you; it is reviewed afterwards
  custos request ls                                              what is open: yours, and yours to decide"
)]
pub(crate) struct RequestArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RequestCommand>,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// For example postgres/shop
    pub(crate) resource: Option<ResourceName>,
    /// How long [default: as long as the rule allows]
    #[arg(long = "for", value_name = "DURATION", value_parser = config::parse_duration)]
    pub(crate) lasts: Option<Duration>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Where the work is tracked
    #[arg(long, value_name = "TEXT")]
    pub(crate) ticket: Option<String>,
    /// To do what, beside opening it: verbs of policy, such as sql.dml
    #[arg(long, value_name = "VERB", value_delimiter = ',')]
    pub(crate) verbs: Vec<String>,
    /// Without waiting for anybody, where a rule lets you
    #[arg(long)]
    pub(crate) break_glass: bool,
    /// Wait until it is decided
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RequestCommand {
    /// List open requests: yours, and those that you may decide on
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateway: SignInArgs,
    },
    /// Show a request
    Show {
        /// Its id
        id: RequestId,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        gateway: SignInArgs,
    },
    /// Follow a request until it has ended; exit code 3 if it was not approved
    Watch {
        /// Its id
        id: RequestId,
        #[command(flatten)]
        gateway: SignInArgs,
    },
    /// Say why you ask, as long as nobody has decided
    Reason {
        /// Its id
        id: RequestId,
        /// Why
        text: String,
        #[command(flatten)]
        gateway: SignInArgs,
    },
    /// Take a request of yours back
    Withdraw {
        /// Its id
        id: RequestId,
        #[command(flatten)]
        gateway: SignInArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// List grants that hold
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: ApproverAt,
    },
    /// Take a grant back; sessions that used it are cut
    Revoke {
        /// Its id
        id: RequestId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        at: ApproverAt,
    },
}

/// By the sign-in, or as the operator.
#[derive(Debug, Args)]
pub(crate) struct ApproverAt {
    /// As the operator of the gateway's host, at its admin socket
    #[arg(long)]
    pub(crate) operator: bool,
    #[command(flatten)]
    pub(crate) socket: GatewayArgs,
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApproverCommand {
    /// Enrol an SSH key of yours to approve with; somebody else has to accept it
    Enrol {
        /// Public or private key file [default: the first key of ~/.ssh]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        gateway: SignInArgs,
    },
    /// List keys: yours, or as the operator everybody's
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Print lines for `ssh-keygen -Y verify -f`
        #[arg(long, conflicts_with = "json")]
        allowed_signers: bool,
        #[command(flatten)]
        at: ApproverAt,
    },
    /// Accept a key that somebody has enrolled
    Accept {
        /// Its fingerprint, SHA256:…
        key: String,
        #[command(flatten)]
        at: ApproverAt,
    },
    /// Take a key away, with the grants that it approved
    Revoke {
        /// Its fingerprint, SHA256:…
        key: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        at: ApproverAt,
    },
}
