//! Approvals that are as they should be, and those that cannot all be seen.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::approver::{Approver, BOB, CAROL, Signer, fingerprint};
use crate::scene::{APPROVAL, OTHER_REQUEST, REQUEST, SECOND, Scene, by_bob, granted, standard};
use crate::verifiers::judge;
use crate::writer::{Fixture, Key, NODE, NOVEMBER, Writer, canonical};

fn passes(fixture: &Fixture, verified: u64) {
    let judgement = judge(fixture);
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
    assert_eq!(judgement.report["approvals"]["verified"], verified);
    let line = format!("approvals: {verified} verified");
    assert!(judgement.text.contains(&line), "{}", judgement.text);
}

#[test]
fn an_operation_that_somebody_agreed_to_passes() {
    passes(&by_bob(|_, _| {}), 1);
    passes(&standard(&CAROL, |_, _| {}), 1);
    let signer = Signer::SecurityKey(22);
    passes(
        &standard(
            &Approver {
                name: "dora",
                signer,
            },
            |_, _| {},
        ),
        1,
    );
}

#[test]
fn several_approve_for_several_demands() {
    let mut scene = Scene::new(&[&BOB, &CAROL], |step, members| {
        if step == "statement" {
            let one = |of: &str| json!([{"count": 1, "escalate": {"after": 2, "of": "managers"}, "of": of, "per": "statement", "rule": "drops"}]);
            members["request"]["approve"] = json!([one("dba"), one("owners")]);
        }
        if step == "decided" && members["actor"]["name"] == "carol" {
            members["actor"]["groups"] = json!(["managers"]);
        }
    });
    scene.hold();
    scene.open(REQUEST);
    scene.decide(REQUEST, APPROVAL, &BOB);
    scene.decide(REQUEST, SECOND, &CAROL);
    scene.approve(REQUEST, &[APPROVAL, SECOND]);
    passes(&scene.finish(), 2);
}

#[test]
fn grants_that_somebody_agreed_to_pass() {
    passes(&granted(|_, _| {}), 1);
}

/// The word of the gateway counts where a rule says so, and is counted apart.
#[test]
fn what_is_attested_is_told_apart() {
    let nobody = Approver {
        name: "erin",
        signer: Signer::Attested,
    };
    let mut scene = Scene::new(&[], |step, members| {
        if step == "statement" {
            members["request"]["approve"][0][0]["attested"] = true.into();
        }
    });
    scene.hold();
    scene.open(REQUEST);
    scene.decide(REQUEST, APPROVAL, &nobody);
    scene.approve(REQUEST, &[APPROVAL]);
    let judgement = judge(&scene.finish());
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
    let line = "approvals: 0 verified, 1 attested by the gateway alone";
    assert!(judgement.text.contains(line), "{}", judgement.text);
}

#[test]
fn a_held_operation_that_did_not_run_needs_nobody() {
    for outcome in [
        json!({"outcome": "denied"}),
        json!({"outcome": "failed", "reason": "the target did not execute it, because of an earlier error"}),
    ] {
        let mut scene = Scene::new(&[], |_, _| {});
        scene.hold();
        scene.open(REQUEST);
        scene.end_request(REQUEST, "denied");
        let mut members = outcome;
        members["op"] = json!({"n": 1});
        let Scene {
            mut writer,
            mut session,
            ..
        } = scene;
        writer.of_session(&mut session, "operation.outcome", members);
        writer.end(&mut session, 0);
        passes(&Fixture::of(writer), 0);
    }
}

#[test]
fn refusals_are_verified_too() {
    let mut scene = Scene::new(&[&BOB], |step, members| match step {
        "statement" => members["decision"] = "deny".into(),
        "decided" => {
            members["detail"]["decision"] = "deny".into();
            members["outcome"] = "denied".into();
        }
        "outcome" => members["outcome"] = "denied".into(),
        _ => {}
    });
    scene.hold();
    scene.open(REQUEST);
    scene.decide(REQUEST, APPROVAL, &BOB);
    passes(&scene.finish(), 1);
}

#[test]
fn a_grant_without_agreement_passes_with_a_warning() {
    let mut scene = Scene::new(&[], |_, _| {});
    scene.grant(OTHER_REQUEST, "break_glass", &[]);
    scene.under(OTHER_REQUEST);
    scene.outcome();
    let judgement = judge(&scene.end());
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
    let warning = format!(
        "WARNING record 3 of {NOVEMBER}: grant {OTHER_REQUEST} of Alice began, and nobody had agreed (break_glass)"
    );
    assert!(judgement.text.contains(&warning), "{}", judgement.text);
    assert_eq!(judgement.report["warnings_total"], 1);
}

#[test]
fn a_long_justification_is_in_the_record_as_far_as_it_fits() {
    passes(
        &by_bob(|step, members| match step {
            "statement" => members["justification"] = "\u{e9}".repeat(700).into(),
            "decided" => members["detail"]["justification"] = "\u{e9}".repeat(512).into(),
            _ => {}
        }),
        1,
    );
}

#[test]
fn a_log_without_its_approvals_is_incomplete() {
    let fixture = by_bob(|_, _| {});
    std::fs::remove_dir_all(fixture.dir().join("approvals")).unwrap();
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
    let line = "approvals/ was not given; 1 approval(s) are unchecked";
    assert!(judgement.text.contains(line), "{}", judgement.text);
}

/// The key was enrolled in a month that is not there.
#[test]
fn approvals_that_depend_on_another_month_are_incomplete() {
    let mut writer = Writer::new("2026-11-21");
    let previous = json!({"origin": "custos/gw1/2026-10", "root": "A".repeat(43) + "=", "size": 9});
    writer.open_log(NOVEMBER, &Key::new(NODE, 7), Some(previous));
    let mut scene = Scene::in_log(writer, &[], |_, _| {});
    scene.hold();
    scene.open(REQUEST);
    scene.decide(REQUEST, APPROVAL, &BOB);
    scene.approve(REQUEST, &[APPROVAL]);
    let judgement = judge(&scene.finish());
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
    let line = "1 record(s) about approvals depend on records that were not given";
    assert!(judgement.text.contains(line), "{}", judgement.text);
}

/// A key and signatures that OpenSSH made.
struct OpenSsh(tempfile::TempDir);

impl OpenSsh {
    fn new(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-N", "", "-C", "", "-f"])
            .arg(dir.path().join("key"));
        run(command.args(options));
        Self(dir)
    }

    fn sign(&self, statement: &[u8]) -> Vec<u8> {
        let path = self.0.path().join("statement");
        std::fs::write(&path, statement).unwrap();
        let signature = self.0.path().join("statement.sig");
        let _ = std::fs::remove_file(&signature);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-n", "custos-approval", "-f"]);
        run(command.arg(self.0.path().join("key")).arg(path));
        std::fs::read(signature).unwrap()
    }

    fn public_key(&self) -> String {
        let line = std::fs::read_to_string(self.0.path().join("key.pub")).unwrap();
        line.split(' ')
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
            .trim_end()
            .to_owned()
    }
}

pub(crate) fn run(command: &mut Command) {
    let output = command
        .output()
        .expect("the program is needed for this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Replaces Bob's key in a scene by one of OpenSSH, everywhere.
fn with_key(
    public_key: &str,
    fingerprint: &str,
    sign: impl Fn(&[u8]) -> Vec<u8>,
    extension: &str,
    more: &serde_json::Value,
) -> Fixture {
    let mut scene = Scene::new(&[], |_, _| {});
    let mut detail = BOB.enrolment();
    detail["public_key"] = public_key.into();
    detail["key"] = fingerprint.into();
    let method = if extension == "sshsig" {
        "ssh"
    } else {
        "webauthn"
    };
    detail["method"] = method.into();
    for (name, value) in more.as_object().unwrap() {
        detail[name] = value.clone();
    }
    scene
        .writer
        .record("approver.enrolled", json!({"detail": detail}));
    scene.hold();
    scene.open(REQUEST);
    let mut statement = scene.statement(REQUEST, APPROVAL, &BOB);
    statement["key"] = fingerprint.into();
    statement["method"] = method.into();
    let statement = canonical(&statement);
    let signature = sign(&statement);
    let detail = json!({
        "request": REQUEST, "approval": APPROVAL, "decision": "approve", "method": method, "justification": "checked",
        "key": fingerprint, "statement_sha256": crate::approver::sha256(&statement),
        "signature_sha256": crate::approver::sha256(&signature),
    });
    scene.file(APPROVAL, "json", statement);
    scene.file(APPROVAL, extension, signature);
    scene.writer.record(
        "approval.decided",
        json!({"actor": BOB.actor(), "detail": detail}),
    );
    scene.approve(REQUEST, &[APPROVAL]);
    scene.finish()
}

#[test]
fn keys_of_openssh_pass() {
    for options in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "rsa", "-b", "2048"],
    ] {
        let key = OpenSsh::new(options);
        let line = key.public_key();
        let bytes = base64(line.split_once(' ').unwrap().1);
        let name = fingerprint(&bytes);
        passes(
            &with_key(
                &line,
                &name,
                |statement| key.sign(statement),
                "sshsig",
                &json!({}),
            ),
            1,
        );
        let other = |statement: &[u8]| key.sign(&[statement, b" "].concat());
        let judgement = judge(&with_key(&line, &name, other, "sshsig", &json!({})));
        judgement.assert_first(custos_verify::Code::ApprovalSignature, Some(6));
    }
}

/// Whatever byte of a signature or statement is another (one in five is tried), with its hash recorded: it is never good,
/// and nothing breaks.
#[test]
fn no_other_byte_is_good() {
    for (approver, extension) in [(&BOB, "json"), (&BOB, "sshsig"), (&CAROL, "json")] {
        let mut fixture = standard(approver, |_, _| {});
        let path = format!("approvals/{APPROVAL}.{extension}");
        let good = fixture.segments[&path].clone();
        for place in (0..good.len()).step_by(5) {
            let mut content = good.clone();
            content[place] ^= 1 << (place % 8);
            assert_fails(&mut fixture, extension, &path, content, place);
        }
    }
}

/// Of an assertion some bytes are signed by nobody: they may be others, and nothing breaks.
#[test]
fn any_bytes_of_an_assertion_are_survived() {
    let mut fixture = standard(&CAROL, |_, _| {});
    let path = format!("approvals/{APPROVAL}.webauthn.json");
    let good = fixture.segments[&path].clone();
    for place in (0..good.len()).step_by(5) {
        let mut content = good.clone();
        content[place] ^= 1 << (place % 8);
        let text = judge_alone(&mut fixture, "webauthn.json", &path, content);
        let signed = text.contains("approvals: 1 verified");
        assert!(
            signed || text.contains(": approval-"),
            "byte {place}: {text}"
        );
    }
}

fn assert_fails(
    fixture: &mut Fixture,
    extension: &str,
    path: &str,
    content: Vec<u8>,
    place: usize,
) {
    let text = judge_alone(fixture, extension, path, content);
    assert!(text.contains(": approval-"), "byte {place}: {text}");
}

/// What the library says, alone because there is much to judge.
fn judge_alone(fixture: &mut Fixture, extension: &str, path: &str, content: Vec<u8>) -> String {
    let member = if extension == "json" {
        "statement_sha256"
    } else {
        "signature_sha256"
    };
    let hash = crate::approver::sha256(&content);
    fixture.segments.insert(path.to_owned(), content);
    fixture.edit(6, |record| record["detail"][member] = hash.into());
    let mut out = Vec::new();
    let key = fixture.key.vkey();
    let arguments = [fixture.dir().as_os_str(), "--key".as_ref(), key.as_ref()];
    let arguments = arguments.into_iter().map(std::ffi::OsStr::to_owned);
    custos_verify::main_with_args(arguments, &mut out, &mut Vec::new());
    String::from_utf8(out).unwrap()
}

/// What this program does not know is said, and not taken for good.
#[test]
fn keys_of_other_kinds_are_incomplete() {
    let key = OpenSsh::new(&["-t", "ecdsa", "-b", "384"]);
    let line = key.public_key();
    let name = fingerprint(&base64(line.split_once(' ').unwrap().1));
    let judgement = judge(&with_key(
        &line,
        &name,
        |statement| key.sign(statement),
        "sshsig",
        &json!({}),
    ));
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
    let line = "signatures of ecdsa-sha2-nistp384 keys cannot be judged here";
    assert!(judgement.text.contains(line), "{}", judgement.text);
}

/// RS256, with a key and signatures of OpenSSL.
#[test]
fn passkeys_with_rsa_pass() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.pem");
    run(Command::new("openssl")
        .args(["genrsa", "-out"])
        .arg(&key)
        .arg("2048"));
    let public = dir.path().join("public.der");
    run(Command::new("openssl")
        .args(["rsa", "-pubout", "-outform", "DER", "-in"])
        .arg(&key)
        .arg("-out")
        .arg(&public));
    let spki = std::fs::read(public).unwrap();
    let sign = |statement: &[u8]| {
        // Carol's assertion, whose signature is replaced.
        let mut assertion: serde_json::Value =
            serde_json::from_slice(&CAROL.sign(statement)).unwrap();
        let response = assertion["response"].clone();
        let part = |name: &str| base64url(response[name].as_str().unwrap());
        let signed = [
            &part("authenticatorData")[..],
            &<sha2::Sha256 as sha2::Digest>::digest(part("clientDataJSON")),
        ]
        .concat();
        assertion["response"]["signature"] = openssl_signature(dir.path(), &key, &signed).into();
        assertion.to_string().into_bytes()
    };
    let mut more = CAROL.enrolment();
    for taken in ["public_key", "key", "method", "name", "subject"] {
        more.as_object_mut().unwrap().remove(taken);
    }
    let public_key = unpadded(&spki);
    passes(
        &with_key(
            &public_key,
            &fingerprint(&spki),
            sign,
            "webauthn.json",
            &more,
        ),
        1,
    );
}

fn openssl_signature(dir: &Path, key: &Path, signed: &[u8]) -> String {
    let (data, signature) = (dir.join("data"), dir.join("signature"));
    std::fs::write(&data, signed).unwrap();
    run(Command::new("openssl")
        .args(["dgst", "-sha256", "-sign"])
        .arg(key)
        .arg("-out")
        .arg(&signature)
        .arg(&data));
    unpadded(&std::fs::read(signature).unwrap())
}

fn base64(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
}

fn base64url(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).unwrap()
}

fn unpadded(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}
