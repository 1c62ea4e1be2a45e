//! How are requests written in a script? As on the wire, more or less, with a line `%%` between two of them.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde_json::{Map, Value};
use url::{Host, Url};

/// One request, before it is sent.
pub struct Written {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

/// The requests of a script.
pub fn requests(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let all = rest?;
        match find(all, b"\n%%\n") {
            Some(at) => {
                rest = Some(&all[at + 4..]);
                Some(&all[..at])
            }
            None => rest.take(),
        }
    })
}

/// Reads `METHOD target`, a header a line, an empty line, and the body; nothing when HTTP could not carry it.
pub fn parse(text: &[u8]) -> Option<Written> {
    let (head, body) = match find(text, b"\n\n") {
        Some(at) => (&text[..at], &text[at + 2..]),
        None => (text, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let method = Method::from_bytes(&first[..space]).ok()?;
    let uri: Uri = std::str::from_utf8(&first[space + 1..]).ok()?.trim_end().parse().ok()?;
    let mut headers = Vec::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.push((name, value));
        }
    }
    if !body.is_empty() && !headers.iter().any(|(name, _)| name == "content-type") {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.push((HeaderName::from_static("content-type"), form));
    }
    let body = body.strip_suffix(b"\n").unwrap_or(body).to_vec();
    Some(Written { method, uri, headers, body })
}

impl Written {
    /// Whether it may make the site hash a password, which takes as long as a hundred other requests.
    pub fn costs_a_hash(&self) -> bool {
        let path = self.uri.path();
        let step = path.ends_with("/password") || path.ends_with("/code") || path.starts_with("/reset/");
        step && self.method == Method::POST
    }

    /// Whether it registers an address that the site would then ask for something, on a host that is not this one. (This
    /// one's are refused before anything is sent.)
    pub fn leads_outside(&self) -> bool {
        if !self.uri.path().starts_with("/register") {
            return false;
        }
        let Ok(members) = serde_json::from_slice::<Map<String, Value>>(&self.body) else { return false };
        let one = ["jwks_uri", "sector_identifier_uri", "backchannel_logout_uri"];
        let one = one.iter().filter_map(|name| members.get(*name)?.as_str());
        let many = members.get("request_uris").and_then(Value::as_array);
        let many = many.into_iter().flatten().filter_map(Value::as_str);
        one.chain(many).any(|uri| match Url::parse(uri).as_ref().map(Url::host) {
            Ok(Some(Host::Ipv4(ip))) => !ip.is_loopback(),
            Ok(Some(Host::Domain(name))) => name != "localhost",
            Ok(Some(Host::Ipv6(_))) => true,
            Ok(None) | Err(_) => false,
        })
    }

    /// As the server gets it.
    pub fn into_request(self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        request
    }
}

/// Where something begins for the first time.
pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
