//! The writer as a whole, on a simulated disk that fails, loses and crashes as told, judged by the verifier.
#![expect(
    clippy::disallowed_methods,
    reason = "tests use the real clock, and wait for the tasks that they spawn"
)]

mod approvals;
mod basics;
mod crash;
mod faults;
mod gateway;
mod months;
mod reading;
mod sim;
