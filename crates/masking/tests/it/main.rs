//! Masks through their public interface.
