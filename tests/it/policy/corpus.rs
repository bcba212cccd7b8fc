//! The corpora of statements, run against real servers: what goes round rules is stopped whatever the gateway's account
//! could do, and ordinary work passes as if the gateway were not there.

use custos_testkit::{Endpoint, Message, Version, Wire};

use super::{POLICY, Site};

const BYPASS: &str = include_str!("../../../crates/sql/tests/corpus/bypass.txt");
const ORDINARY: &str = include_str!("../../../crates/sql/tests/corpus/ordinary.txt");

/// What a reader may do, in the words of the corpora.
const HARMLESS: &[&str] = &[
    "read",
    "transaction",
    "set",
    "cursor",
    "prepare",
    "lock",
    "show",
];

/// Each statement with the verbs that it comes to.
fn entries(corpus: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut statement = String::new();
    for line in corpus.lines().filter(|line| !line.starts_with("# ")) {
        match line.strip_prefix("=>") {
            Some(effects) => {
                let verbs = effects.split(',').map(|effect| {
                    let mut words = effect.split_whitespace();
                    words.next().unwrap_or_default().to_owned()
                });
                found.push((statement.replace("\\n", "\n"), verbs.collect()));
            }
            None => line.clone_into(&mut statement),
        }
    }
    found
}

/// One connection that is made again when a statement ended it.
struct Client {
    endpoint: Endpoint,
    wire: Option<Wire>,
}

impl Client {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            wire: None,
        }
    }

    fn ask(&mut self, sql: &str) -> Vec<Message> {
        let wire = self
            .wire
            .get_or_insert_with(|| Wire::sign_in(&self.endpoint).expect("a session"));
        wire.send(b'Q', format!("{sql}\0").as_bytes());
        let mut answer = Vec::new();
        loop {
            let Ok(message) = wire.receive() else {
                self.wire = None;
                return answer;
            };
            let tag = message.tag;
            answer.push(message);
            match tag {
                b'Z' => return answer,
                // Nothing to copy in.
                b'G' => wire.send(b'f', b"nothing\0"),
                _ => {}
            }
        }
    }
}

/// SQLSTATE and text of the first error.
fn error(answer: &[Message]) -> Option<(String, String)> {
    let error = answer.iter().find(|message| message.tag == b'E')?;
    Some((error.field(b'C')?, error.field(b'M')?))
}

fn refusals(site: &Site) {
    site.at_target(
        "create table customers (id int primary key, name text, ssn text, tags text[], doc jsonb);
         create table items (id int, order_id int, label text);
         insert into customers values (1, 'n', 's', array['t'], '{}');",
    );
    let mut client = Client::new(site.wire_as("analysts"));
    let mut passed = Vec::new();
    let mut stopped = 0;
    for (statement, verbs) in entries(BYPASS) {
        let answer = client.ask(&statement);
        client.ask("rollback");
        let harmless = verbs.iter().all(|verb| HARMLESS.contains(&verb.as_str()));
        if harmless {
            continue;
        }
        match error(&answer) {
            Some((code, text)) if code == "42501" && text.starts_with("policy denies") => {
                stopped += 1;
            }
            Some((code, text)) if code == "42601" && text.contains("was not sent on") => {
                stopped += 1;
            }
            Some((code, text)) if code != "42501" && text.contains("as far as the gateway") => {
                stopped += 1;
            }
            other => passed.push(format!("{statement}\n  {verbs:?}: {other:?}")),
        }
    }
    assert!(passed.is_empty(), "{}\n{}", passed.len(), passed.join("\n"));
    assert!(stopped > 250, "{stopped}");
    assert_eq!(site.at_target("select count(*) from customers"), "1");
}

#[test]
fn what_goes_round_rules_is_stopped_for_a_least_privileged_account() {
    let site = Site::new("corpus_least", POLICY);
    refusals(&site);
    site.custos.finish();
}

#[test]
fn what_goes_round_rules_is_stopped_for_a_superuser_account() {
    let site = Site::with_superuser(Version::V15, "corpus_boss", POLICY, "corpus_boss");
    refusals(&site);
    site.custos.finish();
}

/// Everybody may do everything but leave, and one column somewhere has a label.
pub(crate) const EVERYTHING: &str = r#"
version: 1
labels:
  pii.ssn: {columns: ["private.people.ssn"], mask: redact}
rules:
  - id: all
    who: "*"
    on: "*"
    may: [session.open, sql.select, sql.dml, sql.ddl, sql.truncate, sql.destroy, sql.administer, sql.escape]
    mask: [pii.ssn]
"#;

/// How errors about names begin.
const UNKNOWN_NAMES: &[&str] = &[
    "E Some(\"42P01\") ",
    "E Some(\"42703\") ",
    "E Some(\"34000\") ",
    "E Some(\"26000\") ",
];

/// How many columns `*` stands for beside such a function is not told (docs/limitations.md).
const UNKNOWN_COLUMNS: &str = "LATERAL unnest(tags)";

/// Statements whose answers differ from time to time.
const TIMES: &[&str] = &[
    "now",
    "current_",
    "explain analyze",
    "random",
    "clock_",
    "txid_",
    "pg_backend_pid",
];

/// A message in a form that can be compared; numbers of processes and the like are left out.
fn shown(answer: &[Message]) -> Vec<String> {
    answer
        .iter()
        .map(|message| match message.tag {
            b'E' | b'N' => format!(
                "{} {:?} {:?} {:?}",
                char::from(message.tag),
                message.field(b'C'),
                message.field(b'M'),
                message.field(b'D')
            ),
            tag => format!(
                "{} {:?}",
                char::from(tag),
                String::from_utf8_lossy(&message.body)
            ),
        })
        .collect()
}

#[test]
fn ordinary_statements_pass_untouched() {
    let schema = "create table customers (id int primary key, name text, ssn text, tags text[], doc jsonb, email text, created_at timestamptz);
         create table items (id int, order_id int, label text);
         create schema private; create table private.people (id int, ssn text);
         insert into customers values (1, 'n', 's', array['t'], '{}');
         grant all on all tables in schema public to public;";
    let judged = Site::on(Version::V15, "corpus_judged", EVERYTHING);
    judged.at_target(schema);
    let plain = Site::unjudged(Version::V15, "corpus_judged");
    let (mut judged_client, mut plain_client) = (
        Client::new(judged.wire_as("x")),
        Client::new(plain.wire_as("x")),
    );
    let mut different = Vec::new();
    let all = entries(ORDINARY);
    assert!(all.len() >= 250);
    for (statement, _) in all
        .iter()
        .filter(|(statement, _)| !statement.contains(UNKNOWN_COLUMNS))
    {
        let changes = TIMES
            .iter()
            .any(|word| statement.to_lowercase().contains(word));
        let answers = [&mut plain_client, &mut judged_client].map(|client| {
            client.ask("begin");
            let mut answer = shown(&client.ask(statement));
            if changes {
                answer.retain(|message| !message.starts_with("D "));
            }
            client.ask("rollback");
            // The gateway remembers these for the session: what follows is not theirs.
            if ["search_path", "set_config", "TEMP"]
                .iter()
                .any(|word| statement.contains(word))
            {
                client.wire = None;
            }
            answer
        });
        let [plain, judged] = answers;
        // What the target would say of a name that it does not have, the gateway says itself.
        let code = |answer: &[String]| {
            answer
                .first()
                .and_then(|first| first.get(..16).map(str::to_owned))
        };
        let unknown_name = UNKNOWN_NAMES.contains(&code(&plain).as_deref().unwrap_or(""));
        if plain != judged && !(unknown_name && code(&plain) == code(&judged)) {
            different.push(format!(
                "{statement}\n  plain  {plain:?}\n  judged {judged:?}"
            ));
        }
    }
    assert!(
        different.is_empty(),
        "{} of {}\n{}",
        different.len(),
        all.len(),
        different.join("\n")
    );
    judged.custos.finish();
    plain.custos.finish();
}
