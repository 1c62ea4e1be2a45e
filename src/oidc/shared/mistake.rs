//! What has an app's developer done wrong, and which document says so? For the page that is shown where no answer can go to the app.

use url::Url;

use super::documents::Document;
use super::error::Refusal;
use crate::web::form::Form;
use crate::web::{Hint, ProtocolErrorPage};

/// A request that is wrong before it is known what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub refusal: Refusal,
    /// Which document says so.
    pub document: &'static Document,
    /// What the developer has probably overlooked.
    pub hint: Option<Hint>,
    /// What is registered about it: names and values.
    pub registered: Vec<(&'static str, String)>,
}

/// The longest value that the page shows, in characters.
const MAX_SHOWN: usize = 300;

/// What was sent that matters here; nothing that may be secret.
const SHOWN: [&str; 5] = ["client_id", "redirect_uri", "response_type", "request_uri", "request"];

impl Mistake {
    /// One about which nothing else is known.
    #[must_use]
    pub const fn new(refusal: Refusal, document: &'static Document) -> Self {
        Self { refusal, document, hint: None, registered: Vec::new() }
    }

    /// The same, with what is registered under a name.
    #[must_use]
    pub fn registered<'v>(self, name: &'static str, values: impl IntoIterator<Item = &'v String>) -> Self {
        let registered = values.into_iter().map(|value| (name, value.clone())).collect();
        Self { registered, ..self }
    }

    /// The page that tells it, with what was sent.
    #[must_use]
    pub fn page(self, sent: &Form) -> ProtocolErrorPage {
        let shown = SHOWN.into_iter().filter_map(|name| Some((name, shortened(sent.get(name)?))));
        ProtocolErrorPage {
            error: self.refusal.code.name(),
            description: self.refusal.description,
            document: self.document.name,
            document_url: self.document.url,
            hint: self.hint,
            sent: shown.collect(),
            registered: self.registered,
        }
    }
}

fn shortened(value: &str) -> String {
    let mut shown: String = value.chars().take(MAX_SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

/// In what a redirect URI differs from one of those that are registered, if it is one thing alone.
#[must_use]
pub fn near_miss(sent: &str, registered: &[String]) -> Option<Hint> {
    let found = registered.iter().find_map(|uri| Some((difference(sent, uri)?, uri)));
    found.map(|(key, uri)| Hint { key, value: uri.clone() })
}

/// The sentence that says in what two addresses differ, if it is one thing alone.
fn difference(sent: &str, registered: &str) -> Option<&'static str> {
    let (one, two) = (Url::parse(sent).ok()?, Url::parse(registered).ok()?);
    if one == two || sent.eq_ignore_ascii_case(registered) {
        return Some("redirect-differs-spelling");
    }
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    let text = |part: Option<&str>| part.map(str::to_owned);
    let differences = [
        ("redirect-differs-scheme", one.scheme() != two.scheme()),
        ("redirect-differs-host", one.host_str() != two.host_str() || one.username() != two.username()),
        ("redirect-differs-port", one.port() != two.port()),
        ("redirect-differs-path", path(&one) != path(&two)),
        ("redirect-differs-slash", path(&one) == path(&two) && one.path() != two.path()),
        ("redirect-differs-query", text(one.query()) != text(two.query())),
        ("redirect-differs-fragment", one.fragment() != two.fragment()),
    ];
    let mut found = differences.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key);
    match (found.next(), found.next()) {
        // Another host is another app's address rather than a slip.
        (Some("redirect-differs-host"), None) => None,
        (Some(only), None) => Some(only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_one_thing_that_differs_is_named() {
        let registered = "https://app.example.org/cb";
        for (sent, key) in [
            ("https://app.example.org/cb/", Some("redirect-differs-slash")),
            ("https://app.example.org/cb?x=1", Some("redirect-differs-query")),
            ("https://app.example.org/cb?", Some("redirect-differs-query")),
            ("https://app.example.org:8443/cb", Some("redirect-differs-port")),
            ("http://app.example.org/cb", Some("redirect-differs-scheme")),
            ("https://app.example.org/callback", Some("redirect-differs-path")),
            ("https://app.example.org/cb#x", Some("redirect-differs-fragment")),
            ("https://app.example.org:443/cb", Some("redirect-differs-spelling")),
            ("https://APP.example.org/CB", Some("redirect-differs-spelling")),
            ("https://evil.example/cb", None),
            ("http://app.example.org/other", None),
            ("cb", None),
        ] {
            assert_eq!(difference(sent, registered), key, "{sent}");
        }
    }

    proptest! {
        #[test]
        fn no_address_panics(sent in ".*", registered in ".*") {
            let _ = difference(&sent, &registered);
        }
    }
}
