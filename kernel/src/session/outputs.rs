//! The events of the engine as messages on IOPub, for the cell that runs or ran last.
//!
//! Text is merged in slices of time: the first that comes is sent at once, what follows soon after. Everything else is
//! sent when it comes, after the text before it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use oxikale_engine::{CellError, Event, Progress, Stream};
use serde_json::{Map, Value, json};

use super::input::InputDesk;
use super::interrupts::Interrupts;
use super::text::Text;
use crate::display::progress_bar;
use crate::sockets::Sockets;
use crate::wire::{Parent, Request};

/// The longest that text waits for more.
const SLICE: Duration = Duration::from_millis(25);

/// Text that is longer waits for no more.
const PORTION: usize = 1 << 16;

/// How much a cell may print, by default.
pub const DEFAULT_TEXT_LIMIT: usize = 2 << 20;

/// At most this often is a bar drawn.
const PROGRESS: Duration = Duration::from_millis(200);

/// The kind of display by which user code clears the outputs of its cell.
const CLEAR: &str = "application/vnd.oxikale.clear-output+json";

/// Sends what cells put out.
pub struct Outputs {
    sockets: Arc<Sockets>,
    input: Arc<InputDesk>,
    interrupts: Arc<Interrupts>,
    state: Mutex<State>,
    /// There is text that waits.
    waiting: Condvar,
}

struct State {
    /// The cell that runs, or ran last.
    request: Option<Arc<Request>>,
    count: u32,
    silent: bool,
    allow_stdin: bool,
    text: Text,
    text_limit: usize,
    /// When text was sent last.
    sent: Instant,
    /// Whether the cell has put out anything but a bar.
    put_out: bool,
    bar: Option<Bar>,
    ended: Ended,
    /// Whether the cell was ended because it asked for input where there is none.
    refused: bool,
    /// Where results are wanted instead of shown.
    captured: Option<Captured>,
}

/// A bar that is shown.
struct Bar {
    id: String,
    drawn: Instant,
    last: Progress,
}

/// How a cell has ended, as far as its events say it.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// What made it fail.
    pub error: Option<Failure>,
    /// Its result as text.
    pub result: Option<String>,
    /// How long it was compiled, how long it ran, and whether it came from the cache.
    pub timing: Option<(Duration, Duration, bool)>,
}

/// An error as clients are told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `E0382`, `panic`.
    pub name: String,
    /// A sentence.
    pub message: String,
    /// Lines with colours.
    pub traceback: Vec<String>,
}

/// What an expression came to.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    /// Its forms.
    pub data: Option<Map<String, Value>>,
    /// Why there are none.
    pub error: Option<Failure>,
}

impl Outputs {
    /// Outputs for no cell yet.
    pub(super) fn start(
        sockets: Arc<Sockets>,
        input: Arc<InputDesk>,
        interrupts: Arc<Interrupts>,
        text_limit: usize,
    ) -> std::io::Result<Arc<Self>> {
        let state = State {
            request: None,
            count: 0,
            silent: false,
            allow_stdin: false,
            text: Text::new(text_limit),
            text_limit,
            sent: Instant::now(),
            put_out: false,
            bar: None,
            ended: Ended::default(),
            refused: false,
            captured: None,
        };
        let outputs = Arc::new(Self { sockets, input, interrupts, state: Mutex::new(state), waiting: Condvar::new() });
        let keeper = Arc::downgrade(&outputs);
        thread::Builder::new().name("text".to_owned()).spawn(move || {
            while let Some(outputs) = keeper.upgrade() {
                outputs.send_what_waits();
            }
        })?;
        Ok(outputs)
    }

    /// A cell begins.
    pub(super) fn begin(&self, request: &Arc<Request>, count: u32, silent: bool, allow_stdin: bool) {
        let mut state = self.state();
        self.send_text(&mut state);
        state.request = Some(Arc::clone(request));
        state.count = count;
        state.silent = silent;
        state.allow_stdin = allow_stdin;
        state.text = Text::new(state.text_limit);
        state.put_out = false;
        state.refused = false;
        state.ended = Ended::default();
    }

    /// The cell is over; everything that it put out has been sent.
    pub(super) fn end(&self) -> Ended {
        self.input.end();
        let mut state = self.state();
        state.text.finish();
        self.end_bar(&mut state);
        self.send_text(&mut state);
        std::mem::take(&mut state.ended)
    }

    /// Does `work`, and returns its result or error instead of showing it.
    pub(super) fn capture(&self, work: impl FnOnce()) -> Captured {
        self.state().captured = Some(Captured::default());
        work();
        self.state().captured.take().unwrap_or_default()
    }

    /// How much later cells may print.
    pub fn limit_text(&self, bytes: usize) {
        self.state().text_limit = bytes;
    }

    /// Sends what an event says.
    pub fn hear(&self, event: Event) {
        let mut state = self.state();
        if state.captured.is_some() {
            state.capture(event);
            return;
        }
        match event {
            Event::Text { stream, bytes } => {
                state.text.add(stream, &bytes);
                self.text_came(state);
            }
            Event::Warning(warning) => {
                let text = if warning.rendered.trim().is_empty() { &warning.message } else { &warning.rendered };
                self.word(state, text);
            }
            Event::Notice(text) => self.word(state, &text),
            Event::Display { data, id, update } => self.show(state, data, id.as_deref(), update),
            Event::Result { data } => {
                state.ended.result = data.get("text/plain").and_then(Value::as_str).map(str::to_owned);
                let content = json!({ "execution_count": state.count, "data": data, "metadata": {} });
                self.send(&mut state, "execute_result", &content);
                self.wait(state);
            }
            // That the cell was ended for it, after its error was told, is no news.
            Event::Error(_) if state.refused => {}
            Event::Error(error) => self.failed(&mut state, Failure::of(&error)),
            Event::Progress(progress) => self.progress(&mut state, progress),
            Event::Input { prompt, password } => self.ask(&mut state, &prompt, password),
            Event::Timing { compile, run, cached } => state.ended.timing = Some((compile, run, cached)),
        }
    }

    /// Says something to the user, below what the cell has printed.
    pub fn say(&self, text: &str) {
        self.word(self.state(), text);
    }

    /// The same, where user code would print it.
    pub fn print(&self, stream: Stream, bytes: &[u8]) {
        self.hear(Event::Text { stream, bytes: bytes.to_vec() });
    }

    /// Shows something in several forms; `update` replaces what was shown under the same name.
    pub fn display(&self, data: Map<String, Value>, id: Option<&str>, update: bool) {
        self.show(self.state(), data, id, update);
    }

    /// Tells why the cell fails.
    pub fn fail(&self, name: &str, message: &str) {
        let traceback = vec![format!("\u{1b}[1;31merror\u{1b}[0m\u{1b}[1m: {message}\u{1b}[0m")];
        self.failed(&mut self.state(), Failure { name: name.to_owned(), message: message.to_owned(), traceback });
    }

    fn failed(&self, state: &mut State, failure: Failure) {
        let content = json!({ "ename": failure.name, "evalue": failure.message, "traceback": failure.traceback });
        self.send(state, "error", &content);
        state.ended.error = Some(failure);
    }

    fn show(&self, mut state: MutexGuard<'_, State>, data: Map<String, Value>, id: Option<&str>, update: bool) {
        if let Some(clear) = data.get(CLEAR) {
            let wait = clear.get("wait").and_then(Value::as_bool).unwrap_or(false);
            self.send(&mut state, "clear_output", &json!({ "wait": wait }));
            return;
        }
        let transient = id.map_or_else(|| json!({}), |id| json!({ "display_id": id }));
        let content = json!({ "data": data, "metadata": {}, "transient": transient });
        self.send(&mut state, if update { "update_display_data" } else { "display_data" }, &content);
        self.wait(state);
    }

    fn word(&self, mut state: MutexGuard<'_, State>, text: &str) {
        state.text.put(Stream::Stderr, &format!("{}\n", text.trim_end_matches('\n')));
        self.text_came(state);
    }

    /// Sends text at once if some time has passed since the last, else a moment later.
    fn text_came(&self, mut state: MutexGuard<'_, State>) {
        if state.sent.elapsed() >= SLICE || state.text.pending_bytes() > PORTION {
            self.end_bar(&mut state);
            self.send_text(&mut state);
            self.wait(state);
        } else {
            drop(state);
            self.waiting.notify_one();
        }
    }

    /// For the thread that sends what has waited long enough. Returns now and then, so that it can end.
    fn send_what_waits(&self) {
        let state = self.state();
        let (mut state, _) = self
            .waiting
            .wait_timeout_while(state, Duration::from_secs(10), |state| state.text.pending_bytes() == 0)
            .unwrap_or_else(PoisonError::into_inner);
        let left = SLICE.saturating_sub(state.sent.elapsed());
        if !left.is_zero() {
            drop(state);
            thread::sleep(left);
            state = self.state();
        }
        if state.text.pending_bytes() > 0 {
            self.end_bar(&mut state);
            self.send_text(&mut state);
        }
    }

    fn progress(&self, state: &mut State, progress: Progress) {
        match &mut state.bar {
            Some(bar) => {
                bar.last = progress;
                if bar.drawn.elapsed() < PROGRESS {
                    return;
                }
                bar.drawn = Instant::now();
                let content = bar.content();
                self.send_beside(state, "update_display_data", &content);
            }
            None => {
                let id = format!("oxikale-progress-{}", uuid::Uuid::new_v4().simple());
                let bar = Bar { id, drawn: Instant::now(), last: progress };
                let content = bar.content();
                self.send_text(state);
                self.send_beside(state, "display_data", &content);
                state.bar = Some(bar);
            }
        }
    }

    /// The bar has done its work: it goes away where nothing else is below the cell, and shows its end otherwise.
    fn end_bar(&self, state: &mut State) {
        let Some(bar) = state.bar.take() else { return };
        if state.put_out {
            self.send_beside(state, "update_display_data", &bar.content());
        } else {
            self.send_beside(state, "clear_output", &json!({ "wait": false }));
        }
    }

    fn ask(&self, state: &mut State, prompt: &str, password: bool) {
        self.send_text(state);
        self.input.ask();
        let request = state.request.clone().filter(|_| state.allow_stdin && !state.silent);
        if request.is_some_and(|request| self.sockets.ask(&request, prompt, password)) {
            return;
        }
        state.refused = true;
        let message = "the cell reads its standard input, but this front end does not ask for any";
        let traceback = vec![format!("\u{1b}[1;31merror\u{1b}[0m\u{1b}[1m: {message}\u{1b}[0m")];
        self.failed(state, Failure { name: "stdin".to_owned(), message: message.to_owned(), traceback });
        // The engine calls this while it reads what the cell does; it must come back before the cell can be ended.
        let interrupts = Arc::clone(&self.interrupts);
        thread::spawn(move || interrupts.interrupt());
    }

    /// Sends something, after the text that came before it.
    fn send(&self, state: &mut State, kind: &str, content: &Value) {
        self.end_bar(state);
        self.send_text(state);
        state.put_out = true;
        self.send_beside(state, kind, content);
    }

    fn send_text(&self, state: &mut State) {
        let texts = state.text.take();
        if texts.is_empty() {
            return;
        }
        state.sent = Instant::now();
        state.put_out = true;
        for (stream, text) in texts {
            let name = if stream == Stream::Stdout { "stdout" } else { "stderr" };
            self.send_beside(state, "stream", &json!({ "name": name, "text": text }));
        }
    }

    fn send_beside(&self, state: &State, kind: &str, content: &Value) {
        if !state.silent {
            let parent = state.request.as_ref().map_or_else(Parent::new, |request| request.header.raw.clone());
            self.sockets.iopub.publish(&parent, kind, content);
        }
    }

    /// Whoever puts out much waits for those who read, and holds nobody else up.
    fn wait(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.sockets.iopub.wait_for_subscribers();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn capture(&mut self, event: Event) {
        let Some(captured) = &mut self.captured else { return };
        match event {
            Event::Result { data } | Event::Display { data, .. } => captured.data = Some(data),
            Event::Error(error) => captured.error = Some(Failure::of(&error)),
            _ => {}
        }
    }
}

impl Failure {
    fn of(error: &CellError) -> Self {
        let traceback = if error.rendered.trim().is_empty() { &error.message } else { &error.rendered };
        Self {
            name: error.name.clone(),
            message: error.message.clone(),
            traceback: traceback.trim_end_matches('\n').split('\n').map(str::to_owned).collect(),
        }
    }
}

impl Bar {
    fn content(&self) -> Value {
        json!({ "data": progress_bar(&self.last), "metadata": {}, "transient": { "display_id": self.id } })
    }
}
