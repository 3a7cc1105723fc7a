//! Runs pipelines on this machine: interprets a compiled pipeline's IR, every step a process of the
//! step program, and keeps what happened in a store.

mod arguments;
mod artifact;
mod cancel;
mod duration;
mod events;
mod executor_input;
mod exit;
mod fingerprint;
mod folder;
mod inputs;
mod json_numbers;
mod literal;
mod live;
mod log;
mod machine;
mod memory;
mod parameter_cell;
mod plan;
mod quantity;
mod report;
mod resume;
mod run;
mod run_id;
mod schedule;
mod step;
pub mod store;
mod surroundings;
mod warden;

pub use arguments::{ArgumentError, Arguments, argument, assignment, kind_name, resolve};
pub use artifact::Artifact;
pub use cancel::{Cancel, kill as kill_group};
pub use events::{Event, Failure, State, StepInfo, Stream};
pub use inputs::{InputsError, inputs};
pub use live::LiveRun;
pub use log::{Log, LogSpan};
pub use parameter_cell::{ParameterError, parameter_cell, parameter_cells};
pub use quantity::{QuantityError, human_bytes, whole as whole_quantity};
pub use resume::{ResumeError, resumable};
pub use run::{MissingSecret, Options, RunError, run};
pub use store::{DisplayRecord, MetricRecord, RunRecord, StepRecord, Store, StoreError};
pub use warden::Warden;
