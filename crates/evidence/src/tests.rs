//! The writer as a whole, on a simulated disk that fails, loses and crashes as told, judged by the verifier.

mod basics;
mod crash;
mod faults;
mod gateway;
mod months;
mod reading;
mod sim;
