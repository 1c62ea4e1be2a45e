//! What is here already that an import could meet? Looked at once, before anything is decided.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::source::Source;
use crate::directory::login::fold;
use crate::directory::{Brought, Error, Passwords, TwoFactor, groups, roles};
use crate::oidc::clients;
use crate::store::groups::GroupRow;
use crate::store::moved::{self, HereRow, MovedRow};
use crate::store::roles::RoleRow;
use crate::store::{Conn, Db};

/// Rows read in one go.
const PAGE: i64 = 1000;

/// What kind of thing was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A group.
    Group,
    /// A role.
    Role,
    /// A user.
    User,
}

/// What a source has said of something: texts by their names.
pub type Said = BTreeMap<String, String>;

/// Something that was brought before.
#[derive(Clone, Debug)]
pub struct Moved {
    /// What it is here.
    pub local_id: String,
    /// What the source said of it then.
    pub said: Said,
}

/// A group that is here.
#[derive(Clone, Debug)]
pub struct HereGroup {
    /// The group.
    pub row: GroupRow,
    /// Its path.
    pub path: String,
    /// Its two-factor setting.
    pub two_factor: TwoFactor,
}

/// Everything that is here.
#[derive(Debug, Default)]
pub struct Here {
    /// The groups, by id.
    pub groups: HashMap<String, HereGroup>,
    /// Their ids, by folded path.
    pub by_path: HashMap<String, String>,
    /// The roles, by id.
    pub roles: HashMap<String, RoleRow>,
    /// Their ids, by top-level group (empty for the site) and folded name.
    pub by_name: HashMap<(String, String), String>,
    /// The people, by folded login.
    pub people: HashMap<String, HereRow>,
    /// The folded logins, by id.
    pub logins: HashMap<String, String>,
    /// Whose `preferred_username` a folded name is.
    pub preferred: HashMap<String, String>,
    /// Whose legacy id one is.
    pub legacy: HashMap<String, String>,
    /// The ids of the apps.
    pub apps: HashSet<String>,
    /// What this source has brought before.
    pub moved: HashMap<(Kind, String), Moved>,
    /// The keys of people who have come before, by what their login was there, folded.
    pub came_as: HashMap<String, String>,
    /// The ids of those who came before and whose password has not been changed there since.
    pub same_password: HashSet<String>,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Group, Self::Role, Self::User];

    /// The word in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Role => "role",
            Self::User => "user",
        }
    }
}

/// The folded form of a path.
pub(super) fn fold_path(path: &str) -> String {
    path.split('/').map(fold).collect::<Vec<_>>().join("/")
}

impl Here {
    /// Looks around for a source of this name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn look(conn: &mut Conn, source: &str) -> Result<Self, Error> {
        let mut here = Self::default();
        here.look_at_groups(conn).await?;
        here.look_at_roles(conn).await?;
        here.look_at_people(conn).await?;
        here.look_at_moved(conn, source).await?;
        here.look_at_apps(conn).await?;
        Ok(here)
    }

    async fn look_at_groups(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = groups::list(conn, groups::Order::by_path(&after), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.path);
            for listed in page {
                let two_factor = TwoFactor::of(&listed.group)?;
                let (row, path) = (listed.group, listed.path);
                self.by_path.insert(fold_path(&path), row.id.clone());
                self.groups.insert(row.id.clone(), HereGroup { row, path, two_factor });
            }
        }
    }

    async fn look_at_roles(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let page = roles::list(conn, None, roles::Order::Trees, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for role in page {
                let top = role.group_id.clone().unwrap_or_default();
                self.by_name.insert((top, fold(&role.name)), role.id.clone());
                self.roles.insert(role.id.clone(), role);
            }
        }
    }

    async fn look_at_people(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = moved::here(conn, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.login_key);
            for person in page {
                self.logins.insert(person.id.clone(), person.login_key.clone());
                if let Some(key) = &person.preferred_key {
                    self.preferred.insert(key.clone(), person.id.clone());
                }
                if let Some(id) = &person.legacy_id {
                    self.legacy.insert(id.clone(), person.id.clone());
                }
                self.people.insert(person.login_key.clone(), person);
            }
        }
    }

    async fn look_at_apps(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = clients::list(conn, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.id);
            self.apps.extend(page.into_iter().map(|client| client.id));
        }
    }

    async fn look_at_moved(&mut self, conn: &mut Conn, source: &str) -> Result<(), Error> {
        let (mut kind, mut key) = (String::new(), String::new());
        loop {
            let page = moved::list(conn, source, (&kind, &key), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            (kind, key) = (last.kind.clone(), last.key.clone());
            for MovedRow { kind, key, local_id, said } in page {
                let Some(kind) = Kind::ALL.into_iter().find(|known| known.name() == kind) else { continue };
                let said: Said = serde_json::from_str(&said).unwrap_or_default();
                if let (Kind::User, Some(login)) = (kind, said.get("login")) {
                    self.came_as.insert(fold(login), key.clone());
                }
                self.moved.insert((kind, key), Moved { local_id, said });
            }
        }
    }

    /// What this source has brought before under a key.
    #[must_use]
    pub fn moved(&self, kind: Kind, key: &str) -> Option<&Moved> {
        self.moved.get(&(kind, key.to_owned()))
    }

    /// The person of this id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&HereRow> {
        self.logins.get(id).and_then(|key| self.people.get(key))
    }

    /// Finds out whose passwords have not been changed at the source since they came, where they are those that came.
    ///
    /// # Errors
    /// When nobody has time to hash.
    pub async fn compare_passwords(
        &mut self,
        source: &Source,
        passwords: &Passwords,
    ) -> Result<(), crate::directory::Busy> {
        for user in &source.users {
            let key = self.moved(Kind::User, &user.key).map(|moved| moved.local_id.clone());
            let known = key.or_else(|| {
                let came = self.came_as.get(&fold(&user.login))?;
                self.moved(Kind::User, came).map(|moved| moved.local_id.clone())
            });
            let Some(person) = known.as_deref().and_then(|id| self.person(id)) else { continue };
            let (Some(stored), Some(secret)) = (&person.foreign_hash, &user.password) else { continue };
            let same = match Brought::read(&secret.0) {
                Ok(Brought::Bare(bare)) => passwords.is_wrapped(stored, &bare).await?,
                Ok(Brought::Kept(foreign)) => foreign.to_stored() == *stored,
                Ok(Brought::Wrapped(hash)) => hash == *stored,
                Err(_) => true,
            };
            if same {
                let id = person.id.clone();
                self.same_password.insert(id);
            }
        }
        Ok(())
    }
}

/// Looks around, and compares the passwords of those who come again.
///
/// # Errors
/// When the database refuses, or nobody has time to hash.
pub async fn look(db: &Db, name: &str, source: &Source, passwords: &Passwords) -> Result<Here, super::Error> {
    let mut conn = db.read().await?;
    conn.take_time();
    let mut here = Here::look(&mut conn, name).await?;
    drop(conn);
    let busy =
        || super::Error::Unsuitable("this machine has no time to compare passwords: try again".to_owned());
    here.compare_passwords(source, passwords).await.map_err(|_| busy())?;
    Ok(here)
}
