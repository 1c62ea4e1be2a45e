//! `user set`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::super::operator::find_user;
use super::super::{Operator, input};
use super::show::{line, path};
use crate::directory::rights::{Rights, SITE_ADMINISTRATOR, own};
use crate::directory::users::{self, Changes};
use crate::directory::{Address, By, ClaimChanges, Login, Person, Status, TwoFactor, groups, people, roles};
use crate::keys::secret::entropy;
use crate::store::{Conn, Db};

/// The settings of `user set`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Set {
    /// The login.
    login: String,
    /// A new login.
    #[arg(long, value_name = "LOGIN")]
    rename: Option<String>,
    /// The full name; an empty one takes it away.
    #[arg(long)]
    name: Option<String>,
    /// The email address; an empty one takes it away.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A standard claim, such as `nickname=Ned` or `address.locality=Paris`; an empty value takes it away; may be repeated.
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// Whether they may sign in.
    #[arg(long)]
    status: Option<NewStatus>,
    /// Vouch for the address, or take that back: whether apps are told that it is theirs (`email_verified`).
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    email_verified: Option<bool>,
    /// The group.
    #[arg(long, value_name = "PATH")]
    group: Option<String>,
    /// The role, of the group's tree.
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Make them a site administrator, who is of no group.
    #[arg(long, conflicts_with_all = ["group", "role"])]
    site_administrator: bool,
    /// Read a new password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Ask for a new password.
    #[arg(long, conflicts_with = "password_stdin")]
    password: bool,
}

/// A status that can be given.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum NewStatus {
    /// May sign in.
    Active,
    /// May not.
    Disabled,
}

impl Set {
    pub(super) async fn run(self, operator: &Operator, db: &Db) -> anyhow::Result<()> {
        let mut conn = db.read().await?;
        let person = find_user(&mut conn, &self.login).await?;
        let changes = self.changes(&mut conn, &person).await?;
        drop(conn);
        let password = match (self.password, self.password_stdin) {
            (false, false) => None,
            (_, from_stdin) => Some(input::new_password(from_stdin)?),
        };
        let hash = match &password {
            Some(password) => {
                let path = path(&mut db.read().await?, &person).await?.unwrap_or_default();
                let known = [&self.rename, &self.name, &self.email, &self.group].into_iter().flatten();
                let before = input::known(operator).and_person(&person, &path);
                let known = known.fold(before, |known, text| known.and(text));
                let with_code = needs_a_code(&person, &changes)?;
                Some(input::hash_password(operator, password, &known, with_code).await?)
            }
            None => None,
        };
        let by = By::operator(operator.clock.now_ms());
        let mut tx = db.write().await?;
        let person = users::set(&mut tx, &person, changes, &by, &mut entropy()).await?;
        if let Some(hash) = hash {
            users::set_password(&mut tx, &person, &hash, &by, &mut entropy()).await?;
        }
        let person = people::find(&mut tx, &person.id).await?.context("the user was deleted meanwhile")?;
        let path = path(&mut tx, &person).await?;
        tx.commit().await?;
        println!("{}", line(&person, path.as_deref()));
        Ok(())
    }

    async fn changes(&self, conn: &mut Conn, person: &Person) -> anyhow::Result<Changes> {
        let group = match &self.group {
            Some(path) => Some(groups::find_by_path(conn, path).await?),
            None => None,
        };
        let role = match (&self.role, &group, &person.group) {
            (None, ..) if self.site_administrator => {
                Some(roles::find_named(conn, None, SITE_ADMINISTRATOR.name).await?)
            }
            (None, ..) => None,
            (Some(name), Some(group), _) => Some(roles::find_named(conn, Some(group), name).await?),
            (Some(name), None, home) => {
                let home = match home {
                    Some(home) => crate::store::groups::find(conn, &home.id).await?,
                    None => None,
                };
                Some(roles::find_named(conn, home.as_ref(), name).await?)
            }
        };
        let email = match self.email.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => Some(Some(Address::parse(text).context("--email")?)),
        };
        Ok(Changes {
            login: self.rename.as_deref().map(Login::choose).transpose().context("--rename")?,
            name: self.name.clone(),
            email,
            status: self.status.map(|status| match status {
                NewStatus::Active => Status::Active,
                NewStatus::Disabled => Status::Disabled,
            }),
            email_verified: self.email_verified,
            group,
            to_site: self.site_administrator,
            role,
            claims: claims(&self.claims)?,
            ..Changes::default()
        })
    }
}

pub(super) fn claims(written: &[String]) -> anyhow::Result<ClaimChanges> {
    ClaimChanges::parse(written.iter().map(String::as_str)).context("--claim")
}

/// Whether a code would stand behind the password once these changes are made.
fn needs_a_code(person: &Person, changes: &Changes) -> anyhow::Result<bool> {
    let two_factor = match &changes.group {
        Some(group) => TwoFactor::of(group)? == TwoFactor::On,
        None => !changes.to_site && person.two_factor_on(),
    };
    let overrides = match &changes.role {
        Some(role) => Rights::parse(&role.rights)?.has(own::OVERRIDE_2FA),
        None => person.overrides_two_factor(),
    };
    Ok(two_factor && !overrides)
}
