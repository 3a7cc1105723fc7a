//! A ROUTER socket: requests of many clients, and replies to the client that each belongs to.

use std::collections::BTreeMap;
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
    clients: Mutex<BTreeMap<u64, Client>>,
    next: AtomicU64,
}

/// A client that is connected. Several may have the same identity: one that has come again before its old connection was
/// known to be dead, or two that share a session.
struct Client {
    identity: Bytes,
    outbox: Arc<Outbox>,
}

/// What is done with a message: the number of its connection, and its parts, the client's identity first.
pub type Receive = dyn Fn(u64, Frames) + Send + Sync;

impl Router {
    /// Serves clients until the task ends. What comes from them goes to `receive`.
    pub async fn serve(self: Arc<Self>, listener: Listener, receive: Arc<Receive>) {
        loop {
            let stream = listener.accept().await;
            tokio::spawn(Arc::clone(&self).attend(stream, Arc::clone(&receive)));
        }
    }

    /// Sends a message over this connection; where that is closed or none is named, to the client that came last under
    /// the identity in the first part. False if there is none.
    pub fn send(&self, connection: Option<u64>, frames: &[Bytes]) -> bool {
        let Some((identity, rest)) = frames.split_first() else { return false };
        let clients = self.clients();
        let named = connection.and_then(|number| clients.get(&number));
        let client = named.or_else(|| clients.values().rfind(|client| client.identity == *identity));
        let Some(outbox) = client.map(|client| Arc::clone(&client.outbox)) else { return false };
        drop(clients);
        if outbox.len() > MOST_WAITING {
            outbox.close();
            return false;
        }
        outbox.push(zmtp::encode(rest))
    }

    /// Whether everything that was sent has been taken.
    pub fn is_delivered(&self) -> bool {
        self.clients().values().all(|client| client.outbox.len() == 0)
    }

    async fn attend(self: Arc<Self>, mut stream: Box<dyn Duplex>, receive: Arc<Receive>) {
        // What is not a client is no news to anybody.
        let Ok(identity) = greet(&mut stream, Kind::Router).await else { return };
        let outbox = Arc::new(Outbox::default());
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.clients().insert(number, Client { identity: identity.clone(), outbox: Arc::clone(&outbox) });
        let (reader, writer) = tokio::io::split(stream);
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        let receiving = async {
            while let Ok(incoming) = zmtp::read(&mut reader).await {
                match incoming {
                    Incoming::Message(mut frames) => {
                        frames.insert(0, identity.clone());
                        receive(number, frames);
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
        self.clients().remove(&number);
    }

    fn clients(&self) -> MutexGuard<'_, BTreeMap<u64, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a PING: its context, without the time before it.
pub(super) fn pong(data: &Bytes) -> Bytes {
    zmtp::encode_command(b"PONG", data.get(2..).unwrap_or_default())
}
