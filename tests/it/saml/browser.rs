//! A real Chromium, for which provider and gateway are two sites: the response comes without our cookie.

use custos_testkit::{Chromium, PATIENCE, SimpleSaml, wait_for};
use serde_json::json;

use super::world::{Setup, World, provider};

#[test]
fn a_real_browser_signs_in_and_out_across_sites() {
    let idp = SimpleSaml::start("localhost");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("corp.xml");
    std::fs::write(&file, idp.metadata()).expect("the disk has room");
    let corp = provider("corp", &format!("metadata_file = \"{}\"", file.display()));
    let world = World::with(&Setup::default(), &corp, directory);
    world.introduce(&idp, "corp");
    let (login, url) = world.laptop.login();
    let seen = Chromium::new(&world.url, None).journey(
        "saml",
        &[
            json!({"do": "sign_in", "provider": "corp", "kind": "simplesamlphp", "url": url,
                   "person": "alice", "password": SimpleSaml::PASSWORD}),
            json!({"do": "home"}),
            json!({"do": "provider_sign_out", "kind": "simplesamlphp", "url": idp.sign_out_url()}),
        ],
    );
    login.finish(PATIENCE).success();
    let pages = seen["pages"].to_string();
    assert!(pages.contains("readers, corp:R&D, corp:analysts"), "{seen}");
    assert_eq!(seen["console"], json!([]), "{seen}");
    let opened: Vec<&str> = seen["urls"]
        .as_array()
        .expect("addresses were opened")
        .iter()
        .filter_map(|url| url.as_str()?.strip_prefix(&world.url))
        .filter_map(|path| path.strip_prefix("/saml/corp/")?.split('?').next())
        .collect();
    assert_eq!(opened, ["acs", "continue", "slo"], "{seen}");
    wait_for("the end of the sign-in", PATIENCE, || {
        (world.laptop.run(&["whoami"]).code() == 4).then_some(())
    });
    let evidence = world.custos.finish().evidence;
    let begun = evidence.only("sign_in.started");
    assert_eq!(begun["actor"]["iss"], json!(idp.entity_id()), "{begun}");
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["detail"]["cause"], "provider", "{ended}");
    assert_eq!(evidence.of_type("sign_in.failed").count(), 0, "{evidence}");
}
