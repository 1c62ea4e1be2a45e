//! What can be the value of a standard claim? (OIDC Core §5.1) Each takes what was written and answers what is kept.

use unic_langid::LanguageIdentifier;
use url::Url;

use super::login::Login;
use super::text::misleads;

/// The longest address of a page or picture, in characters.
const LONGEST_ADDRESS: usize = 2000;

/// The areas of the time zone database; the last ones are older names that are still in use.
const AREAS: [&str; 16] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
    "Etc",
    "Brazil",
    "Canada",
    "Chile",
    "Mexico",
    "US",
];

/// Why a value is none of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAValue {
    /// Nothing but spaces, too long, or with control characters.
    #[error("expected 1 to {0} characters, none of them a control character")]
    Text(usize),
    /// Not an address on the web.
    #[error("expected an address that begins with https:// or http://, such as https://example.org/ned")]
    WebAddress,
    /// Not a date.
    #[error("expected YYYY-MM-DD, 0000-MM-DD where the year is not told, or YYYY")]
    Birthdate,
    /// Not a time zone.
    #[error("expected a name of the time zone database, such as Europe/Paris or UTC")]
    TimeZone,
    /// Not a language.
    #[error("expected a language tag such as en or pt-BR")]
    Locale,
    /// Not a phone number.
    #[error(
        "expected a number with its country code (E.164), such as +1 425 555 1212, or +49 30 1234;ext=56"
    )]
    PhoneNumber,
    /// Neither yes nor no.
    #[error("expected true or false")]
    YesOrNo,
}

/// Words on one line, less the spaces around them.
pub(super) fn text(value: &str, longest: usize) -> Result<String, NotAValue> {
    let value = value.trim();
    let fits = (1..=longest).contains(&value.chars().count()) && !value.chars().any(misleads);
    if fits { Ok(value.to_owned()) } else { Err(NotAValue::Text(longest)) }
}

/// Words on several lines (OIDC Core §5.1.1).
pub(super) fn lines(value: &str, longest: usize) -> Result<String, NotAValue> {
    let value = value.replace("\r\n", "\n").trim().to_owned();
    let fits =
        (1..=longest).contains(&value.chars().count()) && !value.chars().any(|c| misleads(c) && c != '\n');
    if fits { Ok(value) } else { Err(NotAValue::Text(longest)) }
}

/// A name that a person might sign in with elsewhere: what can be a login can be one.
pub(super) fn username(value: &str) -> Result<String, NotAValue> {
    Login::parse(value).map(|login| login.as_str().to_owned()).map_err(|_| NotAValue::Text(200))
}

/// An https or http URL with a host, and no login in it.
pub(super) fn web_address(value: &str) -> Result<String, NotAValue> {
    let value = value.trim();
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '\\';
    let fits = value.chars().count() <= LONGEST_ADDRESS && value.chars().all(plain);
    let url = Url::parse(value).ok().filter(|url| fits && matches!(url.scheme(), "https" | "http"));
    let bare = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    // Without the slashes it would be an address all the same, to some.
    let slashes = value.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//"));
    if slashes && url.as_ref().is_some_and(bare) { Ok(value.to_owned()) } else { Err(NotAValue::WebAddress) }
}

/// A date of ISO 8601-1, the year 0000 when it is not told, or the year alone.
pub(super) fn birthdate(value: &str) -> Result<String, NotAValue> {
    let value = value.trim();
    let number = |text: &str, digits: usize| {
        let right = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if right { text.parse::<u16>().ok() } else { None }
    };
    let mut parts = value.splitn(3, '-');
    let year = parts.next().and_then(|year| number(year, 4));
    let right = match (year, parts.next(), parts.next()) {
        (Some(year), None, None) => year > 0,
        (Some(year), Some(month), Some(day)) => match (number(month, 2), number(day, 2)) {
            (Some(month), Some(day)) => (1..=days(year, month)).contains(&day),
            _ => false,
        },
        _ => false,
    };
    if right { Ok(value.to_owned()) } else { Err(NotAValue::Birthdate) }
}

/// The days of a month; 29 of every February whose year is not told, none of a month that is not there.
const fn days(year: u16, month: u16) -> u16 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// What looks like a name of the time zone database. Which of them there are changes several times a year.
pub(super) fn time_zone(value: &str) -> Result<String, NotAValue> {
    let value = value.trim();
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+".contains(&b))
    };
    let right = match value.split_once('/') {
        None => matches!(value, "UTC" | "GMT"),
        Some((area, rest)) => {
            AREAS.contains(&area) && rest.split('/').count() <= 2 && rest.split('/').all(part)
        }
    };
    if right && value.len() <= 64 { Ok(value.to_owned()) } else { Err(NotAValue::TimeZone) }
}

/// A BCP 47 tag in its usual spelling.
pub(super) fn locale(value: &str) -> Result<String, NotAValue> {
    let parsed: LanguageIdentifier = value.trim().parse().map_err(|_| NotAValue::Locale)?;
    let tag = parsed.to_string();
    if tag.len() <= 64 && tag != "und" { Ok(tag) } else { Err(NotAValue::Locale) }
}

/// A number with its country code; spaces, hyphens, points and brackets may help to read it, and an extension may follow
/// (RFC 3966).
pub(super) fn phone_number(value: &str) -> Result<String, NotAValue> {
    let value = value.trim();
    let (number, extension) = match value.split_once(";ext=") {
        Some((number, extension)) => (number, Some(extension)),
        None => (value, None),
    };
    let rest = number.strip_prefix('+').unwrap_or_default();
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let number_right = (3..=15).contains(&digits)
        && rest.len() <= 40
        && rest.bytes().all(|b| b.is_ascii_digit() || b" -.()".contains(&b))
        && rest.starts_with(|c: char| ('1'..='9').contains(&c));
    let extension_right =
        extension.is_none_or(|e| (1..=10).contains(&e.len()) && e.bytes().all(|b| b.is_ascii_digit()));
    if number_right && extension_right { Ok(value.to_owned()) } else { Err(NotAValue::PhoneNumber) }
}

/// A boolean.
pub(super) fn yes_or_no(value: &str) -> Result<String, NotAValue> {
    match value.trim() {
        value @ ("true" | "false") => Ok(value.to_owned()),
        _ => Err(NotAValue::YesOrNo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parser = fn(&str) -> Result<String, NotAValue>;

    /// Each of these is taken, and kept as it is.
    fn taken(parser: Parser, values: &[&str]) {
        for value in values {
            assert_eq!(parser(value).as_deref(), Ok(*value));
        }
    }

    fn refused(parser: Parser, values: &[&str]) {
        for value in values {
            assert!(parser(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn text_is_short_and_plain() {
        taken(|v| text(v, 5), &["Ned", "Zoë", "né né"]);
        assert_eq!(text("  Ned ", 5).as_deref(), Ok("Ned"));
        refused(|v| text(v, 5), &["", "   ", "123456", "a\0b", "a\nb", "a\u{85}b"]);
        taken(|v| lines(v, 5), &["a\nb"]);
        assert_eq!(lines("a\r\nb\r\n", 5).as_deref(), Ok("a\nb"));
        refused(|v| lines(v, 5), &["", "\n", "a\tb", "a\rb", "1\n2\n34"]);
    }

    #[test]
    fn web_addresses_are_http_with_a_host() {
        taken(
            web_address,
            &["https://example.org", "http://example.org:8080/ned?a=b#c", "https://münchen.example/"],
        );
        refused(
            web_address,
            &[
                "",
                "example.org",
                "javascript:alert(1)",
                "data:image/png;base64,AA",
                "ftp://example.org/",
                "https:example.org",
                "https:\\\\example.org",
                "https://",
                "https://ned:secret@example.org/",
                "https://example.org/a b",
                "https://example.org/\r\nX: y",
            ],
        );
        assert!(web_address(&format!("https://example.org/{}", "x".repeat(2000))).is_err());
    }

    #[test]
    fn birthdates_are_dates() {
        taken(birthdate, &["1970-01-31", "0000-02-29", "2000-02-29", "2024-02-29", "1970", "0001"]);
        refused(
            birthdate,
            &[
                "",
                "0000",
                "70",
                "1970-1-1",
                "1970-13-01",
                "1970-00-01",
                "1970-04-31",
                "1970-01-00",
                "2023-02-29",
                "1900-02-29",
                "1970-01",
                "1970-01-01-01",
                "1970-01-01T00:00:00Z",
                "01/04/1970",
                "+970-01-01",
                "１９７０-01-01",
            ],
        );
    }

    #[test]
    fn time_zones_look_like_those_of_the_database() {
        taken(
            time_zone,
            &["Europe/Paris", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5", "UTC"],
        );
        refused(
            time_zone,
            &[
                "",
                "Berlin",
                "CEST",
                "europe/paris",
                "Europe/",
                "Europe/Paris/x/y",
                "+02:00",
                "Europe/../etc",
                "Mars/Olympus",
            ],
        );
    }

    #[test]
    fn locales_are_tags_in_their_usual_spelling() {
        taken(locale, &["en", "pt-BR", "zh-Hant-TW"]);
        assert_eq!(locale("pt_br").as_deref(), Ok("pt-BR"));
        refused(locale, &["", "english please", "e", "../en", "en_", "und"]);
    }

    #[test]
    fn phone_numbers_have_a_country_code() {
        taken(
            phone_number,
            &["+14255551212", "+1 (425) 555-1212", "+49 30 1234;ext=5678", "+56 (2) 687 2400"],
        );
        refused(
            phone_number,
            &[
                "",
                "030 1234",
                "+0 1234",
                "+",
                "+12",
                "+1234567890123456",
                "+1 425 CALL",
                "+1425;ext=",
                "+1425;ext=x",
                "+1425555\n1212",
                "+ 1 425 555",
                "++1 425 555",
            ],
        );
    }

    #[test]
    fn a_boolean_is_true_or_false() {
        taken(yes_or_no, &["true", "false"]);
        refused(yes_or_no, &["", "yes", "1", "TRUE"]);
    }
}
