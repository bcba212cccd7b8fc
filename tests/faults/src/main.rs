//! Faults, with real servers: what the gateway promises must hold when it is killed, when the disk is full, when
//! results are huge and when thousands of connections say nothing.
//!
//! Each subcommand prints figures and exits with a status other than 0 when its claim does not hold.
#![expect(
    clippy::disallowed_methods,
    reason = "a measuring program reads the clock"
)]

mod disk_full;
mod figures;
mod half_open;
mod holds;
mod kill;
mod memory;
mod mount;
mod proc_status;
mod psql;
mod query;
mod records;
mod rig;
mod target_log;
mod time;
mod transcript;
mod writer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Puts a real gateway through faults and checks what it promises.
#[derive(Debug, Parser)]
#[command(name = "custos-faults")]
struct Arguments {
    #[command(subcommand)]
    fault: Fault,
}

#[derive(Debug, Subcommand)]
enum Fault {
    /// Kill the gateway under load, again and again; whatever the target executed must be on record
    Kill(kill::Options),
    /// Fill the file system of the evidence under load
    DiskFull(disk_full::Options),
    /// Peak memory with idle sessions, a large result and a large value
    Memory(memory::Options),
    /// Connections that send nothing
    HalfOpen(half_open::Options),
    /// Sessions that wait for approval
    Holds(holds::Options),
}

fn main() -> ExitCode {
    let (name, result) = match Arguments::parse().fault {
        Fault::Kill(options) => ("kill", kill::run(&options)),
        Fault::DiskFull(options) => ("disk-full", disk_full::run(&options)),
        Fault::Memory(options) => ("memory", memory::run(&options)),
        Fault::HalfOpen(options) => ("half-open", half_open::run(&options)),
        Fault::Holds(options) => ("holds", holds::run(&options)),
    };
    match result {
        Ok(()) => {
            println!("{name}: held");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{name}: FAILED");
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
