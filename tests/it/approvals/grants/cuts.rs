//! How soon sessions end.
