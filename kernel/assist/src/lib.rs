//! Completion, inspection and diagnostics for the cells of a session, from a helper process.
