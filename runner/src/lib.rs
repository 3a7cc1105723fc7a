//! Runs pipelines on this machine.
