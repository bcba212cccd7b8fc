//! A large table read through one target, by SELECT or by COPY.

use anyhow::Context;

use crate::clock;
use crate::proc_stat;
use crate::results::{Measurement, MillionRows};
use crate::rig::Target;
use crate::wire::Client;
use crate::workload::Bulk;

/// Reads of the whole table in one measurement: one alone is short against the 10 ms of processor time's resolution.
const PASSES: u32 = 3;

/// Reads all `rows` rows three times on one connection. Connecting is not counted.
pub(crate) async fn run(target: &Target, bulk: Bulk, rows: u32) -> anyhow::Result<Measurement> {
    let mut client = Client::connect(target).await?;
    let cpu_before = target.pid.map(proc_stat::cpu_time).transpose()?;
    let started = clock::now();
    let mut bytes = 0;
    for _ in 0..PASSES {
        bytes += read_all(&mut client, bulk, rows).await?;
    }
    let elapsed = started.elapsed();
    let cpu_after = target.pid.map(proc_stat::cpu_time).transpose()?;
    let cpu = cpu_before
        .zip(cpu_after)
        .map(|(before, after)| after.saturating_sub(before));
    let millions = f64::from(rows) * f64::from(PASSES) / 1e6;
    Ok(Measurement {
        rate: bytes as f64 / 1e6 / elapsed.as_secs_f64(),
        p50_us: None,
        p99_us: None,
        proxy_cpu: cpu.map(|cpu| cpu.as_secs_f64() * 1e9 / bytes as f64),
        million_rows: Some(MillionRows {
            seconds: elapsed.as_secs_f64() / millions,
            proxy_cpu_seconds: cpu.map(|cpu| cpu.as_secs_f64() / millions),
        }),
    })
}

async fn read_all(client: &mut Client, bulk: Bulk, rows: u32) -> anyhow::Result<u64> {
    let statement = bulk.statement();
    let received = client.query(&statement).await.context(statement)?;
    anyhow::ensure!(
        received.rows == u64::from(rows) + bulk.other_messages(),
        "expected {rows} rows and got {}",
        received.rows
    );
    Ok(received.bytes)
}
