//! The wire: ZeroMQ's sockets as Jupyter uses them, signatures, and Jupyter's messages in frames.
//!
//! The sockets are written here and not taken from a library, because a kernel needs two things of them that the Rust
//! libraries for ZMTP do not give: a subscriber of IOPub that reads nothing must not keep the others waiting, and a
//! client that comes again under its old identity must get all of its replies.

mod connection;
mod greeting;
mod heartbeat;
mod listener;
mod message;
mod outbox;
mod publisher;
mod router;
mod signature;
mod zmtp;

pub use connection::{Connection, ConnectionError};
pub use heartbeat::echo;
pub use listener::{BindError, Listener};
#[cfg(test)]
pub use message::Header;
pub(crate) use message::parts;
pub use message::{Channel, Request, parse};
pub use publisher::{Parent, Publisher};
pub use router::Router;
pub use signature::Signer;

use bytes::Bytes;

/// The parts of one ZeroMQ message.
pub type Frames = Vec<Bytes>;
