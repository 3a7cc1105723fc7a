//! How two ZeroMQ sockets greet each other: version, mechanism, kind of socket, identity.
//!
//! Specification: <https://rfc.zeromq.org/spec/23/> (ZMTP 3.0, the NULL mechanism)

use std::io;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::zmtp::{self, Incoming};

/// How long a peer may take to greet; who connects and says nothing is no client.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kind of socket, and the kinds that it talks with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Router,
    Xpub,
    Rep,
}

impl Kind {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Router => b"ROUTER",
            Self::Xpub => b"XPUB",
            Self::Rep => b"REP",
        }
    }

    fn talks_with(self, other: &[u8]) -> bool {
        match self {
            Self::Router => matches!(other, b"DEALER" | b"REQ" | b"ROUTER"),
            Self::Xpub => matches!(other, b"SUB" | b"XSUB"),
            Self::Rep => matches!(other, b"REQ" | b"DEALER"),
        }
    }
}

/// Greets a peer, and returns its identity, which is often empty.
///
/// # Errors
/// If the peer is no ZeroMQ socket, or one of a kind that this one does not talk with.
pub(super) async fn greet(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), kind: Kind) -> io::Result<Bytes> {
    tokio::time::timeout(PATIENCE, exchange(stream, kind)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), kind: Kind) -> io::Result<Bytes> {
    let mut greeting = [0; 64];
    (greeting[0], greeting[8], greeting[9]) = (0xff, 1, 0x7f);
    greeting[10] = 3;
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).await?;

    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    // The first bytes tell a stranger already; he may never send all of them.
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs[..10]).await?;
    if theirs[0] != 0xff || theirs[9] & 1 == 0 {
        return Err(refused("this is not ZMTP"));
    }
    stream.read_exact(&mut theirs[10..]).await?;
    if theirs[10] < 3 {
        return Err(refused("the peer speaks a version of ZMTP before 3"));
    }
    if &theirs[12..17] != b"NULL\0" {
        return Err(refused("the peer asks for a mechanism other than NULL"));
    }

    let mut properties = BytesMut::new();
    for (name, value) in [(&b"Socket-Type"[..], kind.name()), (b"Identity", b"")] {
        properties.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        properties.put_slice(name);
        properties.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        properties.put_slice(value);
    }
    stream.write_all(&zmtp::encode_command(b"READY", &properties)).await?;
    stream.flush().await?;

    let Incoming::Command(name, data) = zmtp::read(stream).await? else {
        return Err(refused("a message came before the greeting was over"));
    };
    if name != "READY" {
        return Err(refused("the peer refuses"));
    }
    let theirs = properties_of(&data).ok_or_else(|| refused("the peer's properties cannot be read"))?;
    let property = |wanted: &[u8]| {
        theirs.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
    };
    let other = property(b"Socket-Type").unwrap_or_default();
    if !kind.talks_with(&other) {
        return Err(refused("the peer's socket is of the wrong kind"));
    }
    Ok(property(b"Identity").unwrap_or_default())
}

fn properties_of(data: &Bytes) -> Option<Vec<(Bytes, Bytes)>> {
    let mut properties = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let end = at + 1 + usize::from(data[at]);
        let name = data.get(at + 1..end)?;
        let length = u32::from_be_bytes(data.get(end..end + 4)?.try_into().ok()?);
        let after = (end + 4).checked_add(usize::try_from(length).ok()?)?;
        properties.push((data.slice_ref(name), data.slice_ref(data.get(end + 4..after)?)));
        at = after;
    }
    Some(properties)
}
