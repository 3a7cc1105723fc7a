//! The sockets of a kernel together: replies go to who asked, outputs and states to everybody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::stamp::Stamp;
use crate::wire::{Channel, Parent, Publisher, Request, Router, Signer};

/// The sockets that the kernel sends through.
pub struct Sockets {
    stamp: Arc<Stamp>,
    /// Checks what comes in, and signs what goes out.
    pub signer: Arc<Signer>,
    /// Outputs and states.
    pub iopub: Arc<Publisher>,
    /// Requests that may wait for code.
    pub shell: Arc<Router>,
    /// Requests that may not.
    pub control: Arc<Router>,
    /// Questions to the user.
    pub stdin: Arc<Router>,
    /// The request whose cell runs.
    running: Mutex<Option<Parent>>,
}

impl Sockets {
    /// Sockets that sign with this key; nobody is connected yet.
    pub fn new(key: &str) -> Self {
        let (stamp, signer) = (Arc::new(Stamp::default()), Arc::new(Signer::new(key)));
        Self {
            iopub: Arc::new(Publisher::new(Arc::clone(&stamp), Arc::clone(&signer))),
            stamp,
            signer,
            shell: Arc::default(),
            control: Arc::default(),
            stdin: Arc::default(),
            running: Mutex::default(),
        }
    }

    /// Answers a request where it came from. That the client is gone is nothing to worry about.
    pub fn reply(&self, request: &Request, kind: &str, content: &Value) {
        self.reply_with(request, kind, content, &Map::new());
    }

    /// The same, with metadata.
    pub fn reply_with(&self, request: &Request, kind: &str, content: &Value, metadata: &Map<String, Value>) {
        let router = match request.channel {
            Channel::Shell => &self.shell,
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
        };
        self.send(router, Some(request.connection), request, kind, content, metadata);
    }

    /// Asks the user who sent a request for a line of input.
    pub fn ask(&self, request: &Request, prompt: &str, password: bool) -> bool {
        let content = json!({ "prompt": prompt, "password": password });
        // Its other socket has the same identity.
        self.send(&self.stdin, None, request, "input_request", &content, &Map::new())
    }

    /// Says to everybody how the kernel is, for this request.
    pub fn status(&self, parent: &Parent, state: &str) {
        self.iopub.publish(parent, "status", &json!({ "execution_state": state }));
    }

    /// A cell begins to run.
    pub fn cell_begins(&self, parent: &Parent) {
        *self.running() = Some(parent.clone());
        self.status(parent, "busy");
    }

    /// It is over.
    pub fn cell_ends(&self, parent: &Parent) {
        let mut running = self.running();
        *running = None;
        self.status(parent, "idle");
    }

    /// A request was dealt with. Front ends show the state that was told last, so where a cell runs meanwhile, that is
    /// said again.
    pub fn request_ends(&self, parent: &Parent) {
        let running = self.running();
        self.status(parent, "idle");
        if let Some(cell) = &*running {
            self.status(cell, "busy");
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Parent>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits a moment for everything that was sent to be taken.
    pub async fn drain(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let delivered = || {
            self.iopub.is_delivered()
                && [&self.shell, &self.control, &self.stdin].into_iter().all(|router| router.is_delivered())
        };
        while !delivered() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn send(
        &self,
        router: &Router,
        connection: Option<u64>,
        request: &Request,
        kind: &str,
        content: &Value,
        metadata: &Map<String, Value>,
    ) -> bool {
        let mut frames = request.identities.clone();
        frames.extend(crate::wire::parts(
            &self.signer,
            self.stamp.header(kind),
            request.header.raw.clone(),
            Bytes::from(Value::Object(metadata.clone()).to_string()),
            content.to_string().into(),
            &[],
        ));
        router.send(connection, &frames)
    }
}
