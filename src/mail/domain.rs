//! Which host is meant by a domain as people write it, and how is it shown to them? Internationalised names (RFC 5890, UTS 46).

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// A domain as the mail system writes it: in lower case, `müller.example` as `xn--mller-kva.example`. None when it is no domain.
#[must_use]
pub fn to_ascii(domain: &str) -> Option<String> {
    let names = Uts46::new();
    let ascii =
        names.to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    ascii.ok().map(std::borrow::Cow::into_owned)
}

/// A domain as people read it: in their own letters where none of them can be taken for another.
#[must_use]
pub fn to_unicode(domain: &str) -> String {
    let (shown, read) = idna::domain_to_unicode(domain);
    if read.is_ok() && is_plain(&shown) { shown } else { domain.to_owned() }
}

/// Whether no letter of a domain looks like one of another script beside it: Latin letters stand with Latin, Chinese, Japanese and
/// Korean ones, all others only among themselves (as browsers have it; UTS 39 §5.2).
fn is_plain(domain: &str) -> bool {
    let latin = |c: char| c.is_ascii_alphabetic() || matches!(c, 'ß'..='ö' | 'ø'..='ÿ' | 'ā'..='ž');
    let eastern =
        |c: char| matches!(c, '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
    let other = |c: char| !c.is_ascii() && !latin(c) && !eastern(c);
    // Without its dot, i is a letter of Turkish, and an i to everybody else.
    let doubtful = domain.contains('ı') || (domain.contains(latin) && domain.contains(other));
    !doubtful
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_domain_has_one_spelling() {
        for (written, ascii) in [
            ("example.org", "example.org"),
            ("EXAMPLE.Org", "example.org"),
            ("müller.example", "xn--mller-kva.example"),
            ("MÜLLER.example", "xn--mller-kva.example"),
            ("mu\u{308}ller.example", "xn--mller-kva.example"),
            ("XN--MLLER-KVA.example", "xn--mller-kva.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("почта.рф", "xn--80a1acny.xn--p1ai"),
            ("例え。jp", "xn--r8jz45g.jp"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(to_ascii(written).as_deref(), Some(ascii), "{written}");
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        let long = format!("{}.example", "ü".repeat(63));
        for written in [
            "",
            ".",
            "a..b",
            "example.org.",
            "-a.example",
            "a-.example",
            "a b.example",
            "a_b.example",
            "xn--a.example",
            "a@b.example",
            "a\r\nb.example",
            "a\0.example",
            "[127.0.0.1]",
            &long,
        ] {
            assert_eq!(to_ascii(written), None, "{written:?}");
        }
    }

    #[test]
    fn people_read_their_own_letters() {
        for written in ["müller.example", "łódź.example", "почта.рф", "例え.jp", "한국.kr", "example.org"]
        {
            assert_eq!(to_unicode(&to_ascii(written).unwrap()), written);
        }
    }

    /// `аррӏе.com` in Cyrillic letters, `exаmple.org` with one of them, a dotless i.
    #[test]
    fn letters_that_look_like_others_are_not_shown() {
        for written in ["аррӏе.com", "ex\u{430}mple.org", "gιthub.example", "mıcrosoft.example"] {
            let ascii = to_ascii(written).unwrap();
            assert_eq!(to_unicode(&ascii), ascii);
        }
    }

    proptest! {
        #[test]
        fn a_spelling_is_its_own(written in "\\PC{0,30}") {
            if let Some(ascii) = to_ascii(&written) {
                prop_assert!(ascii.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)));
                prop_assert_eq!(to_ascii(&ascii), Some(ascii.clone()));
                prop_assert_eq!(to_ascii(&to_unicode(&ascii)), Some(ascii));
            }
        }
    }
}
