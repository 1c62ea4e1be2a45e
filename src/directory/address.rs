//! What is an address that mail can be delivered to?

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::login::fold;
use crate::mail::{domain_to_ascii, domain_to_unicode};

/// A mail address as the mail system writes it: an unquoted local part of RFC 5321 §4.1.2 in ASCII, and a domain name in lower case,
/// an internationalised one as its A-labels (RFC 5890 §2.3.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It does not look like one.
    #[error("not an email address: expected something like name@example.org")]
    Shape,
    /// What stands before the @ is not ASCII: most mail servers do not take such an address (RFC 6531).
    #[error(
        "not an address that every mail server takes: before the @, only letters from a to z without accents, digits and a few \
         signs reach everybody"
    )]
    Local,
}

impl Address {
    /// Takes an address.
    ///
    /// # Errors
    /// When mail could not be delivered to it.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnAddress::Shape)?;
        let domain = domain_to_ascii(domain).filter(|domain| domain == "localhost" || domain.contains('.'));
        let domain = domain.ok_or(NotAnAddress::Shape)?;
        if !local.is_ascii() && local.chars().all(|c| c.is_alphanumeric() || is_atom(c)) {
            return Err(NotAnAddress::Local);
        }
        let fits = (1..=64).contains(&local.len()) && local.len() + 1 + domain.len() <= 254;
        if fits && is_local_part(local) {
            Ok(Self(format!("{local}@{domain}")))
        } else {
            Err(NotAnAddress::Shape)
        }
    }

    /// As it is sent to, and compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What an address that somebody has typed is compared by, however they write it; none for what is no address.
    #[must_use]
    pub fn key_of(typed: &str) -> Option<String> {
        let typed: String = typed.nfkc().collect();
        let (local, domain) = typed.trim().rsplit_once('@')?;
        Self::parse(&format!("{}@{domain}", fold(local))).ok().map(|address| address.0)
    }

    /// The domain, as it is compared.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// As people read it, the domain in their own letters.
    #[must_use]
    pub fn shown(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        format!("{local}@{}", domain_to_unicode(domain))
    }

    /// As it may be shown to somebody who is not yet known to own it: `t•••@example.org`.
    #[must_use]
    pub fn masked(&self) -> String {
        crate::mail::mask(&self.0)
    }
}

fn is_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c)
}

fn is_local_part(local: &str) -> bool {
    local.chars().all(is_atom) && !local.starts_with('.') && !local.ends_with('.') && !local.contains("..")
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
        for (text, sent_to, shown) in [
            ("ned@example.org", "ned@example.org", "ned@example.org"),
            ("n.e+d@sub.example.org", "n.e+d@sub.example.org", "n.e+d@sub.example.org"),
            ("root@localhost", "root@localhost", "root@localhost"),
            ("o'neil@example.org", "o'neil@example.org", "o'neil@example.org"),
            ("Ned@EXAMPLE.Org", "Ned@example.org", "Ned@example.org"),
            ("ned@müller.example", "ned@xn--mller-kva.example", "ned@müller.example"),
            ("ned@MÜLLER.example", "ned@xn--mller-kva.example", "ned@müller.example"),
            ("ned@xn--mller-kva.example", "ned@xn--mller-kva.example", "ned@müller.example"),
            ("ned@exаmple.org", "ned@xn--exmple-4nf.org", "ned@xn--exmple-4nf.org"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.as_str(), address.shown().as_str()), (sent_to, shown), "{text}");
        }
    }

    #[test]
    fn what_mail_cannot_reach_is_refused() {
        let long = format!("{}@example.org", "n".repeat(65));
        let longer = format!("ned@{}.example", ["d".repeat(63).as_str(); 4].join("."));
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
            "Ned <ned@x.org>",
            "a@b@x.org,c",
            "ned@[192.0.2.1]",
            "ned@xn--a.example",
            "n\u{200b}ed@x.org",
            &long,
            &longer,
        ] {
            assert_eq!(Address::parse(text), Err(NotAnAddress::Shape), "{text:?}");
        }
        for text in ["né@x.org", "нед@почта.рф"] {
            assert_eq!(Address::parse(text), Err(NotAnAddress::Local), "{text:?}");
        }
    }

    #[test]
    fn an_address_is_found_however_it_is_typed() {
        for typed in [
            "ned@müller.example",
            "NED@MÜLLER.EXAMPLE",
            " ned@xn--mller-kva.example ",
            "ｎｅｄ＠müller.example",
        ] {
            assert_eq!(Address::key_of(typed).as_deref(), Some("ned@xn--mller-kva.example"), "{typed}");
        }
        assert_eq!(Address::key_of("INES@x.org").as_deref(), Some("ines@x.org"));
        for typed in ["ned", "né@x.org", "ned@", "@x.org", "ned@x", "ned@x.org\nann@x.org"] {
            assert_eq!(Address::key_of(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_masked_address_shows_one_letter_and_the_domain() {
        for (address, masked) in
            [("theo@example.org", "t•••@example.org"), ("theo@müller.example", "t•••@müller.example")]
        {
            assert_eq!(Address::parse(address).map(|a| a.masked()).as_deref(), Ok(masked));
        }
    }

    proptest! {
        #[test]
        fn whoever_types_their_address_is_found(text in "[a-zA-Z.+]{1,8}@[a-zA-ZüßП.-]{1,12}") {
            if let Ok(address) = Address::parse(&text) {
                let kept = address.as_str().to_ascii_lowercase();
                for typed in [text.as_str(), address.as_str(), &address.shown()] {
                    prop_assert_eq!(Address::key_of(typed), Some(kept.clone()));
                }
            }
        }

        #[test]
        fn nothing_with_a_line_break_is_an_address(before in ".*", after in ".*") {
            let breaks = format!("{before}\n{after}");
            prop_assert!(Address::parse(&breaks).is_err());
        }

        #[test]
        fn an_address_is_the_same_however_it_is_written(text in "[a-zé.]{1,8}@[a-zA-ZüßП.-]{1,12}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(address.as_str().is_ascii());
                prop_assert_eq!(Address::parse(address.as_str()), Ok(address.clone()));
                prop_assert_eq!(Address::parse(&address.shown()), Ok(address));
            }
        }
    }
}
