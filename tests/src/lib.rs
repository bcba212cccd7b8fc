//! End-to-end tests live in `it/`; the programs that drive stock clients in `clients/`.
