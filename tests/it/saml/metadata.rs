//! Metadata that is fetched, and metadata that changes.

use custos_testkit::{Browser, PATIENCE, SimpleSaml, wait_for};

use super::hostile::own_world;
use super::own_provider::{ask, metadata};
use super::world::{Setup, World, failures, provider};

#[test]
fn fetched_metadata_holds_while_the_provider_is_away() {
    let idp = SimpleSaml::start("127.0.0.1");
    let mut world = fetching(&idp, &fingerprint(idp.certificate()));
    world.introduce(&idp, "corp");
    world.sign_in("corp", "alice");
    world.custos.stop();
    let entity_id = idp.entity_id();
    drop(idp);
    world.custos.restart();
    let begin = format!("{}/sign-in/corp", world.url);
    let to = Browser::new().redirect(&begin);
    let provider = entity_id.trim_end_matches("metadata");
    assert!(to.starts_with(provider), "{to}");
    wait_for("the provider to be found away", PATIENCE, || {
        let told = world.custos.log().contains("keys_refresh_failed");
        told.then_some(())
    });
    let evidence = world.custos.finish().evidence;
    let events: Vec<_> = evidence
        .of_type("issuer.keys")
        .map(|record| record["detail"]["event"].as_str().unwrap_or_default())
        .collect();
    let expected = ["keys_loaded", "keys_loaded", "keys_refresh_failed"];
    assert_eq!(events, expected, "{evidence}");
    let added: Vec<_> = evidence
        .of_type("issuer.keys")
        .map(|record| &record["detail"]["added"])
        .collect();
    assert_eq!(added[0], added[1], "{evidence}");
    assert_eq!(added[0].as_str().map(str::len), Some(64), "{evidence}");
}

#[test]
fn metadata_that_somebody_else_signs_is_refused() {
    let idp = SimpleSaml::shared();
    let world = fetching(idp, &"ab".repeat(32));
    let mut browser = Browser::new();
    let page = browser.open(&format!("{}/sign-in/corp", world.url));
    assert_eq!(page.status, 503, "{}", page.text());
    let evidence = world.custos.finish().evidence;
    let keys = evidence.only("issuer.keys");
    assert_eq!(keys["detail"]["event"], "keys_refresh_failed", "{keys}");
    assert_eq!(keys["reason"], "metadata", "{keys}");
    let failed = evidence.only("sign_in.failed");
    assert_eq!(failed["outcome"], "failed", "{failed}");
    assert_eq!(failed["detail"]["kind"], "metadata-unavailable", "{failed}");
}

/// A world that fetches the metadata of `corp`.
fn fetching(idp: &SimpleSaml, fingerprint: &str) -> World {
    let corp = format!(
        "metadata_url = \"{}\"\nmetadata_fingerprint = \"{fingerprint}\"\nentity_id = \"{}\"",
        idp.metadata_url(),
        idp.entity_id()
    );
    let directory = tempfile::tempdir().expect("a directory can be made");
    World::with(&Setup::default(), &provider("corp", &corp), directory)
}

fn fingerprint(certificate: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    let bytes = digest.as_ref().iter();
    bytes
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}

/// A provider's new key is taken at a reload, and the old one is no longer.
#[test]
fn a_reload_takes_the_new_key() {
    let world = own_world();
    std::fs::write(world.file("own.xml"), metadata("other-rsa")).expect("the disk has room");
    world.custos.reload();
    wait_for("the reload", PATIENCE, || {
        world.custos.log().contains("reloaded").then_some(())
    });
    let (mut browser, asked) = ask(&world);
    let old = asked.signed(|xml| xml);
    assert_eq!(browser.send(&asked.form(&old)).status, 400);
    let (mut browser, asked) = ask(&world);
    let new = asked.signed_with("other-rsa", "rsa-sha256", |xml| xml);
    let page = browser.send(&asked.form(&new));
    assert!(page.text().contains("You are signed in"), "{}", page.text());
    let evidence = world.custos.finish().evidence;
    assert_eq!(failures(&evidence), ["signature-invalid"], "{evidence}");
    let changed = evidence.only("config.changed");
    let difference = changed["detail"]["diff"].as_str().expect("a text");
    assert!(
        difference.contains("provider.own.metadata_sha256"),
        "{changed}"
    );
}
