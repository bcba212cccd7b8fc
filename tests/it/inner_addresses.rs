//! The gateway asks no address of the inside, whoever names it.

use custos_testkit::{Custos, Settings};
use serde_json::json;

use crate::outages::front::{Answer, Behaviour, Front};
use crate::outages::keys_record;
use crate::sign_in::providers::TestProvider;
use crate::web::{self, Web};

#[test]
fn a_provider_on_the_inside_is_asked_only_where_that_is_allowed() {
    let url = web::url();
    let front = Front::start(None);
    let (okta, behind) = TestProvider::behind("okta", &url, front.url());
    front.lead_to(behind);
    let settings = okta.settings().replace("127.0.0.0/8", "10.0.0.0/8");
    let web = Web::with_settings(&url, &settings);
    assert_eq!(web.sign_in(&okta).0, 503);
    assert_eq!(front.asked(), 0, "nobody connected");
    let evidence = web.custos.finish().evidence;
    let failed = evidence.only("sign_in.failed");
    assert_eq!(failed["detail"]["kind"], "plain_http", "{failed}");
}

#[test]
fn a_document_cannot_send_the_gateway_to_the_inside() {
    // The cloud's metadata address, a private one, one in IPv6's clothes, and this machine by name.
    let inner = [
        "https://169.254.169.254/keys",
        "https://10.0.0.1/keys",
        "https://[::ffff:169.254.169.254]/keys",
        "https://[fd00::1]/keys",
        "http://169.254.169.254/keys",
    ];
    let fronts: Vec<Front> = inner.iter().map(|_| Front::start(None)).collect();
    let issuers = fronts.iter().zip(inner).enumerate();
    let access = issuers.fold(String::new(), |access, (number, (front, keys))| {
        let issuer = front.url();
        let document = json!({"issuer": issuer, "jwks_uri": keys}).to_string();
        front.behave(Behaviour {
            discovery: Some(Answer::Text(document)),
            ..Behaviour::default()
        });
        format!(
            "{access}\n[[workload_issuer]]\nname = \"ci{number}\"\nissuer = \"{issuer}\"\n\
             audience = \"x\"\nallow_networks = [\"127.0.0.0/8\"]\n"
        )
    });
    let custos = Custos::start_with(&Settings {
        access,
        ..Settings::default()
    });
    for (number, front) in fronts.iter().enumerate() {
        let failed = keys_record(&custos, &format!("ci{number}"), "keys_refresh_failed");
        assert_eq!(failed["reason"], "forbidden", "{failed}");
        assert_eq!(front.asked(), 1, "only the document was read");
    }
    custos.finish();
}
