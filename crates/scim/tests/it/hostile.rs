//! Requests that are refused, with the status and keyword, and that change nothing.

use serde_json::{Value, json};

use crate::dialogue::{Dialogue, GROUP, PATCH, USER};

/// A directory with one user, `u`, who is in one group, `g`.
fn victim() -> (Dialogue, String, String) {
    let mut source = Dialogue::new();
    let user = source.user("alice");
    let group = source.group("Developers", &[&user]);
    (source, user, group)
}

/// Each case is a test: a request line, where `U` and `G` stand for the ids, a body, and what is answered.
macro_rules! refused {
    ($($name:ident: $line:expr, $body:expr => $status:literal $keyword:literal;)*) => {$(
        #[test]
        fn $name() {
            let (mut source, user, group) = victim();
            let line: &str = &$line;
            let line = match (line.strip_suffix(" /U"), line.strip_suffix(" /G")) {
                (Some(method), _) => format!("{method} /Users/{user}"),
                (_, Some(method)) => format!("{method} /Groups/{group}"),
                _ => line.to_owned(),
            };
            let reply = source.send_bytes(&line, bytes($body).as_slice());
            assert_eq!(reply.refused($status), $keyword);
        }
    )*};
}

fn bytes(body: impl Into<Body>) -> Vec<u8> {
    match body.into() {
        Body::Raw(bytes) => bytes,
        Body::Json(value) => value.to_string().into_bytes(),
    }
}

enum Body {
    Raw(Vec<u8>),
    Json(Value),
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::Raw(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Raw(bytes)
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

fn user(attributes: Value) -> Value {
    with(json!({"schemas": [USER], "userName": "bob"}), attributes)
}

fn with(mut body: Value, attributes: Value) -> Value {
    let Value::Object(attributes) = attributes else {
        panic!("not an object");
    };
    body.as_object_mut().unwrap().extend(attributes);
    body
}

fn patch(operations: Value) -> Value {
    let mut message = json!({"schemas": [PATCH]});
    message["Operations"] = operations;
    message
}

fn replace(path: &str, value: Value) -> Value {
    let mut operation = json!({"op": "replace", "path": path});
    operation["value"] = value;
    patch(Value::Array(vec![operation]))
}

fn many_members(op: &str, count: usize) -> Value {
    json!({"op": op, "path": "members", "value": vec![json!({"value": "x"}); count]})
}

fn remove(path: &str) -> Value {
    patch(json!([{"op": "remove", "path": path}]))
}

refused! {
    an_empty_body: "POST /Users", "" => 400 "invalidSyntax";
    a_body_that_is_cut: "POST /Users", r#"{"schemas":["urn:"# => 400 "invalidSyntax";
    a_body_that_goes_on: "POST /Users", "{} {}" => 400 "invalidSyntax";
    a_list_as_body: "POST /Users", "[]" => 400 "invalidSyntax";
    a_body_that_is_not_utf8: "POST /Users", b"{\"userName\":\"\xff\"}".to_vec() => 400 "invalidSyntax";
    a_body_that_is_too_long: "POST /Users", vec![b' '; 256 * 1024 + 1] => 413 "";
    a_body_too_long_where_none_is_read: "DELETE /U", vec![0; 256 * 1024 + 1] => 413 "";
    a_body_nested_too_deeply: "POST /Users", "{\"a\":".repeat(11).into_bytes() => 400 "invalidSyntax";
    brackets_without_end: "POST /Users", vec![b'['; 200_000] => 400 "invalidSyntax";
    active_named_twice: "PUT /U", format!(r#"{{"schemas":["{USER}"],"userName":"a","active":true,"ACTIVE":false}}"#).into_bytes() => 400 "invalidSyntax";
    an_escaped_twin_of_a_member: "PUT /U", format!(r#"{{"schemas":["{USER}"],"userName":"a","user\u004eame":"b"}}"#).into_bytes() => 400 "invalidSyntax";
    operations_named_twice: "PATCH /U", format!(r#"{{"schemas":["{PATCH}"],"Operations":[],"operations":[]}}"#).into_bytes() => 400 "invalidSyntax";
    op_named_twice: "PATCH /U", format!(r#"{{"schemas":["{PATCH}"],"Operations":[{{"op":"add","Op":"remove","path":"displayName"}}]}}"#).into_bytes() => 400 "invalidSyntax";

    no_schemas: "POST /Users", json!({"userName": "bob"}) => 400 "invalidSyntax";
    schemas_of_a_group: "POST /Users", json!({"schemas": [GROUP], "userName": "bob"}) => 400 "invalidSyntax";
    schemas_as_text: "POST /Users", json!({"schemas": USER, "userName": "bob"}) => 400 "invalidSyntax";
    schemas_of_version_one: "POST /Users", json!({"schemas": ["urn:scim:schemas:core:1.0"], "userName": "bob"}) => 400 "invalidSyntax";
    a_user_as_patch: "PATCH /U", user(json!({})) => 400 "invalidSyntax";
    a_patch_as_user: "PUT /U", replace("active", json!(false)) => 400 "invalidSyntax";

    no_user_name: "POST /Users", json!({"schemas": [USER]}) => 400 "invalidValue";
    an_empty_user_name: "POST /Users", user(json!({"userName": ""})) => 400 "invalidValue";
    a_user_name_as_object: "POST /Users", user(json!({"userName": {"value": "bob"}})) => 400 "invalidValue";
    a_user_name_that_is_too_long: "POST /Users", user(json!({"userName": "b".repeat(257)})) => 400 "invalidValue";
    a_user_name_with_nul: "POST /Users", user(json!({"userName": "bob\u{0}"})) => 400 "invalidValue";
    a_user_name_with_line_break: "POST /Users", user(json!({"userName": "bob\r\nx-admin: 1"})) => 400 "invalidValue";
    a_display_name_that_turns_around: "POST /Users", user(json!({"displayName": "\u{202e}nimda"})) => 400 "invalidValue";
    a_key_as_number: "POST /Users", user(json!({"externalId": 1})) => 400 "invalidValue";
    activity_as_number: "POST /Users", user(json!({"active": 0})) => 400 "invalidValue";
    activity_as_other_word: "PATCH /U", replace("active", json!("disabled")) => 400 "invalidValue";
    activity_as_list: "PATCH /U", replace("active", json!([false])) => 400 "invalidValue";
    activity_as_null: "PUT /U", user(json!({"active": null})) => 400 "invalidValue";
    too_many_addresses: "POST /Users", user(json!({"emails": vec![json!({"value": "a"}); 33]})) => 400 "invalidValue";

    no_operations: "PATCH /U", json!({"schemas": [PATCH]}) => 400 "invalidSyntax";
    an_empty_list_of_operations: "PATCH /U", patch(json!([])) => 400 "invalidSyntax";
    operations_as_object: "PATCH /U", patch(json!({"op": "remove"})) => 400 "invalidSyntax";
    an_operation_as_text: "PATCH /U", patch(json!(["remove"])) => 400 "invalidSyntax";
    too_many_operations: "PATCH /U", patch(json!(vec![json!({"op": "add", "path": "x", "value": 1}); 1001])) => 400 "invalidValue";
    an_unknown_operation: "PATCH /U", patch(json!([{"op": "move", "path": "active", "value": false}])) => 400 "invalidSyntax";
    an_operation_without_op: "PATCH /U", patch(json!([{"path": "active", "value": false}])) => 400 "invalidSyntax";
    a_path_as_number: "PATCH /U", patch(json!([{"op": "replace", "path": 1, "value": false}])) => 400 "invalidPath";
    a_path_as_pointer: "PATCH /U", replace("/active", json!(false)) => 400 "invalidPath";
    a_path_that_is_not_closed: "PATCH /U", replace("emails[type eq \"work\"", json!("x")) => 400 "invalidPath";
    a_path_nested_too_deeply: "PATCH /U", replace(&format!("emails[{}type pr{}]", "(".repeat(8), ")".repeat(8)), json!("x")) => 400 "invalidPath";
    a_path_that_is_too_long: "PATCH /U", replace(&"a".repeat(1025), json!("x")) => 400 "invalidPath";
    a_filter_on_what_has_one_value: "PATCH /U", remove("userName[value eq \"alice\"]") => 400 "invalidPath";
    a_filter_that_selects_nothing: "PATCH /U", replace("emails[value eq \"x\"].type", json!("home")) => 400 "noTarget";
    an_operator_in_a_path: "PATCH /U", remove("emails[value co \"\"]") => 400 "invalidFilter";
    remove_without_path: "PATCH /U", patch(json!([{"op": "remove"}])) => 400 "noTarget";
    add_of_a_text_without_path: "PATCH /U", patch(json!([{"op": "add", "value": "x"}])) => 400 "invalidSyntax";
    a_malformed_name_without_path: "PATCH /U", patch(json!([{"op": "add", "value": {"active ": false, "x y": 1}}])) => 400 "invalidPath";
    removing_the_user_name: "PATCH /U", remove("userName") => 400 "mutability";
    removing_activity: "PATCH /U", remove("active") => 400 "mutability";
    another_id: "PATCH /U", replace("id", json!("root")) => 400 "mutability";
    another_id_without_path: "PATCH /G", patch(json!([{"op": "replace", "value": {"ID": "x"}}])) => 400 "mutability";

    removing_members_by_null: "PATCH /G", patch(json!([{"op": "remove", "path": "members", "value": null}])) => 400 "invalidValue";
    removing_members_by_texts: "PATCH /G", patch(json!([{"op": "remove", "path": "members", "value": ["x"]}])) => 400 "invalidValue";
    removing_members_without_value_in_them: "PATCH /G", patch(json!([{"op": "remove", "path": "members", "value": [{"display": "alice"}]}])) => 400 "invalidValue";
    removing_members_who_are_not_someone: "PATCH /G", remove("members[value ne \"x\"]") => 400 "invalidFilter";
    removing_members_by_name: "PATCH /G", remove("members[display eq \"alice\"]") => 400 "invalidFilter";
    replacing_one_member: "PATCH /G", patch(json!([{"op": "replace", "path": "members[value eq \"x\"]", "value": {"value": "y"}}])) => 400 "invalidPath";
    a_member_who_does_not_exist: "PATCH /G", patch(json!([{"op": "add", "path": "members", "value": [{"value": "x"}]}])) => 400 "invalidValue";
    a_group_as_member: "PATCH /G", patch(json!([{"op": "add", "path": "members", "value": [{"value": "x", "type": "group"}]}])) => 400 "invalidValue";
    too_many_members: "PUT /G", json!({"schemas": [GROUP], "displayName": "D", "members": vec![json!({"value": "x"}); 10_001]}) => 400 "invalidValue";
    too_many_members_in_all: "PATCH /G", patch(json!([many_members("add", 6_000), many_members("remove", 4_001)])) => 400 "invalidValue";
    a_group_without_name: "PUT /G", json!({"schemas": [GROUP]}) => 400 "invalidValue";
    removing_the_name_of_a_group: "PATCH /G", remove("displayName") => 400 "mutability";

    a_filter_that_is_cut: "GET /Users?filter=userName eq \"a", "" => 400 "invalidFilter";
    an_empty_filter: "GET /Users?filter=", "" => 400 "invalidFilter";
    a_filter_by_presence: "GET /Users?filter=userName pr", "" => 400 "invalidFilter";
    a_filter_by_beginning: "GET /Users?filter=userName sw \"a\"", "" => 400 "invalidFilter";
    a_filter_by_password: "GET /Users?filter=password eq \"a\"", "" => 400 "invalidFilter";
    a_filter_by_address: "GET /Users?filter=emails.value eq \"alice@example.com\"", "" => 400 "invalidFilter";
    a_filter_with_sql: "GET /Users?filter=userName eq \"a\" or 1 eq 1", "" => 400 "invalidFilter";
    a_filter_nested_too_deeply: &format!("GET /Users?filter={}active eq true{}", "(".repeat(9), ")".repeat(9)), "" => 400 "invalidFilter";
    a_filter_that_is_too_long: &format!("GET /Users?filter=userName eq \"{}\"", "a".repeat(1024)), "" => 400 "invalidFilter";
    a_filter_given_twice: "GET /Users?filter=active eq true&filter=active eq false", "" => 400 "invalidSyntax";
    a_query_with_half_a_byte: "GET /Users?filter=%4", "" => 400 "invalidSyntax";
    a_query_that_is_not_utf8: "GET /Users?filter=userName%20eq%20%22%ff%22", "" => 400 "invalidSyntax";
    a_query_that_is_too_long: &format!("GET /Users?x={}", "a".repeat(8192)), "" => 400 "invalidSyntax";
    a_count_that_is_no_number: "GET /Users?count=all", "" => 400 "invalidSyntax";
    an_index_past_all_numbers: "GET /Users?startIndex=99999999999999999999", "" => 400 "invalidSyntax";

    an_id_with_a_slash: "GET /Users/a%2Fb", "" => 404 "";
    an_id_that_is_not_utf8: "GET /Users/%ff", "" => 404 "";
    an_id_of_great_length: &format!("GET /Users/{}", "a".repeat(5000)), "" => 404 "";
    an_id_of_nobody: "PATCH /Users/x", replace("active", json!(false)) => 404 "";
    deleting_all_users: "DELETE /Users", "" => 405 "";
    an_unknown_method: "TRACE /U", "" => 405 "";
    a_method_in_small_letters: "patch /U", replace("active", json!(false)) => 405 "";
}

/// Without a word of what was sent: the answer may be shown, and stands in logs.
#[test]
fn refusals_repeat_nothing() {
    let (mut source, user, _) = victim();
    let secret = "hunter2-of-alice";
    for body in [
        json!({"schemas": [USER], "userName": [secret]}).to_string(),
        json!({"schemas": [PATCH], "Operations": [{"op": secret}]}).to_string(),
        replace(&format!("emails[{secret}"), json!(1)).to_string(),
        format!("{{\"{secret}\": \"{secret}\" {secret}"),
        format!("{{\"{secret}\":1,\"{secret}\":2}}"),
    ] {
        for line in ["POST /Users".to_owned(), format!("PATCH /Users/{user}")] {
            let reply = source.send_bytes(&line, body.as_bytes());
            assert!(
                reply.status >= 400 && !reply.body.to_string().contains(secret),
                "{reply:?}"
            );
        }
    }
}
