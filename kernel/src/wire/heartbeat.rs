//! The heartbeat: a REP socket that echoes what it is sent, so that clients know that the kernel lives.

use bytes::Bytes;
use tokio::io::{AsyncWriteExt as _, BufReader};

use super::greeting::{Kind, greet};
use super::listener::{Duplex, Listener};
use super::router::pong;
use super::zmtp::{self, Incoming};

/// Echoes until the task ends.
pub async fn echo(listener: Listener) {
    loop {
        tokio::spawn(echo_one(listener.accept().await));
    }
}

async fn echo_one(mut stream: Box<dyn Duplex>) {
    if greet(&mut stream, Kind::Rep).await.is_err() {
        return;
    }
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    while let Ok(incoming) = zmtp::read(&mut reader).await {
        let answer: Bytes = match incoming {
            // The envelope, which a REP socket must give back, is echoed with the rest.
            Incoming::Message(frames) => zmtp::encode(&frames),
            Incoming::Command(name, data) if name == "PING" => pong(&data),
            Incoming::Command(..) => continue,
        };
        if writer.write_all(&answer).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
}
