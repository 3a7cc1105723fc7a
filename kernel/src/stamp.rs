//! The headers of the messages that the kernel sends.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The version of the messaging protocol that is spoken:
/// <https://jupyter-client.readthedocs.io/en/stable/messaging.html#changelog>
pub const PROTOCOL_VERSION: &str = "5.5";

/// Makes headers: each message has a number of its own in the kernel's session.
#[derive(Debug)]
pub struct Stamp {
    session: String,
    next: AtomicU64,
}

impl Default for Stamp {
    fn default() -> Self {
        Self { session: Uuid::new_v4().simple().to_string(), next: AtomicU64::new(1) }
    }
}

impl Stamp {
    /// The header of a new message of this type, as JSON.
    pub fn header(&self, msg_type: &str) -> Bytes {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let date = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        json!({
            "msg_id": format!("{}_{number}", self.session),
            "session": self.session,
            "username": "kernel",
            "date": date,
            "msg_type": msg_type,
            "version": PROTOCOL_VERSION,
        })
        .to_string()
        .into()
    }
}
