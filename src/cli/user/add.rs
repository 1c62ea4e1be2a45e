//! `user add`.

use anyhow::{Context as _, bail};
use clap::Args;

use super::super::{Operator, input};
use super::link::{inviter, send, with_link};
use super::set::claims;
use super::show::{describe, path};
use crate::directory::login::fold;
use crate::directory::rights::{Rights, SITE_ADMINISTRATOR, own};
use crate::directory::users::{self, Changes, NewUser};
use crate::directory::{Address, By, Login, TwoFactor, groups, roles};
use crate::keys::secret::entropy;
use crate::store::Db;
use crate::store::groups::GroupRow;
use crate::store::roles::RoleRow;

/// The settings of `user add`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct Add {
    /// The login.
    login: String,
    /// The group; a site administrator is of none.
    #[arg(long, value_name = "PATH", required_unless_present_any = ["role", "site_administrator"])]
    group: Option<String>,
    /// The role, of the group's tree, or of the site where there is no group.
    #[arg(long, value_name = "NAME", required_unless_present = "site_administrator")]
    role: Option<String>,
    /// A site administrator: short for that role, and no group.
    #[arg(long, conflicts_with_all = ["group", "role"])]
    site_administrator: bool,
    /// The email address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Vouch for the address: apps are told that it is theirs (`email_verified`).
    #[arg(long, requires = "email")]
    email_verified: bool,
    /// The full name.
    #[arg(long)]
    name: Option<String>,
    /// A standard claim of OpenID Connect, such as `nickname=Ned` or `address.locality=Paris`; may be repeated.
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// Read the password from standard input; without it a link to choose one is mailed, or printed.
    #[arg(long)]
    password_stdin: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

impl Add {
    pub(super) async fn run(self, operator: &Operator, db: &Db) -> anyhow::Result<()> {
        let login = Login::choose(&self.login).context("LOGIN")?;
        let email = self.email.as_deref().map(Address::parse).transpose().context("--email")?;
        let claims = claims(&self.claims)?;
        let by = By::operator(operator.clock.now_ms());
        let (group, role) = self.place(db, by.now()).await?;
        let overrides = Rights::parse(&role.rights)?.has(own::OVERRIDE_2FA);
        let setting = group.as_ref().map(TwoFactor::of).transpose()?;
        let with_code = setting == Some(TwoFactor::On) && !overrides;
        let hash = if self.password_stdin {
            let password = input::new_password(true)?;
            let known = [&self.name, &self.email, &self.group].into_iter().flatten();
            let known = known.fold(input::known(operator).and(login.as_str()), |known, text| known.and(text));
            Some(input::hash_password(operator, &password, &known, with_code).await?)
        } else {
            None
        };
        // Made before the transaction: nobody else writes while that lasts.
        let inviter = if hash.is_none() { Some(inviter(operator, db, true).await?) } else { None };
        let mut tx = db.write().await?;
        let new = NewUser {
            login: &login,
            name: self.name.as_deref(),
            email: email.as_ref(),
            group: group.as_ref(),
            role: &role,
            password_hash: hash.as_deref(),
        };
        let mut person = users::add(&mut tx, new, &by, &mut entropy()).await?;
        if !claims.is_empty() || self.email_verified {
            let email_verified = self.email_verified.then_some(true);
            let changes = Changes { email_verified, claims, ..Changes::default() };
            person = users::set(&mut tx, &person, changes, &by, &mut entropy()).await?;
        }
        let link = match &inviter {
            Some(inviter) => Some(inviter.issue(&mut tx, &person, &by).await?),
            None => None,
        };
        let path = path(&mut tx, &person).await?;
        tx.commit().await?;
        let sent = match link {
            Some(link) => Some(send(link, operator, db).await?),
            None => None,
        };
        let _at_stake = sent.as_ref().and_then(|sent| sent.at_stake(&person.login));
        if self.json {
            return input::print_json(&with_link(describe(&person, path.as_deref()), sent.as_ref()));
        }
        println!("Added {}.", person.login);
        if let Some(sent) = sent {
            sent.print();
        }
        Ok(())
    }

    /// The group and the role; the site administrator's role is made if it is not there.
    async fn place(&self, db: &Db, now: i64) -> anyhow::Result<(Option<GroupRow>, RoleRow)> {
        let mut tx = db.write().await?;
        let name = self.role.as_deref().unwrap_or(SITE_ADMINISTRATOR.name);
        let Some(path) = &self.group else {
            if fold(name) != fold(SITE_ADMINISTRATOR.name) {
                bail!("the role {name} is one of a group's: say which with --group PATH");
            }
            let role = roles::site_administrator(&mut tx, now, &mut entropy()).await?;
            tx.commit().await?;
            return Ok((None, role));
        };
        let group = groups::find_by_path(&mut tx, path).await?;
        let role = roles::find_named(&mut tx, Some(&group), name).await?;
        Ok((Some(group), role))
    }
}
