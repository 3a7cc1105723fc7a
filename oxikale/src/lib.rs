//! What a notebook cell may call: display, progress, parameters, metrics and artifacts.
//!
//! The same cell works in the evcxr kernel, in the Oxikale kernel and in a step of a pipeline. In a kernel a value
//! is shown below the cell, a metric is printed and an artifact becomes a file in `./artifacts`; in a step they go
//! into the run's record: its report, its metrics, its artifacts.
//!
//! ```
//! use oxikale::{artifacts, display, metrics, params, progress};
//!
//! let rate: f64 = params::get("rate", 0.1);
//! let mut loss = 1.0;
//! for epoch in progress::track("training", 0..20) {
//!     loss *= 1.0 - rate;
//!     metrics::log_at("loss", epoch, loss);
//! }
//! display::show(&display::markdown(format!("Final loss: **{loss:.3}**")));
//! # let folder = std::env::temp_dir().join(format!("oxikale-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?; std::env::set_current_dir(&folder)?;
//! artifacts::json("summary", &[("loss", loss)])?;
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//! * none (the default): the modules above, with no other dependencies than serde, `serde_json` and base64.
//! * `step`: the run time of a pipeline's step program (module `step`).
//! * `ndarray`: arrays of ndarray 0.17 pass from step to step as `.npy` files.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod artifacts;
pub mod display;
mod engine;
mod error;
mod evcxr;
pub mod metrics;
pub mod params;
pub mod progress;
mod recorder;
#[cfg(feature = "step")]
pub mod step;
mod volumes;

pub use display::Display;
pub use error::Error;
pub use volumes::volume;
