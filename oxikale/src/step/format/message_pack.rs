//! Every serde type that is no scalar and no array: MessagePack with named fields.

use std::fs;
use std::io::{BufReader, Write};
use std::path::Path;

use rmp_serde::{Deserializer, Serializer};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::FormatError;
use crate::step::slot::HandOn;

/// Values may be nested this deep; beyond it a file is taken for damaged rather than the stack risked.
const DEPTH: usize = 10_000;

/// Writes a value. Types that have a text form for people, such as addresses and dates, are written in it.
pub(crate) fn write<T: HandOn>(value: &T, file: &mut impl Write) -> Result<(), FormatError> {
    let mut serializer = Serializer::new(file).with_struct_map().with_human_readable();
    value.serialize(&mut serializer).map_err(|error| encode_error(&error))
}

/// The error of the file system behind an error of the encoder, where there is one.
fn encode_error(error: &rmp_serde::encode::Error) -> FormatError {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return FormatError::Io(std::io::Error::new(error.kind(), error.to_string()));
        }
        source = cause.source();
    }
    FormatError::Content(error.to_string())
}

/// MessagePack counts elements in 32 bits, and the encoder drops the bits beyond. Such a list takes more than 4 GiB,
/// so only a file of that size is read again.
pub(crate) fn check_lengths(path: &Path, size: u64) -> Result<(), FormatError> {
    if size <= u64::from(u32::MAX) {
        return Ok(());
    }
    let mut reader = BufReader::new(fs::File::open(path)?);
    let read = IgnoredAny::deserialize(&mut Deserializer::new(&mut reader));
    let rest = std::io::copy(&mut reader, &mut std::io::sink())?;
    if read.is_err() || rest > 0 {
        fs::remove_file(path)?;
        return Err(FormatError::Content(
            "it holds a list of more than 4294967295 elements, which MessagePack cannot count: use an ndarray, or \
             write a file with `oxikale::artifacts`"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Reads a value. The file's bytes stay in memory for good, so that texts in the value can point into them.
pub(crate) fn read<T: HandOn>(path: &Path) -> Result<T, FormatError> {
    let bytes: &'static [u8] = fs::read(path)?.leak();
    let mut rest = bytes;
    let mut deserializer = Deserializer::from_read_ref(bytes).with_human_readable();
    deserializer.set_max_depth(DEPTH);
    let value = T::deserialize(&mut deserializer)
        .map_err(|error| FormatError::Content(format!("the file is damaged, or of another type: {error}")))?;
    // The decoder stops at the end of the value; anything behind it means that this is not the file that was written.
    let mut skipper = Deserializer::new(&mut rest);
    skipper.set_max_depth(DEPTH);
    IgnoredAny::deserialize(&mut skipper)
        .map_err(|error| FormatError::Content(format!("the file is damaged: {error}")))?;
    if !rest.is_empty() {
        return Err(FormatError::Content(format!("the file is damaged: {} bytes follow the value", rest.len())));
    }
    Ok(value)
}
