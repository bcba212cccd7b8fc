//! Policy documents from outside: the examples, problems and where they stand, semantics, and a second opinion.

mod asking;
mod change;
mod commands;
mod examples;
mod explanation;
mod oracle;
mod pause;
mod problems;
mod random;
mod semantics;
mod world;
