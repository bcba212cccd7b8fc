//! The tables of the file.

use super::Section;

/// The tables, in the order of the reference.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        name: "",
        doc: "The node itself. These keys stand at the top of the file, before any table.",
    },
    Section {
        name: "log",
        doc: "The gateway's own log on standard error. What users do is never in it; that is evidence.",
    },
    Section {
        name: "limits",
        doc: "Everything has a limit. What goes beyond one is refused with an error in the protocol's own terms, and that is on record.",
    },
    Section {
        name: "listener[]",
        doc: "One table for each address that clients connect to.",
    },
    Section {
        name: "web",
        doc: "The address that people's browsers and the command line sign in at. Without it there is no signing in, only credentials that the operator issues.",
    },
    Section {
        name: "provider[]",
        doc: "One table for each provider that people sign in with, by OpenID Connect or by SAML 2.0.",
    },
    Section {
        name: "group[]",
        doc: "Groups of this gateway, put together from groups of providers. Access rules name them as `group:NAME`; a provider's own group can be named too, as `group:PROVIDER:GROUP`.",
    },
    Section {
        name: "provisioning[]",
        doc: "One table for each provider whose directory says by SCIM 2.0 who its people and groups are. Then only active users of the directory sign in with the provider, and their groups come from it and nowhere else.",
    },
    Section {
        name: "workload_issuer[]",
        doc: "One table for each issuer whose tokens machines present: a CI system, a cluster, any issuer of signed tokens.",
    },
    Section {
        name: "workload[]",
        doc: "One table for each machine identity: which tokens are it, told by claims that do not change hands.",
    },
    Section {
        name: "machine[]",
        doc: "One table for each machine that signs in with a key of its own: a service, or an agent that acts for people. Where a platform vouches for the machine, `[[workload]]` needs no key at all.",
    },
    Section {
        name: "webhook[]",
        doc: "One table for each address that is told of requests for approval ([webhooks.md](webhooks.md)).",
    },
    Section {
        name: "access[]",
        doc: "Who may open what. Nothing is allowed that no rule allows.",
    },
];
