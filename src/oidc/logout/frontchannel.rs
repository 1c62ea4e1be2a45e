//! Which pages of the apps does the browser load, so that each app signs its person out itself? (OIDC Front-Channel Logout 1.0)

use axum::http::HeaderValue;
use url::Url;

/// The page of one app, as it is loaded in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its address, with `iss` and `sid`.
    pub(super) src: String,
    /// Scheme, host and port: what the page's policy lets in.
    origin: String,
}

impl Frame {
    /// The registered address with `iss` and `sid` added (§2 and §3), and what it has in its query before. None for one that could
    /// not stand in a policy without changing what else it says.
    pub(super) fn new(registered: &str, issuer: &str, session_id: &str) -> Option<Self> {
        let mut url = Url::parse(registered).ok()?;
        let origin = url.origin();
        let text = origin.ascii_serialization();
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/[]".contains(&b));
        if !origin.is_tuple() || !plain {
            return None;
        }
        url.query_pairs_mut().append_pair("iss", issuer).append_pair("sid", session_id);
        Some(Self { src: url.into(), origin: text })
    }
}

/// The policy of the page that holds these frames: that of our other pages with a script, and just these origins.
pub(super) fn policy(frames: &[Frame]) -> Option<HeaderValue> {
    let mut origins: Vec<&str> = frames.iter().map(|frame| frame.origin.as_str()).collect();
    origins.sort_unstable();
    origins.dedup();
    let policy = format!("{}; frame-src {}", crate::web::PAGE_POLICY, origins.join(" "));
    HeaderValue::from_str(&policy).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(uri: &str) -> Option<Frame> {
        Frame::new(uri, "https://id.example.org", "s1")
    }

    #[test]
    fn a_frame_has_iss_and_sid_after_its_own_query() {
        let added = "iss=https%3A%2F%2Fid.example.org&sid=s1";
        for (uri, expected) in [
            ("https://app.example.org/out", format!("https://app.example.org/out?{added}")),
            ("https://app.example.org/out?", format!("https://app.example.org/out?{added}")),
            ("https://app.example.org/out?a=b%20c", format!("https://app.example.org/out?a=b%20c&{added}")),
        ] {
            assert_eq!(frame(uri).unwrap().src, expected);
        }
    }

    #[test]
    fn the_policy_lets_in_these_origins_alone() {
        let uris = ["https://b.example/x", "http://localhost:81/", "https://b.example/y", "https://[::1]:4/"];
        let frames: Vec<Frame> = uris.into_iter().filter_map(frame).collect();
        let policy = policy(&frames).unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        let last = policy.rsplit("; ").next().unwrap();
        assert_eq!(last, "frame-src http://localhost:81 https://[::1]:4 https://b.example");
    }

    proptest! {
        #[test]
        fn no_address_adds_another_word_to_the_policy(host in ".*") {
            for uri in [host.clone(), format!("https://{host}/out"), format!("https://a{host}b")] {
                if let Some(frame) = frame(&uri) {
                    prop_assert!(!frame.origin.contains([';', ' ', ',', '\'', '*']), "{}", frame.origin);
                    prop_assert!(policy(&[frame]).is_some());
                }
            }
        }
    }
}
