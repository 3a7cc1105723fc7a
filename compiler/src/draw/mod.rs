//! Draws a pipeline: boxes and lines in a terminal, SVG, Mermaid text and JSON.
//!
//! Names in a pipeline come from a notebook, which may come from anywhere. Every drawing shows
//! control characters, escape sequences and text-direction overrides as visible escapes
//! (`\u{1b}`), and shortens what is too long. JSON is data, so it holds names as they are.

mod block;
mod canvas;
mod channel;
mod graph;
mod json;
mod label;
mod layout;
mod legend;
mod list;
mod mermaid;
mod placement;
mod status;
mod svg;
mod svg_edges;
mod svg_style;
mod terminal;

pub use json::json;
pub use mermaid::mermaid;
pub use status::{State, Statuses, StepStatus, number};
pub use svg::{SvgOptions, escape, svg};
pub use svg_style::Theme;
pub use terminal::{TerminalOptions, terminal, terminal_with_statuses};
