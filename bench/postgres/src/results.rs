//! What was measured, and the medians and comparisons drawn from it.

use crate::memory::Memory;
use crate::stats::{median, percentile};
use crate::workload::{TargetKind, Workload};

/// One run of one workload through one target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement {
    /// Transactions a second (pgbench), or megabytes (10⁶ bytes) a second (large results).
    pub(crate) rate: f64,
    /// Median latency of a transaction in microseconds.
    pub(crate) p50_us: Option<f64>,
    /// 99th percentile of the latency in microseconds.
    pub(crate) p99_us: Option<f64>,
    /// Processor time of the proxy: microseconds a transaction (pgbench), or nanoseconds a byte (large results).
    pub(crate) proxy_cpu: Option<f64>,
    /// Of large results: what a mask makes shorter or longer is compared by rows.
    pub(crate) million_rows: Option<MillionRows>,
}

/// What a million rows take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MillionRows {
    pub(crate) seconds: f64,
    /// Processor time of the proxy.
    pub(crate) proxy_cpu_seconds: Option<f64>,
}

/// Picks one number of a measurement.
pub(crate) type Field = fn(&Measurement) -> Option<f64>;

pub(crate) const RATE: Field = |measurement| Some(measurement.rate);
pub(crate) const P50_US: Field = |measurement| measurement.p50_us;
pub(crate) const P99_US: Field = |measurement| measurement.p99_us;
pub(crate) const PROXY_CPU: Field = |measurement| measurement.proxy_cpu;
/// Millions of rows a second.
pub(crate) const ROWS_RATE: Field =
    |measurement| measurement.million_rows.map(|it| 1.0 / it.seconds);
pub(crate) const ROWS_SECONDS: Field = |measurement| measurement.million_rows.map(|it| it.seconds);
pub(crate) const ROWS_CPU: Field = |measurement| measurement.million_rows?.proxy_cpu_seconds;

#[derive(Debug)]
struct Sample {
    workload: Workload,
    target: TargetKind,
    round: usize,
    measurement: Measurement,
}

/// All measurements of a run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    samples: Vec<Sample>,
    pub(crate) memory: Vec<Memory>,
    /// Times of a 4 KiB write and fdatasync, probed before the workloads and again after them.
    pub(crate) fdatasync_probes_ns: Vec<Vec<u64>>,
    /// Runs that did not yield a number, and why.
    pub(crate) failures: Vec<String>,
}

impl Results {
    pub(crate) fn add(
        &mut self,
        workload: Workload,
        target: TargetKind,
        round: usize,
        measurement: Measurement,
    ) {
        self.samples.push(Sample {
            workload,
            target,
            round,
            measurement,
        });
    }

    /// The median over the rounds.
    pub(crate) fn median(
        &self,
        workload: Workload,
        target: TargetKind,
        field: Field,
    ) -> Option<f64> {
        let samples = self.of(workload, target);
        median(
            &samples
                .filter_map(|sample| field(&sample.measurement))
                .collect::<Vec<_>>(),
        )
    }

    /// Median over the rounds of `target` divided by `base` in the same round.
    pub(crate) fn ratio(
        &self,
        workload: Workload,
        target: TargetKind,
        base: TargetKind,
        field: Field,
    ) -> Option<f64> {
        self.compared(workload, target, base, field, |own, other| own / other)
    }

    /// Median over the rounds of `target` minus `base` in the same round.
    pub(crate) fn added(
        &self,
        workload: Workload,
        target: TargetKind,
        base: TargetKind,
        field: Field,
    ) -> Option<f64> {
        self.compared(workload, target, base, field, |own, other| own - other)
    }

    /// Percentile of the time that a 4 KiB write and fdatasync took, in microseconds, in the quicker of the probes: what
    /// else used the disk must not make a limit that counts in this time a lenient one.
    pub(crate) fn fdatasync_us(&self, percent: usize) -> Option<f64> {
        let probes = self.fdatasync_probes_ns.iter();
        let quickest = probes
            .filter_map(|probe| percentile(&mut probe.clone(), percent))
            .min()?;
        Some(quickest as f64 / 1e3)
    }

    fn compared(
        &self,
        workload: Workload,
        target: TargetKind,
        base: TargetKind,
        field: Field,
        compare: fn(f64, f64) -> f64,
    ) -> Option<f64> {
        let mut compared = Vec::new();
        for own in self.of(workload, target) {
            let other = self
                .of(workload, base)
                .find(|other| other.round == own.round);
            if let Some(other) = other {
                compared.extend(
                    field(&own.measurement)
                        .zip(field(&other.measurement))
                        .map(|(a, b)| compare(a, b)),
                );
            }
        }
        median(&compared)
    }

    fn of(&self, workload: Workload, target: TargetKind) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.workload == workload && sample.target == target)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::workload::{Bulk, Read};

    const WORKLOAD: Workload = Workload::Rows(Bulk::Whole(Read::Select));

    pub(crate) fn measured(rate: f64, p50_us: f64) -> Measurement {
        Measurement {
            rate,
            p50_us: Some(p50_us),
            p99_us: Some(p50_us * 2.0),
            proxy_cpu: Some(1.0),
            million_rows: None,
        }
    }

    pub(crate) fn measured_rows(rate: f64, seconds: f64) -> Measurement {
        Measurement {
            million_rows: Some(MillionRows {
                seconds,
                proxy_cpu_seconds: Some(seconds / 2.0),
            }),
            ..measured(rate, 0.0)
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut results = Results::default();
        // The machine was half as fast in round 1, for both alike.
        for (round, speed) in [(0, 1.0), (1, 0.5), (2, 1.0)] {
            results.add(
                WORKLOAD,
                TargetKind::Pgbouncer,
                round,
                measured(100.0 * speed, 10.0),
            );
            results.add(
                WORKLOAD,
                TargetKind::CustosStrict,
                round,
                measured(80.0 * speed, 13.0),
            );
        }
        let ratio = results.ratio(
            WORKLOAD,
            TargetKind::CustosStrict,
            TargetKind::Pgbouncer,
            RATE,
        );
        assert_eq!(ratio, Some(0.8));
        let added = results.added(
            WORKLOAD,
            TargetKind::CustosStrict,
            TargetKind::Pgbouncer,
            P50_US,
        );
        assert_eq!(added, Some(3.0));
        assert_eq!(
            results.median(WORKLOAD, TargetKind::CustosStrict, RATE),
            Some(80.0)
        );
    }

    #[test]
    fn the_quicker_probe_of_the_disk_counts() {
        let fdatasync_probes_ns = vec![vec![4_000_000, 5_000_000], vec![90_000, 80_000, 100_000]];
        let results = Results {
            fdatasync_probes_ns,
            ..Results::default()
        };
        assert_eq!(results.fdatasync_us(50), Some(90.0));
    }

    #[test]
    fn what_was_not_measured_is_nothing() {
        let mut results = Results::default();
        results.add(WORKLOAD, TargetKind::CustosStrict, 0, measured(1.0, 1.0));
        results.add(WORKLOAD, TargetKind::Relay, 1, measured(1.0, 1.0));
        assert_eq!(
            results.ratio(
                WORKLOAD,
                TargetKind::CustosStrict,
                TargetKind::Pgbouncer,
                RATE
            ),
            None
        );
        assert_eq!(
            results.ratio(WORKLOAD, TargetKind::CustosStrict, TargetKind::Relay, RATE),
            None
        );
        assert_eq!(results.fdatasync_us(50), None);
    }
}
