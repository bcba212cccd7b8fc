//! `custos session replay`: a transcript as people read it, at the pace at which it happened.

mod cast;
mod player;
mod recording;
mod screen;
mod table;
mod text;

use std::io::{IsTerminal as _, Write};
use std::time::Duration;

use serde_json::Value;

use crate::cli::ReplayArgs;
use crate::client::AdminClient;
use crate::failure::Failure;
pub(crate) use cast::CastVersion;
pub(crate) use player::watch;

use cast::Cast;
use text::Renderer;

/// Plays the transcript.
pub(crate) async fn replay(out: &mut dyn Write, arguments: ReplayArgs) -> Result<(), Failure> {
    let client = AdminClient::find(&arguments.read.gateway)?;
    let path = format!("/v1/sessions/{}/transcript", arguments.id);
    if let Some(version) = arguments.cast {
        return export(out, &client, &path, &arguments, version).await;
    }
    if arguments.terminal {
        return player::play(out, &client, &path, &arguments).await;
    }
    let timed = !arguments.no_timing && std::io::stdout().is_terminal();
    let pace = timed.then_some(Pace {
        speed: arguments.speed,
        longest: arguments.max_pause,
    });
    let mut renderer = Renderer::default();
    let mut last_ns = 0;
    client
        .lines(&path, async |line| {
            if arguments.read.json {
                out.write_all(line)?;
                out.write_all(b"\n")?;
                return Ok(());
            }
            let value: Value = serde_json::from_slice(line)?;
            if let Some(now_ns) = value.get("t").and_then(Value::as_u64) {
                if let Some(pace) = &pace {
                    out.flush()?;
                    tokio::time::sleep(pace.pause(last_ns, now_ns)).await;
                }
                last_ns = now_ns;
            }
            renderer.line(&value, out)?;
            Ok(())
        })
        .await?;
    renderer.finish(out)?;
    Ok(())
}

/// Prints a terminal of it for players.
async fn export(
    out: &mut dyn Write,
    client: &AdminClient,
    path: &str,
    arguments: &ReplayArgs,
    version: CastVersion,
) -> Result<(), Failure> {
    let began = arguments.id.unix_ms() / 1000;
    let mut cast = Cast::new(version, began, arguments.operation);
    client
        .lines(path, async |line| {
            cast.line(&serde_json::from_slice(line)?, out)?;
            Ok(())
        })
        .await?;
    if cast.has_begun() {
        return Ok(());
    }
    Err(not_found(arguments.operation))
}

fn not_found(operation: Option<u64>) -> Failure {
    let what = match operation {
        Some(number) => format!("operation {number} of the session ran nothing over SSH"),
        None => "the session had no terminal".to_owned(),
    };
    Failure::new(anyhow::anyhow!(what))
}

/// How fast it plays.
#[derive(Clone, Copy, Debug)]
struct Pace {
    speed: f64,
    longest: Duration,
}

impl Pace {
    fn pause(&self, last_ns: u64, now_ns: u64) -> Duration {
        let real = Duration::from_nanos(now_ns.saturating_sub(last_ns));
        real.div_f64(self.speed).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Pace, Renderer};

    #[test]
    fn pauses_follow_speed_and_stay_short() {
        let pace = Pace {
            speed: 2.0,
            longest: Duration::from_secs(3),
        };
        assert_eq!(pace.pause(0, 1_000_000_000), Duration::from_millis(500));
        assert_eq!(pace.pause(0, 60_000_000_000), Duration::from_secs(3));
        assert_eq!(pace.pause(5, 4), Duration::ZERO);
    }

    /// One line of each row of the table in `docs/transcript-format.md`.
    const TRANSCRIPT: &str = r#"
{"t":1500000,"op":0,"parameter":{"name":"TimeZone","value":"UTC"}}
{"t":2000000,"op":1,"request":"query","text":"select id, name\n  from people"}
{"t":3000000,"op":1,"columns":["id","name"]}
["1","alice"]
["22",null]
["3","esc\u001b[2Jape\nnext"]
["4",{"b64":"AAAAKg=="}]
{"t":4000000,"op":1,"complete":"SELECT 4"}
{"t":5000000,"op":0,"request":"parse","name":"s1","text":"select $1","types":[23]}
{"t":5000000,"op":0,"request":"bind","portal":"","name":"s1","parameters":["42",null,{"b64":"AAAAKg=="}]}
{"t":5000000,"op":2,"request":"execute","portal":"","max_rows":0}
{"t":6000000,"op":2,"columns":["note"]}
{"fields":[]}
{"part":"abc"}
{"part":"def","value_end":true,"end":true}
{"t":6500000,"op":2,"suspended":true}
{"t":7000000,"op":3,"copy_in":"1\tx\n2\ty\n"}
{"t":7000000,"op":0,"request":"copy_done"}
{"t":7500000,"op":3,"copy_out":{"b64":"AAAAKg=="}}
{"t":8000000,"op":4,"error":{"severity":"ERROR","sqlstate":"42P01","message":"relation \"x\" does not exist","hint":"look again"}}
{"t":8000000,"op":5,"error":{"severity":"ERROR","sqlstate":"28000","message":"no"},"refused":true}
{"t":8000000,"op":6,"skipped":true}
{"t":9000000,"op":0,"notice":{"severity":"NOTICE","sqlstate":"00000","message":"hello"}}
{"t":9000000,"op":0,"notification":{"channel":"c","payload":"p","pid":1}}
{"t":9000000,"op":7,"empty":true}
{"t":3600000000000,"op":0,"request":"terminate"}
"#;

    #[test]
    fn every_kind_of_line_is_readable() {
        let mut renderer = Renderer::default();
        let mut out = Vec::new();
        for line in TRANSCRIPT.lines().filter(|line| !line.is_empty()) {
            renderer
                .line(&serde_json::from_str(line).unwrap(), &mut out)
                .unwrap();
        }
        renderer.finish(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
