//! What is an address that mail can be delivered to?

use std::fmt;

/// A mail address: an unquoted local part of RFC 5321 §4.1.2 in ASCII, and a domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an email address: expected something like name@example.org")]
pub struct NotAnAddress;

impl Address {
    /// Takes an address.
    ///
    /// # Errors
    /// When mail could not be delivered to it.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnAddress)?;
        let fits = text.len() <= 254 && (1..=64).contains(&local.len());
        if fits && is_local_part(local) && is_domain(domain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAddress)
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it may be shown to somebody who is not yet known to own it: `t•••@example.org`.
    #[must_use]
    pub fn masked(&self) -> String {
        crate::mail::mask(&self.0)
    }
}

fn is_local_part(local: &str) -> bool {
    let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&c);
    local.bytes().all(atom) && !local.starts_with('.') && !local.ends_with('.') && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    (domain == "localhost" || domain.contains('.')) && domain.split('.').all(label)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_taken() {
        for text in ["ned@example.org", "n.e+d@sub.example.org", "root@localhost", "o'neil@example.org"] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_mail_cannot_reach_is_refused() {
        for text in [
            "",
            "ned",
            "ned@",
            "@example.org",
            "ned@example",
            "ned@-x.org",
            "ned@x..org",
            ".ned@x.org",
            "a b@x.org",
            "ned@x.org\r\nBcc: all@x.org",
            "ned@x.org ",
            "\"n d\"@x.org",
            "né@x.org",
            "a@b@x.org,c",
        ] {
            assert_eq!(Address::parse(text), Err(NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn a_masked_address_shows_one_letter_and_the_domain() {
        assert_eq!(Address::parse("theo@example.org").map(|a| a.masked()), Ok("t•••@example.org".to_owned()));
    }

    proptest! {
        #[test]
        fn nothing_with_a_line_break_is_an_address(before in ".*", after in ".*") {
            let breaks = format!("{before}\n{after}");
            prop_assert!(Address::parse(&breaks).is_err());
        }
    }
}
