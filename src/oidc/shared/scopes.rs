//! Which scopes are there, and what does each of them open?

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A scope value (RFC 6749 §3.3) that this provider knows. Others are ignored, as OIDC Core §3.1.2.1 asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// OIDC Core §3.1.2.1: an ID token, please.
    Openid,
    /// OIDC Core §5.4: name, login, and the like.
    Profile,
    /// OIDC Core §5.4: the email address.
    Email,
    /// OIDC Core §5.4: the postal address.
    Address,
    /// OIDC Core §5.4: the phone number.
    Phone,
    /// Ours: groups, role and rights.
    Groups,
    /// OIDC Core §11: a refresh token.
    OfflineAccess,
}

impl Scope {
    /// All of them, in the order in which they are published.
    pub const ALL: [Self; 7] = [
        Self::Openid,
        Self::Profile,
        Self::Email,
        Self::Address,
        Self::Phone,
        Self::Groups,
        Self::OfflineAccess,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::Groups => "groups",
            Self::OfflineAccess => "offline_access",
        }
    }
}

/// A set of scopes; on the wire words separated by spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// The known scopes among the words of a `scope` parameter.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split(' ').filter_map(|word| Scope::ALL.into_iter().find(|s| s.name() == word)).collect())
    }

    /// Every scope that is known here.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.into_iter().collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether the one of this word is among them.
    #[must_use]
    pub fn has_named(&self, word: &str) -> bool {
        self.0.iter().any(|scope| scope.name() == word)
    }

    /// The same without this one.
    #[must_use]
    pub fn without(mut self, scope: Scope) -> Self {
        self.0.remove(&scope);
        self
    }

    /// Whether all of these are also in `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Those that are also in `other`.
    #[must_use]
    pub fn but_only(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// These and this one.
    #[must_use]
    pub fn with(mut self, scope: Scope) -> Self {
        self.0.insert(scope);
        self
    }

    /// These and those of `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).copied().collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { " " }, scope.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unknown_scopes_are_ignored_and_order_does_not_matter() {
        assert_eq!(Scopes::parse("email  unknown openid"), Scopes::parse("openid email"));
        assert_eq!(Scopes::parse("email openid").to_string(), "openid email");
        assert_eq!(Scopes::parse("OPENID"), Scopes::default());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "[a-z_ ]{0,60}") {
            let scopes = Scopes::parse(&text);
            prop_assert_eq!(Scopes::parse(&scopes.to_string()), scopes);
        }
    }
}
