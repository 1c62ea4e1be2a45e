//! How is a length of time written? `90s`, `10m`, `12h`, `30d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time in whole seconds, never negative, written as a number and one of `s`, `m`, `h`, `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(i64);

/// Why a text is not a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as 90s, 10m, 12h or 30d")]
pub struct NotAPeriod;

impl Period {
    /// This many seconds.
    #[must_use]
    pub const fn seconds(n: u32) -> Self {
        Self(n as i64)
    }

    /// This many minutes.
    #[must_use]
    pub const fn minutes(n: u32) -> Self {
        Self(n as i64 * 60)
    }

    /// This many hours.
    #[must_use]
    pub const fn hours(n: u32) -> Self {
        Self(n as i64 * 3600)
    }

    /// This many days.
    #[must_use]
    pub const fn days(n: u32) -> Self {
        Self(n as i64 * 86_400)
    }

    /// The length in seconds.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0
    }

    /// The length as the standard library has it.
    #[must_use]
    pub fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0.unsigned_abs())
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let unit = text.chars().last().ok_or(NotAPeriod)?;
        let number = text.strip_suffix(unit).unwrap_or_default();
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(NotAPeriod),
        };
        let count: u32 = number.parse().map_err(|_| NotAPeriod)?;
        Ok(Self(i64::from(count) * factor))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n > 0 && n % 86_400 == 0 => write!(f, "{}d", n / 86_400),
            n if n > 0 && n % 3600 == 0 => write!(f, "{}h", n / 3600),
            n if n > 0 && n % 60 == 0 => write!(f, "{}m", n / 60),
            n => write!(f, "{n}s"),
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            de::Error::invalid_value(de::Unexpected::Str(&text), &"a duration such as 90s, 10m, 12h or 30d")
        })
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_four_units_are_understood() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("12h", 43_200), ("30d", 2_592_000), ("0s", 0)] {
            assert_eq!(text.parse::<Period>().map(Period::as_secs), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "10", "10 m", "-5s", "1.5h", "10M", "10mm", "99999999999d", "é"] {
            assert_eq!(text.parse::<Period>(), Err(NotAPeriod), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in 0u32..) {
            let period = Period::seconds(seconds);
            prop_assert_eq!(period.to_string().parse::<Period>(), Ok(period));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<Period>();
        }
    }
}
