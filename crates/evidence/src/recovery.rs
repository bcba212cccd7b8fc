//! Starting: find what the last process left, finish what it began, say so in the log.

use std::sync::Arc;

use custos_model::{Clock, IdSource};

use crate::commit;
use crate::directory;
use crate::disk::{Disk, RealDisk};
use crate::error::OpenError;
use crate::evidence::Evidence;
use crate::frame::{Frame, Read};
use crate::integrator::{self, Integrator};
use crate::ledger::Ledger;
use crate::log::Log;
use crate::position::Position;
use crate::record_type::{RecordOutcome, RecordType};
use crate::segment::number_of;
use crate::settings::Settings;
use crate::shared::{ClockHandle, Parts, Shared, lock};
use crate::state::State;
use crate::wal::{self, Wal, WalReader};

/// What a start found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Sessions that the last process left open; their ends are recorded as interrupted.
    pub interrupted_sessions: u64,
    /// Records that were in the write-ahead log and under no checkpoint.
    pub replayed_records: u64,
    /// Segments that were written anew from the write-ahead log.
    pub rebuilt_segments: u64,
}

/// Opens the evidence directory: makes it and the signing key when there is none, recovers what the last process left,
/// and records the start. When this returns, all of that is fsynced.
///
/// `random` fills buffers with unpredictable bytes: for the key, the boot id and the record ids.
pub fn open(
    settings: Settings,
    clock: Arc<dyn Clock>,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<(Evidence, Recovery), OpenError> {
    open_on(Arc::new(RealDisk), settings, clock, random)
}

/// As [`open`], on another disk.
pub(crate) fn open_on(
    disk: Arc<dyn Disk>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<(Evidence, Recovery), OpenError> {
    let prepared = directory::prepare(disk.as_ref(), &settings, random)?;
    let state = State::read(disk.as_ref(), &settings.dir.join("wal").join("state"))?;
    let first_file = state.as_ref().map_or(0, |state| state.first_file);
    let mut reader = wal::open_reader(&disk, settings.dir.join("wal"), first_file)?;
    let mut seed = [0; 10];
    random(&mut seed);
    let mut boot = [0; 16];
    random(&mut boot);
    let wal = Wal::new(
        Arc::clone(&disk),
        settings.dir.join("wal"),
        settings.wal_file_bytes,
        &reader,
    );
    let parts = Parts {
        clock: ClockHandle(clock),
        ids: IdSource::new(seed),
        boot: uuid::Builder::from_random_bytes(boot)
            .into_uuid()
            .to_string(),
        signer: prepared.signer,
        disk,
        wal,
    };
    let shared = Arc::new(Shared::new(settings, parts));
    let (integrator, recovery) = recover(&shared, &mut reader, state)?;
    let threads = [commit::spawn(&shared), integrator::spawn(integrator)];
    let threads = threads
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(OpenError::io("start a thread for", &shared.settings.dir))?;
    Ok((Evidence::new(shared, threads, prepared.lock), recovery))
}

/// Applies the write-ahead log, then records the start and the ends of sessions that nobody can end any more.
fn recover(
    shared: &Arc<Shared>,
    reader: &mut WalReader,
    state: Option<State>,
) -> Result<(Integrator, Recovery), OpenError> {
    // A killed process leaves frames that the disk does not have yet; the log must not be built on those.
    reader.sync()?;
    let state = check_state(shared, reader, state)?;
    let from = Position(state.position);
    let mut ledger = Ledger::load(shared, state)?;
    let next = reader.frames(|read| replay(shared, &mut ledger, read, from))?;
    check_complete(shared, &ledger, next, from)?;
    reader.remove_abandoned()?;
    let replayed_records = ledger.records;
    remove_unclosed_segments(shared, &ledger)?;
    let origin = ledger
        .log
        .as_ref()
        .map(Log::origin)
        .unwrap_or_default()
        .to_owned();
    shared.resume(next.max(Position(from.0 + 1)), origin);
    let mut integrator = Integrator::new(Arc::clone(shared), ledger);
    let (interrupted_sessions, rebuilt_segments) = record_start(&mut integrator, reader)?;
    integrator.be_patient();
    Ok((
        integrator,
        Recovery {
            interrupted_sessions,
            replayed_records,
            rebuilt_segments,
        },
    ))
}

/// The state and the write-ahead log must follow on each other.
fn check_state(
    shared: &Shared,
    reader: &WalReader,
    state: Option<State>,
) -> Result<State, OpenError> {
    let path = shared.state_path();
    let first = reader.files.first().map(|file| file.first);
    let missing = |reason: String| {
        Err(OpenError::Inconsistent {
            path: path.clone(),
            reason,
        })
    };
    match (state, first) {
        (None, None) if directory::has_log(shared.disk.as_ref(), &shared.settings)? => missing(
            "there is a log and no write-ahead log: records that were acknowledged may be lost"
                .to_owned(),
        ),
        (None, None | Some(Position(1))) => Ok(State::default()),
        (None, Some(first)) => missing(format!(
            "it is missing, and the write-ahead log begins at {}",
            first.0
        )),
        (Some(state), Some(first)) if first.0 > state.position + 1 => missing(format!(
            "it ends at {} and the write-ahead log begins at {}",
            state.position, first.0
        )),
        (Some(state), _) => Ok(state),
    }
}

/// Applies a frame that is not in the state.
fn replay(
    shared: &Shared,
    ledger: &mut Ledger,
    read: &Read<'_>,
    from: Position,
) -> Result<(), OpenError> {
    if read.position <= from {
        return Ok(());
    }
    match &read.frame {
        Frame::Rotate {
            origin,
            close,
            open,
        } => {
            ledger.close_month(close);
            if let Some(log) = &mut ledger.log {
                let path = shared.settings.dir.join("logs").join(log.origin());
                log.checkpoint(shared.disk.as_ref(), &shared.signer, 0)
                    .map_err(OpenError::io("write a checkpoint in", &path))?;
            }
            ledger.open_month(shared, read.position, origin, open)
        }
        frame => {
            ledger.apply(shared, read.position, frame);
            Ok(())
        }
    }
}

/// The write-ahead log must reach as far as what was built from it.
fn check_complete(
    shared: &Shared,
    ledger: &Ledger,
    next: Position,
    from: Position,
) -> Result<(), OpenError> {
    let path = shared.settings.dir.join("wal");
    if next.0 <= from.0 && next != Position(1) {
        let reason = format!("it ends before {}, which the state has", from.0);
        return Err(OpenError::Inconsistent { path, reason });
    }
    match &ledger.log {
        Some(log) if log.next_leaf() < log.size() => {
            let reason = format!(
                "it leads to {} records of {} and {} are signed",
                log.next_leaf(),
                log.origin(),
                log.signed_size()
            );
            Err(OpenError::Inconsistent { path, reason })
        }
        _ => Ok(()),
    }
}

/// Segments without a record are written anew from the write-ahead log, which has all of their content.
fn remove_unclosed_segments(shared: &Shared, ledger: &Ledger) -> Result<(), OpenError> {
    let disk = shared.disk.as_ref();
    for tracked in ledger.sessions.values() {
        for name in disk
            .list(&tracked.dir)
            .map_err(OpenError::io("list", &tracked.dir))?
        {
            if number_of(&name).is_some_and(|number| number >= tracked.segments) {
                let path = tracked.dir.join(name);
                disk.remove(&path).map_err(OpenError::io("remove", &path))?;
            }
        }
    }
    Ok(())
}

fn record_start(integrator: &mut Integrator, reader: &WalReader) -> Result<(u64, u64), OpenError> {
    let shared = Arc::clone(&integrator.shared);
    reader.frames(|read| gather(integrator, read))?;
    lock(&shared.pending).hold_month(true);
    let gw = shared.gw();
    shared.append_record(&shared.members(&gw, RecordType::NodeStart, RecordOutcome::Ok));
    let counts = integrator.interrupt_all();
    let counts = counts.map_err(|_| integrator.open_error())?;
    shared.release_month();
    commit::commit(&shared);
    shared.check_health().map_err(OpenError::Start)?;
    Ok(counts)
}

/// Takes up the pieces of transcript that are in no closed segment.
fn gather(integrator: &mut Integrator, read: &Read<'_>) -> Result<(), OpenError> {
    let Frame::Transcript {
        session,
        compressed,
        lines,
        data,
    } = read.frame
    else {
        return Ok(());
    };
    let tracked = integrator.ledger.sessions.get(&session);
    if tracked.is_none_or(|tracked| read.position <= tracked.closed_upto) {
        return Ok(());
    }
    integrator
        .transcript(session, read.position, compressed, lines, data)
        .map_err(|_| integrator.open_error())
}
