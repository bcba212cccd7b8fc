//! `custos policy …`

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use custos_policy::documents::{Verb, utc_ns};

use super::{Kind, label};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check documents and tell all their problems
    Check(PolicyFiles),
    /// Say why somebody may or may not do something, and what else it would need
    Explain(Box<PolicyExplainArgs>),
    /// Show who may do what, as Markdown
    Matrix {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        files: PolicyFiles,
    },
    /// Show which rights a change gives, takes and changes
    Diff {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// File, or directory of them, as it was
        old: PathBuf,
        /// File, or directory of them, as it would be
        new: PathBuf,
    },
    /// Say what documents would have said to the statements of an evidence directory
    Simulate(PolicySimulateArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Records hold no labels of resources and no catalogue of the target: say labels with --label, and masks are not
simulated. Functions beside PostgreSQL's own count as reads, and EXECUTE as sql.unknown.

Examples:
  custos policy simulate policy/ --evidence /var/lib/custos/evidence --label postgres/shop:env=production")]
pub(crate) struct PolicySimulateArgs {
    #[command(flatten)]
    pub(crate) files: PolicyFiles,
    /// The evidence directory, or a copy of it
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: PathBuf,
    /// A label of a resource; may be repeated
    #[arg(long = "label", value_name = "RESOURCE:NAME=VALUE", value_parser = resource_label)]
    pub(crate) labels: Vec<(String, (String, String))>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn resource_label(text: &str) -> Result<(String, (String, String)), String> {
    let (resource, rest) = text
        .split_once(':')
        .ok_or("write RESOURCE:NAME=VALUE, as in postgres/shop:env=production")?;
    Ok((resource.to_owned(), label(rest)?))
}

#[derive(Debug, Args)]
pub(crate) struct PolicyFiles {
    /// Policy documents, or directories of them (*.yaml, *.yml); together they are one policy
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  custos policy explain policy/ --principal bob --group engineers \\
      --resource postgres/shop --label env=production --verb sql.delete --object shop.orders
  custos policy explain policy/ --principal shop-ci --kind workload --resource postgres/shop --verb sql.destroy")]
pub(crate) struct PolicyExplainArgs {
    #[command(flatten)]
    pub(crate) files: PolicyFiles,
    /// Name of who asks
    #[arg(long, value_name = "NAME", help_heading = "Who")]
    pub(crate) principal: String,
    /// What they are
    #[arg(long, value_enum, default_value = "human", help_heading = "Who")]
    pub(crate) kind: Kind,
    /// Who vouches for them; `local` is the operator
    #[arg(
        long,
        value_name = "URL",
        default_value = "local",
        help_heading = "Who"
    )]
    pub(crate) issuer: String,
    /// The issuer's own name for them [default: the name]
    #[arg(long, value_name = "ID", help_heading = "Who")]
    pub(crate) subject: Option<String>,
    /// A group that they are in; may be repeated
    #[arg(long = "group", value_name = "GROUP", help_heading = "Who")]
    pub(crate) groups: Vec<String>,
    /// Class of their sign-in
    #[arg(long, value_name = "CLASS", help_heading = "Who")]
    pub(crate) acr: Option<String>,
    /// A method of their sign-in; may be repeated
    #[arg(long, value_name = "METHOD", help_heading = "Who")]
    pub(crate) amr: Vec<String>,
    /// They said why
    #[arg(long, help_heading = "Who")]
    pub(crate) reason: bool,
    /// Address that they connect from
    #[arg(long, value_name = "ADDRESS", help_heading = "Who")]
    pub(crate) from: Option<IpAddr>,
    /// For example postgres/shop
    #[arg(long, value_name = "NAME", help_heading = "What")]
    pub(crate) resource: String,
    /// A label of the resource; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label, help_heading = "What")]
    pub(crate) labels: Vec<(String, String)>,
    /// What is done, such as sql.delete; may be repeated
    #[arg(long = "verb", value_name = "VERB", required = true, value_parser = verb, help_heading = "What")]
    pub(crate) verbs: Vec<Verb>,
    /// What it is done to, for people to read; may be repeated
    #[arg(long = "object", value_name = "NAME", help_heading = "What")]
    pub(crate) objects: Vec<String>,
    /// A label of columns that would be seen; may be repeated
    #[arg(long, value_name = "LABEL", help_heading = "What")]
    pub(crate) sees: Vec<String>,
    /// A label of columns that would be compared; may be repeated
    #[arg(long, value_name = "LABEL", help_heading = "What")]
    pub(crate) compares: Vec<String>,
    /// A label of columns that would be copied to where nothing masks them; may be repeated
    #[arg(long, value_name = "LABEL", help_heading = "What")]
    pub(crate) stores: Vec<String>,
    /// The statement has no WHERE
    #[arg(long, help_heading = "What")]
    pub(crate) without_where: bool,
    /// Rows that it inserts
    #[arg(long, value_name = "ROWS", help_heading = "What")]
    pub(crate) inserts: Option<u64>,
    /// The command that it is
    #[arg(long, value_name = "TEXT", help_heading = "What")]
    pub(crate) command: Option<String>,
    /// The line that is entered into a shell
    #[arg(long, value_name = "TEXT", help_heading = "What")]
    pub(crate) line: Option<String>,
    /// When, such as 2026-11-20T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "What")]
    pub(crate) at: Option<u64>,
}

fn verb(text: &str) -> Result<Verb, String> {
    Verb::named(text).ok_or_else(|| {
        let known: Vec<&str> = Verb::all().map(Verb::as_str).collect();
        format!("known: {}", known.join(", "))
    })
}

fn time(text: &str) -> Result<u64, String> {
    utc_ns(text).ok_or_else(|| "write a time such as 2026-11-20T09:00:00Z".to_owned())
}
