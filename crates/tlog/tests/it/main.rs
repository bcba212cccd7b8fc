//! The Merkle tree against a naive reference, and against published vectors.

mod proofs;
mod reference;
mod tree;
