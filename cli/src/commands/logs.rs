//! `oxikale logs`: what a step printed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use oxikale_runner::{Log, Stream};
use serde_json::{Value, json};

use super::store::RunArgument;
use crate::outcome::{Failure, OK, Outcome};
use crate::present::text::plain;
use crate::session::Session;

/// Print what a step printed
///
/// Byte for byte, all tries one after the other, standard output and error as they came.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale logs latest train\n  oxikale logs latest train --stderr --attempt 1")]
pub struct Logs {
    #[command(flatten)]
    run: RunArgument,
    /// The step
    #[arg(value_name = "STEP")]
    step: String,
    /// Only what it printed to standard output
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,
    /// Only what it printed to standard error
    #[arg(long)]
    stderr: bool,
    /// Only what this try printed, from 1
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
}

impl Logs {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let (store, run) = self.run.find()?;
        let log = store.log(&run.id, &self.step)?;
        let stream = match (self.stdout, self.stderr) {
            (true, _) => Some(Stream::Stdout),
            (_, true) => Some(Stream::Stderr),
            _ => None,
        };
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::NobodyListens,
            _ => Failure::environment(format!("the log {} cannot be read: {error}", log.path().display())),
        };
        if session.json {
            let spans = if log.exists() { self.spans(&log, stream).map_err(unreadable)? } else { Vec::new() };
            session.print_json(&json!({"run": run.id, "step": self.step, "file": log.path(), "log": spans}))?;
        } else if log.exists() {
            let mut out = io::stdout().lock();
            log.copy(stream, self.attempt, &mut out).and_then(|_| out.flush()).map_err(unreadable)?;
        } else {
            let steps = store.steps(&run.id)?;
            let step = steps.iter().find(|step| step.task == self.step || step.name == self.step);
            let state = step.map_or("not known", |step| step.state.as_str());
            session.note(&format!("the step `{}` has printed nothing: it is {state}", plain(&self.step)));
        }
        Ok(OK)
    }

    /// The stretches of the log, each with its text.
    fn spans(&self, log: &Log, stream: Option<Stream>) -> io::Result<Vec<Value>> {
        let mut file = File::open(log.path())?;
        let mut values = Vec::new();
        for span in log.spans()? {
            if stream.is_some_and(|stream| stream != span.stream)
                || self.attempt.is_some_and(|attempt| attempt != span.attempt)
            {
                continue;
            }
            file.seek(SeekFrom::Start(span.start))?;
            let mut bytes = Vec::new();
            (&file).take(span.end - span.start).read_to_end(&mut bytes)?;
            values.push(json!({
                "attempt": span.attempt,
                "milliseconds": span.milliseconds,
                "stream": span.stream,
                "text": String::from_utf8_lossy(&bytes),
            }));
        }
        Ok(values)
    }
}
