//! What each platform's tokens say.

/// Whose tokens an issuer's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// GitHub Actions.
    GithubActions,
    /// GitLab CI/CD.
    Gitlab,
    /// Projected service account tokens.
    Kubernetes,
    /// JWT-SVID.
    Spiffe,
    /// Any other issuer.
    Other,
}

impl WorkloadKind {
    /// From the word in the configuration.
    pub fn from_word(word: &str) -> Self {
        match word {
            "github-actions" => Self::GithubActions,
            "gitlab" => Self::Gitlab,
            "kubernetes" => Self::Kubernetes,
            "spiffe" => Self::Spiffe,
            _ => Self::Other,
        }
    }

    /// Claims of which a workload must pin at least one: those that are never given to somebody else.
    pub fn pins(self) -> &'static [&'static str] {
        match self {
            Self::GithubActions => &["repository_id"],
            Self::Gitlab => &["project_id"],
            Self::Kubernetes => &["/kubernetes.io/serviceaccount/uid"],
            Self::Spiffe | Self::Other => &["sub"],
        }
    }

    /// Claims that are put on record.
    pub(super) fn recorded(self) -> &'static [&'static str] {
        match self {
            Self::GithubActions => &[
                "actor_id",
                "environment",
                "event_name",
                "job_workflow_ref",
                "jti",
                "ref",
                "repository",
                "repository_id",
                "repository_owner_id",
                "run_attempt",
                "run_id",
                "sha",
                "workflow",
            ],
            Self::Gitlab => &[
                "environment",
                "job_id",
                "jti",
                "pipeline_id",
                "project_id",
                "project_path",
                "ref",
                "ref_protected",
                "user_id",
            ],
            Self::Kubernetes => &[
                "/kubernetes.io/namespace",
                "/kubernetes.io/pod/name",
                "/kubernetes.io/pod/uid",
                "/kubernetes.io/serviceaccount/name",
                "/kubernetes.io/serviceaccount/uid",
                "jti",
            ],
            Self::Spiffe | Self::Other => &["jti", "sub"],
        }
    }
}
