//! The provider over real loopback connections, as browsers, relying parties and strangers meet it.

mod authorizing;
mod client;
mod logging_out;
mod loopback;
mod pages;
mod refreshing;
mod signing_in;
mod tokens;
mod world;
