//! Where does an address lead, seen from a page of the provider? To the provider itself, or away from it.

use anyhow::{Context as _, bail};

/// Scheme, host and port of a provider. http alone: TLS would measure OpenSSL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// As the `Host` header says it.
    pub authority: String,
    /// What to connect to.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Where a redirect or a form leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path of the provider, with its query.
    Here(String),
    /// An address of somebody else.
    Elsewhere(String),
}

impl Origin {
    /// The origin of an address, and the path in it.
    ///
    /// # Errors
    /// When the address is not an http one.
    pub fn split(address: &str) -> anyhow::Result<(Self, String)> {
        let Some(rest) = address.strip_prefix("http://") else { bail!("{address} is no http:// address") };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).context("an address")?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().with_context(|| format!("the port of {address}"))?),
            None => (authority, 80),
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok((Self { authority: authority.to_owned(), host: host.to_owned(), port }, path))
    }

    /// What a `Location` or an `action` means on the page of this path (RFC 3986 §5, without dot segments). A fragment stays behind.
    #[must_use]
    pub fn resolve(&self, page: &str, reference: &str) -> Place {
        let kept = reference.split('#').next().unwrap_or_default();
        if let Some(rest) = kept.strip_prefix("http://").and_then(|r| r.strip_prefix(&self.authority)) {
            match rest.chars().next() {
                None => return Place::Here("/".to_owned()),
                Some('/') => return Place::Here(rest.to_owned()),
                Some('?') => return Place::Here(format!("/{rest}")),
                Some(_) => {}
            }
        }
        if has_scheme(reference) || kept.starts_with("//") {
            return Place::Elsewhere(reference.to_owned());
        }
        let bare = page.split('?').next().unwrap_or_default();
        Place::Here(match kept.chars().next() {
            None => page.to_owned(),
            Some('/') => kept.to_owned(),
            Some('?') => format!("{bare}{kept}"),
            Some(_) => format!("{}/{kept}", bare.rsplit_once('/').map_or("", |(folder, _)| folder)),
        })
    }
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::{Origin, Place};

    #[test]
    fn an_address_has_an_origin_and_a_path() {
        let cases = [
            ("http://localhost:8080/a?b=c", Some(("localhost", 8080, "/a?b=c"))),
            ("http://127.0.0.1", Some(("127.0.0.1", 80, "/"))),
            ("http://id.example?x=1", Some(("id.example", 80, "/?x=1"))),
            ("https://id.example/", None),
            ("http://id.example:port/", None),
        ];
        for (address, expected) in cases {
            let found = Origin::split(address).ok();
            let found =
                found.as_ref().map(|(origin, path)| (origin.host.as_str(), origin.port, path.as_str()));
            assert_eq!(found, expected, "{address}");
        }
    }

    #[test]
    fn a_reference_leads_here_or_elsewhere() {
        let (origin, _) = Origin::split("http://127.0.0.1:9000/").unwrap();
        let here = [
            ("/next?x=1#top", "/next?x=1"),
            ("http://127.0.0.1:9000/next", "/next"),
            ("http://127.0.0.1:9000", "/"),
            ("?x=2", "/a/page?x=2"),
            ("", "/a/page?x=1"),
            ("other", "/a/other"),
        ];
        for (reference, path) in here {
            assert_eq!(origin.resolve("/a/page?x=1", reference), Place::Here(path.to_owned()), "{reference}");
        }
        for reference in ["http://127.0.0.1:90001/x", "http://127.0.0.1:9/cb?code=1#x", "app:/cb", "//host/x"]
        {
            let expected = Place::Elsewhere(reference.to_owned());
            assert_eq!(origin.resolve("/a/page", reference), expected, "{reference}");
        }
    }
}
