//! ZMTP's frames: parts of messages and commands, as bytes on a stream.
//!
//! Specification: <https://rfc.zeromq.org/spec/23/> (ZMTP 3.0)

use std::io;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Frames;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// The most bytes of one message; more is no message of a client's, but somebody who wants our memory.
const LARGEST: u64 = 1 << 30;

/// The most parts of one message.
const MOST_PARTS: usize = 1 << 14;

/// The most bytes of a command.
const LARGEST_COMMAND: u64 = 1 << 16;

/// What comes from a peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A whole message.
    Message(Frames),
    /// A command: its name and what follows.
    Command(Bytes, Bytes),
}

/// Reads the next message or command.
///
/// # Errors
/// If the stream ends, or what comes is not ZMTP.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Incoming> {
    let mut frames = Frames::new();
    let mut size = 0_u64;
    loop {
        let flags = stream.read_u8().await?;
        if flags & !(MORE | LONG | COMMAND) != 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the reserved bits of a frame are set"));
        }
        let length = if flags & LONG != 0 { stream.read_u64().await? } else { u64::from(stream.read_u8().await?) };
        if flags & COMMAND != 0 {
            if length > LARGEST_COMMAND || flags & MORE != 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a command is too long"));
            }
            let body = read_body(stream, length).await?;
            return command(&body);
        }
        size = size.saturating_add(length);
        if size > LARGEST || frames.len() >= MOST_PARTS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too large"));
        }
        frames.push(read_body(stream, length).await?);
        if flags & MORE == 0 {
            return Ok(Incoming::Message(frames));
        }
    }
}

/// Memory is taken as the bytes come: a length is only what the peer says.
async fn read_body(stream: &mut (impl AsyncRead + Unpin), length: u64) -> io::Result<Bytes> {
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body).await?;
    if body.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body.into())
}

fn command(body: &Bytes) -> io::Result<Incoming> {
    let length = usize::from(*body.first().unwrap_or(&0));
    if body.len() <= length {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a command has no name"));
    }
    Ok(Incoming::Command(body.slice(1..=length), body.slice(length + 1..)))
}

/// A message as bytes.
pub(super) fn encode(frames: &[Bytes]) -> Bytes {
    let size: usize = frames.iter().map(|frame| frame.len() + 9).sum();
    let mut bytes = BytesMut::with_capacity(size);
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        put(&mut bytes, more, frame);
    }
    bytes.freeze()
}

/// A command as bytes.
pub(super) fn encode_command(name: &[u8], data: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(1 + name.len() + data.len());
    body.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
    body.put_slice(name);
    body.put_slice(data);
    let mut bytes = BytesMut::with_capacity(body.len() + 9);
    put(&mut bytes, COMMAND, &body);
    bytes.freeze()
}

fn put(bytes: &mut BytesMut, flags: u8, frame: &[u8]) {
    match u8::try_from(frame.len()) {
        Ok(length) => {
            bytes.put_u8(flags);
            bytes.put_u8(length);
        }
        Err(_) => {
            bytes.put_u8(flags | LONG);
            bytes.put_u64(frame.len() as u64);
        }
    }
    bytes.put_slice(frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> io::Result<Incoming> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut bytes = bytes;
        runtime.block_on(read(&mut bytes))
    }

    #[test]
    fn messages_come_back_as_they_were() {
        for frames in [vec![""], vec!["a", "", "b"], vec![&"x".repeat(255), &"y".repeat(256)]] {
            let frames: Frames = frames.into_iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
            assert_eq!(read_all(&encode(&frames)).unwrap(), Incoming::Message(frames));
        }
        let ready = read_all(&encode_command(b"READY", b"data")).unwrap();
        assert_eq!(ready, Incoming::Command(Bytes::from_static(b"READY"), Bytes::from_static(b"data")));
    }

    #[test]
    fn what_is_not_zmtp_is_refused() {
        for bytes in [
            &b""[..],
            b"\x00",
            b"\x00\x05abc",
            b"\xff\x01a",
            b"\x04\x00",
            b"\x04\x02\x05a",
            // A message of 2^60 bytes.
            b"\x02\x10\x00\x00\x00\x00\x00\x00\x00abc",
            b"\x06\x00\x00\x00\x00\x00\x10\x00\x00abc",
        ] {
            assert!(read_all(bytes).is_err(), "{bytes:?}");
        }
    }
}
