//! What has changed since it came: there, here, or on both sides? What was changed here is kept.

use super::super::here::Said;

/// What is done with something of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is new here.
    Add,
    /// It is here already, of another origin: it stays as it is, and what comes is part of it.
    Adopt(String),
    /// It came before, and these of its fields have changed there since.
    Change(String, Vec<Field>),
    /// It came before, and nothing is to be done.
    Same(String),
    /// It came before, and was deleted here since: it does not come again.
    Gone,
}

/// A field of a group, a role or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The name of any of them.
    Name,
    /// A group's language.
    Language,
    /// A group's two-factor setting.
    TwoFactor,
    /// A role's rank.
    Rank,
    /// A role's rights.
    Rights,
    /// A user's login.
    Login,
    /// Their email.
    Email,
    /// Whether they may sign in.
    Status,
    /// Where they are.
    Group,
    /// What they hold.
    Role,
    /// Their password.
    Password,
}

impl Field {
    /// The word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Language => "language",
            Self::TwoFactor => "two_factor",
            Self::Rank => "rank",
            Self::Rights => "rights",
            Self::Login => "login",
            Self::Email => "email",
            Self::Status => "status",
            Self::Group => "group",
            Self::Role => "role",
            Self::Password => "password",
        }
    }
}

impl Deed {
    /// The id of what is here already.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        match self {
            Self::Adopt(id) | Self::Change(id, _) | Self::Same(id) => Some(id),
            Self::Add | Self::Gone => None,
        }
    }
}

/// Compares field by field.
#[derive(Debug, Default)]
pub(super) struct Merge {
    /// What is taken from there.
    pub(super) taken: Vec<Field>,
    /// What was changed on both sides, and stays as it is here.
    pub(super) kept: Vec<Field>,
}

impl Merge {
    /// One field: what the source said last, what it says now, and what is here.
    pub(super) fn field(&mut self, field: Field, last: &Said, says: Option<&str>, now: Option<&str>) {
        let last = last.get(field.name()).map_or("", String::as_str);
        let (says, now) = (says.unwrap_or_default(), now.unwrap_or_default());
        if says == last || says == now {
            return;
        }
        if now == last { self.taken.push(field) } else { self.kept.push(field) }
    }

    /// What is to be done with what is here by this id.
    pub(super) fn deed(&self, id: &str) -> Deed {
        if self.taken.is_empty() {
            Deed::Same(id.to_owned())
        } else {
            Deed::Change(id.to_owned(), self.taken.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_here_stays_and_what_was_changed_there_comes() {
        let last = Said::from([("email".to_owned(), "old".to_owned())]);
        for (says, now, taken, kept) in [
            (Some("old"), Some("old"), false, false),
            (Some("new"), Some("old"), true, false),
            (Some("old"), Some("mine"), false, false),
            (Some("new"), Some("mine"), false, true),
            (Some("new"), Some("new"), false, false),
            (None, Some("old"), true, false),
            (None, Some("mine"), false, true),
            (Some("old"), None, false, false),
        ] {
            let mut merge = Merge::default();
            merge.field(Field::Email, &last, says, now);
            assert_eq!((!merge.taken.is_empty(), !merge.kept.is_empty()), (taken, kept), "{says:?} {now:?}");
        }
    }
}
