//! `history_request`: what was run.

use serde_json::{Value, json};

use super::error;
use crate::history::Query;
use crate::kernel::Kernel;
use crate::wire::Request;

pub(super) fn reply(kernel: &Kernel, request: &Request) -> Value {
    let content = &request.content;
    let number = |name: &str| content.get(name).and_then(Value::as_i64);
    let flag = |name: &str| content.get(name).and_then(Value::as_bool).unwrap_or(false);
    let query = match content.get("hist_access_type").and_then(Value::as_str) {
        Some("tail") => Query::Tail { count: number("n").unwrap_or(10).max(0) },
        Some("range") => Query::Range {
            session: number("session").unwrap_or(0),
            start: number("start").unwrap_or(0),
            stop: number("stop"),
        },
        Some("search") => Query::Search {
            pattern: content.get("pattern").and_then(Value::as_str).unwrap_or("*").to_owned(),
            count: number("n"),
            unique: flag("unique"),
        },
        other => {
            let why = format!(
                "`hist_access_type` is `tail`, `range` or `search`, not {}",
                other.map_or_else(|| "missing".to_owned(), |other| format!("`{other}`"))
            );
            let mut content = error("BadRequest", &why);
            content["history"] = json!([]);
            return content;
        }
    };
    let history: Vec<Value> = kernel.history.query(query).iter().map(|entry| entry.json(flag("output"))).collect();
    json!({ "status": "ok", "history": history })
}
