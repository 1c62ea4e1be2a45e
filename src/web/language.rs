//! In which language does a person read us, and how does a sentence go in it?

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_langneg::{NegotiationStrategy, accepted_languages, negotiate_languages};
use unic_langid::LanguageIdentifier;

/// The catalogues that are built in: a language's tag, what it calls itself, and its files. A new language is a folder and a line here.
const CATALOGUES: &[(&str, &str, &[&str])] = &[(
    "en",
    "English",
    &[
        include_str!("../../locales/en/pages.ftl"),
        include_str!("../../locales/en/console.ftl"),
        include_str!("../../locales/en/console-home.ftl"),
        include_str!("../../locales/en/console-repair.ftl"),
        include_str!("../../locales/en/console-mail.ftl"),
        include_str!("../../locales/en/console-groups.ftl"),
        include_str!("../../locales/en/console-roles.ftl"),
        include_str!("../../locales/en/console-apps.ftl"),
        include_str!("../../locales/en/console-slips.ftl"),
        include_str!("../../locales/en/console-try.ftl"),
        include_str!("../../locales/en/console-audit.ftl"),
        include_str!("../../locales/en/console-keys.ftl"),
        include_str!("../../locales/en/console-users.ftl"),
        include_str!("../../locales/en/console-sessions.ftl"),
        include_str!("../../locales/en/console-several.ftl"),
        include_str!("../../locales/en/errors.ftl"),
        include_str!("../../locales/en/mail.ftl"),
    ],
)];

/// The language of last resort.
const DEFAULT: &str = "en";

/// A language that there is a catalogue for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(&'static str);

impl Default for Language {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl Language {
    /// The best language for a page: what the app asked for (`ui_locales`), or else what the browser asks for.
    #[must_use]
    pub fn negotiate(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let asked = |text: &str, separator: char| -> Vec<LanguageIdentifier> {
            text.split(separator).filter_map(|tag| tag.parse().ok()).take(20).collect()
        };
        let by_app = ui_locales.map(|tags| asked(tags, ' ')).unwrap_or_default();
        let by_browser = accept_language.map(accepted_languages::parse).unwrap_or_default();
        best(&by_app).or_else(|| best(&by_browser)).unwrap_or_default()
    }

    /// The language of a page for whoever sent these headers.
    #[must_use]
    pub fn of_reader(headers: &HeaderMap, ui_locales: Option<&str>) -> Self {
        Self::negotiate(ui_locales, Some(&super::headers::list(headers, header::ACCEPT_LANGUAGE)))
    }

    /// The language of a mail: that of the person's group.
    #[must_use]
    pub fn of_group(tag: Option<&str>) -> Self {
        let tags: Vec<LanguageIdentifier> = tag.and_then(|tag| tag.parse().ok()).into_iter().collect();
        best(&tags).unwrap_or_default()
    }

    /// The tag (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        self.0
    }

    /// The direction in which it is written, as HTML's `dir` has it.
    #[must_use]
    pub fn direction(self) -> &'static str {
        match self.0.split('-').next() {
            Some("ar" | "fa" | "he" | "ur") => "rtl",
            _ => "ltr",
        }
    }

    /// The tags of every language there is.
    pub fn available() -> impl Iterator<Item = &'static str> {
        CATALOGUES.iter().map(|(tag, ..)| *tag)
    }

    /// Every language there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::available().map(Self)
    }

    /// A number as people read it.
    #[must_use]
    pub fn number(self, number: i64) -> String {
        grouped(&FluentValue::from(number), separator(self.0)).unwrap_or_default()
    }

    /// What it calls itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        CATALOGUES.iter().find(|(tag, ..)| *tag == self.0).map_or(self.0, |(_, name, _)| *name)
    }
}

/// A space that no line breaks at, and narrower than others: what separates thousands where a comma or a point would be read as a decimal.
const THIN: char = '\u{202f}';

/// What stands between the thousands of a number in this language (CLDR).
fn separator(tag: &str) -> char {
    match tag.split('-').next() {
        Some("en" | "he" | "ja" | "ko" | "zh" | "th") => ',',
        Some("de" | "es" | "it" | "nl" | "pt" | "id" | "tr" | "da" | "el") => '.',
        _ => THIN,
    }
}

/// A number of a sentence with its thousands apart; none for what is no number.
fn grouped(value: &FluentValue<'_>, separator: char) -> Option<String> {
    let FluentValue::Number(number) = value else { return None };
    let text = number.as_string();
    let whole = text.chars().take_while(|c| *c != '.').filter(char::is_ascii_digit).count();
    let mut told = String::with_capacity(text.len() + whole / 3);
    let mut left = whole;
    for c in text.chars() {
        told.push(c);
        if c.is_ascii_digit() && left > 0 {
            left -= 1;
            if left > 0 && left.is_multiple_of(3) {
                told.push(separator);
            }
        }
    }
    Some(told)
}

fn best(asked: &[LanguageIdentifier]) -> Option<Language> {
    if asked.is_empty() {
        return None;
    }
    let available: Vec<LanguageIdentifier> =
        Language::available().filter_map(|tag| tag.parse().ok()).collect();
    let found = negotiate_languages(asked, &available, None, NegotiationStrategy::Lookup);
    let tag = found.first()?.to_string();
    Language::available().find(|known| *known == tag).map(Language)
}

/// All sentences of all languages.
pub struct Catalogue(BTreeMap<&'static str, FluentBundle<FluentResource>>);

/// A catalogue that does not parse, which the tests find before anybody else.
#[derive(Debug, thiserror::Error)]
#[error("locales/{0}: the catalogue cannot be read")]
pub struct BadCatalogue(&'static str);

impl Catalogue {
    /// Reads the built-in catalogues.
    ///
    /// # Errors
    /// When one does not parse.
    pub fn built_in() -> Result<Self, BadCatalogue> {
        let mut bundles = BTreeMap::new();
        for (tag, _, files) in CATALOGUES {
            let bad = || BadCatalogue(tag);
            let id: LanguageIdentifier = tag.parse().map_err(|_| bad())?;
            let mut bundle = FluentBundle::new_concurrent(vec![id]);
            // No invisible marks around what is put in: they would be copied along with a code.
            bundle.set_use_isolating(false);
            bundle.set_formatter(Some(match separator(tag) {
                ',' => |value, _| grouped(value, ','),
                '.' => |value, _| grouped(value, '.'),
                _ => |value, _| grouped(value, THIN),
            }));
            for file in *files {
                let resource = FluentResource::try_new((*file).to_owned()).map_err(|_| bad())?;
                bundle.add_resource(resource).map_err(|_| bad())?;
            }
            bundles.insert(*tag, bundle);
        }
        Ok(Self(bundles))
    }

    /// The sentence of this key; none when the catalogue lacks it or one of its arguments.
    #[must_use]
    pub fn sentence(
        &self,
        language: Language,
        key: &str,
        arguments: &[(String, Argument)],
    ) -> Option<String> {
        let bundle = self.0.get(language.tag())?;
        let pattern = bundle.get_message(key)?.value()?;
        let mut args = FluentArgs::new();
        for (name, value) in arguments {
            let value = match value {
                Argument::Number(number) => FluentValue::from(*number),
                Argument::Text(text) => FluentValue::from(text.as_str()),
            };
            args.set(name.as_str(), value);
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
        errors.is_empty().then(|| text.into_owned())
    }
}

/// What is put into a sentence.
#[derive(Clone, Debug)]
pub enum Argument {
    /// A number, for plurals too.
    Number(i64),
    /// A text.
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_there_falls_back_to_english() {
        for (app, browser) in [
            (None, None),
            (Some("xx"), Some("de-DE,de;q=0.9")),
            (Some("se"), None),
            (Some("en-GB"), Some("fr")),
        ] {
            assert_eq!(Language::negotiate(app, browser).tag(), "en", "{app:?} {browser:?}");
        }
        assert_eq!(Language::of_group(Some("not a tag")).tag(), "en");
    }

    #[test]
    fn sentences_have_plurals_and_no_invisible_marks() {
        let catalogue = Catalogue::built_in().unwrap();
        let left = |n| {
            catalogue.sentence(Language::default(), "attempts-left", &[("n".to_owned(), Argument::Number(n))])
        };
        assert_eq!(left(1).as_deref(), Some("1 attempt left."));
        assert_eq!(left(4).as_deref(), Some("4 attempts left."));
        assert_eq!(catalogue.sentence(Language::default(), "attempts-left", &[]), None);
        assert_eq!(catalogue.sentence(Language::default(), "no-such-key", &[]), None);
    }

    #[test]
    fn thousands_stand_apart_as_the_language_has_it() {
        for (number, english, german, other) in [
            (0, "0", "0", "0"),
            (999, "999", "999", "999"),
            (1000, "1,000", "1.000", "1\u{202f}000"),
            (-12_345, "-12,345", "-12.345", "-12\u{202f}345"),
            (1_234_567, "1,234,567", "1.234.567", "1\u{202f}234\u{202f}567"),
        ] {
            let told = |tag| grouped(&FluentValue::from(number), separator(tag)).unwrap();
            assert_eq!(
                (told("en-GB"), told("de"), told("fr")),
                (english.into(), german.into(), other.into())
            );
            assert_eq!(Language::default().number(number), english);
        }
        let catalogue = Catalogue::built_in().unwrap();
        let sentence = |n| {
            catalogue.sentence(Language::default(), "attempts-left", &[("n".to_owned(), Argument::Number(n))])
        };
        assert_eq!(sentence(4321).as_deref(), Some("4,321 attempts left."));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_there_is_a_language(app in ".*", browser in "[a-zA-Z0-9,;=.* -]{0,60}", group in ".*") {
            let languages: Vec<_> = Language::available().collect();
            for language in [Language::negotiate(Some(&app), Some(&browser)), Language::of_group(Some(&group))] {
                prop_assert!(languages.contains(&language.tag()));
            }
        }
    }
}
