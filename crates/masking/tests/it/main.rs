//! Masks through their public interface, and what PostgreSQL says of their results.

mod applied;
mod chunks;
mod detected;
mod hostile;
mod look_alikes;
mod on_the_server;
mod places;
mod terminal;
mod world;
