//! The process that serves evcxr to an engine.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{env, thread};

use evcxr::{CommandContext, Error, EvalCallbacks, EvalContext, EvalOutputs};

use super::findings::finding;
use super::run::{Run, Seen, Voice, own_id};
use super::wire::{self, Done, Ending, Request, Said};
use super::{ARGUMENT, FOLDER, RELAY, processes};

/// Serves evcxr to the engine that started this process, until the engine is gone.
pub fn serve() -> ! {
    match start() {
        Ok((mut server, work)) => {
            for work in work {
                server.perform(work);
            }
            process::exit(0)
        }
        Err(message) => {
            // The thread that leaves has ended what evcxr waited for, and ends the process when it is done.
            while LEAVING.load(Ordering::SeqCst) {
                thread::park();
            }
            eprintln!("{message}");
            process::exit(2)
        }
    }
}

/// Whether the engine is gone, and this process about to be.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// What the main thread does. evcxr's processes end with the thread that starts them, so it is the one that stays.
enum Work {
    Execute { source: String },
    Check { source: String },
    Restart,
}

struct Server {
    context: CommandContext,
    voice: Voice,
    run: Run,
    lines: Receiver<Option<String>>,
}

fn start() -> Result<(Server, Receiver<Work>), String> {
    let engine = engine_socket().map_err(|error| {
        format!(
            "`{ARGUMENT}` is for the engine, which starts this program with a socket as its standard input ({error})"
        )
    })?;
    let folder = env::var_os(FOLDER).map(PathBuf::from).ok_or_else(|| format!("{FOLDER} is not set"))?;
    let requests = engine.try_clone().map_err(|error| error.to_string())?;
    let voice = Voice::new(engine);
    let run = Run::default();
    let (work_sender, work) = mpsc::channel();
    let (line_sender, lines) = mpsc::channel();
    thread::spawn({
        let (run, folder) = (run.clone(), folder.clone());
        move || {
            listen(requests, &run, &work_sender, &line_sender);
            leave(&folder);
        }
    });
    match start_evcxr(&folder, &voice, &run) {
        Ok(context) => {
            let mut server = Server { context, voice, run, lines };
            server.load_configuration();
            server.voice.say(&Said::Ready, &[]);
            Ok((server, work))
        }
        Err(message) => {
            voice.say(&Said::Unusable(message.clone()), &[]);
            Err(message)
        }
    }
}

/// The engine's socket, which user code must not have for its standard input.
fn engine_socket() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(socket)
}

fn start_evcxr(folder: &Path, voice: &Voice, run: &Run) -> Result<CommandContext, String> {
    let socket = folder.join("relay");
    let listener = UnixListener::bind(&socket)
        .map_err(|error| format!("cannot make the socket {}: {error}; is TMPDIR a short path?", socket.display()))?;
    run.listen(listener, voice.clone()).map_err(|error| error.to_string())?;
    let program = env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut relay = Command::new(program);
    relay.env(RELAY, socket);
    let (context, outputs) = EvalContext::with_subprocess_command(relay).map_err(|error| error.to_string())?;
    // User code writes elsewhere: this is what goes wrong in the relay.
    thread::spawn(move || {
        for line in outputs.stderr {
            eprintln!("{line}");
        }
    });
    Ok(CommandContext::with_eval_context(context))
}

/// Takes the engine's requests until it is gone.
fn listen(requests: UnixStream, run: &Run, work: &Sender<Work>, lines: &Sender<Option<String>>) {
    let mut requests = BufReader::new(requests);
    while let Ok(Some((request, _))) = wire::read(&mut requests) {
        // If the main thread has ended, so does the process.
        match request {
            Request::Execute { number, source } => {
                // Here, so that an interrupt that follows finds it.
                run.begin(number);
                _ = work.send(Work::Execute { source });
            }
            Request::Check { source } => _ = work.send(Work::Check { source }),
            Request::Restart => _ = work.send(Work::Restart),
            Request::Interrupt { number } => run.interrupt(number),
            Request::Line(line) => _ = lines.send(line),
        }
    }
}

/// Ends all that evcxr has started, and this process.
fn leave(folder: &Path) -> ! {
    LEAVING.store(true, Ordering::SeqCst);
    for _ in 0..100 {
        // What is being killed may still write, and evcxr may try again what was killed.
        let any = processes::end_descendants(own_id(), None);
        let removed = fs::remove_dir_all(folder);
        if !any && removed.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    process::exit(0)
}

impl Server {
    fn perform(&mut self, work: Work) {
        let answer = match work {
            Work::Execute { source } => Said::Done(Box::new(self.execute(&source))),
            Work::Check { source } => Said::Checked(match self.context.check(&source) {
                Ok(errors) => errors.iter().filter(|error| error.is_from_user_code()).map(finding).collect(),
                Err(error) => vec![refusal(&error)],
            }),
            Work::Restart => Said::Restarted(self.restart()),
        };
        self.voice.say(&answer, &[]);
    }

    fn execute(&mut self, source: &str) -> Done {
        let submitted = Instant::now();
        let mut result = self.evaluate(source);
        if matches!(result, Err(Error::SubprocessTerminated(_))) && !self.run.has_begun() && !self.run.is_interrupted()
        {
            // It is no fault of this cell's, and evcxr has started another by now.
            let notice = "the process that holds the variables had ended between two cells; evcxr has started another";
            self.voice.say(&Said::Notice(notice.to_owned()), &[]);
            result = self.evaluate(source);
        }
        let seen = self.run.end();
        if result.is_ok() && source.lines().any(|line| line.trim() == ":restart") {
            self.forget_variables();
        }
        let (forms, timing) = match &result {
            Ok(EvalOutputs { content_by_mime_type, timing, .. }) => {
                let mut forms: Vec<(String, String)> =
                    content_by_mime_type.iter().map(|(mime, content)| (mime.clone(), content.clone())).collect();
                forms.sort();
                (forms, *timing)
            }
            Err(_) => (Vec::new(), None),
        };
        let ended = Instant::now();
        Done {
            forms,
            compile_seconds: seen.begun.unwrap_or(ended).duration_since(submitted).as_secs_f64(),
            run_seconds: seen.begun.map(|begun| seen.ended.unwrap_or(ended).duration_since(begun).as_secs_f64()),
            timing_seconds: timing.map(|timing| timing.as_secs_f64()),
            ending: self.ending(result, seen),
            variables: self
                .context
                .variables_and_types()
                .map(|(name, type_name)| (name.to_owned(), type_name.to_owned()))
                .collect(),
        }
    }

    fn evaluate(&mut self, source: &str) -> Result<EvalOutputs, Error> {
        let (run, voice, lines) = (&self.run, &self.voice, &self.lines);
        self.context.execute_with_callbacks(
            source,
            &mut EvalCallbacks {
                input_reader: &|request| {
                    // An answer that comes when nothing was asked answers nothing.
                    while lines.try_recv().is_ok() {}
                    voice.say(&Said::Input { prompt: request.prompt, password: request.is_password }, &[]);
                    loop {
                        match lines.recv_timeout(Duration::from_millis(50)) {
                            Ok(line) => return line.unwrap_or_default().replace('\n', " "),
                            Err(mpsc::RecvTimeoutError::Timeout) if !run.is_interrupted() => {}
                            Err(_) => return String::new(),
                        }
                    }
                },
            },
        )
    }

    fn ending(&self, result: Result<EvalOutputs, Error>, seen: Seen) -> Ending {
        match result {
            Ok(_) => match seen.failure {
                Some(failure) => Ending::Failed { line: self.generated_line(failure.place), failure },
                None => Ending::Finished,
            },
            Err(_) if seen.interrupted => Ending::Interrupted,
            Err(Error::SubprocessTerminated(message)) => match seen.exit {
                Some(exit) => Ending::Died(exit),
                None => Ending::Refused(message),
            },
            Err(Error::CompilationErrors(errors)) => Ending::Rejected(errors.iter().map(finding).collect()),
            Err(error) => Ending::Refused(error.to_string()),
        }
    }

    fn generated_line(&self, place: Option<(usize, usize)>) -> Option<String> {
        let (line, _) = place?;
        self.context.last_source().ok()?.lines().nth(line.checked_sub(1)?).map(str::to_owned)
    }

    /// `:restart` leaves the variables of before in evcxr's lists, though their process is gone. Where evcxr itself finds
    /// out that one is, it forgets them.
    fn forget_variables(&mut self) {
        if let Ok(mut relay) = self.context.process_handle().lock() {
            // If it has just ended by itself, so much the better.
            _ = relay.kill();
        }
        // Must come to be run: the attempt is what fails.
        _ = self.context.execute("();");
    }

    fn restart(&mut self) -> Result<(), String> {
        self.context.execute(":clear").map_err(|error| error.to_string())?;
        self.context.reset_config();
        self.load_configuration();
        Ok(())
    }

    /// Reads evcxr's own configuration files, as its front ends do.
    fn load_configuration(&mut self) {
        if let Err(error) = self.context.execute(":load_config --quiet") {
            self.voice.say(&Said::Notice(format!("evcxr's configuration files are not loaded: {error}")), &[]);
        }
    }
}

fn refusal(error: &Error) -> wire::Finding {
    wire::Finding { warning: false, code: None, message: error.to_string(), places: Vec::new(), notes: Vec::new() }
}
