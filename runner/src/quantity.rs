//! Kubernetes quantities (`500m`, `2`, `1Gi`, `512M`, `1.5e3`) as exact numbers.

use std::fmt;

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantityError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no quantity: {}; write one like `500m`, `2`, `1.5` or `2Gi`", self.text, self.why)
    }
}

impl std::error::Error for QuantityError {}

/// The number of thousandths in `text`, rounded up, as Kubernetes rounds: `500m` is 500, `2` is 2000.
///
/// # Errors
/// When `text` is no quantity, is negative, or does not fit.
pub fn thousandths(text: &str) -> Result<u64, QuantityError> {
    scaled(text, 3)
}

/// The whole number in `text`, rounded up: `1Gi` is 1073741824, `512M` is 512000000, `1500m` is 2.
///
/// # Errors
/// When `text` is no quantity, is negative, or does not fit.
pub fn whole(text: &str) -> Result<u64, QuantityError> {
    scaled(text, 0)
}

/// More fractional digits than any real quantity has; what is longer is refused rather than computed.
const MOST_DIGITS: usize = 30;

/// `text` × 10^`places`, rounded up.
fn scaled(text: &str, places: i32) -> Result<u64, QuantityError> {
    let error = |why| QuantityError { text: text.to_owned(), why };
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(error("it is empty"));
    }
    if trimmed.starts_with('-') {
        return Err(error("it is negative"));
    }
    let body = trimmed.strip_prefix('+').unwrap_or(trimmed);
    let end = body.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(body.len());
    let (number, suffix) = body.split_at(end);
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    if integer.is_empty() && fraction.is_empty() {
        return Err(error("it has no digits"));
    }
    if fraction.contains('.') {
        return Err(error("it has two decimal points"));
    }
    let fraction = fraction.trim_end_matches('0');
    let integer = integer.trim_start_matches('0');
    if integer.len() + fraction.len() > MOST_DIGITS {
        return Err(error("it has too many digits"));
    }
    let mut mantissa: u128 = 0;
    for digit in integer.bytes().chain(fraction.bytes()) {
        mantissa = mantissa * 10 + u128::from(digit - b'0');
    }
    let (binary, decimal) = multiplier(suffix).ok_or_else(|| error("its suffix is unknown"))?;
    if mantissa == 0 {
        return Ok(0);
    }
    let too_large = || error("it is too large");
    mantissa = mantissa.checked_mul(1_u128 << binary).ok_or_else(too_large)?;
    let exponent = decimal - fraction.len() as i32 + places;
    let value = if exponent >= 0 {
        let factor = 10_u128.checked_pow(exponent.unsigned_abs()).ok_or_else(too_large)?;
        mantissa.checked_mul(factor).ok_or_else(too_large)?
    } else {
        match 10_u128.checked_pow(exponent.unsigned_abs()) {
            Some(divisor) => mantissa.div_ceil(divisor),
            None => 1,
        }
    };
    u64::try_from(value).map_err(|_| too_large())
}

/// The power of two and the power of ten that a suffix stands for.
fn multiplier(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (0, -9),
        "u" | "µ" => (0, -6),
        "m" => (0, -3),
        "k" | "K" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => {
            let digits = suffix.strip_prefix(['e', 'E'])?;
            let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
            if unsigned.is_empty() || unsigned.len() > 3 || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            (0, digits.parse().ok()?)
        }
    })
}

/// Bytes as people read them: `2.1 GiB`, `640 KiB`, `12 B`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cores_are_thousandths_rounded_up() {
        for (text, want) in [
            ("500m", 500),
            ("2", 2000),
            ("0.5", 500),
            (".5", 500),
            ("1.", 1000),
            ("1e3", 1_000_000),
            ("1E-3", 1),
            ("100u", 1),
            ("1n", 1),
            ("0", 0),
            ("0.0001", 1),
            ("+3", 3000),
            (" 2 ", 2000),
            ("0e999", 0),
            ("1e-999", 1),
        ] {
            assert_eq!(thousandths(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn bytes_know_both_families_of_suffixes() {
        for (text, want) in [
            ("1Gi", 1 << 30),
            ("512M", 512_000_000),
            ("1.5Gi", 3 << 29),
            ("64Ki", 65_536),
            ("1500m", 2),
            ("3k", 3000),
            ("1e9", 1_000_000_000),
            ("1E", 1_000_000_000_000_000_000),
            ("128974848", 128_974_848),
            ("0.1Gi", 107_374_183),
            ("15Ei", 15 << 60),
        ] {
            assert_eq!(whole(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_the_reason() {
        for text in [
            "", " ", "-1", "Gi", ".", "1.2.3", "1Q", "1 Gi", "1e", "1e+", "1e1000", "NaN", "0x10", "1GiB", "16Ei",
            "1,5",
        ] {
            assert!(whole(text).is_err(), "{text}");
        }
        assert!(whole(&"9".repeat(400)).unwrap_err().to_string().contains("too many digits"));
    }

    #[test]
    fn bytes_for_people() {
        assert_eq!(human_bytes(12), "12 B");
        assert_eq!(human_bytes(2 << 30), "2 GiB");
        assert_eq!(human_bytes(2_254_857_830), "2.1 GiB");
        assert_eq!(human_bytes(1024 * 1024 - 1), "1 MiB");
        assert_eq!(human_bytes(u64::MAX), "16 EiB");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_panic(text in ".{0,40}") {
            let _ = whole(&text);
            let _ = thousandths(&text);
        }

        #[test]
        fn a_plain_number_is_itself(number in 0_u64..u64::MAX) {
            prop_assert_eq!(whole(&number.to_string()), Ok(number));
        }
    }
}
