//! Compiles a tagged notebook into a typed pipeline: the step program and KFP's IR.
//!
//! Every stage is a function from a value to a value and diagnostics: [`tags`] and [`settings`] are read, [`steps`] sorts
//! the cells, [`dataflow`] finds what flows between steps, [`program`] writes one typed program of all of them, and
//! [`ir`] the graph. [`build`] alone does I/O: it runs cargo.

pub mod build;
mod calls;
pub mod commands;
mod compile;
pub mod dataflow;
pub mod diagnostics;
pub mod draw;
pub mod ir;
pub mod items;
pub mod names;
pub mod parameters;
pub mod pipeline;
pub mod program;
pub mod settings;
pub mod source;
pub mod steps;
pub mod tags;
mod volumes;

pub use compile::{Compilation, DEFAULT_IMAGE, Options, compile};
