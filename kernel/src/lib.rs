//! The Jupyter kernel: sockets and messages in front of an engine.

pub mod doctor;
pub mod kernelspec;
