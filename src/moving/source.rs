//! What does an organisation bring along? One plain model, whichever file it comes from.

use std::fmt;

use zeroize::Zeroizing;

use crate::directory::TwoFactor;

/// Everything that a file holds about people.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The groups, in any order.
    pub groups: Vec<Group>,
    /// The roles.
    pub roles: Vec<Role>,
    /// The people.
    pub users: Vec<User>,
    /// The apps.
    pub apps: Vec<App>,
    /// What was guessed, changed or passed over while reading.
    pub notes: Vec<Note>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What the source knows it by; the same in every later run.
    pub key: String,
    /// The key of the group that it is part of.
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
    /// Its language, a BCP 47 tag; none is that of the group above, or English.
    pub language: Option<String>,
    /// Whether its people are asked for a code; none leaves it to us.
    pub two_factor: Option<TwoFactor>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What the source knows it by.
    pub key: String,
    /// The key of the top-level group that it serves.
    pub top: String,
    /// Its name.
    pub name: String,
    /// Its rank.
    pub rank: i64,
    /// Its rights, words separated by spaces or commas.
    pub rights: String,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What the source knows them by.
    pub key: String,
    /// What apps knew them by, which they can ask for as the claim `legacy_id`.
    pub legacy_id: Option<String>,
    /// The login.
    pub login: String,
    /// The full name.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// Whether somebody vouches for it there, whose word counts here.
    pub email_verified: bool,
    /// Whether they may sign in.
    pub standing: Standing,
    /// Where they are, and what they hold.
    pub home: Home,
    /// What their password is checked against.
    pub password: Option<Secret>,
    /// The standard claims, by name.
    pub claims: Vec<(String, String)>,
    /// Where they stand in the file.
    pub line: u64,
}

/// Whether somebody may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Active,
    /// No.
    Disabled,
    /// They were there once. Whoever has come before is disabled; nobody comes so.
    Deleted,
}

/// Where somebody is, and what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// A group, and a role of its tree; without a role it is the lowest one.
    Group {
        /// The group.
        group: Where,
        /// The role.
        role: Option<Held>,
    },
    /// The site itself, as its administrator.
    Site,
    /// They do not come, for this reason.
    Nowhere(String),
}

/// Which group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// One of the file, by its key.
    Key(String),
    /// One by its path, here or in the file.
    Path(String),
}

/// Which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// One of the file, by its key.
    Key(String),
    /// One of the tree, by its name.
    Named(String),
}

/// A relying app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its `client_id`.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// Where it may send people back to.
    pub redirect_uris: Vec<String>,
    /// Whether it has no secret.
    pub public: bool,
    /// Its secret, where that comes along.
    pub secret: Option<Secret>,
    /// Whether people are asked before it learns who they are.
    pub consent: bool,
}

/// A hash of a password, as it is written there. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Something that whoever moves in ought to know.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// Where in the file, if it is a place.
    pub line: Option<u64>,
    /// What it is.
    pub text: String,
}

impl Source {
    /// Leaves out those who administer the whole site there: a file alone makes nobody the administrator of this one.
    pub fn leave_site_administrators(&mut self) {
        let why = "they administer the whole site there: --site-administrators lets them do so here";
        for user in self.users.iter_mut().filter(|user| user.home == Home::Site) {
            user.home = Home::Nowhere(why.to_owned());
        }
    }

    /// Notes something about a place.
    pub fn note(&mut self, line: Option<u64>, text: impl Into<String>) {
        self.notes.push(Note { line, text: text.into() });
    }
}
