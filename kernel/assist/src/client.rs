//! Asks the helper on behalf of a front end, starts it when it is needed, and never waits longer than it may.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use oxikale_engine::Surroundings;
use oxikale_notebook::directives::{CellLanguage, directives};

use crate::ARGUMENT;
use crate::answer::{Completions, Diagnostic, Inspection};
use crate::process::{Helper, lock};
use crate::protocol::{Answer, Question};

/// The longest source that is looked at, in bytes.
const LONGEST: usize = 1 << 20;
/// How long a helper may be busy with one question before it is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(180);
/// How many helpers may end without an answer until none is started for a while.
const ATTEMPTS: u32 = 3;
/// How long that while is.
const REST: Duration = Duration::from_secs(300);

/// Answers questions about the text of cells. It can be shared between threads; of several questions of one kind only
/// the latest is answered, since a user has typed on.
pub struct Assist {
    executable: PathBuf,
    arguments: Vec<OsString>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    surroundings: Option<Arc<Surroundings>>,
    /// Whether the running helper knows them.
    told: bool,
    helper: Option<Helper>,
    last_id: u64,
    /// How many helpers in a row have ended without an answer.
    failures: u32,
    /// None is started before.
    rests_until: Option<Instant>,
}

impl Assist {
    /// Answers by means of this program, which must call `oxikale_assist::serve` when it is started with these
    /// arguments. It is started when it is needed.
    pub fn new(executable: impl Into<PathBuf>, arguments: Vec<OsString>) -> Self {
        Self { executable: executable.into(), arguments, state: Mutex::default() }
    }

    /// Answers by means of the running program, started again with [`ARGUMENT`].
    ///
    /// # Errors
    /// If the system does not say where the program is.
    pub fn of_this_program() -> io::Result<Self> {
        Ok(Self::new(env::current_exe()?, vec![ARGUMENT.into()]))
    }

    /// Says what cells find around them from now on. It costs nothing until the next question.
    pub fn update(&self, surroundings: Surroundings) {
        let mut state = lock(&self.state);
        if state.surroundings.as_deref() != Some(&surroundings) {
            state.surroundings = Some(Arc::new(surroundings));
            state.told = false;
        }
    }

    /// Starts the helper and lets it load what it needs, so that the first question is answered fast. Does not wait.
    pub fn warm_up(&self) {
        self.send(Question::WarmUp, false);
    }

    /// What could stand at the byte `offset` of a cell. Nothing where the cursor is in a command such as `:dep`, where
    /// nothing fits, and where the answer is not there in time.
    pub fn complete(&self, source: &str, offset: usize, deadline: Instant) -> Option<Completions> {
        let source = rust(source, Some(offset))?;
        match self.ask(Question::Complete { source, offset }, deadline)? {
            Answer::Completions(completions) => Some(completions),
            _ => None,
        }
    }

    /// What is known of the thing at the byte `offset` of a cell, and inside the brackets of a call also the signature
    /// of what is called. From `detail` 1 on, the source of a definition is shown too.
    pub fn inspect(&self, source: &str, offset: usize, detail: u8, deadline: Instant) -> Option<Inspection> {
        let source = rust(source, Some(offset))?;
        match self.ask(Question::Inspect { source, offset, detail }, deadline)? {
            Answer::Inspection(inspection) => Some(inspection),
            _ => None,
        }
    }

    /// The mistakes in a cell that can be seen without compiling it.
    pub fn diagnostics(&self, source: &str, deadline: Instant) -> Option<Vec<Diagnostic>> {
        let adds_crates = directives(source).commands.iter().any(|command| command.name == "dep");
        let source = rust(source, None)?;
        match self.ask(Question::Diagnose { source, adds_crates }, deadline)? {
            Answer::Diagnostics(diagnostics) => Some(diagnostics),
            _ => None,
        }
    }

    /// Ends the helper and so gives its memory back; the next question starts another.
    pub fn rest(&self) {
        lock(&self.state).helper = None;
    }

    /// The id of the helper's process, if there is one.
    pub fn process(&self) -> Option<u32> {
        let state = lock(&self.state);
        state.helper.as_ref().filter(|helper| !helper.is_gone(PATIENCE)).map(|helper| helper.process)
    }

    /// The bytes of memory that the helper's process takes; none where there is no process or the system does not tell.
    pub fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    }

    fn ask(&self, question: Question, deadline: Instant) -> Option<Answer> {
        if deadline <= Instant::now() {
            return None;
        }
        let kind = question.kind();
        for attempt in 1.. {
            let (id, answer) = self.send(question.clone(), true)?;
            match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(helper) = &lock(&self.state).helper {
                        helper.forget(kind, id);
                    }
                    return None;
                }
                // It was ended between two questions; but what has ended two of them may be the question.
                Err(RecvTimeoutError::Disconnected) if attempt == 1 && self.was_ended() => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        None
    }

    /// Whether the last helper worked and then ended.
    fn was_ended(&self) -> bool {
        let state = lock(&self.state);
        state.helper.as_ref().is_some_and(|helper| helper.has_answered() && helper.is_gone(PATIENCE))
    }

    /// Puts a question where the helper's writer takes it from; none if there can be no helper now.
    fn send(&self, question: Question, waits: bool) -> Option<(u64, Receiver<Answer>)> {
        let mut state = lock(&self.state);
        state.revive(self)?;
        state.last_id += 1;
        let id = state.last_id;
        let (sender, answer) = sync_channel(1);
        let surroundings = state.surroundings.clone().filter(|_| !state.told);
        let helper = state.helper.as_ref()?;
        if let Some(surroundings) = surroundings {
            helper.surround(surroundings);
        }
        helper.ask(id, question, waits.then_some(sender));
        state.told = true;
        Some((id, answer))
    }
}

impl State {
    /// Sees to it that there is a helper.
    fn revive(&mut self, assist: &Assist) -> Option<()> {
        if let Some(helper) = &self.helper {
            let has_answered = helper.has_answered();
            if has_answered {
                self.failures = 0;
            }
            if !helper.is_gone(PATIENCE) {
                return Some(());
            }
            self.failures += u32::from(!has_answered);
            self.helper = None;
        }
        if self.failures >= ATTEMPTS {
            self.failures = 0;
            self.rests_until = Some(Instant::now() + REST);
        }
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        self.rests_until = None;
        match Helper::start(&assist.executable, &assist.arguments) {
            Ok(helper) => {
                self.helper = Some(helper);
                self.told = false;
                Some(())
            }
            Err(_) => {
                self.failures += 1;
                None
            }
        }
    }
}

/// A cell's Rust, everything else replaced by spaces; none if the offset is not in it.
fn rust(source: &str, offset: Option<usize>) -> Option<String> {
    if source.len() > LONGEST || !offset.is_none_or(|offset| source.is_char_boundary(offset)) {
        return None;
    }
    let parted = directives(source);
    if parted.language != CellLanguage::Rust {
        return None;
    }
    let inside =
        |offset: usize| parted.commands.iter().any(|command| command.span.start < offset && offset <= command.span.end);
    if offset.is_some_and(inside) { None } else { Some(parted.code) }
}

impl std::fmt::Debug for Assist {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Assist").field("executable", &self.executable).finish_non_exhaustive()
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Assist>();
};

#[cfg(test)]
mod tests {
    use super::rust;

    #[test]
    fn commands_are_blank_and_not_completed() {
        let source = ":dep serde\nlet x = 1;";
        assert_eq!(rust(source, Some(source.len())).as_deref(), Some("          \nlet x = 1;"));
        assert_eq!(rust(source, Some(8)), None);
        assert_eq!(rust("%%bash\nls", None), None);
        assert_eq!(rust("é", Some(1)), None);
        assert_eq!(rust("é", Some(3)), None);
    }
}
