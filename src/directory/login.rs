//! What is a login, and when are two of them the same?

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::text::{latin_look, mixes_alphabets, shows_nothing, turns};
use crate::keys::secret::TokenHash;

/// What a person types to say who they are. Kept as it was written; compared by [`Login::key`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login(String);

/// Why a text is not a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotALogin {
    /// It has nothing in it.
    #[error("a login cannot be empty")]
    Empty,
    /// It is longer than 200 characters.
    #[error("a login has at most 200 characters")]
    TooLong,
    /// It has a control character in it.
    #[error("a login cannot have control characters")]
    Control,
    /// It would pass for another one.
    #[error(
        "a login has letters of one alphabet, and none that cannot be seen: else it looks like somebody else's"
    )]
    LooksAlike,
    /// The audit log calls somebody by it who is nobody of ours.
    #[error(
        "the audit log calls the command line, the provider itself, an app or a stranger so: choose another login"
    )]
    Reserved,
}

/// What the audit log calls those who act and are nobody of ours: whoever had one of these for a login would be taken for them.
const RESERVED: [&str; 4] = ["operator", "system", "client", "anonymous"];

impl Login {
    /// Takes what was typed, less the spaces around it.
    ///
    /// # Errors
    /// When it is empty, too long, or has control characters.
    pub fn parse(typed: &str) -> Result<Self, NotALogin> {
        // Nobody sees these, they come along when a login is copied, and a login that keeps them passes for another.
        let seen: String = typed.chars().filter(|c| !turns(*c)).collect();
        let text = seen.trim();
        if text.is_empty() {
            return Err(NotALogin::Empty);
        }
        if text.chars().count() > 200 {
            return Err(NotALogin::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NotALogin::Control);
        }
        let login = Self(text.to_owned());
        if login.key().is_empty() { Err(NotALogin::Empty) } else { Ok(login) }
    }

    /// The same for a login that somebody is to be given: none that looks like another. Those that there are stay good to sign in with.
    ///
    /// # Errors
    /// When it is none, has letters of alphabets that look alike beside each other, or what shows nothing; or when it is reserved.
    pub fn choose(typed: &str) -> Result<Self, NotALogin> {
        let login = Self::parse(typed)?;
        let alike = mixes_alphabets(&login.key()) || login.0.chars().any(shows_nothing);
        if alike {
            Err(NotALogin::LooksAlike)
        } else if login.is_reserved() {
            Err(NotALogin::Reserved)
        } else {
            Ok(login)
        }
    }

    /// Whether the audit log calls somebody so who is nobody of ours.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.key().as_str())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is compared by.
    #[must_use]
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of the login that a name passes for where that is somebody's: it is written in letters of another alphabet that look like Latin ones. None
/// for most.
#[must_use]
pub fn passes_for(name: &str) -> Option<String> {
    latin_look(name).map(|look| fold(&look))
}

/// What a login (folded) is known by where nobody need read it: what was typed as one may be a password.
#[must_use]
pub fn hashed(key: &str) -> String {
    TokenHash::of(&format!("login\n{key}")).as_str().to_owned()
}

/// NFKC and case folding, until nothing changes any more: look-alikes that fold together are one. Also what names of
/// groups and roles are compared by. Upper case before lower case folds what has no single lower-case letter (`ß` and
/// `SS`), as full case folding does.
#[must_use]
pub fn fold(text: &str) -> String {
    let once = |text: &str| -> String {
        let folded: String = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
        let sigma: String = folded.chars().map(|c| if c == 'ς' { 'σ' } else { c }).collect();
        sigma.nfkc().filter(|c| !is_invisible(*c)).collect::<String>().trim().to_owned()
    };
    let mut folded = once(text);
    // Folding can make new compositions; it settles after a round or two.
    for _ in 0..4 {
        let again = once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

/// Default-ignorable format characters: they would make two logins that look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn look_alikes_that_fold_together_are_one_login() {
        for (one, other) in [
            ("Ned", "ned"),
            ("ned", " NED "),
            ("ｎｅｄ", "ned"),
            ("Straße", "STRASSE"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("ﬁn", "fin"),
            ("e\u{301}va", "éva"),
            ("ned\u{200b}", "ned"),
        ] {
            let key = |text| Login::parse(text).map(|l| l.key());
            assert_eq!(key(one), key(other), "{one} and {other}");
        }
    }

    #[test]
    fn marks_that_nobody_sees_do_not_stay() {
        for typed in ["\u{202e}ned \u{200f}", "n\u{2066}ed", " ned\u{200e} "] {
            assert_eq!(Login::parse(typed).unwrap().as_str(), "ned", "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_login_is_refused() {
        assert_eq!(Login::parse("  "), Err(NotALogin::Empty));
        assert_eq!(Login::parse("\u{200b}"), Err(NotALogin::Empty));
        assert_eq!(Login::parse("a\0b"), Err(NotALogin::Control));
        assert_eq!(Login::parse(&"x".repeat(201)), Err(NotALogin::TooLong));
    }

    #[test]
    fn nobody_is_given_a_login_that_looks_like_another() {
        for good in ["ned", "nina.müller@example.org", "нина", "李小龍", "Ｎed"] {
            assert!(Login::choose(good).is_ok(), "{good}");
        }
        for bad in ["n\u{435}d", "\u{3b1}da", "ne\u{ad}d", "ned\u{3164}"] {
            assert_eq!(Login::choose(bad), Err(NotALogin::LooksAlike), "{bad}");
            assert!(Login::parse(bad).is_ok(), "{bad}");
        }
        assert_eq!(Login::choose(" "), Err(NotALogin::Empty));
        for reserved in ["operator", "System", " ANONYMOUS ", "ｃｌｉｅｎｔ"] {
            assert_eq!(Login::choose(reserved), Err(NotALogin::Reserved), "{reserved}");
            assert!(Login::parse(reserved).is_ok(), "whoever has it keeps it");
        }
    }

    proptest! {
        #[test]
        fn folding_is_stable(text in ".*") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_never_matters(text in "[a-zA-Zäöüßéñ]{1,20}") {
            prop_assert_eq!(fold(&text.to_uppercase()), fold(&text));
        }
    }
}
