//! Is what was proven for a token still enough? Step-up challenges (RFC 9470).

use crate::oidc::clients::Metadata;
use crate::signin::decide::ACR_TWO_FACTORS;

/// What must be proven anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::oidc) struct Challenge {
    /// The `acr` that is demanded.
    pub(in crate::oidc) acr_values: Option<&'static str>,
    /// How long ago the last factor may have been given, in seconds.
    pub(in crate::oidc) max_age: Option<u32>,
}

/// What an app's registration demands now beyond what was proven for a grant; none when that is enough.
pub(in crate::oidc) fn challenge(
    metadata: &Metadata,
    acr: &str,
    auth_time: i64,
    now: i64,
) -> Option<Challenge> {
    let weak = metadata.require_two_factor && acr != ACR_TWO_FACTORS;
    let old = |age: &u32| now.saturating_sub(auth_time) > i64::from(*age);
    let challenge = Challenge {
        acr_values: weak.then_some(ACR_TWO_FACTORS),
        max_age: metadata.default_max_age.filter(old),
    };
    (challenge.acr_values.is_some() || challenge.max_age.is_some()).then_some(challenge)
}

impl Challenge {
    /// The parameters of a `WWW-Authenticate` header (RFC 9470 §3).
    pub(in crate::oidc) fn parameters(&self) -> String {
        let acr = self.acr_values.map(|acr| format!(", acr_values=\"{acr}\"")).unwrap_or_default();
        let age = self.max_age.map(|age| format!(", max_age=\"{age}\"")).unwrap_or_default();
        format!("{acr}{age}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signin::decide::ACR_PASSWORD;

    #[test]
    fn what_is_demanded_now_is_compared_with_what_was_proven_then() {
        const NOW: i64 = 1000;
        let two = Some(ACR_TWO_FACTORS);
        for (require_two_factor, default_max_age, acr, auth_time, expected) in [
            (false, None, ACR_PASSWORD, 0, None),
            (false, None, "", 0, None),
            (true, None, ACR_TWO_FACTORS, 0, None),
            (true, None, ACR_PASSWORD, NOW, Some((two, None))),
            (true, None, "", 0, Some((two, None))),
            (false, Some(300), ACR_PASSWORD, 700, None),
            (false, Some(300), ACR_PASSWORD, 699, Some((None, Some(300)))),
            (true, Some(300), ACR_TWO_FACTORS, 699, Some((None, Some(300)))),
            (true, Some(300), ACR_PASSWORD, 700, Some((two, None))),
            (true, Some(0), ACR_PASSWORD, 999, Some((two, Some(0)))),
        ] {
            let metadata = Metadata { default_max_age, require_two_factor, ..Metadata::default() };
            let challenge = challenge(&metadata, acr, auth_time, NOW);
            let found = challenge.map(|c| (c.acr_values, c.max_age));
            assert_eq!(found, expected, "{require_two_factor} {default_max_age:?} {acr} {auth_time}");
        }
    }

    #[test]
    fn a_challenge_names_what_is_missing() {
        let both = Challenge { acr_values: Some("x"), max_age: Some(5) };
        assert_eq!(both.parameters(), ", acr_values=\"x\", max_age=\"5\"");
        assert_eq!(Challenge { acr_values: None, ..both }.parameters(), ", max_age=\"5\"");
    }
}
