//! A provisioning source, speaking HTTP by hand.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use custos_testkit::PATIENCE;
use serde_json::{Value, json};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The directory of a provider, as its source reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The gateway's web address.
    pub(crate) gateway: String,
    /// `/scim/v2/NAME`.
    pub(crate) base: String,
    /// The whole Authorization header; none when it is empty.
    pub(crate) authorization: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    head: String,
    pub(crate) body: Value,
}

impl Source {
    pub(crate) fn new(gateway: &str, provider: &str, token: &str) -> Self {
        Self {
            gateway: gateway.to_owned(),
            base: format!("/scim/v2/{provider}"),
            authorization: format!("Bearer {token}"),
        }
    }

    /// Sends a request line, `METHOD /Users…`, and a body.
    pub(crate) fn send(&self, line: &str, body: &Value) -> Reply {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send_text(line, &body)
    }

    pub(crate) fn send_text(&self, line: &str, body: &str) -> Reply {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let path = path.replace(' ', "%20").replace('"', "%22");
        let address = self.gateway.trim_start_matches("http://");
        let mut request = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/scim+json; charset=utf-8\r\nContent-Length: {}\r\n",
            self.base,
            body.len()
        );
        if !self.authorization.is_empty() {
            let _ = write!(request, "Authorization: {}\r\n", self.authorization);
        }
        let _ = write!(request, "\r\n{body}");
        let mut stream = TcpStream::connect(address).expect("the gateway listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        stream
            .write_all(request.as_bytes())
            .expect("the gateway reads");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("the gateway answers in time");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Reply {
            status: status.expect("a status"),
            head: head.to_lowercase(),
            body: if body.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(body).expect("JSON")
            },
        }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), &Value::Null)
    }

    pub(crate) fn patch(&self, path: &str, operations: &Value) -> Reply {
        let message = json!({"schemas": [PATCH], "Operations": operations});
        self.send(&format!("PATCH {path}"), &message)
    }

    /// Creates a resource and returns its id.
    #[track_caller]
    pub(crate) fn create(&self, path: &str, resource: &Value) -> String {
        let created = self.send(&format!("POST {path}"), resource);
        assert_eq!(created.status, 201, "{created:?}");
        let id = created.body["id"].as_str().expect("an id").to_owned();
        let location = format!("{}{}{path}/{id}", self.gateway, self.base);
        assert!(
            created.has_header(&format!("location: {location}")),
            "{created:?}"
        );
        id
    }

    /// Creates a user whom her provider knows by this key.
    #[track_caller]
    pub(crate) fn user(&self, name: &str, external_id: &str) -> String {
        self.create(
            "/Users",
            &json!({"schemas": [USER], "userName": name, "externalId": external_id, "active": true}),
        )
    }

    #[track_caller]
    pub(crate) fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        self.create(
            "/Groups",
            &json!({"schemas": [GROUP], "displayName": name, "members": members}),
        )
    }
}

impl Reply {
    pub(crate) fn has_header(&self, line: &str) -> bool {
        self.head.lines().any(|own| own == line.to_lowercase())
    }

    /// A refusal in SCIM's own form (RFC 7644 section 3.12).
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(
            self.has_header("content-type: application/scim+json"),
            "{self:?}"
        );
        let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:Error"]);
        assert_eq!(self.body["schemas"], schemas, "{self:?}");
        assert_eq!(self.body["status"], status.to_string(), "{self:?}");
    }
}
