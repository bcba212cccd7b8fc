//! How soon sessions end, whatever they are doing: from the cause to the closed socket. `CUSTOS_CUT_TRIES` asks for more tries.

use std::io::ErrorKind;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use custos_testkit::{Endpoint, Wire};
use serde_json::json;

use super::{granted, world};
use crate::approvals::{Extras, World};

/// From the cause to the end, at most.
const CUT_MAX: Duration = Duration::from_secs(1);
/// Bytes that are read at once: a slow reader would take the end for later than it is.
const READ_BYTES: usize = 16 * 1024;

/// What sessions are doing.
const STATES: [&str; 4] = ["idle", "streaming", "copying in", "holding"];

#[test]
fn sessions_are_closed_within_a_second() {
    let tries = std::env::var("CUSTOS_CUT_TRIES").map_or(5, |tries| {
        tries.parse().expect("CUSTOS_CUT_TRIES is a number")
    });
    let world = world("cut", &Extras::default());
    world.at_target("create table filled (id int, note text); alter table filled owner to app");
    world.table("dropped");
    // She gets a credential where a grant is in force, and it is good under those to come.
    let grant = granted(&world, "postgres/vault", "30m");
    let endpoint = world.endpoint_of(world.alice(), "postgres/vault");
    super::revoke(world.alice(), &grant).success();
    let causes: [(&str, Cut); 3] = [
        ("a revocation", by_revocation),
        ("custos session cut", by_the_operator),
        ("the end of a grant", by_time),
    ];
    let (mut slow, mut opening) = (Vec::new(), Duration::ZERO);
    for (cause, cut) in causes {
        let mut longest = [Duration::ZERO; STATES.len()];
        for _ in 0..tries {
            let sessions = cut(&world, &endpoint, opening);
            opening = opening.max(sessions.opening);
            let took = sessions.took();
            longest = std::array::from_fn(|at| longest[at].max(took[at]));
        }
        for (state, longest) in STATES.iter().zip(longest) {
            println!("{cause}, {state}: closed {longest:?} after it at most, of {tries}");
            if longest >= CUT_MAX {
                slow.push(format!("{cause}, {state}: {longest:?}"));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
    world.custos.wait_for_quiet();
    let evidence = world.finish().evidence;
    let opened = evidence.of_type("request.opened").count();
    assert_eq!(opened, evidence.of_type("request.ended").count());
    for end in evidence.of_type("session.end") {
        assert_eq!(end["outcome"], "interrupted", "{end}");
    }
}

/// Opens sessions and cuts them; it is told how long opening took before.
type Cut = fn(&World, &Endpoint, Duration) -> Sessions;

/// Four sessions on one grant, one in each state; and for each the moment of its cause.
struct Sessions {
    closed: Vec<JoinHandle<Instant>>,
    cause: Vec<Instant>,
    opening: Duration,
}

impl Sessions {
    /// Opens them; each is watched by a thread that tells when its socket is closed.
    fn open(world: &World, endpoint: &Endpoint) -> Self {
        let began = Instant::now();
        let wires = world.wires_at(endpoint, STATES.len());
        let each = wires.into_iter().zip(STATES);
        Self {
            closed: each.map(|(wire, state)| begin(wire, state)).collect(),
            cause: Vec::new(),
            opening: began.elapsed(),
        }
    }

    /// One cause for all.
    fn cut_at(mut self, cause: Instant) -> Self {
        self.cause = vec![cause; STATES.len()];
        self
    }

    fn took(self) -> [Duration; STATES.len()] {
        let closed = self.closed.into_iter();
        let closed = closed.map(|thread| thread.join().expect("it ends"));
        let took: Vec<_> = closed
            .zip(self.cause)
            .map(|(closed, cause)| {
                let took = closed.checked_duration_since(cause);
                took.expect("nothing else closes it")
            })
            .collect();
        took.try_into().expect("one for each state")
    }
}

/// Brings a session into a state, and watches it.
fn begin(mut wire: Wire, state: &'static str) -> JoinHandle<Instant> {
    let (statement, until) = match state {
        "streaming" => (
            "select repeat('x', 500), generate_series(1, 1000000000)",
            b'D',
        ),
        "copying in" => ("copy filled from stdin", b'G'),
        "holding" => ("drop table dropped", b'N'),
        _ => ("select 1", b'Z'),
    };
    wire.send(b'Q', format!("{statement}\0").as_bytes());
    let begun = wire.receive_until(until);
    assert!(begun.is_ok(), "{state}: {begun:?}");
    std::thread::spawn(move || {
        let patience = Duration::from_millis(5);
        let copies = state == "copying in";
        if copies {
            let set = wire.stream().set_read_timeout(Some(patience));
            set.expect("a timeout can be set");
        }
        loop {
            if copies {
                wire.send(b'd', &b"1\tone more row\n".repeat(100));
            }
            match wire.receive_bytes(READ_BYTES) {
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    assert!(copies, "it was not closed");
                }
                Err(_) => return Instant::now(),
            }
        }
    })
}

fn by_revocation(world: &World, endpoint: &Endpoint, _: Duration) -> Sessions {
    let grant = granted(world, "postgres/vault", "30m");
    let sessions = Sessions::open(world, endpoint);
    let path = format!("/v1/grants/{grant}/revoke");
    let reason = json!({"reason": "enough"});
    let cause = Instant::now();
    let answer = world.bob().call("POST", &path, Some(&reason));
    assert_eq!(answer.body["sessions_cut"], STATES.len(), "{answer:?}");
    sessions.cut_at(cause)
}

/// One after the other, each from before the command is started.
fn by_the_operator(world: &World, endpoint: &Endpoint, _: Duration) -> Sessions {
    let grant = granted(world, "postgres/vault", "30m");
    let mut sessions = Sessions::open(world, endpoint);
    let live = world.custos.json(&["session", "ls", "--live", "--json"]);
    let rows = live.as_array().expect("a list").iter();
    let mut ids: Vec<&str> = rows.filter_map(|row| row["id"].as_str()).collect();
    // Ids are in order of time.
    ids.sort_unstable();
    assert_eq!(ids.len(), STATES.len(), "{live}");
    let cut = ids.iter().map(|id| {
        let cause = Instant::now();
        world.custos.cli(&["session", "cut", id]).success();
        cause
    });
    sessions.cause = cut.collect();
    super::revoke(world.alice(), &grant).success();
    sessions
}

/// The grant is long enough to open sessions on it, by what that took before.
fn by_time(world: &World, endpoint: &Endpoint, opening: Duration) -> Sessions {
    let lasts = Duration::from_secs(2 + (3 * opening).as_secs());
    let lasts_text = format!("{}s", lasts.as_secs());
    let asked = super::ask(world.alice(), "postgres/vault", &lasts_text);
    let made = world.bob().statement(&asked, "approve").to_sign();
    let signature = world.bob().sign(&made.statement);
    // It begins after this: what is measured is too long, if anything.
    let began = Instant::now();
    let answer = world.bob().hand_in(&made.approval, &signature);
    assert_eq!(answer.status, 200, "{answer:?}");
    let sessions = Sessions::open(world, endpoint);
    let end = began + lasts;
    assert!(Instant::now() < end, "there was no time to open sessions");
    sessions.cut_at(end)
}
