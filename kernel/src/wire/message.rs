//! Jupyter's messages in ZeroMQ's frames.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html>

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Frames, Signer};

/// What parts the addresses of a message from the message.
pub(super) const DELIMITER: &[u8] = b"<IDS|MSG>";

/// The sockets that requests come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Code, completion, comms.
    Shell,
    /// What must not wait for code.
    Control,
    /// Answers to what the kernel asks.
    Stdin,
}

/// A message's header. Clients may put more into it than is known here, and all of it comes back to them in the
/// replies, so it is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The message.
    pub msg_id: String,
    /// What it is.
    pub msg_type: String,
    /// The client's session.
    pub session: String,
    /// The subshell that it is for (JEP 91).
    pub subshell_id: Option<String>,
    /// The header as it came.
    pub raw: Bytes,
}

/// A message from a client.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where it came from.
    pub channel: Channel,
    /// The number of the connection over which it came.
    pub connection: u64,
    /// Whom to send replies to.
    pub identities: Frames,
    /// Who, what, when.
    pub header: Header,
    /// What it says beside its content.
    pub metadata: Map<String, Value>,
    /// What it says.
    pub content: Map<String, Value>,
    /// Bytes of comms.
    pub buffers: Frames,
}

/// Why what came is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireError {
    /// There are too few parts, or none that says where the message begins.
    Frames,
    /// It is not signed with the session's key, or came before.
    Signature,
    /// A part is not the JSON that it must be.
    Json(String),
}

impl fmt::Display for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frames => formatter.write_str("a message has not the parts that a Jupyter message has"),
            Self::Signature => formatter
                .write_str("a message is not signed with the key of the connection file, or was sent a second time"),
            Self::Json(why) => write!(formatter, "a message cannot be read: {why}"),
        }
    }
}

impl std::error::Error for WireError {}

/// Reads a message.
///
/// # Errors
/// If it is none, or not of this session.
pub fn parse(channel: Channel, connection: u64, frames: Frames, signer: &Signer) -> Result<Request, WireError> {
    let at = frames.iter().position(|frame| frame == DELIMITER).ok_or(WireError::Frames)?;
    let [signature, header, parent, metadata, content, ..] = &frames[at + 1..] else { return Err(WireError::Frames) };
    if !signer.admits(signature, [header, parent, metadata, content]) {
        return Err(WireError::Signature);
    }
    let fields = object(header, "header")?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let header = Header {
        msg_id: text("msg_id"),
        msg_type: text("msg_type"),
        session: text("session"),
        subshell_id: fields.get("subshell_id").and_then(Value::as_str).map(str::to_owned),
        raw: header.clone(),
    };
    if header.msg_type.is_empty() {
        return Err(WireError::Json("its header has no `msg_type`".to_owned()));
    }
    Ok(Request {
        channel,
        connection,
        header,
        metadata: object(metadata, "metadata")?,
        content: object(content, "content")?,
        buffers: frames[at + 6..].to_vec(),
        identities: frames[..at].to_vec(),
    })
}

fn object(frame: &Bytes, what: &str) -> Result<Map<String, Value>, WireError> {
    match serde_json::from_slice(frame) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(WireError::Json(format!("its {what} is not a JSON object"))),
        Err(error) => Err(WireError::Json(format!("its {what} is not JSON: {error}"))),
    }
}

/// Everything of a message after its addresses.
pub(crate) fn parts(
    signer: &Signer,
    header: Bytes,
    parent: Bytes,
    metadata: Bytes,
    content: Bytes,
    buffers: &[Bytes],
) -> Frames {
    let signature = signer.sign([&header, &parent, &metadata, &content]);
    let mut frames = Frames::with_capacity(6 + buffers.len());
    frames.extend([Bytes::from_static(DELIMITER), signature.into(), header, parent, metadata, content]);
    frames.extend_from_slice(buffers);
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(signer: &Signer, header: &str, content: &str) -> Frames {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let mut frames = vec![bytes("client")];
        frames.extend(parts(signer, bytes(header), bytes("{}"), bytes("{}"), bytes(content), &[bytes("buffer")]));
        frames
    }

    #[test]
    fn a_message_is_read_with_its_addresses_and_buffers() {
        let signer = Signer::new("key");
        let header = r#"{"msg_id":"1","msg_type":"comm_msg","session":"s","subshell_id":"sub","more":[1]}"#;
        let request = parse(Channel::Shell, 0, frames(&signer, header, r#"{"a":1}"#), &signer).unwrap();
        assert_eq!(request.identities, vec![Bytes::from_static(b"client")]);
        assert_eq!(request.header.subshell_id.as_deref(), Some("sub"));
        assert_eq!(request.header.raw, header);
        assert_eq!(request.content["a"], 1);
        assert_eq!(request.buffers, vec![Bytes::from_static(b"buffer")]);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let signer = Signer::new("key");
        let good = frames(&signer, r#"{"msg_type":"x"}"#, "{}");
        for length in 0..6 {
            assert_eq!(parse(Channel::Shell, 0, good[..length].to_vec(), &signer).unwrap_err(), WireError::Frames);
        }
        let other = Signer::new("other");
        assert_eq!(parse(Channel::Shell, 0, good.clone(), &other).unwrap_err(), WireError::Signature);
        for (header, content) in
            [("[]", "{}"), ("{}", "{}"), (r#"{"msg_type":1}"#, "{}"), (r#"{"msg_type":"x"}"#, "[1]"), ("{", "{}")]
        {
            let error = parse(Channel::Shell, 0, frames(&signer, header, content), &signer).unwrap_err();
            assert!(matches!(error, WireError::Json(_)), "{header} {content}");
        }
    }
}
