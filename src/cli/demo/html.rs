//! What do the demo's own pages share? Escaping, times, and what every answer carries.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

/// Makes a text safe between tags and in quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
        safe
    })
}

/// The same, with web addresses made clickable.
#[must_use]
pub fn escape_with_links(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = next_link(rest) {
        let (before, from) = rest.split_at_checked(start).unwrap_or((rest, ""));
        let end = from.find(|c: char| c.is_whitespace() || "<>\"'".contains(c)).unwrap_or(from.len());
        let address =
            from.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        let link = escape(address);
        safe.push_str(&escape(before));
        let attributes = "target=\"_blank\" rel=\"noopener noreferrer\"";
        safe.extend(["<a href=\"", &link, "\" ", attributes, ">", &link, "</a>"]);
        rest = from.get(address.len()..).unwrap_or_default();
    }
    safe.push_str(&escape(rest));
    safe
}

fn next_link(text: &str) -> Option<usize> {
    [text.find("http://"), text.find("https://")].into_iter().flatten().min()
}

/// The time of day, `17:04:05 UTC`, of a moment in seconds since 1970.
#[must_use]
pub fn time_of_day(at: i64) -> String {
    let second = at.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60)
}

/// A page of ours.
#[must_use]
pub fn page(status: StatusCode, html: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, kind, html).into_response()
}

/// A stylesheet.
#[must_use]
pub fn stylesheet(css: &'static str) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=60")];
    (kind, css).into_response()
}

/// What [`protect`] needs to know.
#[derive(Clone, Debug)]
struct House {
    base: Url,
    policy: HeaderValue,
}

/// Puts the security headers on every answer, with this Content-Security-Policy where an answer has none of its own.
/// Whoever comes by another name of this machine is sent to `base`, where the cookies are, and forms of other sites are
/// refused.
///
/// # Errors
/// When the policy is no header value.
pub fn protect(router: Router, base: &Url, policy: &str) -> anyhow::Result<Router> {
    let house = House { base: base.clone(), policy: HeaderValue::from_str(policy)? };
    Ok(router.layer(middleware::from_fn_with_state(house, guard)))
}

async fn guard(State(house): State<House>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&house.base, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(house.policy);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn refusal(base: &Url, request: &Request) -> Option<Response> {
    let named = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let ours = base.origin().ascii_serialization();
    let elsewhere = named(header::HOST).is_some_and(|host| ours != format!("{}://{host}", base.scheme()));
    if elsewhere && *request.method() == Method::GET {
        return Some(Redirect::temporary(base.as_str()).into_response());
    }
    let foreign = named(header::ORIGIN).is_some_and(|origin| origin != ours);
    (elsewhere || foreign && *request.method() == Method::POST)
        .then(|| (StatusCode::FORBIDDEN, "This form is not one of ours.").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_become_links_and_all_else_is_escaped() {
        assert_eq!(
            escape_with_links("<b> see http://a.example/?x=1&y=2. \"ok\""),
            "&lt;b&gt; see <a href=\"http://a.example/?x=1&amp;y=2\" target=\"_blank\" rel=\"noopener noreferrer\">\
             http://a.example/?x=1&amp;y=2</a>. &quot;ok&quot;"
        );
        assert_eq!(escape("'<&>\""), "&#39;&lt;&amp;&gt;&quot;");
    }

    #[test]
    fn times_are_told_as_people_do() {
        assert_eq!(time_of_day(1_800_000_065), "08:01:05 UTC");
        assert_eq!(time_of_day(-1), "23:59:59 UTC");
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(text in "(http://|https://|<|>|\"|'|&|x| ){0,40}") {
            let shown = escape_with_links(&text);
            let without_ours = shown.replace("<a href=", "").replace("</a>", "").replace(" rel=\"noopener noreferrer\">", "");
            prop_assert!(!without_ours.contains('<') && !without_ours.contains('>') && !without_ours.contains('\''));
        }
    }
}
