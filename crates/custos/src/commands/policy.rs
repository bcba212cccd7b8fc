//! `custos policy …`, over files and without a gateway.

mod simulate;

use std::io::Write;
use std::path::{Path, PathBuf};

use custos_model::{Clock as _, Principal, PrincipalKind};
use custos_policy::documents::{
    Command, Environment, InsertedRows, Line, PolicySet, Problem, Question, Resource, Shape,
    Touched, diff,
};

use crate::cli::{Kind, PolicyCommand, PolicyExplainArgs};
use crate::failure::{Exit, Failure};
use crate::machine::SystemClock;
use crate::output::{self, visible_lines};
use crate::policy_files;

/// Dispatches.
pub(crate) fn run(out: &mut dyn Write, command: PolicyCommand) -> Result<(), Failure> {
    match command {
        PolicyCommand::Check(files) => check(out, &load(&files.files)?),
        PolicyCommand::Explain(arguments) => explain(out, *arguments),
        PolicyCommand::Matrix { json, files } => {
            let matrix = load(&files.files)?.matrix();
            if json {
                return Ok(output::json(out, &matrix)?);
            }
            out.write_all(visible_lines(&matrix.to_markdown()).as_bytes())?;
            Ok(())
        }
        PolicyCommand::Diff { json, old, new } => compare(out, json, &old, &new),
        PolicyCommand::Simulate(arguments) => simulate::run(out, &arguments),
    }
}

fn check(out: &mut dyn Write, set: &PolicySet) -> Result<(), Failure> {
    let count =
        |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (rules, labels) = (set.rules().count(), set.labels().len());
    writeln!(
        out,
        "ok: {}, {}",
        count(rules, "rule"),
        count(labels, "label")
    )?;
    writeln!(out, "  digest  {}", set.digest())?;
    for warning in set.warnings() {
        writeln!(out, "\nwarning: {}", visible_lines(&warning))?;
    }
    if rules == 0 {
        writeln!(out, "\nnote: without a rule nobody may do anything")?;
    }
    Ok(())
}

fn compare(out: &mut dyn Write, json: bool, old: &Path, new: &Path) -> Result<(), Failure> {
    let (old, new) = (load(&[old.to_owned()])?, load(&[new.to_owned()])?);
    let lines = diff(&old, &new);
    if json {
        return Ok(output::json(out, &lines)?);
    }
    for line in &lines {
        writeln!(out, "{}", visible_lines(line))?;
    }
    if lines.is_empty() && old.digest() == new.digest() {
        writeln!(out, "the same policy")?;
    } else if lines.is_empty() {
        writeln!(
            out,
            "other rules, and the same rights for all that they name"
        )?;
    }
    Ok(())
}

fn explain(out: &mut dyn Write, arguments: PolicyExplainArgs) -> Result<(), Failure> {
    let set = load(&arguments.files.files)?;
    let utc_ns = arguments
        .at
        .unwrap_or_else(|| SystemClock::start().now().utc_ns);
    let principal = Principal {
        issuer: arguments.issuer,
        subject: arguments
            .subject
            .unwrap_or_else(|| arguments.principal.clone()),
        kind: match arguments.kind {
            Kind::Human => PrincipalKind::Human,
            Kind::Workload => PrincipalKind::Workload,
            Kind::Agent => PrincipalKind::Agent,
        },
        groups: arguments.groups,
        ..Principal::unknown(&arguments.principal)
    };
    let resource = Resource {
        name: arguments.resource,
        labels: arguments.labels.into_iter().collect(),
    };
    let environment = Environment {
        acr: arguments.acr,
        amr: arguments.amr.into_iter().collect(),
        reason_given: arguments.reason,
        address: arguments.from,
    };
    let question = Question {
        verbs: arguments.verbs.into_iter().collect(),
        objects: arguments.objects,
        touched: Touched {
            visible: arguments.sees.into_iter().collect(),
            compared: arguments.compares.into_iter().collect(),
            stored: arguments.stores.into_iter().collect(),
            in_doubt: false,
        },
        shape: Shape {
            without_where: arguments.without_where,
            inserted_rows: arguments
                .inserts
                .map_or(InsertedRows::None, InsertedRows::Known),
        },
        command: arguments
            .command
            .map(|text| Command::parse(text.as_bytes())),
        lines: arguments
            .line
            .map(|text| Line::typed(&text))
            .into_iter()
            .collect(),
        utc_ns,
    };
    let text = set.explain(&principal, &resource, &environment, &question);
    out.write_all(visible_lines(&text).as_bytes())?;
    Ok(())
}

/// All documents as one policy, or a failure with every problem and exit code 2.
fn load(paths: &[PathBuf]) -> Result<PolicySet, Failure> {
    policy_files::load(paths).map_err(|error| match error {
        policy_files::LoadError::Unreadable { path, source } => {
            let attempt = format!("cannot read {}", path.display());
            Failure::new(source).context(attempt).exit(Exit::Usage)
        }
        policy_files::LoadError::Problems(problems) => refused(&problems),
    })
}

fn refused(problems: &[Problem]) -> Failure {
    let lines: Vec<String> = problems
        .iter()
        .map(|it| visible_lines(&it.to_string()))
        .collect();
    let many = if lines.len() == 1 {
        "problem"
    } else {
        "problems"
    };
    Failure::usage(format!(
        "the policy has {} {many}\n\n{}",
        lines.len(),
        lines.join("\n")
    ))
    .hint("docs/policy.md describes every field")
}
