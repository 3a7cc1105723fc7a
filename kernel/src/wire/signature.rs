//! Signs messages, and checks the signatures of those that come in.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html#wire-protocol>

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// How many signatures are remembered, so that a message that is sent again is known.
const REMEMBERED: usize = 1 << 16;

/// The key of a session.
pub struct Signer {
    /// None where messages are not signed.
    key: Option<Hmac<Sha256>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    known: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Signer {
    /// The signer with the key of the connection file; with an empty one nothing is signed.
    pub fn new(key: &str) -> Self {
        // HMAC takes keys of any length.
        let key = (!key.is_empty()).then(|| Hmac::new_from_slice(key.as_bytes()).ok()).flatten();
        Self { key, seen: Mutex::default() }
    }

    /// The signature of a message's four parts, in hexadecimal digits.
    pub fn sign(&self, parts: [&[u8]; 4]) -> String {
        let Some(key) = &self.key else { return String::new() };
        let mut mac = key.clone();
        parts.iter().for_each(|part| mac.update(part));
        let digest = mac.finalize().into_bytes();
        let mut text = String::with_capacity(64);
        for byte in digest {
            text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        }
        text
    }

    /// Whether a message has the signature of this session, and came for the first time. The comparison takes the
    /// same time whatever is wrong.
    pub fn admits(&self, signature: &[u8], parts: [&[u8]; 4]) -> bool {
        let Some(key) = &self.key else { return true };
        let Some(digest) = digest(signature) else { return false };
        let mut mac = key.clone();
        parts.iter().for_each(|part| mac.update(part));
        if mac.verify_slice(&digest).is_err() {
            return false;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.known.insert(digest) {
            return false;
        }
        seen.order.push_back(digest);
        if seen.order.len() > REMEMBERED
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.known.remove(&oldest);
        }
        true
    }
}

/// 64 hexadecimal digits as bytes.
fn digest(signature: &[u8]) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if signature.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(signature.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [&[u8]; 4] = [b"{}", b"{}", b"{}", b"{}"];

    #[test]
    fn a_message_is_admitted_once_and_only_with_its_signature() {
        let signer = Signer::new("secret");
        let signature = signer.sign(PARTS);
        assert!(!Signer::new("other").admits(signature.as_bytes(), PARTS));
        assert!(!signer.admits(signature.as_bytes(), [b"{}", b"{}", b"{}", b"[]"]));
        assert!(!signer.admits(&signature.as_bytes()[1..], PARTS));
        assert!(!signer.admits("x".repeat(64).as_bytes(), PARTS));
        assert!(signer.admits(signature.as_bytes(), PARTS));
        assert!(!signer.admits(signature.as_bytes(), PARTS));
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let signer = Signer::new("");
        assert_eq!(signer.sign(PARTS), "");
        assert!(signer.admits(b"", PARTS) && signer.admits(b"", PARTS));
    }
}
