//! Resident memory of the proxies: what an idle session costs, and whether a large result makes them grow.

use std::time::Duration;

use anyhow::Context;

use crate::proc_stat;
use crate::rig::Target;
use crate::wire::Client;
use crate::workload::TargetKind;

/// Sessions that are opened to divide their memory by.
pub(crate) const IDLE_SESSIONS: usize = 100;
/// How long sessions are left alone before they count as idle.
const IDLE_TIME: Duration = Duration::from_secs(1);
/// The small result has this fraction of the large one's rows.
pub(crate) const SMALL_RESULT_DIVISOR: u32 = 10;

/// Resident memory of one proxy, in KiB where not said otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) kind: TargetKind,
    /// With one session that has run one statement.
    pub(crate) base_kib: u64,
    pub(crate) idle_session_kib: f64,
    /// Peak while a tenth of the rows passed.
    pub(crate) small_peak_kib: u64,
    /// Peak while all rows passed.
    pub(crate) large_peak_kib: u64,
    /// Size of the large result.
    pub(crate) large_result_kib: u64,
}

/// Measures a freshly started proxy: later, memory that it keeps from earlier sessions would hide what new ones take.
/// `None` for a target without a proxy.
pub(crate) async fn measure(target: &Target, rows: u32) -> anyhow::Result<Option<Memory>> {
    let Some(pid) = target.pid else {
        return Ok(None);
    };
    let mut first = idle_session(target).await?;
    tokio::time::sleep(IDLE_TIME).await;
    let base_kib = proc_stat::resident_kib(pid)?;
    let mut sessions = Vec::with_capacity(IDLE_SESSIONS);
    for number in 0..IDLE_SESSIONS {
        let session = idle_session(target)
            .await
            .with_context(|| format!("idle session {number}"))?;
        sessions.push(session);
    }
    tokio::time::sleep(IDLE_TIME).await;
    let idle_kib = proc_stat::resident_kib(pid)?;
    drop(sessions);
    tokio::time::sleep(IDLE_TIME).await;

    let small_rows = rows / SMALL_RESULT_DIVISOR;
    let (small_peak_kib, _) = peak_during(pid, &mut first, small_rows).await?;
    let (large_peak_kib, large_result_kib) = peak_during(pid, &mut first, rows).await?;
    Ok(Some(Memory {
        kind: target.kind,
        base_kib,
        idle_session_kib: idle_kib.saturating_sub(base_kib) as f64 / IDLE_SESSIONS as f64,
        small_peak_kib,
        large_peak_kib,
        large_result_kib,
    }))
}

async fn idle_session(target: &Target) -> anyhow::Result<Client> {
    let mut client = Client::connect(target).await?;
    client.query("SELECT 1").await?;
    Ok(client)
}

/// Peak resident memory and size of the result, both in KiB.
async fn peak_during(pid: u32, client: &mut Client, rows: u32) -> anyhow::Result<(u64, u64)> {
    proc_stat::reset_peak(pid)?;
    let received = client
        .query(&format!("SELECT * FROM bench_rows LIMIT {rows}"))
        .await?;
    anyhow::ensure!(
        received.rows == u64::from(rows),
        "expected {rows} rows and got {}",
        received.rows
    );
    Ok((proc_stat::peak_resident_kib(pid)?, received.bytes / 1024))
}
