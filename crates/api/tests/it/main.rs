//! The admin API over its real socket, with a real evidence log and a real control database.

mod access;
mod administrators;
mod changes;
mod recordings;
mod secrets;
mod world;
