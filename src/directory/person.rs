//! Who is somebody: a user together with their role and their group, as every decision about them needs it.

use super::address::Address;
use super::claims::{Claim, StandardClaims};
use super::rights::{Rights, own};
use super::two_factor::TwoFactor;
use crate::clock::Moment;
use crate::store::groups::GroupRow;
use crate::store::users::UserRow;
use crate::store::{Error, Result};

/// A user with their role and group.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user's id: `sub`, opaque and never used again.
    pub id: String,
    /// The login as it was written.
    pub login: String,
    /// The full name.
    pub name: Option<String>,
    /// The email address on file.
    pub email: Option<String>,
    /// When they showed, with a code that was sent there, that they read its mailbox; in seconds since 1970.
    pub email_verified_at: Option<i64>,
    /// What else apps can be told about them.
    pub claims: StandardClaims,
    /// Whether they may sign in.
    pub status: Status,
    /// What the password is checked against, as a PHC string.
    pub password_hash: Option<String>,
    /// Whether it is shorter than what lets one in alone; none before it has been typed.
    pub password_short: Option<bool>,
    /// What apps knew them by where they come from: the claim `legacy_id`.
    pub legacy_id: Option<String>,
    /// When they were added, in seconds since 1970.
    pub created_at: i64,
    /// When they were last changed, in seconds since 1970.
    pub updated_at: i64,
    /// Their role.
    pub role: Role,
    /// Their group; none for a site administrator.
    pub group: Option<HomeGroup>,
}

/// A role, as far as its holder is concerned.
#[derive(Clone, Debug)]
pub struct Role {
    /// The role's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its rank.
    pub rank: i64,
    /// Its rights.
    pub rights: Rights,
}

/// A group, as far as its people are concerned.
#[derive(Clone, Debug)]
pub struct HomeGroup {
    /// The group's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The top-level group of its tree.
    pub top_id: String,
    /// Its language, a BCP 47 tag.
    pub language: String,
    /// Whether its people are asked for a code.
    pub two_factor: TwoFactor,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Yes.
    Active,
    /// No.
    Disabled,
    /// Not before they have chosen a password.
    Invited,
}

/// Where mail reaches a user with this email on file and this login.
#[must_use]
pub fn deliverable(email: Option<&str>, login: &str) -> Option<Address> {
    let on_file = email.map(str::trim).filter(|email| !email.is_empty());
    Address::parse(on_file.unwrap_or(login)).ok()
}

impl Status {
    /// The word in the database and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Invited => "invited",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Invited].into_iter().find(|s| s.name() == name)
    }
}

impl HomeGroup {
    /// A group as it is to those who are in it.
    ///
    /// # Errors
    /// When its two-factor setting is none.
    pub(super) fn of(row: &GroupRow) -> Result<Self> {
        Ok(Self {
            two_factor: TwoFactor::of(row)?,
            id: row.id.clone(),
            name: row.name.clone(),
            top_id: row.top_id.clone(),
            language: row.language.clone(),
        })
    }
}

/// A full name with the login, or the login alone.
#[must_use]
pub fn called(name: Option<&str>, login: &str) -> String {
    match name.filter(|name| !name.is_empty() && *name != login) {
        Some(name) => format!("{name} ({login})"),
        None => login.to_owned(),
    }
}

impl Person {
    /// Where mail reaches them: the email on file; failing that the login, if it is an address itself.
    #[must_use]
    pub fn deliverable_address(&self) -> Option<Address> {
        deliverable(self.email.as_deref(), &self.login)
    }

    /// A moment (seconds since 1970) as they read it: in the zone where they live, if it is on file.
    #[must_use]
    pub fn moment(&self, seconds: i64) -> Moment {
        Moment::new(seconds, self.zone())
    }

    /// The zone that they live in, by its name; none where that is not known.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.claims.get(Claim::Zoneinfo)
    }

    /// Whether their role holds this right.
    #[must_use]
    pub fn can(&self, right: &str) -> bool {
        self.role.rights.has(right)
    }

    /// Whether their group asks for a code; off for somebody of no group.
    #[must_use]
    pub fn two_factor(&self) -> TwoFactor {
        self.group.as_ref().map_or(TwoFactor::Off, |group| group.two_factor)
    }

    /// Whether their group lets nobody in without a code but those whose role overrides it.
    #[must_use]
    pub fn two_factor_on(&self) -> bool {
        self.two_factor() == TwoFactor::On
    }

    /// Whether they sign in with the password alone all the same.
    #[must_use]
    pub fn overrides_two_factor(&self) -> bool {
        self.can(own::OVERRIDE_2FA)
    }

    /// The language of their group.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.group.as_ref().map(|group| group.language.as_str())
    }

    /// The full name, or else the login.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.login)
    }

    /// The full name with the login, or the login alone: two people may have one name.
    #[must_use]
    pub fn called(&self) -> String {
        called(self.name.as_deref(), &self.login)
    }

    /// The name that apps show or keep them by, `preferred_username`: the login unless another one is set.
    #[must_use]
    pub fn preferred_username(&self) -> &str {
        self.claims.get(Claim::PreferredUsername).unwrap_or(&self.login)
    }

    /// A user as the tables hold them.
    ///
    /// # Errors
    /// When something in a row is none of ours.
    pub fn from_row(row: UserRow) -> Result<Self> {
        let bad = |table, column| Error::BadRow { table, column, row: row.id.clone() };
        let rights = Rights::parse(&row.role_rights).map_err(|_| bad("roles", "rights"))?;
        let status = Status::from_name(&row.status).ok_or_else(|| bad("users", "status"))?;
        let claims = StandardClaims::from_stored(&row.claims).ok_or_else(|| bad("users", "claims"))?;
        let two_factor = TwoFactor::from_name(row.group_two_factor.as_deref().unwrap_or("off"));
        let two_factor = two_factor.ok_or_else(|| bad("groups", "two_factor_setting"))?;
        let group = match (row.group_id, row.group_name, row.group_top_id, row.group_language) {
            (Some(id), Some(name), Some(top_id), Some(language)) => {
                Some(HomeGroup { id, name, top_id, language, two_factor })
            }
            _ => None,
        };
        Ok(Self {
            id: row.id,
            login: row.login,
            name: row.name,
            email: row.email,
            email_verified_at: row.email_verified_at,
            claims,
            status,
            password_hash: row.password_hash,
            password_short: row.password_short,
            legacy_id: row.legacy_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            role: Role { id: row.role_id, name: row.role_name, rank: row.role_rank, rights },
            group,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A person to reason about, without a database.
    pub(crate) fn person(login: &str, email: Option<&str>) -> Person {
        Person {
            id: format!("id-{login}"),
            login: login.to_owned(),
            name: None,
            email: email.map(str::to_owned),
            email_verified_at: None,
            claims: StandardClaims::default(),
            status: Status::Active,
            password_hash: None,
            password_short: None,
            legacy_id: None,
            created_at: 0,
            updated_at: 0,
            role: Role { id: "r".into(), name: "User".into(), rank: 4, rights: Rights::default() },
            group: None,
        }
    }

    #[test]
    fn mail_goes_to_the_email_else_to_a_login_that_is_an_address_else_nowhere() {
        for (login, email, expected) in [
            ("ned", Some("ned@example.org"), Some("ned@example.org")),
            ("ned@login.example", Some("ned@example.org"), Some("ned@example.org")),
            ("ned@login.example", None, Some("ned@login.example")),
            ("ned@login.example", Some("  "), Some("ned@login.example")),
            ("nia", None, None),
            ("nia", Some(""), None),
            ("nia@login.example", Some("broken"), None),
        ] {
            let address = person(login, email).deliverable_address();
            assert_eq!(address.as_ref().map(Address::as_str), expected, "{login} {email:?}");
        }
    }
}
