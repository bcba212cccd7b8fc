//! Where something stands in the write-ahead log.

/// A place in the write-ahead log. What is durable up to a position is durable before it as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub(crate) u64);
