//! Starts a session's processes.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use super::folder::{self, Folder};
use super::output::Pipes;
use super::protocol;
use super::reader::Reader;
use super::state::Shared;
use super::stdin::Stdin;
use super::{Host, HostOptions, PATIENCE, Runtime, Sink};
use crate::{EngineError, Toolchain};

/// How much user code can write before the engine reads it.
const PIPE_SIZE: usize = 1 << 20;

impl Host {
    /// Starts the processes. The sink is called by a thread of the host's, also between cells.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn start(
        toolchain: &Toolchain,
        runtime: &Runtime,
        options: HostOptions,
        sink: Sink,
    ) -> Result<Self, EngineError> {
        let system = |error: rustix::io::Errno| {
            EngineError::new(format!("the system refuses a pipe for the processes that run cells: {error}"))
        };
        let folder = Folder::create("oxikale", None)?;
        let socket = folder.join("s");
        let listener = UnixListener::bind(&socket)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| EngineError::new(format!("no socket can be made at {}: {error}", socket.display())))?;
        let token = folder::random().map_err(|error| EngineError::new(format!("/dev/urandom: {error}")))?;
        let stdin = Stdin::open(folder.pipe("i")?)?;
        let display_path = folder.pipe("d")?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let display = rustix::fs::open(&display_path, flags, Mode::empty()).map_err(system)?;
        let (stdout, stdout_writer) = pipe_with(PipeFlags::CLOEXEC).map_err(system)?;
        let (stderr, stderr_writer) = pipe_with(PipeFlags::CLOEXEC).map_err(system)?;
        for pipe in [&stdout, &stderr, &display] {
            // More room spares changes between the processes; the usual size works too.
            _ = fcntl_setpipe_size(pipe, PIPE_SIZE);
            rustix::io::ioctl_fionbio(pipe, true).map_err(system)?;
        }
        let mut command = Command::new(&runtime.executable);
        command
            .arg(&socket)
            .current_dir(&options.working_folder)
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .env(protocol::TOKEN, &token)
            .env(protocol::DISPLAY, &display_path)
            .stdin(Stdio::from(stdin.reader()?))
            .stdout(Stdio::from(stdout_writer))
            .stderr(Stdio::from(stderr_writer));
        let child = command.spawn().map_err(|error| {
            let folder_missing = fs::metadata(&options.working_folder).is_err();
            let why = if folder_missing {
                format!("the folder {} cannot be entered", options.working_folder.display())
            } else {
                format!("{} does not start", runtime.executable.display())
            };
            EngineError::new(format!("the process that runs cells cannot be started: {why} ({error})"))
        })?;
        drop(command);
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(system)?;
        let shared = Arc::new(Shared::new(bell, stdin));
        let pipes = Pipes::new(stdout, stderr, display, sink);
        let reader = Reader::new(shared.clone(), listener, token, pipes);
        let reader = thread::Builder::new().name("oxikale-host".to_owned()).spawn(|| reader.work());
        let mut host =
            Self { shared, options, child, reader: None, _folder: folder, ended_processes: 0, closed: false };
        host.reader = Some(reader.map_err(|error| EngineError::new(format!("the system refuses a thread: {error}")))?);
        host.wait_for_start(toolchain, runtime)?;
        Ok(host)
    }

    fn wait_for_start(&mut self, toolchain: &Toolchain, runtime: &Runtime) -> Result<(), EngineError> {
        let shared = self.shared.clone();
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let ready = shared.wait_for(std::time::Duration::from_millis(100), |state| {
                (state.supervisor.is_some() && state.host.is_some()).then_some(())
            });
            if ready.is_some() {
                return Ok(());
            }
            let why = match self.child.try_wait() {
                Ok(Some(status)) => format!("it ended at once ({status})"),
                _ if std::time::Instant::now() < end => continue,
                _ => format!("it did not report within {} s", PATIENCE.as_secs()),
            };
            return Err(EngineError::new(format!(
                "the process that runs cells, {}, does not work: {why}; is the standard library still in {}?",
                runtime.executable.display(),
                toolchain.libraries.display()
            )));
        }
    }
}
