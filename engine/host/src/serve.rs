//! The host: carries out the engine's commands, one after the other, on the thread that runs the cells.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use crate::checkpoint::{self, Fork};
use crate::os::{self, Library};
use crate::process::{self, PATIENCE, Process};
use crate::protocol::{Command, Message, Role};
use crate::setting::Setting;
use crate::{Flow, Variables, hooks, panic};

/// How long a checkpoint waits for the lock of an output at first: threads that print without end may take turns with
/// it. Where somebody just keeps it, the next checkpoints wait no longer than anything else does.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);

/// The longest text of an error that is handed on.
const LONGEST: usize = 1 << 20;

struct Session {
    setting: &'static Setting,
    process: &'static Process,
    variables: Variables,
    /// The checkpoints that this very process has left; they are its children.
    checkpoints: Vec<u32>,
    /// How long to wait for the lock of an output before the next checkpoint.
    patience: Duration,
    /// Whether this thread belongs to a pool of threads. It can never belong to another.
    spent: bool,
    /// How many other threads that pool has; `None` if it is the one that starts by itself, if at all.
    pool: Option<usize>,
}

/// What to do after a command.
enum Next {
    Answer(Message),
    /// This process is another one than before, and these threads of the user's were not copied.
    Woken(Vec<String>),
}

/// Connects to the engine and serves it.
pub fn start(setting: &'static Setting) -> ! {
    os::own_group(std::process::id());
    os::no_core();
    panic::install_hook();
    let process = setting.connect(Role::Host).and_then(|channel| Process::become_host(channel, setting));
    match process {
        Ok(process) => {
            let (variables, checkpoints) = (Variables::default(), Vec::new());
            let patience = FIRST_PATIENCE;
            serve(Session { setting, process, variables, checkpoints, patience, spent: false, pool: None })
        }
        Err(error) => {
            eprintln!("the process that runs cells cannot reach its engine: {error}");
            os::leave(1);
        }
    }
}

fn serve(mut session: Session) -> ! {
    while let Some(command) = session.process.channel.receive() {
        match session.obey(command) {
            Next::Answer(message) => session.process.channel.send(&message),
            Next::Woken(threads) if session.spent => {
                let Err(reason) = os::on_another_thread((session, threads), go_on);
                eprintln!("a restored process cannot start the thread for its cells: {reason}");
                os::leave(1);
            }
            Next::Woken(threads) => session.wake(threads),
        }
    }
    os::leave(0)
}

fn go_on((mut session, threads): (Session, Vec<String>)) -> ! {
    session.spent = false;
    session.wake(threads);
    serve(session)
}

impl Session {
    fn obey(&mut self, command: Command) -> Next {
        let answer = match command {
            Command::Checkpoint(id) => match self.leave_checkpoint(id) {
                Ok(next) => return next,
                Err(error) => Message::Forked { id, process: Err(error.to_string()) },
            },
            Command::Load { library, hooks } => match self.guarded(|_| load(&library, &hooks)) {
                Ok(Ok(())) => Message::Done,
                Ok(Err(reason)) => Message::Refused(reason),
                Err(message) => message,
            },
            Command::Run { library, symbol } => self.run(&library, &symbol),
            Command::Forget(names) => match self.guarded(|variables| variables.forget(&names)) {
                Ok(()) => Message::Done,
                Err(message) => message,
            },
            Command::Environment { name, value } => {
                os::set_environment(&name, value.as_deref());
                Message::Done
            }
            Command::Ping => Message::Done,
            Command::Wake | Command::End { .. } | Command::Stop => {
                Message::Refused("this command is not for a process that runs cells".to_owned())
            }
        };
        Next::Answer(answer)
    }

    fn leave_checkpoint(&mut self, id: u64) -> io::Result<Next> {
        // Those that the engine has ended stay in the system's table until somebody asks how.
        self.checkpoints.retain(|pid| os::wait_for_child(Some(*pid), false).is_none());
        let patience = std::mem::replace(&mut self.patience, PATIENCE);
        let fork = checkpoint::leave_checkpoint(id, self.process, self.setting, patience)?;
        self.patience = FIRST_PATIENCE;
        Ok(match fork {
            Fork::Stayed(pid) => {
                self.checkpoints.push(pid);
                Next::Answer(Message::Forked { id, process: Ok(pid) })
            }
            Fork::Woken(process, threads) => {
                self.process = process;
                self.checkpoints.clear();
                Next::Woken(threads)
            }
        })
    }

    /// Makes good what was not copied, and tells the engine.
    fn wake(&mut self, mut threads: Vec<String>) {
        let unnamed = |names: &[String]| names.iter().filter(|name| *name == process::UNNAMED).count();
        // The threads of the pool that is made anew are no loss. They have no names.
        let found = unnamed(&threads);
        let lost = self.pool.unwrap_or_else(hooks::usual_pool_size);
        let before = unnamed(&process::threads());
        self.spent = catch_unwind(hooks::install_pool).unwrap_or(false);
        if self.spent {
            self.pool = Some(unnamed(&process::threads()).saturating_sub(before));
            if found >= lost {
                threads.retain(|name| name != process::UNNAMED);
                threads.extend(vec![process::UNNAMED.to_owned(); found - lost]);
            }
        }
        hooks::run_after_restore();
        self.process.channel.send(&Message::Woken { threads });
    }

    fn run(&mut self, library: &Path, symbol: &str) -> Message {
        let cell = match self.guarded(|_| Library::open(library, false).and_then(|library| library.cell(symbol))) {
            Ok(Ok(cell)) => cell,
            Ok(Err(reason)) => return Message::Refused(reason),
            Err(message) => return message,
        };
        match self.guarded(cell) {
            Ok(Flow::Done) => Message::Finished,
            Ok(Flow::Failed(failure)) => Message::Failed {
                message: shortened(failure.message),
                debug: shortened(failure.debug),
                type_name: failure.type_name,
            },
            Err(message) => message,
        }
    }

    /// Runs code of the user's; the error is the panic that ended it.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Variables) -> T) -> Result<T, Message> {
        self.process.panics.begin();
        self.process.flusher.cell_runs(true);
        let result = catch_unwind(AssertUnwindSafe(|| user_code(work, &mut self.variables)));
        let panic = self.process.panics.end(result.as_ref().err().map(|payload| &**payload as &(dyn Any + Send)));
        self.process.flusher.flush_within(PATIENCE);
        self.process.flusher.cell_runs(false);
        result.map_err(|payload| {
            // Dropping it is code of the user's again.
            std::mem::forget(payload);
            let mut panic = panic.unwrap_or_default();
            panic.message = shortened(panic.message);
            Message::Panicked(panic)
        })
    }
}

/// Stands in backtraces where the code of the user's begins.
#[inline(never)]
fn user_code<T>(work: impl FnOnce(&mut Variables) -> T, variables: &mut Variables) -> T {
    let result = work(variables);
    // Something is left to be done, so that this call is no jump.
    std::hint::black_box(());
    result
}

fn load(library: &Path, hooks: &[String]) -> Result<(), String> {
    let library = Library::open(library, true)?;
    hooks::take_from(library, hooks)
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str(" …");
    }
    text
}
