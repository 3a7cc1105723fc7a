//! The Jupyter kernel: sockets and messages in front of an engine.
