//! A ROUTER socket: requests of many clients, and replies to the client that each belongs to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::BufReader;

use super::Frames;
use super::greeting::{Kind, greet};
use super::listener::{Duplex, Listener};
use super::outbox::Outbox;
use super::zmtp::{self, Incoming};

/// A client that lets so many bytes of replies lie is let go.
const MOST_WAITING: usize = 1 << 28;

/// The socket.
#[derive(Default)]
pub struct Router {
    clients: Mutex<HashMap<Bytes, Arc<Outbox>>>,
    next: AtomicU64,
}

impl Router {
    /// Serves clients until the task ends. What comes from them goes to `receive`, with the client's identity for the
    /// first part.
    pub async fn serve(self: Arc<Self>, listener: Listener, receive: Arc<dyn Fn(Frames) + Send + Sync>) {
        loop {
            let stream = listener.accept().await;
            tokio::spawn(Arc::clone(&self).attend(stream, Arc::clone(&receive)));
        }
    }

    /// Sends a message to the client that its first part names; false if that is gone.
    pub fn send(&self, frames: &[Bytes]) -> bool {
        let Some((identity, rest)) = frames.split_first() else { return false };
        let Some(outbox) = self.clients().get(identity).cloned() else { return false };
        if outbox.len() > MOST_WAITING {
            outbox.close();
            return false;
        }
        outbox.push(zmtp::encode(rest))
    }

    /// Whether everything that was sent has been taken.
    pub fn is_delivered(&self) -> bool {
        self.clients().values().all(|outbox| outbox.len() == 0)
    }

    async fn attend(self: Arc<Self>, mut stream: Box<dyn Duplex>, receive: Arc<dyn Fn(Frames) + Send + Sync>) {
        // What is not a client is no news to anybody.
        let Ok(identity) = greet(&mut stream, Kind::Router).await else { return };
        let identity = if identity.is_empty() {
            // As libzmq makes them: no client can choose one that starts with a zero byte.
            let mut own = vec![0];
            own.extend_from_slice(&self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            own.into()
        } else {
            identity
        };
        let outbox = Arc::new(Outbox::default());
        // A client that comes again under its old identity is the one that gets the replies from now on.
        self.clients().insert(identity.clone(), Arc::clone(&outbox));
        let (reader, writer) = tokio::io::split(stream);
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        let receiving = async {
            while let Ok(incoming) = zmtp::read(&mut reader).await {
                match incoming {
                    Incoming::Message(mut frames) => {
                        frames.insert(0, identity.clone());
                        receive(frames);
                    }
                    Incoming::Command(name, data) if name == "PING" => {
                        outbox.push(pong(&data));
                    }
                    Incoming::Command(..) => {}
                }
            }
        };
        tokio::select! {
            () = receiving => {}
            () = outbox.deliver(writer, || {}) => {}
        }
        outbox.close();
        let mut clients = self.clients();
        if clients.get(&identity).is_some_and(|current| Arc::ptr_eq(current, &outbox)) {
            clients.remove(&identity);
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Bytes, Arc<Outbox>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a PING: its context, without the time before it.
pub(super) fn pong(data: &Bytes) -> Bytes {
    zmtp::encode_command(b"PONG", data.get(2..).unwrap_or_default())
}
