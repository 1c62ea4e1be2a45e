//! When is the time of a code, a token or a link over, on a machine whose clock may be set back?
//!
//! Whoever says so says it for good: the row is marked in the same look, by an `expires_at` before `created_at`. What serves once and
//! for minutes must not have been made later than now, either; a session or a refresh token may, or a clock that is set right would sign
//! everybody out.

/// By how many seconds another process's clock may be ahead of this one's.
pub const AHEAD: i64 = 60;

/// Whether somebody has been told that the time of something is over: then it is, whatever the clock says.
#[must_use]
pub const fn is_marked(created_at: i64, expires_at: i64) -> bool {
    expires_at < created_at
}

/// Whether the time of something is over, or has not begun.
#[must_use]
pub const fn is_over(created_at: i64, expires_at: i64, now: i64) -> bool {
    is_marked(created_at, expires_at) || expires_at <= now || created_at > now.saturating_add(AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_begins_and_ends() {
        for (created_at, expires_at, now, over) in [
            (1000, 1600, 1000, false),
            (1000, 1600, 1599, false),
            (1000, 1600, 1600, true),
            (1000, 1600, 940, false),
            (1000, 1600, 939, true),
            (1000, 0, 1000, true),
            (1000, 940, 935, true),
            (i64::MAX, i64::MAX, i64::MAX - 1, false),
        ] {
            assert_eq!(is_over(created_at, expires_at, now), over, "{created_at} {expires_at} {now}");
        }
    }
}
