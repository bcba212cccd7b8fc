//! `custos approve` and `custos deny`: shows what is asked, signs exactly that, and hands it over.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_approvals::{Choice, CommitKey, Exact, Request, Statement};
use custos_signatures::SshKey;
use serde::Deserialize;
use serde_json::{Value, json};

use super::approver::{body, rows, text};
use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::DecideArgs;
use crate::failure::{Exit, Failure};
use crate::output::{visible, visible_lines};
use crate::signing;

/// A request as the gateway shows it. Members that this version does not know are left out.
#[derive(Deserialize)]
struct View {
    request: Request,
    waits_for: String,
    approved_by: Vec<String>,
}

#[derive(Deserialize)]
struct Shown {
    exact: Option<ExactShown>,
}

#[derive(Deserialize)]
struct ExactShown {
    commit_key: String,
    parts: Vec<PartShown>,
}

#[derive(Deserialize)]
struct PartShown {
    name: String,
    text: Option<String>,
    base64: Option<String>,
}

/// Decides on a request.
pub(crate) async fn decide(
    out: &mut dyn Write,
    arguments: DecideArgs,
    decision: Choice,
) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, arguments.gateway.gateway.as_deref())?;
    let path = format!("/v1/requests/{}", arguments.id);
    let view: View = sign_in.get(&path).await?;
    let shown: Shown = sign_in.get(&format!("{path}/exact")).await?;
    let mut terminal = io::stderr();
    show(&mut terminal, &view, shown.exact.as_ref())?;
    let key = if arguments.attest {
        None
    } else {
        Some(enrolled_key(&mut sign_in, arguments.key).await?)
    };
    let justification = match arguments.reason {
        Some(reason) => reason,
        None => ask(&mut terminal, "why? ")?,
    };
    if !arguments.yes && io::stdin().is_terminal() {
        let question = format!("{} this? [y/N] ", decision.as_str());
        let answer = ask(&mut terminal, &question)?;
        if !matches!(answer.as_str(), "y" | "Y" | "yes") {
            return Err(Failure::new(anyhow::anyhow!("nothing was decided")));
        }
    }
    let wanted = json!({
        "decision": decision,
        "justification": justification,
        "key": key.as_ref().map(|(_, fingerprint)| fingerprint),
    });
    let made: Value = sign_in
        .post(&format!("{path}/statement"), body(&wanted)?)
        .await?;
    let statement = text(&made, "statement");
    check(
        &statement,
        &view.request,
        decision,
        justification.trim(),
        key.as_ref(),
    )?;
    let signature = match &key {
        Some((file, _)) => {
            let armored = signing::sign(file, &statement).await?;
            json!({ "method": "ssh", "signature": armored })
        }
        None => Value::Null,
    };
    let approval = text(&made, "approval");
    let signed = json!({ "signature": signature });
    let path = format!("/v1/approvals/{approval}");
    let decided: Value = sign_in.post(&path, body(&signed)?).await?;
    let word = match decision {
        Choice::Approve => "approved",
        Choice::Deny => "denied",
    };
    writeln!(out, "{word} {} by {approval}", arguments.id)?;
    let waits_for = text(&decided, "waits_for");
    if !waits_for.is_empty() {
        writeln!(terminal, "{}", visible(&waits_for))?;
    }
    Ok(())
}

/// All that a decision is about. What will be forwarded is shown whole, and checked against the commitment that is signed.
fn show(out: &mut dyn Write, view: &View, exact: Option<&ExactShown>) -> Result<(), Failure> {
    let request = &view.request;
    let chain: Vec<&str> = request
        .on_behalf_of
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let mut lines = vec![
        ("request", request.id.to_string()),
        ("kind", request.kind.as_str().to_owned()),
        (
            "by",
            format!("{} ({})", request.requester.name, request.requester.issuer),
        ),
        ("for", chain.join(", ")),
        ("resource", request.resource.clone()),
        ("verbs", request.verbs.join(", ")),
        ("objects", request.objects.join(", ")),
        ("rules", request.rules.join(", ")),
        ("reason", request.justification.clone().unwrap_or_default()),
        ("ticket", request.ticket.clone().unwrap_or_default()),
        (
            "lasts",
            request
                .seconds
                .map_or_else(String::new, |it| format!("{it} s")),
        ),
        ("until", request.expires.clone()),
        ("agreed", view.approved_by.join(", ")),
        ("state", view.waits_for.clone()),
    ];
    lines.retain(|(_, text)| !text.is_empty());
    for (name, text) in lines {
        writeln!(out, "{name:<9} {}", visible(&text))?;
    }
    let Some(exact) = exact else {
        return match request.commit {
            None => Ok(()),
            Some(_) => Err(altered()),
        };
    };
    let mut parts = Exact::default();
    for part in &exact.parts {
        let bytes = match (&part.text, &part.base64) {
            (Some(text), _) => Some(text.as_bytes().to_vec()),
            (None, Some(base64)) => Some(STANDARD.decode(base64)?),
            (None, None) => None,
        };
        parts = parts.with(part.name.as_str(), bytes.as_deref());
        writeln!(out, "\n{}:", visible(&part.name))?;
        let shown = match (&part.text, &part.base64) {
            (Some(text), _) => visible_lines(text),
            (None, Some(base64)) => format!("(base64) {base64}"),
            (None, None) => "NULL".to_owned(),
        };
        for line in shown.lines() {
            writeln!(out, "    {line}")?;
        }
    }
    writeln!(out)?;
    let key = CommitKey::from_hex(&exact.commit_key).ok_or_else(altered)?;
    if request.commit.as_ref() != Some(&parts.commit(&key).to_string()) {
        return Err(altered());
    }
    Ok(())
}

/// What is about to be signed is what was shown and decided, and nothing else.
fn check(
    statement: &str,
    request: &Request,
    decision: Choice,
    justification: &str,
    key: Option<&(PathBuf, String)>,
) -> Result<(), Failure> {
    let read: Statement = serde_json::from_str(statement).map_err(|_| altered())?;
    let is_same = read.request == *request
        && read.decision == decision
        && read.justification == justification
        && read.key.as_ref() == key.map(|(_, fingerprint)| fingerprint)
        && read.kind == custos_approvals::STATEMENT_TYPE
        && serde_json::to_string(&read).is_ok_and(|again| again == statement);
    if is_same { Ok(()) } else { Err(altered()) }
}

fn altered() -> Failure {
    Failure::new(anyhow::anyhow!(
        "what the gateway wants signed is not what it showed, so nothing was signed"
    ))
    .hint("the request may have changed meanwhile: look at it again")
}

/// The key to sign with and its fingerprint: the one named, or the first of one's own that is accepted.
async fn enrolled_key(
    sign_in: &mut SignIn,
    named: Option<PathBuf>,
) -> Result<(PathBuf, String), Failure> {
    let candidates = match named {
        Some(file) => vec![signing::public_line(&file)?],
        None => signing::own_keys()?,
    };
    let known: Value = sign_in.get("/v1/approver-keys").await?;
    let known = known.get("keys").cloned().unwrap_or_default();
    let accepted: Vec<String> = rows(&known)
        .filter(|key| key.get("accepted") == Some(&Value::Bool(true)))
        .map(|key| text(key, "key"))
        .collect();
    for (file, line) in candidates {
        let Ok(key) = SshKey::parse(&line) else {
            continue;
        };
        let fingerprint = key.fingerprint().to_owned();
        if accepted.contains(&fingerprint) {
            return Ok((file, fingerprint));
        }
    }
    Err(
        Failure::new(anyhow::anyhow!("no key of yours is enrolled and accepted"))
            .exit(Exit::Denied)
            .hint("enrol one with `custos approver enrol`, or name one with --key"),
    )
}

fn ask(out: &mut dyn Write, question: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("a decision needs a justification").hint("add --reason TEXT"));
    }
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
