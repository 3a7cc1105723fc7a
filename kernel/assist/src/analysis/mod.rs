//! The helper process: rust-analyzer's library over the items, variables and crates of a session.

mod completion;
mod crates;
mod diagnosis;
mod frame;
mod inspection;
mod packages;
mod server;
mod source_files;
mod target;
mod world;

pub use server::serve;
