//! Names of runs: `<pipeline>-<yyyymmdd>-<hhmmss>-<4 hex>`, in UTC, safe as names of folders.

use std::hash::{BuildHasher, Hasher, RandomState};

/// So much of the pipeline's name is kept.
const LONGEST: usize = 60;

/// A new id for a run of `pipeline` that starts at `milliseconds` since 1970. The end is random.
pub(crate) fn new(pipeline: &str, milliseconds: i64) -> String {
    // The standard library seeds every such state from the system's randomness.
    let random = RandomState::new().build_hasher().finish() & 0xffff;
    let (date, time) = date_and_time(milliseconds.div_euclid(1000));
    format!("{}-{date}-{time}-{random:04x}", safe(pipeline))
}

/// Lower case letters, digits and single hyphens, whatever comes in.
fn safe(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if text.len() >= LONGEST {
            break;
        }
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with('-') {
            text.push('-');
        }
    }
    let text = text.trim_end_matches('-');
    if text.is_empty() { "pipeline".to_owned() } else { text.to_owned() }
}

/// `yyyymmdd` and `hhmmss` of a moment in seconds since 1970.
fn date_and_time(seconds: i64) -> (String, String) {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days are counted from 1 March of the year 0, so that the leap day is the last of its year;
    // an era is 400 years, 146,097 days.
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let time = format!("{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60);
    (format!("{year:04}{month:02}{of_month:02}"), time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::folder::refuse_name;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date, time) in [
            (0, "19700101", "000000"),
            (951_782_399, "20000228", "235959"),
            (951_782_400, "20000229", "000000"),
            (1_709_164_800, "20240229", "000000"),
            (1_795_319_999, "20261122", "035959"),
            (4_107_542_400, "21000301", "000000"),
        ] {
            assert_eq!(date_and_time(seconds), (date.to_owned(), time.to_owned()), "{seconds}");
        }
    }

    #[test]
    fn whatever_the_pipeline_is_called_the_id_is_a_name() {
        for (name, start) in
            [("Opt Package", "opt-package-"), ("../..", "pipeline-"), ("a/../b", "a-b-"), ("ÄÖ", "pipeline-")]
        {
            assert!(new(name, 0).starts_with(&format!("{start}19700101-000000-")), "{}", new(name, 0));
        }
    }

    proptest! {
        #[test]
        fn ids_are_safe(name in ".{0,300}", milliseconds in 0..4_000_000_000_000_i64) {
            let id = new(&name, milliseconds);
            prop_assert_eq!(refuse_name(&id), None);
            prop_assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
