//! Tests that cross crates; see `notebooks.rs` and the folder `notebooks`.
