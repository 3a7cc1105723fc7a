//! IOPub: an XPUB socket on which a subscriber that reads nothing slows nobody.
//!
//! Each subscriber has a queue of its own. One that lies far behind while others do not, or that takes nothing at all,
//! is let go; it may connect again. Where all subscribers are behind, the one who puts out waits for them, so that a
//! client that does read loses nothing.
//!
//! Specification: <https://github.com/jupyter/enhancement-proposals/blob/master/65-jupyter-xpub/jupyter-xpub.md>

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::BufReader;

use super::greeting::{Kind, greet};
use super::listener::{Duplex, Listener};
use super::message::parts;
use super::outbox::Outbox;
use super::router::pong;
use super::zmtp::{self, Incoming};
use super::{Frames, Signer};
use crate::stamp::Stamp;

/// A subscriber with more bytes than this before it is behind.
const BEHIND: usize = 64 << 20;

/// A subscriber that is behind and takes nothing for so long reads no more.
const STALLED: Duration = Duration::from_millis(500);

/// What a message is put out for: the header of the request that it answers, as it came; empty where there is none.
pub type Parent = Bytes;

/// The socket.
pub struct Publisher {
    stamp: Arc<Stamp>,
    signer: Arc<Signer>,
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
    /// Somebody has taken something, or is gone.
    taken: Condvar,
}

struct Subscriber {
    outbox: Outbox,
    /// The beginnings of the topics that it wants.
    topics: Mutex<Vec<Bytes>>,
}

impl Publisher {
    /// A socket without subscribers.
    pub fn new(stamp: Arc<Stamp>, signer: Arc<Signer>) -> Self {
        Self { stamp, signer, subscribers: Mutex::default(), taken: Condvar::new() }
    }

    /// Serves subscribers until the task ends.
    pub async fn serve(self: Arc<Self>, listener: Listener) {
        loop {
            let stream = listener.accept().await;
            tokio::spawn(Arc::clone(&self).attend(stream));
        }
    }

    /// Puts a message out. It never waits.
    pub fn publish(&self, parent: &Parent, kind: &str, content: &Value) {
        let frames = self.frames(kind, parent, kind, content);
        let topic = frames[0].clone();
        let bytes = zmtp::encode(&frames);
        for subscriber in self.subscribers().iter().filter(|subscriber| subscriber.wants(&topic)) {
            subscriber.outbox.push(bytes.clone());
        }
    }

    /// Waits while every subscriber is behind. Those that are behind while others are not, and those that take
    /// nothing, are let go. Whoever puts out much calls this from time to time, and from no task.
    pub fn wait_for_subscribers(&self) {
        let mut subscribers = self.subscribers();
        loop {
            let is_behind = |subscriber: &&Arc<Subscriber>| subscriber.outbox.len() > BEHIND;
            let behind: Vec<Arc<Subscriber>> = subscribers.iter().filter(is_behind).cloned().collect();
            if behind.is_empty() {
                return;
            }
            let alone = behind.len() < subscribers.len();
            let mut let_go = false;
            for subscriber in &behind {
                if alone || subscriber.outbox.stalled_for() > STALLED {
                    subscriber.outbox.close();
                    subscribers.retain(|other| !Arc::ptr_eq(other, subscriber));
                    let_go = true;
                }
            }
            if !let_go {
                subscribers = self.taken.wait_timeout(subscribers, STALLED).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// Whether everything that was put out has been taken by those who read.
    pub fn is_delivered(&self) -> bool {
        self.subscribers()
            .iter()
            .all(|subscriber| subscriber.outbox.len() == 0 || subscriber.outbox.stalled_for() > STALLED)
    }

    async fn attend(self: Arc<Self>, mut stream: Box<dyn Duplex>) {
        if greet(&mut stream, Kind::Xpub).await.is_err() {
            return;
        }
        let subscriber = Arc::new(Subscriber { outbox: Outbox::default(), topics: Mutex::default() });
        self.subscribers().push(Arc::clone(&subscriber));
        let (reader, writer) = tokio::io::split(stream);
        let mut reader = BufReader::new(reader);
        let receiving = async {
            while let Ok(incoming) = zmtp::read(&mut reader).await {
                match incoming {
                    Incoming::Message(frames) => {
                        if let [frame] = &frames[..] {
                            self.subscription(&subscriber, frame);
                        }
                    }
                    Incoming::Command(name, data) => match &name[..] {
                        b"SUBSCRIBE" => self.subscribe(&subscriber, data),
                        b"CANCEL" => subscriber.cancel(&data),
                        b"PING" => drop(subscriber.outbox.push(pong(&data))),
                        _ => {}
                    },
                }
            }
        };
        tokio::select! {
            () = receiving => {}
            () = subscriber.outbox.deliver(writer, || self.taken.notify_all()) => {}
        }
        subscriber.outbox.close();
        self.subscribers().retain(|other| !Arc::ptr_eq(other, &subscriber));
        self.taken.notify_all();
    }

    /// A subscription as a message: 1 or 0, and the topic.
    fn subscription(&self, subscriber: &Subscriber, frame: &Bytes) {
        match frame.first() {
            Some(1) => self.subscribe(subscriber, frame.slice(1..)),
            Some(0) => subscriber.cancel(&frame[1..]),
            _ => {}
        }
    }

    /// Takes a subscription, and tells the subscriber that from now on nothing is lost.
    fn subscribe(&self, subscriber: &Subscriber, topic: Bytes) {
        subscriber.topics.lock().unwrap_or_else(PoisonError::into_inner).push(topic.clone());
        let subscription = String::from_utf8_lossy(&topic).into_owned();
        let content = json!({ "subscription": subscription });
        // The topic of the welcome is the one that was subscribed to, so that it comes through.
        let frames = self.frames(&subscription, &Parent::new(), "iopub_welcome", &content);
        subscriber.outbox.push(zmtp::encode(&frames));
    }

    fn frames(&self, topic: &str, parent: &Parent, kind: &str, content: &Value) -> Frames {
        let none = Bytes::from_static(b"{}");
        let parent = if parent.is_empty() { none.clone() } else { parent.clone() };
        let header = self.stamp.header(kind);
        let mut frames = vec![Bytes::copy_from_slice(topic.as_bytes())];
        frames.extend(parts(&self.signer, header, parent, none, content.to_string().into(), &[]));
        frames
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Arc<Subscriber>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    fn wants(&self, topic: &[u8]) -> bool {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|wanted| topic.starts_with(wanted))
    }

    fn cancel(&self, topic: &[u8]) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = topics.iter().position(|known| known == topic) {
            topics.remove(at);
        }
    }
}
