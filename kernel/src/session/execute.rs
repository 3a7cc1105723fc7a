//! `execute_request`: runs a cell, answers, and passes over what stands behind one that failed.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html#execute>

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::cell::End;
use super::outputs::{Ended, Failure};
use super::{Job, Session};
use crate::wire::Request;

/// What is sent together arrives within this time.
const TOGETHER: Duration = Duration::from_millis(5);

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Execute {
    /// The cell.
    pub code: String,
    /// Whether nothing of it is to be shown.
    pub silent: bool,
    /// Whether it belongs to the history and has a number.
    pub store_history: bool,
    /// Expressions whose values are wanted after the cell, by the client's names for them.
    pub user_expressions: Map<String, Value>,
    /// Whether the client asks its user for input.
    pub allow_stdin: bool,
    /// Whether the requests behind this one are passed over if it fails.
    pub stop_on_error: bool,
}

impl Execute {
    /// Reads the request. What a client leaves out has the specification's default.
    ///
    /// # Errors
    /// If there is no code.
    pub fn read(content: &Map<String, Value>) -> Result<Self, String> {
        let flag = |name: &str, default| content.get(name).and_then(Value::as_bool).unwrap_or(default);
        let code = content
            .get("code")
            .and_then(Value::as_str)
            .ok_or("an `execute_request` needs its `code`, a text")?
            .to_owned();
        let silent = flag("silent", false);
        Ok(Self {
            code,
            silent,
            store_history: !silent && flag("store_history", true),
            user_expressions: content.get("user_expressions").and_then(Value::as_object).cloned().unwrap_or_default(),
            allow_stdin: flag("allow_stdin", true),
            stop_on_error: flag("stop_on_error", true),
        })
    }
}

impl Session {
    pub(super) fn execute(&mut self, request: &Arc<Request>, execute: &Execute) {
        self.sockets.cell_begins(&request.header.raw);
        self.interrupts.begin();
        let empty = execute.code.trim().is_empty();
        if execute.store_history && !empty {
            self.count += 1;
            self.history.record(self.count, &execute.code);
        }
        if !execute.silent && !empty {
            let content = json!({ "code": execute.code, "execution_count": self.count });
            self.sockets.iopub.publish(&request.header.raw, "execute_input", &content);
        }
        self.outputs.begin(request, self.count, execute.silent, execute.allow_stdin);
        self.request = Some(Arc::clone(request));
        self.payload.clear();
        self.prepare_what_follows(request, &execute.code);
        let end = if empty { End::Completed } else { self.guarded(&execute.code) };
        let ended = self.outputs.end();
        let expressions = match end {
            End::Completed => self.expressions(&execute.user_expressions),
            _ => Value::Object(Map::new()),
        };
        if let (Some(result), true) = (&ended.result, execute.store_history) {
            self.history.record_output(self.count, result);
        }
        self.take_snapshot();
        self.interrupts.end();
        if end == End::Quit {
            self.payload.push(json!({ "source": "ask_exit", "keepkernel": false }));
        }
        let failed = matches!(end, End::Failed | End::Interrupted);
        if failed && execute.stop_on_error {
            self.abort_queue();
        }
        let content = self.reply(end, &ended, expressions);
        self.sockets.reply_with(request, "execute_reply", &content, &metadata(&ended));
        self.sockets.cell_ends(&request.header.raw);
    }

    /// Runs the cell; a mistake of ours in it is told, and is not the end of the session.
    fn guarded(&mut self, code: &str) -> End {
        let run = std::panic::AssertUnwindSafe(|| self.run_cell(code));
        std::panic::catch_unwind(run).unwrap_or_else(|panic| {
            let words = crate::panic_message(panic.as_ref());
            let message = format!("Oxikale itself failed on this cell ({words}); please report it with the cell");
            self.outputs.fail("internal", &message);
            End::Failed
        })
    }

    /// Lets the engine compile the next cells of the notebook while this one runs.
    fn prepare_what_follows(&mut self, request: &Request, code: &str) {
        let id = request.metadata.get("cellId").and_then(Value::as_str);
        let sources = self.upcoming.after(id, code);
        if let Some(engine) = &mut self.engine {
            engine.prepare(sources);
        }
    }

    fn reply(&mut self, end: End, ended: &Ended, expressions: Value) -> Value {
        match end {
            End::Completed | End::Quit => json!({
                "status": "ok",
                "execution_count": self.count,
                "user_expressions": expressions,
                "payload": std::mem::take(&mut self.payload),
            }),
            End::Failed | End::Interrupted => {
                let unknown =
                    Failure { name: "error".to_owned(), message: "the cell failed".to_owned(), traceback: Vec::new() };
                let mut content = error_content(ended.error.as_ref().unwrap_or(&unknown));
                content["execution_count"] = json!(self.count);
                content["user_expressions"] = json!({});
                content["payload"] = json!([]);
                content
            }
        }
    }

    /// The values of expressions, which are evaluated like cells but show nothing.
    fn expressions(&mut self, expressions: &Map<String, Value>) -> Value {
        let mut values = Map::new();
        for (name, expression) in expressions {
            let outputs = Arc::clone(&self.outputs);
            let captured = match expression.as_str() {
                Some(expression) => outputs.capture(|| _ = self.run_in_engine(expression)),
                None => Default::default(),
            };
            let value = match (captured.error, captured.data) {
                (Some(error), _) => error_content(&error),
                (None, data) => json!({ "status": "ok", "data": data.unwrap_or_default(), "metadata": {} }),
            };
            values.insert(name.clone(), value);
        }
        Value::Object(values)
    }

    /// Passes over the cells that were sent before this one had failed.
    fn abort_queue(&mut self) {
        while let Ok(job) = self.jobs.recv_timeout(TOGETHER) {
            self.queue.push_back(job);
        }
        for job in std::mem::take(&mut self.queue) {
            match job {
                Job::Execute(request, _) => self.abort(&request),
                other => self.queue.push_back(other),
            }
        }
    }

    pub(super) fn abort(&self, request: &Request) {
        self.sockets.status(&request.header.raw, "busy");
        let content = json!({ "status": "aborted", "execution_count": self.count });
        self.sockets.reply(request, "execute_reply", &content);
        self.sockets.status(&request.header.raw, "idle");
    }
}

fn error_content(failure: &Failure) -> Value {
    json!({
        "status": "error",
        "ename": failure.name,
        "evalue": failure.message,
        "traceback": failure.traceback,
    })
}

/// Where the time of a cell went, for those who measure.
fn metadata(ended: &Ended) -> Map<String, Value> {
    let mut metadata = Map::new();
    if let Some((compile, run, cached)) = ended.timing {
        let timing =
            json!({ "compile_seconds": compile.as_secs_f64(), "run_seconds": run.as_secs_f64(), "cached": cached });
        metadata.insert("oxikale".to_owned(), timing);
    }
    metadata
}
