//! The kernel: its sockets, its session, and everything that requests are answered with.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, getppid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::assist::Assist;
use crate::comm::{Comms, Running};
use crate::history::History;
use crate::language::Language;
use crate::messages;
use crate::place::Place;
use crate::session::{EngineStart, SessionHandle};
use crate::sockets::Sockets;
use crate::upcoming::Upcoming;
use crate::wire::{self, Channel, Connection, Frames, Listener, Router};
use crate::{Options, StartError};

/// How often it is looked whether the program that started this one is still there.
const PARENT: Duration = Duration::from_secs(1);

/// How long clients may take to read the last messages.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What requests are answered with.
pub struct Kernel {
    /// Where replies and outputs go.
    pub sockets: Arc<Sockets>,
    /// What runs cells.
    pub session: SessionHandle,
    /// What was run.
    pub history: History,
    /// Channels to parts of the front end.
    pub comms: Comms,
    /// Where the notebook lies.
    pub place: Arc<Place>,
    /// What is proposed while a cell is typed.
    pub assist: Assist,
    /// Runs that go on for panels.
    pub running: Running,
    /// The cells that come next.
    pub upcoming: Arc<Upcoming>,
    /// The version of Rust.
    pub language: Language,
    /// The subshells that clients have made, the oldest first.
    pub subshells: Mutex<Vec<String>>,
    ended: Notify,
    complaints: Complaints,
}

impl Kernel {
    /// Serves clients until one of them, or a signal, asks for the end.
    ///
    /// # Errors
    /// If the sockets cannot be had.
    pub async fn serve(connection_file: &Path, options: Options, start: EngineStart) -> Result<(), StartError> {
        let connection = Connection::read(connection_file, &mut |text| complain(text))?;
        let mut listeners = Vec::new();
        for port in [
            connection.hb_port,
            connection.shell_port,
            connection.control_port,
            connection.stdin_port,
            connection.iopub_port,
        ] {
            listeners.push(Listener::bind(&connection, port).await?);
        }
        let [heartbeat, shell, control, stdin, iopub] =
            <[Listener; 5]>::try_from(listeners).map_err(|_| StartError::new("the kernel needs five sockets"))?;

        let place = Arc::new(Place::new(connection_file));
        let sockets = Arc::new(Sockets::new(&connection.key));
        let upcoming = Arc::new(Upcoming::default());
        let history = History::open(&options.data, complain);
        let session = SessionHandle::start(
            start,
            Arc::clone(&sockets),
            history.clone(),
            Arc::clone(&place),
            Arc::clone(&upcoming),
            options.text_limit,
        )
        .map_err(|error| StartError::new(format!("a thread for the session cannot be had: {error}")))?;
        let kernel = Arc::new(Self {
            sockets,
            session,
            history,
            comms: Comms::default(),
            place,
            assist: Assist::new(options.assist),
            running: Running::default(),
            upcoming,
            language: Language::ask(options.toolchain.as_deref()),
            subshells: Mutex::default(),
            ended: Notify::new(),
            complaints: Complaints::default(),
        });

        tokio::spawn(wire::echo(heartbeat));
        tokio::spawn(Arc::clone(&kernel.sockets.iopub).serve(iopub));
        for (channel, router, listener) in [
            (Channel::Shell, &kernel.sockets.shell, shell),
            (Channel::Control, &kernel.sockets.control, control),
            (Channel::Stdin, &kernel.sockets.stdin, stdin),
        ] {
            tokio::spawn(kernel.receive(channel, router, listener));
        }
        kernel.sockets.status(&Bytes::new(), "starting");
        kernel.until_the_end().await;

        let ending = Arc::clone(&kernel);
        let ended = tokio::task::spawn_blocking(move || {
            ending.running.end();
            ending.assist.stop();
            ending.session.stop();
        });
        drop(ended.await);
        kernel.sockets.drain(LAST_WORDS).await;
        Ok(())
    }

    /// Asks for the end, which comes a moment later.
    pub fn stop(&self) {
        self.ended.notify_one();
    }

    fn receive(
        self: &Arc<Self>,
        channel: Channel,
        router: &Arc<Router>,
        listener: Listener,
    ) -> impl Future<Output = ()> + Send + 'static {
        let kernel = Arc::clone(self);
        let receive = move |connection: u64, frames: Frames| match wire::parse(
            channel,
            connection,
            frames,
            &kernel.sockets.signer,
        ) {
            Ok(request) => messages::handle(&kernel, request),
            Err(error) => kernel.complaints.say(&error.to_string()),
        };
        Arc::clone(router).serve(listener, Arc::new(receive))
    }

    /// An interrupt by signal is one by message; other signals are the end.
    async fn until_the_end(&self) {
        let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hang_up)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        else {
            return self.ended.notified().await;
        };
        let parent = Parent::of_this_process();
        loop {
            tokio::select! {
                () = self.ended.notified() => return,
                () = parent.gone() => return,
                _ = interrupt.recv() => self.session.interrupts.interrupt(),
                _ = terminate.recv() => return,
                _ = hang_up.recv() => return,
            }
        }
    }
}

/// The Jupyter program that started this one.
struct Parent(Option<Pid>);

impl Parent {
    /// Jupyter names itself in the environment; another parent, such as a shell, may end and leave the kernel running.
    fn of_this_process() -> Self {
        let named = std::env::var("JPY_PARENT_PID").ok().and_then(|number| number.parse::<i32>().ok());
        Self(getppid().filter(|parent| Some(parent.as_raw_nonzero().get()) == named))
    }

    /// Returns when it has ended: nobody is there any more who could end this kernel.
    async fn gone(&self) {
        loop {
            tokio::time::sleep(PARENT).await;
            if self.0.is_some() && getppid() != self.0 {
                return;
            }
        }
    }
}

/// Says something to whoever started the kernel.
fn complain(text: &str) {
    eprintln!("oxikale: {text}");
}

/// What is said of messages that are none: a stranger who sends many must not fill a log.
#[derive(Default)]
struct Complaints(AtomicU64);

impl Complaints {
    fn say(&self, text: &str) {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if number.is_power_of_two() {
            let count = if number > 1 { format!(" ({number} messages until now)") } else { String::new() };
            complain(&format!("{text}; it was dropped{count}"));
        }
    }
}
