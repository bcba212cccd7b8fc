//! Requests as lines, answers as JSON.

use custos_scim::{Change, Request, ServiceProvider};
use serde_json::{Value, json};

use crate::memory::Memory;

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A provisioning source that talks to a service provider. Each request comes a second after the one before.
pub(crate) struct Dialogue {
    pub(crate) directory: Memory,
    provider: ServiceProvider,
    requests: u8,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The body, null if there is none.
    pub(crate) body: Value,
    pub(crate) changes: Vec<Change>,
    pub(crate) location: Option<String>,
    pub(crate) allow: Option<&'static str>,
}

impl Dialogue {
    pub(crate) fn new() -> Self {
        Self {
            directory: Memory::default(),
            provider: ServiceProvider::new("https://custos.example.com/scim/v2/"),
            requests: 0,
        }
    }

    /// Sends a request line and a body, word for word.
    pub(crate) fn send_bytes(&mut self, line: &str, body: &[u8]) -> Reply {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.requests += 1;
        let before = self.directory.clone();
        let request = Request {
            method,
            path,
            query,
            body,
            now: 1_795_232_787_000_000_000 + u64::from(self.requests) * 1_000_000_000,
            random: [self.requests; 16],
        };
        let answer = self.provider.handle(&mut self.directory, &request).unwrap();
        if answer.changes.is_empty() {
            let after = Memory {
                conflict: before.conflict,
                ..self.directory.clone()
            };
            assert_eq!(after, before, "changed without a change");
        }
        assert!(answer.response.status < 300 || answer.changes.is_empty());
        Reply {
            status: answer.response.status,
            body: if answer.response.body.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&answer.response.body).unwrap()
            },
            changes: answer.changes,
            location: answer.response.location,
            allow: answer.response.allow,
        }
    }

    pub(crate) fn send(&mut self, line: &str, body: &Value) -> Reply {
        self.send_bytes(line, body.to_string().as_bytes())
    }

    pub(crate) fn get(&mut self, target: &str) -> Reply {
        self.send_bytes(&format!("GET {target}"), b"")
    }

    pub(crate) fn delete(&mut self, target: &str) -> Reply {
        self.send_bytes(&format!("DELETE {target}"), b"")
    }

    pub(crate) fn patch(&mut self, target: &str, operations: &Value) -> Reply {
        let message = json!({"schemas": [PATCH], "Operations": operations});
        self.send(&format!("PATCH {target}"), &message)
    }

    /// Creates a user and returns the id.
    pub(crate) fn user(&mut self, name: &str) -> String {
        let reply = self.send("POST /Users", &json!({"schemas": [USER], "userName": name}));
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body["id"].as_str().unwrap().to_owned()
    }

    /// Creates a group with these members and returns the id.
    pub(crate) fn group(&mut self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let group = json!({"schemas": [GROUP], "displayName": name, "members": members});
        let reply = self.send("POST /Groups", &group);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body["id"].as_str().unwrap().to_owned()
    }
}

impl Reply {
    /// The detail error keyword of a refusal, checked to be one.
    pub(crate) fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(self.body["status"], status.to_string());
        assert!(
            self.body["detail"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert_eq!(self.changes, []);
        self.body["scimType"].as_str().unwrap_or_default()
    }

    /// Ids of a list.
    pub(crate) fn ids(&self) -> Vec<&str> {
        assert_eq!(self.status, 200, "{self:?}");
        let resources = self.body["Resources"].as_array().unwrap();
        assert_eq!(self.body["itemsPerPage"], resources.len());
        let ids = resources.iter().map(|found| found["id"].as_str().unwrap());
        ids.collect()
    }
}
