//! `kernel_info_request`: who this is, and what it can do.

use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::stamp::PROTOCOL_VERSION;
use crate::wire::Request;

pub(super) fn reply(kernel: &Kernel, _: &Request) -> Value {
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL_VERSION,
        "implementation": "oxikale",
        "implementation_version": env!("CARGO_PKG_VERSION"),
        "language_info": {
            "name": "rust",
            "version": kernel.language.version(),
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
        "banner": format!(
            "Oxikale {}: Rust {}. `%help` lists the commands.",
            env!("CARGO_PKG_VERSION"),
            kernel.language.version()
        ),
        "debugger": false,
        "help_links": [
            { "text": "The Rust Book", "url": "https://doc.rust-lang.org/book/" },
            { "text": "The standard library", "url": "https://doc.rust-lang.org/std/" },
            { "text": "Crates", "url": "https://docs.rs/" },
        ],
        "supported_features": ["kernel subshells"],
    })
}
