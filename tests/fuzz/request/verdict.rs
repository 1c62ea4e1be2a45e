//! Is an answer one that may be given, whatever was asked?

use axum::http::header::{self, HeaderMap};
use serde_json::Value;
use url::Url;

use super::world::{Answer, ISSUER, Visit};

/// What every answer says.
const HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("strict-transport-security", "max-age=31536000"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// The longest answer, in bytes: longer than what may be asked, and no more.
const LONGEST: usize = 512 * 1024;

/// Panics where the answer breaks a rule.
pub fn judge(answer: &Answer, visit: &Visit, request: &str) {
    let status = answer.status.as_u16();
    assert!(status < 500 || status == 503, "{status} for\n{request}\n\n{}", answer.text());
    assert!(answer.body.len() <= LONGEST, "{} bytes for\n{request}", answer.body.len());
    check_headers(&answer.headers, request);
    if let Some(location) = answer.location() {
        assert!(is_ours(location) || visit.is_registered(location), "to {location} for\n{request}");
    }
    // A HEAD has none, and some statuses say it all.
    if answer.body.is_empty() {
        return;
    }
    let kind = answer.headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or_default());
    if kind.starts_with("application/json") {
        let read = serde_json::from_slice::<Value>(&answer.body);
        assert!(read.is_ok(), "no JSON: {} for\n{request}", answer.text());
    } else if kind.starts_with("text/html") {
        check_page(&answer.text(), visit, request);
    } else {
        let known = ["text/plain", "text/css", "text/javascript", "image/", "application/jwt"];
        let known = known.iter().any(|known| kind.starts_with(known)) || kind.contains("+jwt");
        assert!(known, "content type {kind} for\n{request}");
    }
}

fn check_headers(headers: &HeaderMap, request: &str) {
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    for (name, value) in HEADERS {
        let said = headers.get(name).unwrap_or_else(|| panic!("no {name} for\n{request}"));
        // Where the address is a secret, nobody at all is told it.
        let secret = name == "referrer-policy" && path.starts_with("/reset/") && said == "no-referrer";
        // A page that sends itself on to an app says to it where it is from.
        let sends_itself =
            name == "referrer-policy" && path.starts_with("/authorize") && said == "strict-origin";
        assert!(secret || sends_itself || said == value, "{name} is {said:?} for\n{request}");
    }
    let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap_or_default());
    // Pop-ups of apps keep their opener on the way to the callback, and nowhere else.
    let in_popups = ["/authorize", "/logout", "/reset"].iter().any(|start| path.starts_with(start));
    assert!(in_popups || text("cross-origin-opener-policy") == "same-origin", "an opener for\n{request}");
    let policy = text("content-security-policy");
    for word in ["default-src 'none'", "base-uri 'none'", "frame-ancestors "] {
        assert!(policy.contains(word), "the policy {policy:?} lacks {word} for\n{request}");
    }
    assert!(!policy.contains("unsafe"), "the policy is {policy:?} for\n{request}");
    let framed = policy.contains("frame-ancestors *");
    assert_eq!(text("x-frame-options"), if framed { "" } else { "DENY" }, "x-frame-options for\n{request}");
    let sharing = if framed { "cross-origin" } else { "same-origin" };
    assert_eq!(text("cross-origin-resource-policy"), sharing, "for\n{request}");
    assert_eq!(text("x-request-id").len(), 26, "x-request-id for\n{request}");
    assert!(!text("cache-control").is_empty(), "cache-control for\n{request}");
    for cookie in headers.get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().unwrap_or_else(|_| panic!("a cookie that is no text for\n{request}"));
        let protected = cookie.starts_with("__Host-") && cookie.contains("; Secure");
        assert!(protected && cookie.contains("SameSite="), "cookie {cookie} for\n{request}");
    }
}

/// Nothing that was sent may become markup, or an address that a click would run.
fn check_page(html: &str, visit: &Visit, request: &str) {
    let lower = html.to_ascii_lowercase();
    for (at, _) in lower.match_indices("<script") {
        let ours = unescaped(&html[at..]).starts_with("<script src=\"/assets/");
        assert!(ours, "a script for\n{request}\n\n{html}");
    }
    for attribute in [" onload=", " onerror=", " onclick=", " style=", "<base", "<object", "<embed"] {
        let inside = lower.match_indices(attribute).any(|(at, _)| is_within_a_tag(&lower, at));
        assert!(!inside, "{attribute} for\n{request}\n\n{html}");
    }
    for address in attributes(html, "href") {
        let scheme = address.trim().to_ascii_lowercase();
        let runs = ["javascript:", "data:", "vbscript:"].iter().any(|bad| scheme.starts_with(bad));
        assert!(!runs, "a link to {address} for\n{request}\n\n{html}");
    }
    let onward = html.split_once("http-equiv=\"refresh\" content=\"5; url=");
    let onward = onward.and_then(|(_, rest)| rest.split_once('"')).map(|(address, _)| unescaped(address));
    for address in attributes(html, "action").into_iter().chain(onward) {
        let fits = is_ours(&address) || visit.is_registered(&address);
        assert!(fits, "a way to {address} for\n{request}\n\n{html}");
    }
}

/// Whether the last angle bracket before this place opens a tag: text has none, as it is escaped.
fn is_within_a_tag(html: &str, at: usize) -> bool {
    html[at..].starts_with('<')
        || html[..at].rfind(['<', '>']).is_some_and(|last| html[last..].starts_with('<'))
}

/// The values of an attribute, unescaped.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let start = format!(" {name}=\"");
    let rest = html.match_indices(&start).filter(|(at, _)| is_within_a_tag(html, *at));
    rest.filter_map(|(at, _)| html[at + start.len()..].split_once('"'))
        .map(|(value, _)| unescaped(value))
        .collect()
}

fn unescaped(text: &str) -> String {
    let pairs =
        [("&#x2f;", "/"), ("&#x27;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// An address of this site: a path, or one that begins with the issuer.
fn is_ours(address: &str) -> bool {
    (address.starts_with('/') && !address.starts_with("//") && !address.starts_with("/\\"))
        || Url::parse(address).is_ok_and(|url| url.origin().ascii_serialization() == ISSUER)
}
