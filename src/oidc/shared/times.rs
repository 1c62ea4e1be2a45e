//! When was a JWT of a client made, and until when does it hold? `NumericDate` (RFC 7519 §2), with clocks that differ.

use serde_json::{Map, Value};

/// How far a client's clock may be ahead of ours, in seconds (FAPI 2.0 §5.3.2.1: 10 must do, more than 60 must not).
pub(in crate::oidc) const AHEAD: i64 = 60;

/// A claim that is a time, in seconds since 1970; none when it is not there.
///
/// # Errors
/// When it is something else, as a sentence.
pub(in crate::oidc) fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, String> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "a number beyond i64 becomes the last one")]
    let whole = || value.as_f64().map(|number| number.floor() as i64);
    let number = value.as_i64().or_else(whole).ok_or_else(|| format!("{name} is no number of seconds"))?;
    // Far from where a sum with a lifetime could overflow.
    Ok(Some(number.clamp(0, i64::MAX / 4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_time_is_a_number_whole_or_not() {
        let claims = json!({"a": 5, "b": 5.9, "c": 1e300, "d": -3, "e": "5", "f": null, "g": u64::MAX});
        let read = |name: &str| seconds(claims.as_object().unwrap(), name);
        assert_eq!((read("a"), read("b")), (Ok(Some(5)), Ok(Some(5))));
        assert_eq!((read("c"), read("g")), (Ok(Some(i64::MAX / 4)), Ok(Some(i64::MAX / 4))));
        assert_eq!((read("d"), read("h")), (Ok(Some(0)), Ok(None)));
        assert!(read("e").is_err() && read("f").is_err());
    }
}
