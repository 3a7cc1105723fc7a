//! The process that runs the cells of a notebook: keeps their variables, leaves checkpoints, and brings what they print
//! and show to the engine in order.
//!
//! The engine compiles this crate with the user's own rustc, once for each toolchain: as a dylib that cells link to, so
//! that they share one std and one allocator, and as a small program that calls [`main`]. It depends on std alone and
//! may use what is unstable there.

#![feature(try_trait_v2, panic_can_unwind)]

mod checkpoint;
mod failure;
mod flush;
mod hooks;
mod input;
mod json;
mod os;
mod output;
mod panic;
mod process;
#[allow(dead_code, reason = "each side uses one half")]
mod protocol;
mod serve;
mod setting;
pub mod show;
mod supervise;
mod variables;

pub use failure::{DisplayFlow, Failure, Flow};
pub use hooks::{after_restore, block_on};
pub use output::display;
pub use process::generation;
pub use variables::Variables;

/// The program: the supervisor and, below it, the host. The engine gives it the path of its socket.
pub fn main() -> ! {
    match setting::Setting::read() {
        Ok(setting) => supervise::start(setting),
        Err(error) => {
            eprintln!("oxikale-host: {error}");
            std::process::exit(2)
        }
    }
}
