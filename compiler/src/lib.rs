//! Compiles a tagged notebook into a typed pipeline: the step program and KFP's IR.

pub mod diagnostics;
pub mod ir;
pub mod pipeline;
