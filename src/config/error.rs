//! Why can the settings not be used? One line that names the setting, its place, and what is expected there.

use std::fmt::{self, Display};
use std::io;

use serde::de::{self, Expected, Unexpected};

use super::place::Place;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read: the settings file, or one that holds a secret.
    #[error("{place}: cannot read {file}: {source}")]
    Unreadable {
        /// Who asks for the file.
        place: String,
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{file}:{line}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Its line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A setting is not known, or its value is wrong.
    #[error("{place}: {key}: {what}")]
    Setting {
        /// The file and line, or the variable.
        place: String,
        /// The setting, as `section.key`.
        key: String,
        /// What is expected.
        what: String,
    },
}

/// An error on the way from the tree to the settings: it learns its place as it passes the setting that it is about.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    found: Option<String>,
    at: Option<(String, Place)>,
}

impl Failure {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), found: None, at: None }
    }

    /// The same error, at this setting unless it knows better.
    pub(super) fn at(mut self, key: &str, place: &Place) -> Self {
        if self.at.is_none() {
            self.at = Some((key.to_owned(), place.clone()));
        }
        self
    }

    /// The error as it is told.
    pub(super) fn told(self) -> ConfigError {
        let (key, place) = self.at.map_or_else(Default::default, |(key, place)| (key, place.to_string()));
        let secret = key.ends_with("password") || key.ends_with("url");
        let found = self.found.filter(|_| !secret).map(|found| format!(", not {found}")).unwrap_or_default();
        let key = key.escape_debug().to_string();
        ConfigError::Setting { place, key, what: format!("{}{found}", self.what) }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: Display>(message: T) -> Self {
        // The standard library's own words say what is wrong, not what would be right.
        Self::new(match message.to_string().as_str() {
            "invalid socket address syntax" => "expected an address and port such as 127.0.0.1:8080",
            other => other,
        })
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let what = format!("expected {}", plainly(&expected.to_string()));
        Self { found: Some(shown(found)), ..Self::new(what) }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self {
            found: Some(format!("{variant:?}")),
            ..Self::new(format!("expected {}", expected.join(" or ")))
        }
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("there is no such setting; here are: {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("needs `{field}` as well"))
    }
}

/// What a type is called by somebody who does not write Rust.
fn plainly(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number, not negative",
        "a boolean" => "true or false",
        "a string" => "a text in quotes",
        "path string" => "a path in quotes",
        "a sequence" => "a list in brackets",
        "socket address" => "an address and port such as 127.0.0.1:8080",
        other if other.starts_with("struct ") => "a section with settings of its own",
        other if other.starts_with("enum ") => "a word in quotes",
        other => other,
    }
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Bool(yes) => yes.to_string(),
        Unexpected::Map => "a section".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}
