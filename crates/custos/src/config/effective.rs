//! What is in force, key by key: for the digest in every record and for the difference that a reload makes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest;
use custos_jwt::VerificationKey;
use custos_model::{PrincipalKind, Rfc3339};
use custos_oidc::ClaimSource;
use custos_policy::AccessRule;

use super::keys::{self, Change};
use super::listeners::Tls;
use super::providers::OpenId;
use super::units::{show_duration, show_size};
use super::{
    Config, Listener, Machine, MachineProof, Provider, ProviderKind, Provisioning, Reach, Saml,
    SamlMetadata, Web, Webhook, WorkloadIssuer, WorkloadKeys,
};

/// Every key with its value as text. Holds no secret: keys and certificates stand as file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effective(BTreeMap<String, String>);

/// One key that differs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The key, such as `limits.sessions` or `listener.pg.tls`.
    pub(crate) key: String,
    /// Its value before; `None`: it was not there.
    pub(crate) old: Option<String>,
    /// Its value after; `None`: it is gone.
    pub(crate) new: Option<String>,
    /// When it can take effect.
    pub(crate) change: Change,
}

impl Effective {
    /// Collects the values. `rules`: the access rules as written.
    pub(super) fn of(config: &Config, rules: &[AccessRule]) -> Self {
        let mut values = BTreeMap::new();
        let mut put = |key: String, value: String| drop(values.insert(key, value));
        node(config, &mut put);
        limits(config, &mut put);
        for listener in &config.listeners {
            listener_keys(listener, &mut put);
        }
        if let Some(web) = &config.web {
            web_keys(web, &mut put);
        }
        for provider in &config.providers {
            provider_keys(provider, &mut put);
        }
        for provisioning in &config.provisioning {
            provisioning_keys(provisioning, &mut put);
        }
        for group in &config.groups {
            put(
                format!("group.{}.members", group.name),
                group.members.join(", "),
            );
        }
        for issuer in &config.workload_issuers {
            issuer_keys(issuer, &mut put);
        }
        for workload in &config.workloads {
            let claims: Vec<_> = workload.claims.iter().map(ToString::to_string).collect();
            let mut set = |name: &str, value: String| {
                put(format!("workload.{}.{name}", workload.name), value);
            };
            set("issuer", workload.issuer.clone());
            set("claims", claims.join(", "));
            set("groups", workload.groups.join(", "));
        }
        for machine in &config.machines {
            machine_keys(machine, &mut put);
        }
        for webhook in &config.webhooks {
            webhook_keys(webhook, &mut put);
        }
        if let Some(files) = &config.policy_files {
            put("policy".to_owned(), files.display().to_string());
            put(
                "policy.sha256".to_owned(),
                config.policy.digest().to_owned(),
            );
        }
        for rule in rules {
            put(
                format!("access.{}.principals", rule.name),
                rule.principals.join(", "),
            );
            put(
                format!("access.{}.resources", rule.name),
                rule.resources.join(", "),
            );
        }
        Self(values)
    }

    /// Lower-case hexadecimal SHA-256 of all keys and values.
    pub(crate) fn digest(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.0 {
            let _ = writeln!(text, "{key}={value:?}");
        }
        hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }

    /// What changes from `self` to `new`, by key.
    pub(crate) fn differences(&self, new: &Self) -> Vec<Difference> {
        let mut keys: Vec<&String> = self.0.keys().chain(new.0.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
            .filter(|key| self.0.get(*key) != new.0.get(*key))
            .map(|key| Difference {
                key: key.clone(),
                old: self.0.get(key).cloned(),
                new: new.0.get(key).cloned(),
                change: change_of(key),
            })
            .collect()
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(out, "{}: {old} -> {new}", self.key),
            (None, Some(new)) => write!(out, "+ {}: {new}", self.key),
            (Some(old), None) => write!(out, "- {}: {old}", self.key),
            (None, None) => Ok(()),
        }
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn node(config: &Config, put: &mut impl FnMut(String, String)) {
    let mut path = |key: &str, path: &std::path::Path| {
        put(key.to_owned(), path.display().to_string());
    };
    path("state_dir", &config.state_dir);
    path("evidence_dir", &config.evidence_dir);
    path("admin_socket", &config.admin_socket);
    path("master_key_file", &config.master_key_file);
    put("cluster".to_owned(), config.cluster.clone());
    put("node".to_owned(), config.node.clone());
    put(
        "drain_timeout".to_owned(),
        show_duration(config.drain_timeout),
    );
    put(
        "log.level".to_owned(),
        config.log.level.to_string().to_lowercase(),
    );
    put(
        "log.format".to_owned(),
        if config.log.json { "json" } else { "text" }.to_owned(),
    );
}

fn limits(config: &Config, put: &mut impl FnMut(String, String)) {
    let limits = &config.limits;
    let mut set = |name: &str, value: String| put(format!("limits.{name}"), value);
    set("sessions", limits.sessions.to_string());
    set(
        "sessions_per_principal",
        limits.sessions_per_principal.to_string(),
    );
    set("handshakes", limits.handshakes.to_string());
    set(
        "handshakes_per_source",
        limits.handshakes_per_source.to_string(),
    );
    set("handshake_timeout", show_duration(limits.handshake_timeout));
    set("sign_in_timeout", show_duration(limits.sign_in_timeout));
    set("connect_timeout", show_duration(limits.connect_timeout));
    set("idle_timeout", show_duration(limits.idle_timeout));
    set("session_max_age", show_duration(limits.session_max_age));
    set("request_bytes", show_size(limits.request_bytes as u64));
    set(
        "request_memory",
        show_size(limits.request_memory_bytes as u64),
    );
}

fn listener_keys(listener: &Listener, put: &mut impl FnMut(String, String)) {
    let mut set =
        |name: &str, value: String| put(format!("listener.{}.{name}", listener.name), value);
    set("protocol", listener.protocol.clone());
    set("address", listener.address.to_string());
    set("authentication", listener.authentication_word().to_owned());
    tls_keys(listener.tls.as_ref(), set);
}

fn tls_keys(tls: Option<&Tls>, mut set: impl FnMut(&str, String)) {
    let Some(tls) = tls else {
        return set("tls", "off".to_owned());
    };
    set("tls", "required".to_owned());
    set("certificate", tls.certificate.display().to_string());
    // The file may change under the same name; its content is what clients see.
    let sha256 = digest::digest(&digest::SHA256, &tls.certificate_pem);
    set("certificate_sha256", hex(sha256.as_ref()));
    set("key", tls.key.display().to_string());
}

fn web_keys(web: &Web, put: &mut impl FnMut(String, String)) {
    let mut set = |name: &str, value: String| put(format!("web.{name}"), value);
    set("address", web.address.to_string());
    set("url", web.url.clone());
    if let Some((file, _)) = &web.client_ca {
        set("client_ca_file", file.display().to_string());
    }
    tls_keys(web.tls.as_ref(), set);
}

fn provider_keys(provider: &Provider, put: &mut impl FnMut(String, String)) {
    let mut set =
        |name: &str, value: String| put(format!("provider.{}.{name}", provider.name), value);
    set("label", provider.label.clone());
    match &provider.kind {
        ProviderKind::OpenId(openid) => openid_keys(openid, &mut set),
        ProviderKind::Saml(saml) => saml_keys(saml, &mut set),
    }
    set("sign_in_max", show_duration(provider.sign_in_max));
    reach_keys(&provider.reach, set);
}

fn openid_keys(openid: &OpenId, set: &mut impl FnMut(&str, String)) {
    let settings = openid.relying_party.settings();
    let names: Vec<_> = settings
        .mapping
        .name
        .iter()
        .map(ToString::to_string)
        .collect();
    set("kind", "openid".to_owned());
    set("issuer", settings.issuer.clone());
    set("client_id", settings.client_id.clone());
    set("scopes", settings.scopes.join(", "));
    set("name_claims", names.join(", "));
    if let Some(file) = &openid.secret_file {
        set("client_secret_file", file.display().to_string());
    }
    if let Some(groups) = &settings.mapping.groups {
        set("groups_claim", groups.path.to_string());
        set("groups_optional", yes_or_no(groups.optional));
    }
    let words = [
        (
            "claims_from",
            settings.mapping.source == ClaimSource::Userinfo,
            "userinfo",
            "id_token",
        ),
        ("pkce", settings.s256_unadvertised, "assumed", "advertised"),
        ("sign_out", openid.signs_out, "everywhere", "here"),
    ];
    for (name, is, yes, no) in words {
        set(name, if is { yes } else { no }.to_owned());
    }
    set("check_interval", show_duration(openid.check_interval));
}

fn saml_keys(saml: &Saml, set: &mut impl FnMut(&str, String)) {
    set("kind", "saml".to_owned());
    set("entity_id", saml.entity_id.clone());
    match &saml.metadata {
        SamlMetadata::File { path, sha256, .. } => {
            set("metadata_file", path.display().to_string());
            // As with certificates: the content is what counts.
            set("metadata_sha256", hex(sha256));
        }
        SamlMetadata::Url(url) => set("metadata_url", url.clone()),
    }
    if let Some(fingerprint) = &saml.signed_by {
        set("metadata_fingerprint", hex(fingerprint));
    }
    set("name_attributes", saml.mapping.name_attributes.join(", "));
    if let Some(groups) = &saml.mapping.groups {
        set("groups_attribute", groups.name.clone());
        set("groups_optional", yes_or_no(groups.optional));
    }
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn provisioning_keys(provisioning: &Provisioning, put: &mut impl FnMut(String, String)) {
    let mut set = |name: &str, value: String| {
        put(
            format!("provisioning.{}.{name}", provisioning.provider),
            value,
        );
    };
    set("token_file", provisioning.token_file.display().to_string());
    if let Some(file) = &provisioning.next_token_file {
        set("next_token_file", file.display().to_string());
    }
    set("match", provisioning.match_word.clone());
}

fn issuer_keys(issuer: &WorkloadIssuer, put: &mut impl FnMut(String, String)) {
    let mut set =
        |name: &str, value: String| put(format!("workload_issuer.{}.{name}", issuer.name), value);
    set("kind", issuer.kind_word.clone());
    set("issuer", issuer.url.clone());
    set("audience", issuer.audience.clone());
    match &issuer.keys {
        WorkloadKeys::Discovery => {}
        WorkloadKeys::Url(url) => set("keys_url", url.clone()),
        WorkloadKeys::File { path, .. } => set("keys_file", path.display().to_string()),
    }
    reach_keys(&issuer.reach, set);
}

fn machine_keys(machine: &Machine, put: &mut impl FnMut(String, String)) {
    let mut set =
        |name: &str, value: String| put(format!("machine.{}.{name}", machine.name), value);
    let agent = machine.kind == PrincipalKind::Agent;
    set("kind", if agent { "agent" } else { "service" }.to_owned());
    set("groups", machine.groups.join(", "));
    if let Some(owner) = &machine.owner {
        set("owner", owner.clone());
    }
    match &machine.proof {
        MachineProof::Keys { path, keys } => {
            // The file may change under the same name.
            let names: Vec<_> = keys
                .keys()
                .iter()
                .map(VerificationKey::thumbprint)
                .collect();
            set(
                "keys_file",
                format!("{} ({})", path.display(), names.join(", ")),
            );
        }
        MachineProof::Secret {
            sha256,
            expires_utc_ns,
        } => {
            // Enough to tell one from another.
            set("secret_sha256", hex(sha256.get(..8).unwrap_or_default()));
            set("secret_expires", Rfc3339(*expires_utc_ns).to_string());
        }
    }
}

fn webhook_keys(webhook: &Webhook, put: &mut impl FnMut(String, String)) {
    let mut set =
        |name: &str, value: String| put(format!("webhook.{}.{name}", webhook.name), value);
    // What follows the host lets anybody write into a chat.
    let url = webhook.url.expose();
    let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    set("url", origin);
    let sha256 = digest::digest(&digest::SHA256, url.as_bytes());
    set("url_sha256", hex(sha256.as_ref()));
    set("format", webhook.format.as_str().to_owned());
    for (name, file) in [
        ("url_file", &webhook.url_file),
        ("secret_file", &webhook.secret_file),
        ("next_secret_file", &webhook.next_secret_file),
    ] {
        if let Some(file) = file {
            set(name, file.display().to_string());
        }
    }
    let events: Vec<_> = webhook.events.iter().map(|it| it.as_str()).collect();
    set("events", events.join(", "));
    reach_keys(&webhook.reach, set);
}

fn reach_keys(reach: &Reach, mut set: impl FnMut(&str, String)) {
    if let Some((file, _)) = &reach.ca {
        set("ca_file", file.display().to_string());
    }
    if !reach.networks.is_empty() {
        let networks: Vec<_> = reach.networks.iter().map(ToString::to_string).collect();
        set("allow_networks", networks.join(", "));
    }
}

/// When the key of that name can change. Names of listeners and rules stand between section and key.
fn change_of(key: &str) -> Change {
    let (first, last) = (
        key.split('.').next().unwrap_or(key),
        key.rsplit('.').next().unwrap_or(key),
    );
    let section = match first {
        "listener" | "web" if last == "certificate_sha256" => return Change::Reload,
        "policy" if last == "sha256" => return Change::Reload,
        "provider" if last == "metadata_sha256" => return Change::Reload,
        "webhook" if last == "url_sha256" => return Change::Restart,
        "listener" => "listener[]",
        "access" => "access[]",
        "provider" => "provider[]",
        "provisioning" => "provisioning[]",
        "group" => "group[]",
        "workload_issuer" => "workload_issuer[]",
        "workload" => "workload[]",
        "machine" => "machine[]",
        "webhook" => "webhook[]",
        "limits" | "log" | "web" => first,
        _ => "",
    };
    keys::find(section, last).change
}
