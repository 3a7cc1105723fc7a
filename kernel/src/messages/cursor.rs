//! Places in a text: clients count characters, and Rust bytes.

/// The byte of a character; the end of the text where there is no such character, or none is named.
pub(super) fn byte_of(text: &str, character: Option<u64>) -> usize {
    let nth = character.and_then(|character| usize::try_from(character).ok());
    nth.and_then(|nth| text.char_indices().nth(nth)).map_or(text.len(), |(byte, _)| byte)
}

/// How many characters stand before a byte.
pub(super) fn characters(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_converted() {
        for (character, byte) in [(0, 0), (1, 2), (2, 3), (3, 7), (9, 7)] {
            assert_eq!(byte_of("éa😀", Some(character)), byte);
        }
        assert_eq!(byte_of("éa", None), 3);
        for (byte, count) in [(0, 0), (2, 1), (3, 2), (7, 3)] {
            assert_eq!(characters("éa😀", byte), count);
        }
    }
}
