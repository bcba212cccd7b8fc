//! Random questions through the gateway, over a database in which each labelled cell is a canary: whoever may not see
//! them clear sees no piece of any, in no answer, whatever the question; and answers are the same over other canaries.
//!
//! 600 questions to each server here. `CUSTOS_RANDOM_QUERIES=50000` and `CUSTOS_RANDOM_TWINS=20000` ask more,
//! `CUSTOS_RANDOM_FIRST` others than those from number 0 on. A question is made from its number alone, which is told
//! when something leaks.

mod canaries;
mod queries;
mod questions;
mod shop;
mod sources;
mod statements;
mod values;

use std::ops::Range;

use custos_testkit::{Custos, Endpoint, Message, Version, Wire};

use self::canaries::{Piece, Search};
use self::questions::{Question, question};
use super::Site;

/// Questions where nobody asks for more.
const USUAL: u64 = 600;

/// The same of those that are asked twice.
const USUAL_TWINS: u64 = 200;

/// Questions to one gateway: the verifiers have to be through its evidence in time.
const ROUND: u64 = 2_500;

/// Questions in one session.
const SESSION: u64 = 250;

/// Questions that are under way at once, one time after the other.
const BATCHES: &[u64] = &[1, 4, 1, 2];

/// One question in so many is asked by an owner too, whose records hold canaries no more than the analyst's.
const OWNERS_SHARE: u64 = 10;

/// What became of questions.
#[derive(Debug, Default)]
struct Counts {
    asked: u64,
    /// With rows in the answer, and no error.
    answered: u64,
    empty: u64,
    denied: u64,
    /// Errors of the target, and COPY in a form that is not masked.
    failed: u64,
    /// The connection ended.
    cut: u64,
    /// Of those that the analyst had rows for: asked by the owner, and who saw canaries.
    owners: u64,
    owners_saw: u64,
}

/// Somebody's session.
struct Client {
    endpoint: Endpoint,
    wire: Wire,
}

impl Client {
    fn new(endpoint: Endpoint) -> Self {
        let wire = Wire::sign_in(&endpoint).expect("a session");
        Self { endpoint, wire }
    }

    /// Asks all at once. `None`: the connection ended before there was a whole answer, and there is a new one.
    fn ask(&mut self, questions: &[Question]) -> Option<Vec<Vec<Message>>> {
        let all: Vec<&[u8]> = questions.iter().map(|it| it.bytes.as_slice()).collect();
        self.wire.send_raw(&all.concat());
        let mut answers = Vec::new();
        for question in questions {
            let mut answer = Vec::new();
            for _ in 0..question.answers {
                let Ok(messages) = self.wire.receive_until(b'Z') else {
                    self.wire = Wire::sign_in(&self.endpoint).expect("a session");
                    return None;
                };
                answer.extend(messages);
            }
            answers.push(answer);
        }
        Some(answers)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Rows,
    Empty,
    Denied,
    Failed,
}

/// Whether an error is the gateway's own.
fn is_refusal(error: &Message) -> bool {
    let words = ["policy denies", "as far as the gateway", "was not sent on"];
    let text = error.field(b'M').unwrap_or_default();
    words.iter().any(|words| text.contains(words))
}

fn errors(answer: &[Message]) -> impl Iterator<Item = &Message> {
    answer.iter().filter(|message| message.tag == b'E')
}

fn kind_of(answer: &[Message]) -> Answer {
    if errors(answer).any(is_refusal) {
        Answer::Denied
    } else if errors(answer).next().is_some() {
        Answer::Failed
    } else if answer.iter().any(|message| b"Dd".contains(&message.tag)) {
        Answer::Rows
    } else {
        Answer::Empty
    }
}

/// Canaries in an answer, as they stand there.
fn seen(search: &Search, answer: &[Message]) -> Option<String> {
    answer.iter().find_map(|message| {
        let found = search.find(&message.body)?;
        let text = String::from_utf8_lossy(&message.body);
        Some(format!("{found} in {} {text:?}", char::from(message.tag)))
    })
}

fn wanted(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

/// What was asked so far, and what came of it.
#[derive(Default)]
struct Run {
    counts: Counts,
    leaks: Vec<String>,
}

fn no_leak(version: Version, database: &str) {
    let first = wanted("CUSTOS_RANDOM_FIRST", 0);
    let end = first + wanted("CUSTOS_RANDOM_QUERIES", USUAL);
    let begun = custos_testkit::now_utc();
    let mut run = Run::default();
    let mut from = first;
    while from < end {
        run.round(version, database, from..end.min(from + ROUND));
        from += ROUND;
        let taken = custos_testkit::now_utc().saturating_sub(begun);
        eprintln!("{version:?} after {taken:?}: {:?}", run.counts);
    }
    let Run { counts, leaks } = run;
    assert!(
        leaks.is_empty(),
        "{} leaks in {counts:?}\n{}",
        leaks.len(),
        leaks.join("\n")
    );
    // Of a few questions all may be refused.
    if counts.asked >= USUAL {
        assert!(counts.answered * 2 >= counts.asked, "{counts:?}");
        assert!(counts.owners_saw * 2 >= counts.owners, "{counts:?}");
    }
}

impl Run {
    /// Asks questions of a gateway and a database of their own, and looks at all that they leave.
    fn round(&mut self, version: Version, database: &str, numbers: Range<u64>) {
        let site = Site::on(version, database, shop::POLICY);
        let (sql, mint) = shop::shop(1);
        site.at_target(&sql);
        let digests = site.at_target(&shop::digests(&mint));
        let digests: Vec<String> = digests.lines().map(str::to_owned).collect();
        let search = Search::new(&mint, &digests, Piece::Short);
        let mut from = numbers.start;
        while from < numbers.end {
            let session = from..numbers.end.min(from + SESSION);
            from = session.end;
            self.session(&site, &search, session);
        }
        let search = Search::new(&mint, &digests, Piece::Long);
        self.look_at_files(site.custos, &search);
    }

    fn session(&mut self, site: &Site, search: &Search, numbers: Range<u64>) {
        let mut analyst = Client::new(site.wire_as("analysts"));
        let mut owner = Client::new(site.wire_as("owners"));
        let mut from = numbers.start;
        for size in BATCHES.iter().cycle() {
            let batch = from..numbers.end.min(from + size);
            if batch.is_empty() {
                return;
            }
            from = batch.end;
            let questions: Vec<Question> = batch.map(question).collect();
            self.batch(&mut analyst, &mut owner, search, &questions);
        }
    }

    fn batch(
        &mut self,
        analyst: &mut Client,
        owner: &mut Client,
        search: &Search,
        questions: &[Question],
    ) {
        let counts = &mut self.counts;
        counts.asked += questions.len() as u64;
        let all: String = questions.iter().map(|it| it.told.as_str()).collect();
        let Some(answers) = analyst.ask(questions) else {
            counts.cut += questions.len() as u64;
            self.leaks.push(format!("the connection ended:\n{all}"));
            return;
        };
        for (question, answer) in questions.iter().zip(&answers) {
            let kind = kind_of(answer);
            *match kind {
                Answer::Rows => &mut counts.answered,
                Answer::Empty => &mut counts.empty,
                Answer::Denied => &mut counts.denied,
                Answer::Failed => &mut counts.failed,
            } += 1;
            if let Some(found) = seen(search, answer) {
                let told = &question.told;
                self.leaks.push(format!("{found} to\n{told}among\n{all}"));
            }
            if !question.number.is_multiple_of(OWNERS_SHARE) {
                continue;
            }
            let answers = owner.ask(std::slice::from_ref(question));
            let answers = answers.iter().flatten();
            if let (Answer::Rows, Some(answer)) = (kind, answers.last()) {
                counts.owners += 1;
                counts.owners_saw += u64::from(seen(search, answer).is_some());
            }
        }
    }

    fn look_at_files(&mut self, mut custos: Custos, search: &Search) {
        custos.stop();
        for (path, bytes) in custos.files() {
            if let Some(found) = search.find(&bytes) {
                self.leaks.push(format!("{found} in {}", path.display()));
            }
        }
        for text in [custos.transcripts(), custos.log()] {
            for line in text.lines() {
                if let Some(found) = search.find(line.as_bytes()) {
                    self.leaks.push(format!("{found} in {line}"));
                }
            }
        }
        custos.finish();
    }
}

/// Asks two databases that differ in labelled values alone; how many answers with rows were compared, and those that
/// differ.
fn twins(numbers: Range<u64>) -> (u64, Vec<String>) {
    let sites = [("random_one", 1), ("random_other", 2)].map(|(database, seed)| {
        let site = Site::on(Version::V18, database, shop::REDACTED);
        site.at_target(&shop::shop(seed).0);
        site
    });
    // Whoever sees the values sees that they differ.
    let clear = sites.each_ref().map(|site| {
        let seen = site.as_member("owners").query("table people");
        seen.success()
    });
    assert_ne!(clear[0], clear[1]);
    let mut clients = sites
        .each_ref()
        .map(|site| Client::new(site.wire_as("analysts")));
    let (mut compared, mut different) = (0, Vec::new());
    for question in numbers.map(question) {
        // How long it took differs each time.
        if question.told.contains("analyze") {
            continue;
        }
        let [one, other] = clients.each_mut().map(|client| {
            let mut answers = client.ask(std::slice::from_ref(&question));
            answers.as_mut().and_then(Vec::pop).unwrap_or_default()
        });
        let kinds = [kind_of(&one), kind_of(&other)];
        // Whether a cast fails is told (docs/limitations.md).
        let mut errors = errors(&one).chain(errors(&other));
        if errors.any(|error| !is_refusal(error)) {
            continue;
        }
        compared += u64::from(kinds[0] == Answer::Rows);
        let [one, other] = [rows(&one), rows(&other)];
        if kinds[0] != kinds[1] || one != other {
            let told = &question.told;
            different.push(format!("{kinds:?} to {told}{one}\n{other}"));
        }
    }
    for site in sites {
        site.custos.finish();
    }
    (compared, different)
}

/// Rows and the ends of statements, as the client has them.
fn rows(answer: &[Message]) -> String {
    let rows = answer
        .iter()
        .filter(|message| b"DdC".contains(&message.tag));
    let rows = rows.map(|row| row.body.escape_ascii().to_string());
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn no_answer_depends_on_a_labelled_value() {
    let first = wanted("CUSTOS_RANDOM_FIRST", 0);
    let end = first + wanted("CUSTOS_RANDOM_TWINS", USUAL_TWINS);
    let (mut compared, mut different) = (0, Vec::new());
    let mut from = first;
    while from < end {
        let (more, leaks) = twins(from..end.min(from + ROUND));
        compared += more;
        different.extend(leaks);
        from += ROUND;
        eprintln!("{compared} compared, {} differ", different.len());
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    let count = end - first;
    assert!(count < USUAL_TWINS || compared * 5 >= count * 2);
}

#[test]
fn no_canary_comes_through_from_15() {
    no_leak(Version::V15, "random_15");
}

#[test]
fn no_canary_comes_through_from_18() {
    no_leak(Version::V18, "random_18");
}
