//! The thread that reads everything that a session's processes say: output, answers, ends.

use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::output::Pipes;
use super::protocol::{self, Message, Role};
use super::state::{Connection, Process, Shared, State};

/// How long text that may be the beginning of a marker waits for the rest of it.
const MARKER_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

pub(super) struct Reader {
    shared: Arc<Shared>,
    listener: UnixListener,
    token: String,
    pipes: Pipes,
    peers: Vec<Peer>,
    next_number: u64,
}

struct Peer {
    connection: Connection,
    /// None until it has said hello.
    role: Option<Role>,
    arrived: Vec<u8>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, listener: UnixListener, token: String, pipes: Pipes) -> Self {
        Self { shared, listener, token, pipes, peers: Vec::new(), next_number: 0 }
    }

    /// Reads until the session is closed.
    pub(super) fn work(mut self) {
        while !self.shared.lock().closing {
            let ready = self.wait();
            if ready.is_empty() {
                self.pipes.release();
                continue;
            }
            self.pipes.drain();
            self.shared.stdin.push();
            for number in ready {
                match number {
                    None => self.accept(),
                    Some(number) => self.hear(number),
                }
            }
        }
    }

    /// Waits until there is something to do, and gives the connections that have said something; `None` is the listener,
    /// or anything else. Empty if nothing happened for as long as text may wait.
    fn wait(&self) -> Vec<Option<u64>> {
        let bell = self.shared.bell.as_fd();
        let sources = [bell, self.listener.as_fd()].into_iter().chain(self.pipes.descriptors());
        let sources = sources.chain(self.peers.iter().map(|peer| peer.connection.stream.as_fd()));
        let mut descriptors: Vec<PollFd<'_>> =
            sources.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)).collect();
        // Whether the pipe of the standard input has room again is asked for now and then.
        let limit = (self.pipes.is_waiting() || self.shared.stdin.has_more()).then_some(&MARKER_WAIT);
        match poll(&mut descriptors, limit) {
            Ok(0) if self.pipes.is_waiting() => return Vec::new(),
            Ok(_) | Err(Errno::INTR) => (),
            Err(error) => {
                let reason = format!("the processes that run cells cannot be watched: {error}");
                self.shared.change(|state| {
                    state.broken.get_or_insert(reason);
                    state.closing = true;
                });
            }
        }
        if !descriptors[0].revents().is_empty() {
            _ = rustix::io::read(bell, &mut [0; 8]);
        }
        let peers = self.peers.iter().zip(&descriptors[5..]);
        let heard = peers.filter(|(_, descriptor)| !descriptor.revents().is_empty());
        [None].into_iter().chain(heard.map(|(peer, _)| Some(peer.connection.number))).collect()
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let stream: Arc<UnixStream> = Arc::new(stream);
            self.next_number += 1;
            let connection = Connection { number: self.next_number, stream };
            self.peers.push(Peer { connection, role: None, arrived: Vec::new() });
        }
    }

    /// Reads what a process says, and acts on it.
    fn hear(&mut self, number: u64) {
        let Some(place) = self.peers.iter().position(|peer| peer.connection.number == number) else { return };
        let peer = &mut self.peers[place];
        let mut buffer = [0; 64 << 10];
        let mut open = true;
        loop {
            match recv(&peer.connection.stream, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => open = false,
                Ok((count, _)) => {
                    peer.arrived.extend_from_slice(&buffer[..count]);
                    continue;
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => (),
                Err(_) => open = false,
            }
            break;
        }
        loop {
            let peer = &mut self.peers[place];
            match protocol::next_frame(&mut peer.arrived) {
                Ok(Some(frame)) => match Message::decode(&frame) {
                    Some(message) => open &= self.act(place, message),
                    None => open = false,
                },
                Ok(None) => break,
                Err(_) => {
                    open = false;
                    break;
                }
            }
        }
        if !open {
            let peer = self.peers.swap_remove(place);
            peer.connection.close();
            self.shared.change(|state| hung_up(state, &peer));
        }
    }

    /// False if the process is not one of ours, or no longer wanted.
    fn act(&mut self, place: usize, message: Message) -> bool {
        let peer = &mut self.peers[place];
        let connection = peer.connection.clone();
        let Some(role) = peer.role else {
            let Message::Hello { token, role, pid } = message else { return false };
            if token != self.token {
                return false;
            }
            peer.role = Some(role);
            return self.shared.change(|state| welcome(state, connection, role, pid));
        };
        // What was written before this was said comes before it.
        self.pipes.drain();
        match message {
            Message::Hello { .. } => return false,
            Message::InputWanted => {
                self.shared.stdin.reopen();
                self.pipes.ask_for_input();
            }
            Message::Died { pid, status } if role == Role::Supervisor => {
                // A host may end before it has said hello.
                let is_host = self.shared.lock().host.as_ref().is_none_or(|host| host.pid == pid);
                let overflowed = is_host && self.pipes.process_ended();
                self.shared.change(|state| {
                    if is_host {
                        state.deaths.insert(pid, (status, overflowed));
                    }
                    state.checkpoints.retain(|_, checkpoint| checkpoint.pid != Some(pid));
                });
            }
            Message::Ended { pids } if role == Role::Supervisor => {
                self.shared.change(|state| state.ended = Some(pids));
            }
            Message::Forked { id, process } => self.shared.change(|state| match process {
                Ok(pid) => {
                    if let Some(checkpoint) = state.checkpoints.get_mut(&id) {
                        checkpoint.pid = Some(pid);
                    }
                }
                Err(reason) => {
                    state.drop_checkpoint(id);
                    state.refusals.push((id, reason));
                }
            }),
            answer => {
                self.pipes.finish();
                self.shared.change(|state| {
                    let host = state.host.as_ref().and_then(|host| host.connection.as_ref());
                    if host.is_some_and(|host| host.number == connection.number) {
                        state.answers.push_back(answer);
                    }
                });
            }
        }
        true
    }
}

/// A process has said hello; false if it is not wanted any more.
fn welcome(state: &mut State, connection: Connection, role: Role, pid: u32) -> bool {
    match role {
        Role::Supervisor => state.supervisor = Some(connection),
        Role::Host => state.host = Some(Process { pid, connection: Some(connection) }),
        Role::Checkpoint(id) => match state.checkpoints.get_mut(&id) {
            Some(checkpoint) => {
                checkpoint.pid = Some(pid);
                checkpoint.connection = Some(connection);
            }
            None => return false,
        },
    }
    true
}

fn hung_up(state: &mut State, peer: &Peer) {
    let is = |connection: &Option<Connection>| {
        connection.as_ref().is_some_and(|connection| connection.number == peer.connection.number)
    };
    if is(&state.supervisor) {
        state.supervisor = None;
        state.broken.get_or_insert_with(|| {
            "the supervisor of the processes that run cells was ended from outside, and nothing of the session is left; \
             restart it"
                .to_owned()
        });
    }
    if let Some(host) = &mut state.host
        && is(&host.connection)
    {
        host.connection = None;
    }
    state.checkpoints.retain(|_, checkpoint| !is(&checkpoint.connection));
}
