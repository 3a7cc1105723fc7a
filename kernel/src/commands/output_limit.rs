//! `%output_limit`: how much text cells may print.

use oxikale_notebook::directives::Command;

use super::{CommandError, Done};
use crate::session::{DEFAULT_TEXT_LIMIT, Session};

pub(super) fn run(session: &mut Session, command: &Command) -> Done {
    let bytes = text_limit(&command.argument).map_err(CommandError::new)?;
    session.outputs.limit_text(bytes);
    Ok(())
}

/// Reads a limit: `10MiB`, `off`; nothing is the default.
pub fn text_limit(text: &str) -> Result<usize, String> {
    match text.trim() {
        "" => Ok(DEFAULT_TEXT_LIMIT),
        "off" => Ok(usize::MAX),
        text => {
            let bytes = oxikale_runner::whole_quantity(text.strip_suffix('B').unwrap_or(text)).ok();
            bytes
                .and_then(|bytes| usize::try_from(bytes).ok())
                .ok_or_else(|| format!("`{text}` is no number of bytes, such as `10MiB`; `off` is no limit"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        assert_eq!(text_limit(""), Ok(DEFAULT_TEXT_LIMIT));
        assert_eq!(text_limit(" 10MiB "), Ok(10 << 20));
        assert_eq!(text_limit("1000"), Ok(1000));
        assert_eq!(text_limit("off"), Ok(usize::MAX));
        assert!(text_limit("much").is_err());
    }
}
