//! protobuf's durations as JSON writes them: seconds with an `s` (`30s`, `1.5s`).

use std::time::Duration;

/// The longest wait that is honoured: ten years, so that no sum of them overflows.
const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;

/// The duration in `text`; a negative one is none at all.
///
/// # Errors
/// Says in a sentence why `text` is no duration.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write seconds with an `s`, like `30s` or `1.5s`");
    let number = text.trim().strip_suffix('s').ok_or_else(wrong)?;
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(wrong());
    }
    let seconds: f64 = number.parse().map_err(|_| wrong())?;
    Ok(seconds_or_zero(seconds))
}

/// `seconds` as a duration: nothing where negative or no number, at most ten years.
pub fn seconds_or_zero(seconds: f64) -> Duration {
    if seconds > 0.0 { Duration::from_secs_f64(seconds.min(LONGEST)) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_with_fractions() {
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert_eq!(parse("-3s"), Ok(Duration::ZERO));
        assert_eq!(parse("999999999999999s"), Ok(Duration::from_secs_f64(LONGEST)));
    }

    #[test]
    fn what_is_no_duration() {
        for text in ["", "s", "5", "5m", "1e3s", "NaNs", "infs", "1.2.3s", "--1s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
