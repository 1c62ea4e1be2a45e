//! What time is it, and how is it told? The one place that asks the operating system; everything else takes `now` as an
//! argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

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

/// Measures how long something takes, by the machine and also where tests move the time. For figures about this program only: nothing
/// is decided by it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// When it began and when that was asked, in nanoseconds since 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
    pub fn unix_ns(&self) -> (u64, u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        (ns(now.saturating_sub(self.elapsed())), ns(now))
    }
}

/// A moment as people read it: in the zone of whoever reads it where that is known, else in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// For programs (RFC 3339, UTC): `2026-11-24T14:05:00Z`.
    pub iso: String,
    /// The time of day, with its zone: `15:05 CET`.
    pub clock: String,
    /// The date before it: `2026-11-24 15:05 CET`.
    pub date: String,
}

impl Moment {
    /// This moment (seconds since 1970), for somebody who lives in `zone`: a name of the IANA database (OIDC Core §5.1,
    /// `zoneinfo`); UTC without one, or with one that nobody knows.
    #[must_use]
    pub fn new(seconds: i64, zone: Option<&str>) -> Self {
        let there = Timestamp::from_second(seconds).unwrap_or_default().to_zoned_datetime(known(zone));
        Self {
            iso: timestamp(seconds),
            clock: there.strftime("%H:%M %Z").to_string(),
            date: there.strftime("%Y-%m-%d %H:%M %Z").to_string(),
        }
    }
}

/// A moment (seconds since 1970) as date and time of day, UTC: `2026-11-24 14:05`.
#[must_use]
pub fn date_and_time(seconds: i64) -> String {
    utc(seconds, "%Y-%m-%d %H:%M")
}

/// When a day (`2026-11-24`) begins where somebody lives, and when the next one does, in seconds since 1970; none where this is no day.
/// The zone is one as [`Moment::new`] takes it.
#[must_use]
pub fn day(text: &str, zone: Option<&str>) -> Option<(i64, i64)> {
    let (date, zone): (Date, _) = (text.parse().ok()?, known(zone));
    let begins = |date: Date| Some(zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second());
    Some((begins(date)?, begins(date.tomorrow().ok()?)?))
}

/// A zone by its name; UTC without one, or with one that nobody knows.
fn known(zone: Option<&str>) -> TimeZone {
    zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// The same to the second, as logs have it (RFC 3339): `2026-11-24T14:05:12Z`.
#[must_use]
pub fn timestamp(seconds: i64) -> String {
    utc(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// The moment that [`timestamp`] has written, in seconds since 1970; none where a text is none.
#[must_use]
pub fn from_timestamp(text: &str) -> Option<i64> {
    let is_whole = text.len() == 20 && text.ends_with('Z');
    text.parse::<Timestamp>().ok().filter(|_| is_whole).map(Timestamp::as_second)
}

fn utc(seconds: i64, format: &str) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime(format).to_string()
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
        assert_eq!(timestamp(1_795_529_112), "2026-11-24T14:05:12Z");
    }

    #[test]
    fn days_are_read_where_somebody_lives() {
        for (text, zone, expected) in [
            ("1970-01-02", None, Some((86_400, 172_800))),
            ("2026-11-24", None, Some((1_795_478_400, 1_795_564_800))),
            ("2026-11-24", Some("Mars/Olympus"), Some((1_795_478_400, 1_795_564_800))),
            ("2026-11-24", Some("Europe/Berlin"), Some((1_795_474_800, 1_795_561_200))),
            // The clocks are put back, and forward; in Beirut at midnight, which is not there.
            ("2026-10-25", Some("Europe/Berlin"), Some((1_792_879_200, 1_792_969_200))),
            ("2026-03-29", Some("Europe/Berlin"), Some((1_774_738_800, 1_774_821_600))),
            ("2026-03-29", Some("Asia/Beirut"), Some((1_774_735_200, 1_774_818_000))),
            ("2026-02-30", None, None),
            ("9999-12-31", None, None),
            ("24.11.2026", None, None),
            ("", None, None),
        ] {
            assert_eq!(day(text, zone), expected, "{text} {zone:?}");
        }
    }

    #[test]
    fn moments_are_told_in_the_zone_of_whoever_reads_them() {
        for (seconds, zone, clock, date) in [
            (1_795_529_100, None, "14:05 UTC", "2026-11-24 14:05 UTC"),
            (1_795_529_100, Some("Europe/Berlin"), "15:05 CET", "2026-11-24 15:05 CET"),
            (1_782_318_600, Some("Europe/Berlin"), "18:30 CEST", "2026-06-24 18:30 CEST"),
            (1_795_529_100, Some("Asia/Kolkata"), "19:35 IST", "2026-11-24 19:35 IST"),
            (1_795_546_800, Some("Pacific/Auckland"), "08:00 NZDT", "2026-11-25 08:00 NZDT"),
            (1_795_529_100, Some("Mars/Olympus"), "14:05 UTC", "2026-11-24 14:05 UTC"),
            (1_795_529_100, Some("../etc/passwd"), "14:05 UTC", "2026-11-24 14:05 UTC"),
            (i64::MAX, Some("Europe/Berlin"), "01:00 CET", "1970-01-01 01:00 CET"),
        ] {
            let moment = Moment::new(seconds, zone);
            assert_eq!((moment.clock.as_str(), moment.date.as_str()), (clock, date), "{seconds} {zone:?}");
        }
        assert_eq!(Moment::new(1_795_529_112, Some("Europe/Berlin")).iso, "2026-11-24T14:05:12Z");
    }
}
