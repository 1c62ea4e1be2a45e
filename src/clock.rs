//! What time is it, and how is it told? The one place that asks the operating system; everything else takes `now` as an
//! argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a handler gets the time from, once, before it decides anything.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that tests move by hand; milliseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Seconds since 1970, UTC.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_ms() / 1000
    }

    /// Milliseconds since 1970, UTC; for records whose order matters.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => system_ms(),
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
fn system_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// A moment (seconds since 1970) as time of day, UTC: `14:05`.
#[must_use]
pub fn time_of_day(seconds: i64) -> String {
    let minutes = seconds.rem_euclid(86_400) / 60;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A moment (seconds since 1970) as date and time of day, UTC: `2026-11-24 14:05`.
#[must_use]
pub fn date_and_time(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02} {}", time_of_day(seconds))
}

/// The same to the second, as logs have it (RFC 3339): `2026-11-24T14:05:12Z`.
#[must_use]
pub fn timestamp(seconds: i64) -> String {
    let second = seconds.rem_euclid(60);
    format!("{}:{second:02}Z", date_and_time(seconds).replace(' ', "T"))
}

/// The Gregorian date of a day counted from 1970-01-01, by whole eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00"),
            (951_782_400, "2000-02-29 00:00"),
            (1_795_529_100, "2026-11-24 14:05"),
            (4_102_444_799, "2099-12-31 23:59"),
        ] {
            assert_eq!(date_and_time(seconds), expected);
        }
        assert_eq!(time_of_day(1_795_529_100), "14:05");
        assert_eq!(timestamp(1_795_529_112), "2026-11-24T14:05:12Z");
    }
}
