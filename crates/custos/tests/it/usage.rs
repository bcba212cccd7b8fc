//! What is said when something is wrong, and with which exit code.

use std::path::Path;

use crate::command::shown;

const CONFIG: &str = r#"
state_dir = "state"
[[listener]]
name = "pg"
protocol = "postgres"
address = "127.0.0.1:0"
tls = "off"
[[access]]
name = "shop"
principals = ["alice"]
resources = ["postgres/shop"]
"#;

fn show(arguments: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("good.toml"), CONFIG).unwrap();
    let bad = CONFIG
        .replace("tls =", "tsl =")
        .replace("127.0.0.1:0", "0.0.0.0:5432");
    std::fs::write(dir.path().join("bad.toml"), bad).unwrap();
    std::fs::write(dir.path().join("empty.pass"), "\n").unwrap();
    std::fs::write(dir.path().join("good.pass"), "s3cret\n").unwrap();
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    shown(dir.path(), &arguments)
}

#[test]
fn a_good_configuration_is_summed_up() {
    insta::assert_snapshot!(show("config check --config good.toml"));
}

#[test]
fn a_bad_configuration_ends_with_exit_code_2() {
    let checked = show("config check --config bad.toml");
    insta::assert_snapshot!(checked);
    assert_eq!(
        show("serve --config bad.toml"),
        checked,
        "serving checks the same"
    );
}

#[test]
fn a_missing_configuration_says_what_else_to_try() {
    insta::assert_snapshot!(show("serve --config nowhere.toml"));
}

#[test]
fn a_gateway_that_is_not_there() {
    insta::assert_snapshot!(show("status --socket nowhere.sock"));
    insta::assert_snapshot!(show("session ls --config good.toml"));
}

#[test]
fn passwords_come_by_file_or_standard_input_only() {
    const ADD: &str = "resource add postgres/shop --host db --account app --socket nowhere.sock";
    insta::assert_snapshot!("no-password", show(ADD));
    insta::assert_snapshot!(
        "empty-password",
        show(&format!("{ADD} --password-file empty.pass"))
    );
    insta::assert_snapshot!(
        "password-in-argv",
        show(&format!("{ADD} --password s3cret"))
    );
}

#[test]
fn values_are_checked_before_anything_is_tried() {
    insta::assert_snapshot!("bad-resource", show("resource rm Shop"));
    insta::assert_snapshot!(
        "bad-ttl",
        show("credential issue --principal a --resource postgres/shop --ttl 60")
    );
    insta::assert_snapshot!(
        "bad-network",
        show("credential issue --principal a --resource postgres/shop --from 10.0.0.0/99")
    );
    insta::assert_snapshot!("bad-session", show("session show 17"));
    insta::assert_snapshot!(
        "bad-speed",
        show("session replay 0194a000-0000-7000-8000-000000000000 --speed 0")
    );
}

#[test]
fn dev_stays_on_this_machine() {
    insta::assert_snapshot!("dev-listen", show("dev --listen 0.0.0.0:6432"));
    insta::assert_snapshot!("dev-target", show("dev --target mysql://app:hunter2@db"));
}

#[test]
fn doctor_without_a_gateway_fails_only_for_what_is_wrong() {
    let text = show("doctor --config bad.toml");
    assert!(
        text.starts_with("exit code 1\n") && text.contains("FAIL  configuration"),
        "{text}"
    );
    let text = show("doctor --config good.toml");
    assert!(text.contains("warn  gateway"), "{text}");
    assert!(
        text.contains("ok    configuration") && text.contains("is free"),
        "{text}"
    );
}

#[test]
fn the_environment_names_file_and_socket() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("good.toml"), CONFIG).unwrap();
    let run = |variable: &str, value: &Path, arguments: &[&str]| {
        let output = crate::command::custos(dir.path(), arguments)
            .env(variable, value)
            .output();
        crate::command::texts(&output.unwrap())
    };
    let (out, _) = run(
        "CUSTOS_CONFIG",
        Path::new("good.toml"),
        &["config", "check"],
    );
    assert!(out.starts_with("ok: good.toml"), "{out}");
    let (_, err) = run("CUSTOS_SOCKET", Path::new("other.sock"), &["status"]);
    assert!(err.contains("no gateway answers at other.sock"), "{err}");
    let (_, err) = run("CUSTOS_CONFIG", Path::new("good.toml"), &["status"]);
    assert!(err.contains("state/admin.sock"), "{err}");
}
