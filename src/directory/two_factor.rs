//! Does a group ask its people for a code: no, as a rehearsal, or yes?

use std::fmt;

use crate::store::groups::GroupRow;
use crate::store::{Error, Result};

/// A group's two-factor setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TwoFactor {
    /// The password is enough.
    #[default]
    Off,
    /// A code is sent and asked for, and whoever has none goes on without: nobody is kept out.
    Rehearse,
    /// Nobody gets in without a code but those whose role overrides it.
    On,
}

impl TwoFactor {
    /// Every setting, the weakest first.
    pub const ALL: [Self; 3] = [Self::Off, Self::Rehearse, Self::On];

    /// The word in the database, on the command line and in forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Rehearse => "rehearse",
            Self::On => "on",
        }
    }

    /// The setting of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// The setting of a group.
    ///
    /// # Errors
    /// When the database holds another word.
    pub fn of(group: &GroupRow) -> Result<Self> {
        Self::from_name(&group.two_factor_setting).ok_or_else(|| Error::BadRow {
            table: "groups",
            column: "two_factor_setting",
            row: group.id.clone(),
        })
    }
}

impl fmt::Display for TwoFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
