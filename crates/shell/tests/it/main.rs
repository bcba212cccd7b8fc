//! The grammar against real shells, against those who would get around it, and against itself.

mod bypass;
mod known;
mod mentions;
mod names;
mod patterns;
mod properties;
mod runners;
mod shell;
mod shells;
