//! What the service provider says of itself.

use serde_json::{Value, json};

use crate::dialogue::{Dialogue, GROUP, USER};

#[test]
fn the_configuration_says_what_is_not_supported() {
    let config = Dialogue::new().get("/ServiceProviderConfig").body;
    for (feature, supported) in [
        ("patch", true),
        ("filter", true),
        ("bulk", false),
        ("changePassword", false),
        ("sort", false),
        ("etag", false),
    ] {
        assert_eq!(config[feature]["supported"], supported, "{feature}");
    }
    assert_eq!(config["filter"]["maxResults"], 200);
    assert_eq!(
        config["authenticationSchemes"][0]["type"],
        "oauthbearertoken"
    );
    let location = "https://custos.example.com/scim/v2/ServiceProviderConfig";
    assert_eq!(config["meta"]["location"], location);
}

#[test]
fn resource_types_and_schemas_are_lists_and_single_documents() {
    let mut source = Dialogue::new();
    for (endpoint, ids) in [
        ("/ResourceTypes", ["User", "Group"]),
        ("/Schemas", [USER, GROUP]),
    ] {
        let list = source.get(endpoint);
        assert_eq!(list.ids(), ids);
        assert_eq!(
            (&list.body["totalResults"], &list.body["startIndex"]),
            (&json!(2), &json!(1))
        );
        for (n, id) in ids.iter().enumerate() {
            let single = source.get(&format!("{endpoint}/{id}"));
            assert_eq!(
                (single.status, &single.body),
                (200, &list.body["Resources"][n])
            );
        }
        assert_eq!(source.get(&format!("{endpoint}/Device")).refused(404), "");
        assert_eq!(
            source.send(&format!("POST {endpoint}"), &json!({})).allow,
            Some("GET")
        );
    }
    let types = source.get("/ResourceTypes").body;
    assert_eq!(types["Resources"][1]["endpoint"], "/Groups");
    assert_eq!(types["Resources"][0]["schema"], USER);
}

/// Each attribute that an answer can hold is in its schema, and the other way round.
#[test]
fn schemas_describe_the_answers() {
    let mut source = Dialogue::new();
    let user = json!({
        "schemas": [USER], "userName": "alice", "externalId": "1", "displayName": "Alice",
        "name": {"formatted": "A A", "givenName": "A", "familyName": "A"},
        "emails": [{"value": "a@example.com", "type": "work", "primary": true}],
    });
    let user = source.send("POST /Users", &user).body;
    let group = json!({"schemas": [GROUP], "displayName": "G", "externalId": "1", "members": [{"value": user["id"]}]});
    let group = source.send("POST /Groups", &group).body;
    for (schema, resource) in [(USER, user), (GROUP, group)] {
        let schema = source.get(&format!("/Schemas/{schema}")).body;
        let mut described = Vec::new();
        names(&schema["attributes"], "", &mut described);
        let mut answered = Vec::new();
        keys(&resource, "", &mut answered);
        let common =
            |name: &String| ["schemas", "id"].contains(&name.as_str()) || name.starts_with("meta");
        answered.retain(|name| !common(name));
        described.sort();
        answered.sort();
        assert_eq!(described, answered);
    }
}

fn names(attributes: &Value, prefix: &str, into: &mut Vec<String>) {
    for attribute in attributes.as_array().unwrap() {
        let name = format!("{prefix}{}", attribute["name"].as_str().unwrap());
        if attribute["type"] == "complex" {
            names(&attribute["subAttributes"], &format!("{name}."), into);
        }
        into.push(name);
    }
}

fn keys(resource: &Value, prefix: &str, into: &mut Vec<String>) {
    for (key, value) in resource.as_object().unwrap() {
        let name = format!("{prefix}{key}");
        let inner = value.get(0).unwrap_or(value);
        if inner.is_object() {
            keys(inner, &format!("{name}."), into);
        }
        into.push(name);
    }
}

#[test]
fn what_is_not_there_says_so() {
    let mut source = Dialogue::new();
    for line in [
        "POST /Bulk",
        "GET /Me",
        "PATCH /Me",
        "POST /.search",
        "POST /Users/x/.search",
    ] {
        assert_eq!(source.send(line, &json!({})).refused(501), "", "{line}");
    }
    for target in [
        "",
        "/",
        "/users",
        "/Users/a/b",
        "/Devices",
        "/../Users",
        "//Users",
        "/Users/%2e%2e/x",
        "/Schemas/a/b",
    ] {
        assert_eq!(source.get(target).refused(404), "", "{target}");
    }
    let collection = source.send("PUT /Users", &json!({}));
    assert_eq!(
        (collection.refused(405), collection.allow),
        ("", Some("GET, POST"))
    );
    let resource = source.send("POST /Groups/1", &json!({}));
    assert_eq!(
        (resource.refused(405), resource.allow),
        ("", Some("GET, PUT, PATCH, DELETE"))
    );
}
