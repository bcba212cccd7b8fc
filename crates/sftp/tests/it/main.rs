//! Conversations: made by hand, at random, by OpenSSH's own server, and by its own client with its own server.

mod actions;
mod client;
mod conversation;
mod handles;
mod hostile;
mod promise;
mod records;
mod server;
mod talk;
mod wire;
