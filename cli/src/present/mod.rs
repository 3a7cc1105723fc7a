//! How things look: diagnostics, progress, runs and tables.

pub mod build;
pub mod diagnostics;
pub mod live;
pub mod markdown;
pub mod output_lines;
pub mod paint;
pub mod plain_run;
pub mod run;
pub mod step_view;
pub mod summary;
pub mod table;
pub mod text;
