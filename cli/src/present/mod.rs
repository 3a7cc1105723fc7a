//! How things look: diagnostics, progress, runs and tables.

pub mod build;
pub mod diagnostics;
pub mod paint;
pub mod table;
pub mod text;
pub mod live;
pub mod markdown;
pub mod output_lines;
pub mod plain_run;
pub mod run;
pub mod step_view;
pub mod summary;
