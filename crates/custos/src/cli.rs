//! The command line.

mod approvals;
mod policy;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use custos_model::{ResourceName, SignInId};
use custos_store::{CredentialId, Durability, SourceNetwork, UpstreamTls};

use crate::commands::replay::CastVersion;
use crate::config;

pub(crate) use approvals::{
    ApproverAt, ApproverCommand, AskArgs, DecideArgs, GrantCommand, RequestArgs, RequestCommand,
};
pub(crate) use policy::{PolicyCommand, PolicyExplainArgs, PolicySimulateArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0 done   1 failed   2 wrong usage or configuration   3 denied   4 sign-in needed
  5 approval pending or timed out   6 verification failed   7 verification incomplete

Lists are tables on a terminal and tab-separated lines in a pipe; --json is for programs.";

#[cfg(debug_assertions)]
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (debug)");
#[cfg(not(debug_assertions))]
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (release)");

/// Custos: the way in to infrastructure, with evidence.
#[derive(Debug, Parser)]
#[command(name = "custos", version = VERSION, after_help = EXIT_CODES, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in to a gateway
    Login(LoginArgs),
    /// Open a resource with its usual client, or list what may be opened
    Connect(ConnectArgs),
    /// Show who is signed in
    Whoami(WhoAmIArgs),
    /// Print what OpenSSH needs in its configuration to go through the gateway
    SshConfig(SshConfigArgs),
    /// Renew the SSH certificate, where it is due; what `ssh-config` prints calls this
    SshCert(SshArgs),
    /// Let an agent act for you
    Delegate(DelegateArgs),
    /// End the sign-in
    Logout(LogoutArgs),
    /// Ask for a right, and see what is open
    Request(RequestArgs),
    /// Agree to what somebody asks for, with your own signature
    Approve(DecideArgs),
    /// Refuse what somebody asks for
    Deny(DecideArgs),
    /// Rights that people have agreed to
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Keys that people approve with
    #[command(subcommand)]
    Approver(ApproverCommand),
    /// Run the gateway
    Serve(ServeArgs),
    /// Run a gateway for trying things out: everything embedded, loopback only
    Dev(DevArgs),
    /// Show how the running gateway is
    Status(ReadArgs),
    /// Targets behind the gateway
    #[command(subcommand)]
    Resource(ResourceCommand),
    /// Connection credentials: the short secrets that clients use as password
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Who administers the gateway over the web
    #[command(subcommand)]
    Administrator(AdministratorCommand),
    /// Machines with a key of their own
    #[command(subcommand)]
    Machine(MachineCommand),
    /// Who is signed in
    #[command(subcommand)]
    SignIn(SignInCommand),
    /// Keys that sign the gateway's own tokens
    #[command(subcommand)]
    Key(KeyCommand),
    /// Sessions, live and past
    #[command(subcommand)]
    Session(SessionCommand),
    /// Verify an evidence directory, offline
    #[command(disable_help_flag = true)]
    Verify(VerifyArgs),
    /// The configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Policy documents, offline
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Check configuration, files, certificates and targets
    Doctor(DoctorArgs),
}

/// Which gateway somebody is signed in to.
#[derive(Debug, Args)]
pub(crate) struct SignInArgs {
    /// The gateway's URL [default: $CUSTOS_GATEWAY, else that of the last sign-in]
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The browser of this machine opens. Where there is none (no display, or over SSH), a code is shown
that is typed into a browser on any machine.
The tokens are kept in $CUSTOS_HOME, else in $XDG_STATE_HOME/custos, else in ~/.local/state/custos.")]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
    /// Show a code for a browser on another machine
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) device: bool,
    /// CA certificates (PEM) to trust beside the system's; remembered for this gateway
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Show the URL for a browser on this machine and do not open it
    #[arg(long)]
    pub(crate) no_browser: bool,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

/// A machine signs in by itself, without a browser.
#[derive(Debug, Args)]
pub(crate) struct MachineArgs {
    /// Sign in as this machine of the gateway's configuration
    #[arg(long, value_name = "NAME", conflicts_with_all = ["device", "no_browser"])]
    pub(crate) machine: Option<String>,
    /// Its private key (PKCS#8, PEM, mode 0600); needed again at each renewal, so it is not kept
    #[arg(
        long,
        value_name = "FILE",
        requires = "machine",
        conflicts_with = "secret_file"
    )]
    pub(crate) key: Option<PathBuf>,
    /// Its static secret, on the first line (mode 0600)
    #[arg(long, value_name = "FILE", requires = "machine")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Act for the person who made this delegation token with `custos delegate`
    #[arg(long, value_name = "FILE", requires = "machine")]
    pub(crate) on_behalf_of: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MachineCommand {
    /// Make a key pair: the private key goes into FILE (mode 0600), the public one is printed for `keys_file`
    NewKey {
        /// Where the private key goes; must not exist
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  custos delegate --to helper --output helper.delegation
  custos login --machine helper --key helper.pem --on-behalf-of helper.delegation   (the agent)

The token is good for that agent only, as often as it wants, until it ends or you sign out. The agent may
open what both of you may open, and every record names you both.")]
pub(crate) struct DelegateArgs {
    /// The agent, as the gateway's configuration names it
    #[arg(long, value_name = "AGENT")]
    pub(crate) to: String,
    /// How long, at most 12h, and no longer than your sign-in
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = config::parse_duration)]
    pub(crate) ttl: Duration,
    /// Where the token goes (mode 0600) [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SshArgs {
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  custos ssh-config >> ~/.ssh/config
  ssh custos-web1                                       a target, by its name
  ssh alice+web1@gw.example                             the same, spelled out
  scp file custos-web1:                                 and so on
  custos ssh-config --jump >> ~/.ssh/config
  ssh web1                                              through ProxyJump, by its own name
  custos ssh-config --known-hosts >> ~/.ssh/known_hosts trust the gateway everywhere

The certificate is good as long as the sign-in lasts; sign in again with `custos login`.")]
pub(crate) struct SshConfigArgs {
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
    /// Also each target under its own name, by ProxyJump
    #[arg(long)]
    pub(crate) jump: bool,
    /// The line of known_hosts alone by which the gateway is trusted, for its own name and those of your targets
    #[arg(long, conflicts_with = "jump")]
    pub(crate) known_hosts: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
    /// At every gateway
    #[arg(long, conflicts_with = "gateway")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WhoAmIArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  custos connect                                        what may be opened
  custos connect postgres/shop                          psql
  custos connect postgres/shop -- -c 'select 1'         psql with arguments
  custos connect postgres/shop -- pg_dump --schema-only another client
  eval \"$(custos connect postgres/shop --env)\"          for this shell
  custos connect ssh/web1                               ssh
  custos connect ssh/web1 -- ssh web1 uptime            a command there
  custos connect ssh/web1 -- rsync -a site/ web1:site/  what starts ssh

Clients are told by their environment (PGHOST, PGPASSWORD, …), those of OpenSSH by options, and end with their own exit code,
128 and the signal when one ended them.")]
pub(crate) struct ConnectArgs {
    /// For example postgres/shop; without it, what may be opened is listed
    pub(crate) resource: Option<ResourceName>,
    /// How long the credential can be used to connect, at most 1h; a certificate for SSH ends with the sign-in
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = config::parse_duration)]
    pub(crate) ttl: Duration,
    /// Why; approvers read it, and some rules ask for it
    #[arg(long, value_name = "TEXT", requires = "resource")]
    pub(crate) reason: Option<String>,
    /// Print a psql or ssh command and start nothing
    #[arg(long, requires = "resource", conflicts_with_all = ["env", "write", "client"])]
    pub(crate) print: bool,
    /// Print shell lines for `eval` and start nothing
    #[arg(long, requires = "resource", conflicts_with_all = ["write", "client"])]
    pub(crate) env: bool,
    /// Write a service and its password file for programs that use libpq, and start nothing
    #[arg(long, requires = "resource", conflicts_with = "client")]
    pub(crate) write: bool,
    /// List as JSON
    #[arg(long, conflicts_with = "resource")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gateway: SignInArgs,
    /// Client and its arguments; those alone when it begins with an option
    #[arg(last = true, value_name = "CLIENT", requires = "resource")]
    pub(crate) client: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file [default: $CUSTOS_CONFIG, or /etc/custos/custos.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  custos dev --target 'postgres://app@127.0.0.1:5432/shop'

The target's password may stand in the URL or in $PGPASSWORD.")]
pub(crate) struct DevArgs {
    /// Where state, evidence and certificates go
    #[arg(long, value_name = "DIR", default_value = "custos-dev")]
    pub(crate) dir: PathBuf,
    /// Loopback address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6432")]
    pub(crate) listen: SocketAddr,
    /// Loopback address for signing in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6480")]
    pub(crate) web: SocketAddr,
    /// Loopback address to listen on for SSH [default: none]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ssh: Option<SocketAddr>,
    /// A PostgreSQL to reach as postgres/demo: postgres://user@host:port/database?sslmode=…
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// Policy documents, a file or a directory [default: everybody who has signed in may everything]
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
}

/// Which gateway a command talks to.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// Admin socket of the gateway [default: $CUSTOS_SOCKET, else that of the configuration file]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Configuration file that names the admin socket [default: $CUSTOS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The operator's socket, or a gateway elsewhere.
#[derive(Debug, Args)]
pub(crate) struct AnyGatewayArgs {
    /// Over the web, as an administrator who is signed in to this gateway
    #[arg(long, value_name = "URL", conflicts_with_all = ["socket", "config"])]
    pub(crate) gateway: Option<String>,
    #[command(flatten)]
    pub(crate) socket: GatewayArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AnyReadArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) at: AnyGatewayArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdministratorCommand {
    /// Become the first administrator with the token that the gateway gave on its host when it started
    #[command(after_help = "The token is read from standard input.")]
    Claim {
        #[command(flatten)]
        gateway: SignInArgs,
    },
    /// List the administrators
    Ls(ReadArgs),
    /// Take the administration from somebody; sessions that were open for it alone are cut
    Remove {
        /// Who vouches for the administrator, as `custos administrator ls` shows it
        issuer: String,
        /// The issuer's name for the administrator
        subject: String,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Add a target
    Add(Box<ResourceAddArgs>),
    /// List the targets
    Ls(ReadArgs),
    /// Remove a target; its live sessions are cut
    Rm {
        /// For example postgres/shop
        name: ResourceName,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  custos resource add postgres/shop --host db.internal --account shop_app --password-file shop.pass
  custos resource add ssh/web1 --host web1.internal --account deploy --key-file deploy.key \\
      --host-key \"$(ssh-keyscan -t ed25519 web1.internal | cut -d' ' -f2-)\"")]
pub(crate) struct ResourceAddArgs {
    /// For example postgres/shop
    pub(crate) name: ResourceName,
    /// Host name or IP address of the target
    #[arg(long)]
    pub(crate) host: String,
    /// Its port [default: 5432 for PostgreSQL, 22 for SSH]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The account that the gateway signs in with
    #[arg(long)]
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
    /// File with a certificate for the private key, as `ssh-keygen -s` writes it
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(crate) certificate_file: Option<PathBuf>,
    /// The only database to serve [default: the one that the client asks for]
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Protection of the connection: verify-full, verify-ca, require or disable
    #[arg(long, value_name = "MODE", default_value = "verify-full")]
    pub(crate) tls: UpstreamTls,
    /// CA certificates (PEM) to trust for this target instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Public host key of an SSH target: type and base64, as `ssh-keyscan` prints them
    #[arg(long, value_name = "KEY")]
    pub(crate) host_key: Option<String>,
    /// An environment variable that clients may set at an SSH target, perhaps with `*` at its end; may be repeated
    /// [default: LANG, LANGUAGE, LC_*, COLORTERM]
    #[arg(long = "accept-env", value_name = "NAME", value_parser = settable)]
    pub(crate) accept_env: Vec<String>,
    /// Answer a target that asks for an MD5 password
    #[arg(long)]
    pub(crate) allow_md5: bool,
    /// Answer a target that asks for the clear password, inside TLS only
    #[arg(long)]
    pub(crate) allow_cleartext: bool,
    /// What must be on disk before bytes go on: strict or buffered
    #[arg(long, value_name = "HOW", default_value = "strict")]
    pub(crate) durability: Durability,
    /// A label; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PasswordArgs {
    /// File with the account's password on its first line
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the account's password from standard input, first line
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// File with the account's private key, for SSH: OpenSSH format, or PKCS#8 for RSA; without passphrase
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignInCommand {
    /// List the sign-ins
    Ls(AnyReadArgs),
    /// End a sign-in: its credentials open nothing any more, and its sessions are cut
    End {
        /// Its id
        id: SignInId,
        #[command(flatten)]
        at: AnyGatewayArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the published keys
    Ls(ReadArgs),
    /// Let the next key sign before its time, which comes by itself every 30 days
    #[command(after_help = "\
Without --now, tokens that are out there stay good. After a leak, --now ends all of them at once:
command lines get new ones by themselves, and nobody has to sign in again.")]
    Rotate {
        /// Replace every key: tokens that were signed before are refused from now on
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Issue a credential for one principal and one resource
    Issue(CredentialIssueArgs),
    /// List the credentials
    Ls(ReadArgs),
    /// Revoke a credential; live sessions of its principal on its resource are cut
    Revoke {
        /// Its id
        id: CredentialId,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// A person
    Human,
    /// A CI job or service account
    Workload,
    /// An AI agent
    Agent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IssueFormat {
    /// For people, with the command to connect
    Text,
    /// Shell lines for `eval`: libpq's environment variables
    Env,
    /// The psql command alone
    Psql,
    /// JSON
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  custos credential issue --principal alice --resource postgres/shop
  eval \"$(custos credential issue --principal alice --resource postgres/shop --format env)\" && psql")]
pub(crate) struct CredentialIssueArgs {
    /// Login name
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: String,
    /// What the principal is
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) kind: Kind,
    /// A group that access rules can name; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// For whom an agent acts, nearest first; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) on_behalf_of: Vec<String>,
    /// The one resource that it opens
    #[arg(long, value_name = "RESOURCE")]
    pub(crate) resource: ResourceName,
    /// How long it can be used to connect, at most 1h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = config::parse_duration)]
    pub(crate) ttl: Duration,
    /// Network that it may be used from, such as 10.0.0.0/8; may be repeated
    #[arg(long = "from", value_name = "NETWORK")]
    pub(crate) networks: Vec<SourceNetwork>,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: IssueFormat,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List sessions, newest first
    Ls {
        /// Only those that are live now
        #[arg(long)]
        live: bool,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        read: AnyReadArgs,
    },
    /// Show a session's records; the look is on record
    Show {
        /// Its id
        id: custos_model::SessionId,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Replay a session's transcript as it happened; the look is on record
    Replay(ReplayArgs),
    /// Watch a live session's transcript until it ends; the look is on record
    Watch {
        /// Its id
        id: custos_model::SessionId,
        /// Show its terminal on this one; of its escape sequences, those that draw
        #[arg(long)]
        terminal: bool,
        /// Of this operation [default: the first that has a terminal]
        #[arg(long, value_name = "NUMBER", requires = "terminal")]
        operation: Option<u64>,
        #[command(flatten)]
        at: GatewayArgs,
    },
    /// End a live session
    #[command(alias = "kill")]
    Cut {
        /// Its id
        id: custos_model::SessionId,
        #[command(flatten)]
        at: AnyGatewayArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Its id
    pub(crate) id: custos_model::SessionId,
    /// So many times faster than it happened
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Print everything at once [default in a pipe]
    #[arg(long, conflicts_with = "speed")]
    pub(crate) no_timing: bool,
    /// Shorten pauses that are longer than this
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = config::parse_duration)]
    pub(crate) max_pause: Duration,
    /// Print a terminal as asciicast of this version, for players; escape sequences are in it as they came
    #[arg(long, value_name = "VERSION", num_args = 0..=1, default_missing_value = "3", require_equals = true, group = "one_terminal", conflicts_with_all = ["json", "no_timing"])]
    pub(crate) cast: Option<CastVersion>,
    /// Play a terminal on this one; of its escape sequences, those that draw
    #[arg(long, group = "one_terminal", conflicts_with = "json")]
    pub(crate) terminal: bool,
    /// Of this operation [default: the first that has a terminal]
    #[arg(long, value_name = "NUMBER", requires = "one_terminal")]
    pub(crate) operation: Option<u64>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Passed to the verifier; see `custos verify --help`
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and tell all its problems
    Check(ServeArgs),
    /// Print the reference of all keys
    Reference,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Configuration file [default: $CUSTOS_CONFIG, or /etc/custos/custos.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.01..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("write a number from 0.01 to 1000".to_owned()),
    }
}

/// A variable that clients may set at a target, for `--accept-env`.
fn settable(name: &str) -> Result<String, String> {
    if custos_shell::decides_what_runs(name.as_bytes()) {
        return Err("with it, clients decide what a command runs".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}
