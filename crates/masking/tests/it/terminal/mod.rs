//! Output of terminals: what is hidden, what comes through, and when.

mod attacks;
mod chunks;
mod cursor;
mod found;
mod live;
mod screen;
mod strings;
mod world;
