//! A directory that fails.

use custos_scim::{
    Change, Committed, Directory, Filter, Group, GroupTerm, Listing, Page, Request, Response,
    ServiceProvider, User, UserTerm,
};
use serde_json::Value;

/// Reads nothing and writes nothing, or finds nothing and writes nothing.
struct Broken {
    reads: bool,
}

#[derive(Debug, PartialEq)]
struct DiskFull;

impl Broken {
    fn found<T>(&self, nothing: T) -> Result<T, DiskFull> {
        self.reads.then_some(nothing).ok_or(DiskFull)
    }
}

impl Directory for Broken {
    type Error = DiskFull;

    fn user(&self, _: &str) -> Result<Option<User>, DiskFull> {
        self.found(None)
    }

    fn users(&self, _: Option<&Filter<UserTerm>>, _: Page) -> Result<Listing<User>, DiskFull> {
        self.found(Listing {
            total: 0,
            resources: Vec::new(),
        })
    }

    fn group(&self, _: &str) -> Result<Option<Group>, DiskFull> {
        self.found(None)
    }

    fn groups(&self, _: Option<&Filter<GroupTerm>>, _: Page) -> Result<Listing<Group>, DiskFull> {
        self.found(Listing {
            total: 0,
            resources: Vec::new(),
        })
    }

    fn members(&self, _: &str) -> Result<Vec<String>, DiskFull> {
        self.found(Vec::new())
    }

    fn commit(&mut self, _: &[Change]) -> Result<Committed, DiskFull> {
        Err(DiskFull)
    }
}

const USER: &str =
    r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"alice"}"#;
const GROUP: &str =
    r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Developers"}"#;

fn request(line: &'static str, body: &'static str) -> Request<'static> {
    let (method, path) = line.split_once(' ').unwrap();
    Request {
        method,
        path,
        query: "",
        body: body.as_bytes(),
        now: 1,
        random: [0; 16],
    }
}

#[test]
fn its_error_goes_to_the_caller() {
    let provider = ServiceProvider::new("https://custos.example.com/scim/v2");
    for (line, body) in [
        ("GET /Users", ""),
        ("GET /Users/1", ""),
        ("POST /Users", USER),
        ("PUT /Users/1", USER),
        ("DELETE /Users/1", ""),
        ("GET /Groups", ""),
        ("GET /Groups/1", ""),
        ("POST /Groups", GROUP),
        ("DELETE /Groups/1", ""),
    ] {
        let mut directory = Broken { reads: false };
        let answer = provider.handle(&mut directory, &request(line, body));
        assert_eq!(answer, Err(DiskFull), "{line}");
    }
    for (line, body) in [("POST /Users", USER), ("POST /Groups", GROUP)] {
        let mut directory = Broken { reads: true };
        let answer = provider.handle(&mut directory, &request(line, body));
        assert_eq!(answer, Err(DiskFull), "{line}");
    }
}

#[test]
fn the_source_hears_that_it_may_try_again() {
    let response = Response::unavailable();
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, &body["status"]), (503, &"503".into()));
    assert_eq!(body.get("scimType"), None);
}

#[test]
fn requests_do_not_show_their_bodies() {
    let shown = format!("{:?}", request("POST /Users", USER));
    assert_eq!(shown, r#"Request { method: "POST", path: "/Users", .. }"#);
}
