//! How things look: diagnostics, progress, runs, sessions and tables.

pub mod area;
pub mod build;
pub mod cells;
pub mod diagnostics;
pub mod forms;
pub mod live;
pub mod live_cells;
pub mod markdown;
pub mod output_lines;
pub mod paint;
pub mod plain_run;
pub mod run;
pub mod said;
pub mod step_view;
pub mod summary;
pub mod table;
pub mod text;
pub mod transcript;
