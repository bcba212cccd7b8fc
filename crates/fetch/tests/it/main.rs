//! The client against real servers on this machine, honest and hostile.

mod addresses;
mod answers;
mod certificates;
mod deliveries;
mod names;
mod requests;
mod server;
mod slow;
