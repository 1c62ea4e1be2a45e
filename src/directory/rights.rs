//! Which rights are there, and which roles does a new organisation begin with?

use std::collections::BTreeSet;
use std::fmt;

/// A lower-case word. Countersign acts on some; any other is an app's own: kept, and handed on in claims.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Right(String);

/// Why a text is not a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a right is a lower-case word such as track_time: letters, digits and underscores, at most 64")]
pub struct NotARight;

/// The rights that Countersign itself acts on.
pub mod own {
    /// Signs in with the password alone where the group asks for a code.
    pub const OVERRIDE_2FA: &str = "override_2fa";
    /// Changes their own settings.
    pub const MANAGE_OWN_SETTINGS: &str = "manage_own_settings";
    /// Sees the users of their groups.
    pub const VIEW_USERS: &str = "view_users";
    /// Adds, changes and removes users of lower rank.
    pub const MANAGE_USERS: &str = "manage_users";
    /// Adds and changes roles of lower rank.
    pub const MANAGE_ROLES: &str = "manage_roles";
    /// Changes the name and language of their groups.
    pub const MANAGE_BASIC_SETTINGS: &str = "manage_basic_settings";
    /// Switches two-factor.
    pub const MANAGE_ADVANCED_SETTINGS: &str = "manage_advanced_settings";
    /// Adds and removes groups below theirs.
    pub const MANAGE_SUBGROUPS: &str = "manage_subgroups";
    /// Reads the audit log of their groups.
    pub const VIEW_AUDIT: &str = "view_audit";
    /// Registers relying apps.
    pub const MANAGE_RELYING_APPS: &str = "manage_relying_apps";
    /// Administers the whole site.
    pub const ADMINISTER_SITE: &str = "administer_site";

    /// Those that a role of a group can have, the plainest first.
    pub const OF_GROUPS: [&str; 10] = [
        MANAGE_OWN_SETTINGS,
        VIEW_USERS,
        MANAGE_USERS,
        MANAGE_BASIC_SETTINGS,
        MANAGE_SUBGROUPS,
        MANAGE_ROLES,
        MANAGE_ADVANCED_SETTINGS,
        VIEW_AUDIT,
        MANAGE_RELYING_APPS,
        OVERRIDE_2FA,
    ];
}

impl Right {
    /// Takes a word.
    ///
    /// # Errors
    /// When it is no lower-case word.
    pub fn parse(word: &str) -> Result<Self, NotARight> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let good = (1..=64).contains(&word.len())
            && word.bytes().all(letter)
            && word.starts_with(|c: char| c.is_ascii_lowercase());
        if good { Ok(Self(word.to_owned())) } else { Err(NotARight) }
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of rights; in the database and on the command line words separated by spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rights(BTreeSet<Right>);

impl Rights {
    /// Takes words separated by spaces or commas.
    ///
    /// # Errors
    /// When one of them is no right.
    pub fn parse(text: &str) -> Result<Self, NotARight> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(Right::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Those of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Whether this right is among them.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|right| right.as_str() == word)
    }

    /// Those that are not in `other`.
    pub fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Right> {
        self.0.difference(&other.0)
    }

    /// With this right, or without it where it is among them.
    #[must_use]
    pub fn toggled(&self, right: &Right) -> Self {
        let mut rights = self.clone();
        if !rights.0.remove(right) {
            rights.0.insert(right.clone());
        }
        rights
    }

    /// Each of them, in the order of the alphabet.
    pub fn iter(&self) -> impl Iterator<Item = &Right> {
        self.0.iter()
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, right) in self.iter().enumerate() {
            write!(f, "{}{right}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A role as new organisations begin with it.
#[derive(Clone, Copy, Debug)]
pub struct DefaultRole {
    /// Its name.
    pub name: &'static str,
    /// Its rank.
    pub rank: i64,
    /// Its rights, separated by spaces.
    pub rights: &'static str,
}

/// The roles of a new top-level group, the lowest first. Each includes the rights of those below it, except Client.
pub const DEFAULT_ROLES: [DefaultRole; 5] = [
    DefaultRole { name: "User", rank: 4, rights: "manage_own_settings view_users track_time" },
    DefaultRole { name: "Client", rank: 16, rights: "manage_own_settings" },
    DefaultRole {
        name: "Co-manager",
        rank: 68,
        rights: "manage_own_settings view_users track_time manage_users manage_basic_settings",
    },
    DefaultRole {
        name: "Manager",
        rank: 324,
        rights: "manage_own_settings view_users track_time manage_users manage_basic_settings \
                 manage_advanced_settings manage_roles manage_subgroups view_audit",
    },
    DefaultRole {
        name: "Top manager",
        rank: 512,
        rights: "manage_own_settings view_users track_time manage_users manage_basic_settings \
                 manage_advanced_settings manage_roles manage_subgroups view_audit override_2fa",
    },
];

/// The role of the site administrator, a user of no group.
pub const SITE_ADMINISTRATOR: DefaultRole = DefaultRole {
    name: "Site administrator",
    rank: 1024,
    rights: "administer_site manage_relying_apps override_2fa",
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn default_roles_include_those_below_except_client() {
        let roles: Vec<_> = DEFAULT_ROLES.iter().filter(|r| r.name != "Client").collect();
        for pair in roles.windows(2) {
            let (lower, higher) =
                (Rights::parse(pair[0].rights).unwrap(), Rights::parse(pair[1].rights).unwrap());
            assert_eq!(lower.beyond(&higher).count(), 0, "{} and {}", pair[0].name, pair[1].name);
            assert!(pair[0].rank < pair[1].rank);
        }
    }

    #[test]
    fn only_top_managers_and_site_administrators_override() {
        for role in DEFAULT_ROLES.iter().chain([&SITE_ADMINISTRATOR]) {
            let overrides = Rights::parse(role.rights).unwrap().has(own::OVERRIDE_2FA);
            assert_eq!(overrides, role.rank >= 512, "{}", role.name);
        }
    }

    #[test]
    fn rights_are_lower_case_words() {
        assert!(Right::parse("manage_clients").is_ok());
        for word in ["", "Track", "track time", "trück", "1st", "_x", "a-b", &"x".repeat(65)] {
            assert_eq!(Right::parse(word), Err(NotARight), "{word}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_reads_back_the_same(text in "[a-zA-Z0-9_é ,]{0,60}") {
            if let Ok(rights) = Rights::parse(&text) {
                let again = Rights::parse(&rights.to_string()).unwrap();
                prop_assert!(rights.beyond(&again).next().is_none() && again.beyond(&rights).next().is_none());
            }
        }
    }
}
