//! What the service provider says of itself (RFC 7644 section 4, RFC 7643 sections 5 to 7).

use serde_json::{Value, json};

use crate::{MAX_PAGE, ScimError, group, user};

/// The document at a path that is neither /Users nor /Groups.
pub(crate) fn document(path: &[&str], method: &str, base_url: &str) -> Result<Value, ScimError> {
    let document = match path {
        ["ServiceProviderConfig"] => configuration(base_url),
        ["ResourceTypes"] => list(&resource_types(base_url)),
        ["ResourceTypes", id] => by_id(resource_types(base_url), id)?,
        ["Schemas"] => list(&schemas(base_url)),
        ["Schemas", id] => by_id(schemas(base_url), id)?,
        ["Bulk"] => return Err(ScimError::NotImplemented("Bulk")),
        ["Me", ..] => return Err(ScimError::NotImplemented("Me")),
        [.., ".search"] => return Err(ScimError::NotImplemented("search by POST")),
        _ => return Err(ScimError::NotFound),
    };
    match method {
        "GET" => Ok(document),
        _ => Err(ScimError::Method { allow: "GET" }),
    }
}

fn list(resources: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(),
        "startIndex": 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn by_id(resources: Vec<Value>, id: &str) -> Result<Value, ScimError> {
    let is = |resource: &Value| resource.get("id").and_then(Value::as_str) == Some(id);
    let found = resources.into_iter().find(is);
    found.ok_or(ScimError::NotFound)
}

/// RFC 7643 section 5.
fn configuration(base_url: &str) -> Value {
    let supported = |supported: bool| json!({"supported": supported});
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": supported(true),
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MAX_PAGE},
        "changePassword": supported(false),
        "sort": supported(false),
        "etag": supported(false),
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of this provisioning source, in the Authorization header",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": meta("ServiceProviderConfig", base_url, "ServiceProviderConfig"),
    })
}

/// RFC 7643 section 6.
fn resource_types(base_url: &str) -> Vec<Value> {
    let resource_type = |name: &str, endpoint: &str, schema: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": endpoint,
            "schema": schema,
            "schemaExtensions": [],
            "meta": meta("ResourceType", base_url, &format!("ResourceTypes/{name}")),
        })
    };
    vec![
        resource_type("User", "/Users", user::SCHEMA),
        resource_type("Group", "/Groups", group::SCHEMA),
    ]
}

/// RFC 7643 section 7: the attributes that are kept, and no others.
fn schemas(base_url: &str) -> Vec<Value> {
    let schema = |id: &str, name: &str, attributes: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id,
            "name": name,
            "description": format!("What is kept of a {}", name.to_lowercase()),
            "attributes": attributes,
            "meta": meta("Schema", base_url, &format!("Schemas/{id}")),
        })
    };
    vec![
        schema(user::SCHEMA, "User", user_attributes()),
        schema(group::SCHEMA, "Group", group_attributes()),
    ]
}

fn user_attributes() -> Value {
    json!([
        with(
            text("userName", "The name for signing in"),
            json!({"required": true, "uniqueness": "server"})
        ),
        with(
            text("externalId", "The provisioning source's key"),
            json!({"caseExact": true, "uniqueness": "server"})
        ),
        with(
            text("displayName", "The name for people to read"),
            json!({})
        ),
        boolean("active", "Whether the user may do anything"),
        with(
            text("name", "The parts of the name"),
            json!({"type": "complex", "subAttributes": [
                text("formatted", "The whole name"),
                text("givenName", "The given name"),
                text("familyName", "The family name"),
            ]})
        ),
        with(
            text("emails", "E-mail addresses"),
            json!({"type": "complex", "multiValued": true, "subAttributes": [
                text("value", "The address"),
                text("type", "work, home or another word"),
                boolean("primary", "Whether it is the preferred address"),
            ]})
        ),
    ])
}

fn group_attributes() -> Value {
    let immutable = json!({"mutability": "immutable", "caseExact": true});
    json!([
        with(
            text("displayName", "The group's name"),
            json!({"required": true, "uniqueness": "server"})
        ),
        with(
            text("externalId", "The provisioning source's key"),
            json!({"caseExact": true, "uniqueness": "server"})
        ),
        with(
            text("members", "The users in the group"),
            json!({"type": "complex", "multiValued": true, "subAttributes": [
                with(text("value", "The user's id"), immutable.clone()),
                with(text("type", "Always User"), immutable),
            ]})
        ),
    ])
}

/// A text with one value, as most attributes are.
fn text(name: &str, description: &str) -> Value {
    json!({
        "name": name,
        "type": "string",
        "multiValued": false,
        "description": description,
        "required": false,
        "caseExact": false,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    })
}

fn boolean(name: &str, description: &str) -> Value {
    json!({
        "name": name,
        "type": "boolean",
        "multiValued": false,
        "description": description,
        "required": false,
        "mutability": "readWrite",
        "returned": "default",
    })
}

/// The attribute with other characteristics. Complex ones have neither case nor uniqueness.
fn with(mut attribute: Value, other: Value) -> Value {
    if let (Value::Object(attribute), Value::Object(other)) = (&mut attribute, other) {
        attribute.extend(other);
        if attribute.contains_key("subAttributes") {
            attribute.remove("caseExact");
            attribute.remove("uniqueness");
        }
    }
    attribute
}

fn meta(resource_type: &str, base_url: &str, path: &str) -> Value {
    json!({"resourceType": resource_type, "location": format!("{base_url}/{path}")})
}
