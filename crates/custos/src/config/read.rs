//! From the document to the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use custos_session::Limits;
use toml::de::DeTable;

use super::effective::Effective;
use super::listeners;
use super::problem::Problems;
use super::walk::Section;
use super::{Config, Log, machines, policy, providers, provisioning, web, webhooks, workloads};

/// The configuration, or every problem of the text.
pub(super) fn config(file: &Path, source: &str) -> Result<Config, Problems> {
    let mut problems = Problems::new(file, source);
    let (document, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        // After a syntax error the rest of the tree is a guess; its problems would mislead.
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            problems.push(span, format!("not TOML: {}", error.message()), "");
        }
        return problems.into_result(None);
    }
    let top = Section::top(document.get_ref());
    let value = build(file, &top, &mut problems);
    problems.into_result(value)
}

fn build(file: &Path, top: &Section<'_>, problems: &mut Problems) -> Option<Config> {
    let base = base_directory(file);
    let tables = [
        "log",
        "limits",
        "listener",
        "web",
        "provider",
        "provisioning",
        "group",
        "workload_issuer",
        "workload",
        "machine",
        "webhook",
        "access",
    ];
    top.refuse_unknown(&tables, problems);
    let cluster = top.text("cluster", problems);
    let node = top.text("node", problems);
    let state_dir = top.path("state_dir", &base, problems);
    let in_state = |name: &'static str, default: &str, problems: &mut Problems| {
        let given = top.path(name, &base, problems);
        given.or_else(|| state_dir.as_ref().map(|dir| dir.join(default)))
    };
    let evidence_dir = in_state("evidence_dir", "evidence", problems);
    let admin_socket = in_state("admin_socket", "admin.sock", problems);
    let master_key_file = in_state("master_key_file", "master.key", problems);
    if let Some(path) = &admin_socket {
        check_socket_length(path, top, problems);
    }
    let drain_timeout = top.duration("drain_timeout", problems);
    let log = log(top, problems);
    let limits = limits(top, problems);
    let listeners = listeners::read(top, &base, problems);
    let web = web::read(top, &base, problems);
    let known_web = web.as_ref().ok().and_then(Option::as_ref);
    let providers = providers::read(top, &base, known_web, problems);
    let provisioning = provisioning::read(top, &base, providers.as_deref(), problems);
    let groups = providers::groups(top, problems);
    let platforms = workloads::read(top, &base, known_web, problems);
    let known = platforms
        .as_ref()
        .map(|(_, workloads)| workloads.as_slice());
    let machines = machines::read(top, &base, known_web, known.unwrap_or_default(), problems);
    let webhooks = webhooks::read(top, &base, known_web, problems);
    let policy = policy::read(top, &base, problems)?;
    let (workload_issuers, workloads) = platforms?;
    let mut config = Config {
        file: file.to_owned(),
        cluster: cluster?,
        node: node?,
        state_dir: state_dir?,
        evidence_dir: evidence_dir?,
        admin_socket: admin_socket?,
        master_key_file: master_key_file?,
        drain_timeout: drain_timeout?,
        log: log?,
        limits: limits?,
        listeners: listeners?,
        web: web.ok()?,
        providers: providers?,
        provisioning: provisioning?,
        groups: groups?,
        workload_issuers,
        workloads,
        machines: machines?,
        webhooks: webhooks?,
        policy: Arc::new(policy.policy),
        policy_files: policy.files,
        access_rules: policy.rules.len(),
        effective: Effective::default(),
    };
    config.effective = Effective::of(&config, &policy.rules);
    Some(config)
}

fn base_directory(file: &Path) -> PathBuf {
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::path::absolute(parent).unwrap_or_else(|_| parent.to_owned())
}

/// `sun_path` of a Unix socket address holds 108 bytes, the closing zero included (unix(7)).
fn check_socket_length(path: &Path, top: &Section<'_>, problems: &mut Problems) {
    let bytes = path.as_os_str().len();
    if bytes > 107 {
        problems.push(
            top.span_of("admin_socket"),
            format!("`admin_socket` is {}, {bytes} bytes long", path.display()),
            "a Unix socket's path has at most 107 bytes; set `admin_socket` to a shorter one",
        );
    }
}

fn log(top: &Section<'_>, problems: &mut Problems) -> Option<Log> {
    let section = top.table("log", problems);
    section.refuse_unknown(&[], problems);
    let level = section.text("level", problems);
    let format = section.text("format", problems);
    Some(Log {
        level: level?.parse().ok()?,
        json: format? == "json",
    })
}

fn limits(top: &Section<'_>, problems: &mut Problems) -> Option<Limits> {
    let section = top.table("limits", problems);
    section.refuse_unknown(&[], problems);
    let sessions = section.integer("sessions", problems);
    let sessions_per_principal = section.integer("sessions_per_principal", problems);
    let handshakes = section.integer("handshakes", problems);
    let handshakes_per_source = section.integer("handshakes_per_source", problems);
    let handshake_timeout = section.duration("handshake_timeout", problems);
    let sign_in_timeout = section.duration("sign_in_timeout", problems);
    let connect_timeout = section.duration("connect_timeout", problems);
    let idle_timeout = section.duration("idle_timeout", problems);
    let session_max_age = section.duration("session_max_age", problems);
    let request_bytes = section.size("request_bytes", problems);
    let request_memory_bytes = section.size("request_memory", problems);
    let count = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
    Some(Limits {
        sessions: count(sessions)?,
        sessions_per_principal: count(sessions_per_principal)?,
        handshakes: count(handshakes)?,
        handshakes_per_source: count(handshakes_per_source)?,
        handshake_timeout: handshake_timeout?,
        sign_in_timeout: sign_in_timeout?,
        connect_timeout: connect_timeout?,
        idle_timeout: idle_timeout?,
        session_max_age: session_max_age?,
        request_bytes: count(request_bytes)?,
        request_memory_bytes: count(request_memory_bytes)?,
    })
}
