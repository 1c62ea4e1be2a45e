//! `user add|set|show|list|unlock|delete|code`.

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::operator::find_user;
use super::{Operator, input};
use crate::directory::login::fold;
use crate::directory::rights::{Rights, own};
use crate::directory::users::{self, Changes, NewUser};
use crate::directory::{Address, By, ClaimChanges, Login, Person, Status, groups, links, people, roles};
use crate::keys::secret::entropy;
use crate::mail::{self, Outgoing, Purpose};
use crate::signin::{challenge, clear_account};
use crate::store::groups::GroupRow;
use crate::store::roles::RoleRow;
use crate::store::{Conn, Db, Tx};
use crate::web::{ChoosePasswordMail, Language};

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add a user; without a password a one-time link to choose one is mailed, or printed.
    Add(Add),
    /// Change a user.
    Set(Set),
    /// Show a user.
    Show {
        /// Their login.
        login: String,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// List users.
    List {
        /// Of this group alone.
        #[arg(long, value_name = "PATH")]
        group: Option<String>,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let a user's codes and passwords be tried again after too many wrong ones.
    Unlock {
        /// Their login.
        login: String,
    },
    /// Delete a user.
    Delete {
        /// Their login.
        login: String,
    },
    /// Print a one-time code for somebody whose mail is broken; it holds for 15 minutes.
    Code {
        /// Their login.
        login: String,
    },
}

/// The settings of `user add`.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The login.
    login: String,
    /// The group.
    #[arg(long, value_name = "PATH", required_unless_present = "site_administrator")]
    group: Option<String>,
    /// The role, of the group's tree.
    #[arg(long, value_name = "NAME", required_unless_present = "site_administrator")]
    role: Option<String>,
    /// A site administrator, who is of no group.
    #[arg(long, conflicts_with_all = ["group", "role"])]
    site_administrator: bool,
    /// The email address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The full name.
    #[arg(long)]
    name: Option<String>,
    /// A standard claim of OpenID Connect, such as `nickname=Ned` or `address.locality=Paris`; may be repeated.
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// The settings of `user set`.
#[derive(Debug, Args)]
pub(super) struct Set {
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
    /// The group.
    #[arg(long, value_name = "PATH")]
    group: Option<String>,
    /// The role, of the group's tree.
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
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

impl User {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        match self {
            Self::Add(add) => add.run(operator, &db).await,
            Self::Set(set) => set.run(operator, &db).await,
            Self::Show { login, json } => show(&db, &login, json).await,
            Self::List { group, json } => list(&db, group.as_deref(), json).await,
            Self::Unlock { login } => {
                let mut tx = db.write().await?;
                let person = find_user(&mut tx, &login).await?;
                let by = By::operator(operator.clock.now_ms());
                users::unlock(&mut tx, &person, &by, &mut entropy()).await?;
                clear_account(&mut tx, &fold(&person.login)).await?;
                tx.commit().await?;
                println!("{} can try again.", person.login);
                Ok(())
            }
            Self::Delete { login } => {
                let mut tx = db.write().await?;
                let person = find_user(&mut tx, &login).await?;
                let by = By::operator(operator.clock.now_ms());
                users::delete(&mut tx, &person, &by, &mut entropy()).await?;
                tx.commit().await?;
                println!("Deleted {}.", person.login);
                Ok(())
            }
            Self::Code { login } => code(operator, &db, &login).await,
        }
    }
}

impl Add {
    async fn run(self, operator: &Operator, db: &Db) -> anyhow::Result<()> {
        let login = Login::parse(&self.login).context("LOGIN")?;
        let email = self.email.as_deref().map(Address::parse).transpose().context("--email")?;
        let claims = claims(&self.claims)?;
        let by = By::operator(operator.clock.now_ms());
        let (group, role) = self.place(db, by.now()).await?;
        let overrides = Rights::parse(&role.rights)?.has(own::OVERRIDE_2FA);
        let with_code = group.as_ref().is_some_and(|group| group.two_factor) && !overrides;
        let hash = if self.password_stdin {
            let password = input::new_password(true)?;
            Some(input::hash_password(operator, &password, login.as_str(), with_code).await?)
        } else {
            None
        };
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
        if !claims.is_empty() {
            let changes = Changes { claims, ..Changes::default() };
            person = users::set(&mut tx, &person, changes, &by, &mut entropy()).await?;
        }
        let invitation = match hash {
            Some(_) => None,
            None => Some(invite(operator, &mut tx, &person, &by).await?),
        };
        tx.commit().await?;
        report(operator, db, &person, invitation, self.json).await
    }

    /// The group and the role; the site administrator's role is made if it is not there.
    async fn place(&self, db: &Db, now: i64) -> anyhow::Result<(Option<GroupRow>, RoleRow)> {
        let mut tx = db.write().await?;
        if self.site_administrator {
            let role = roles::site_administrator(&mut tx, now, &mut entropy()).await?;
            tx.commit().await?;
            return Ok((None, role));
        }
        let (Some(path), Some(name)) = (&self.group, &self.role) else {
            bail!("--group and --role are needed");
        };
        let group = groups::find_by_path(&mut tx, path).await?;
        let role = roles::find_named(&mut tx, Some(&group), name).await?;
        Ok((Some(group), role))
    }
}

/// A link to choose a password, and the message that carries it, if there is anywhere to send it.
struct Invitation {
    link: String,
    message: Option<String>,
}

async fn invite(operator: &Operator, tx: &mut Tx, person: &Person, by: &By) -> anyhow::Result<Invitation> {
    let lifetime = operator.config.signin.link_lifetime;
    let token = links::issue(tx, person, lifetime.as_secs(), by, &mut entropy()).await?;
    let link = links::address(&operator.config.issuer, &token);
    let Some(address) = person.deliverable_address() else {
        return Ok(Invitation { link, message: None });
    };
    let page = ChoosePasswordMail {
        login: person.login.clone(),
        link: link.clone(),
        hours: lifetime.as_secs() / 3600,
    };
    let parts = operator.pages()?.mail(&page, Language::of_group(person.language()))?;
    let outgoing = Outgoing {
        purpose: Purpose::ChoosePassword,
        user_id: Some(person.id.clone()),
        to: address.as_str().to_owned(),
        subject: parts.subject,
        text: parts.text,
        html: parts.html,
        reference: None,
        expires_at: by.now() + lifetime.as_secs(),
    };
    let message = mail::queue(tx, &operator.vault()?, &outgoing, by.now_ms, &mut entropy()).await?;
    Ok(Invitation { link, message: Some(message) })
}

async fn report(
    operator: &Operator,
    db: &Db,
    person: &Person,
    invitation: Option<Invitation>,
    json: bool,
) -> anyhow::Result<()> {
    let mut mailed = mail::Outcome::Refused(String::new());
    if let Some(message) = invitation.as_ref().and_then(|i| i.message.as_ref()) {
        let patience = operator.config.mail.timeout.as_duration();
        mailed = operator.mailer(db)?.deliver_within(message, patience).await;
    }
    if json {
        let path = path(&mut db.read().await?, person).await?;
        let mut described = describe(person, path.as_deref());
        if let (Some(invitation), Some(map)) = (&invitation, described.as_object_mut()) {
            map.insert("link".to_owned(), json!(invitation.link));
            map.insert("mailed".to_owned(), json!(matches!(mailed, mail::Outcome::Accepted(_))));
        }
        return input::print_json(&described);
    }
    println!("Added {}.", person.login);
    let Some(invitation) = invitation else { return Ok(()) };
    match mailed {
        mail::Outcome::Accepted(_) => {
            println!("A link to choose a password was mailed to them.");
            return Ok(());
        }
        mail::Outcome::Underway => {
            println!("A mail with this link is on its way; if it does not arrive, hand it over.");
        }
        mail::Outcome::Refused(_) => println!("No mail was sent. Hand them this link to choose a password."),
    }
    println!("It works once, within {}:\n{}", operator.config.signin.link_lifetime, invitation.link);
    Ok(())
}

impl Set {
    async fn run(self, operator: &Operator, db: &Db) -> anyhow::Result<()> {
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
                let login = changes.login.as_ref().map_or(person.login.as_str(), Login::as_str);
                let with_code = needs_a_code(&person, &changes)?;
                Some(input::hash_password(operator, password, login, with_code).await?)
            }
            None => None,
        };
        let by = By::operator(operator.clock.now_ms());
        let mut tx = db.write().await?;
        let person = users::set(&mut tx, &person, changes, &by, &mut entropy()).await?;
        if let Some(hash) = hash {
            users::set_password(&mut tx, &person, &hash, &by, &mut entropy()).await?;
            clear_account(&mut tx, &fold(&person.login)).await?;
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
            login: self.rename.as_deref().map(Login::parse).transpose().context("--rename")?,
            name: self.name.clone(),
            email,
            status: self.status.map(|status| match status {
                NewStatus::Active => Status::Active,
                NewStatus::Disabled => Status::Disabled,
            }),
            group,
            role,
            claims: claims(&self.claims)?,
        })
    }
}

fn claims(written: &[String]) -> anyhow::Result<ClaimChanges> {
    ClaimChanges::parse(written.iter().map(String::as_str)).context("--claim")
}

/// Whether a code would stand behind the password once these changes are made.
fn needs_a_code(person: &Person, changes: &Changes) -> anyhow::Result<bool> {
    let two_factor = changes.group.as_ref().map_or(person.two_factor_on(), |group| group.two_factor);
    let overrides = match &changes.role {
        Some(role) => Rights::parse(&role.rights)?.has(own::OVERRIDE_2FA),
        None => person.overrides_two_factor(),
    };
    Ok(two_factor && !overrides)
}

async fn show(db: &Db, login: &str, json: bool) -> anyhow::Result<()> {
    let mut conn = db.read().await?;
    let person = find_user(&mut conn, login).await?;
    let path = path(&mut conn, &person).await?;
    if json {
        return input::print_json(&describe(&person, path.as_deref()));
    }
    println!("{}", line(&person, path.as_deref()));
    if let Some(name) = &person.name {
        println!("  name: {name}");
    }
    if person.email.is_some() {
        println!("  email_verified: {}", person.email_verified_at.is_some());
    }
    for (claim, value) in person.claims.iter() {
        println!("  {}: {}", claim.name(), value.replace('\n', ", "));
    }
    Ok(())
}

async fn list(db: &Db, group: Option<&str>, json: bool) -> anyhow::Result<()> {
    let mut conn = db.read().await?;
    let group = match group {
        Some(path) => Some(groups::find_by_path(&mut conn, path).await?.id),
        None => None,
    };
    let all = people::all(&mut conn, group.as_deref()).await?;
    let paths: HashMap<String, String> =
        groups::list(&mut conn).await?.into_iter().map(|(path, group)| (group.id, path)).collect();
    let path = |person: &Person| Some(paths.get(&person.group.as_ref()?.id)?.as_str());
    if json {
        return input::print_json(&all.iter().map(|p| describe(p, path(p))).collect::<Vec<_>>());
    }
    for person in &all {
        println!("{}", line(person, path(person)));
    }
    Ok(())
}

async fn code(operator: &Operator, db: &Db, login: &str) -> anyhow::Result<()> {
    let vault = operator.vault()?;
    let now_ms = operator.clock.now_ms();
    let settings = &operator.config.signin;
    let mut tx = db.write().await?;
    let person = find_user(&mut tx, login).await?;
    let code = challenge::issue_by_hand(&mut tx, &vault, settings, &person, now_ms, &mut entropy()).await?;
    tx.commit().await?;
    println!("{code}");
    eprintln!(
        "For {}, once, within {}. Make sure that it is they who ask.",
        person.login, settings.hand_code_lifetime
    );
    Ok(())
}

async fn path(conn: &mut Conn, person: &Person) -> anyhow::Result<Option<String>> {
    Ok(match &person.group {
        Some(group) => Some(groups::path(conn, &group.id).await?),
        None => None,
    })
}

fn line(person: &Person, path: Option<&str>) -> String {
    let email = person.email.as_deref().unwrap_or("no email");
    let status = person.status.name();
    format!("{}: {} in {}, {email}, {status}", person.login, person.role.name, path.unwrap_or("no group"))
}

fn describe(person: &Person, path: Option<&str>) -> serde_json::Value {
    json!({
        "id": person.id,
        "login": person.login,
        "name": person.name,
        "email": person.email,
        "email_verified": person.email_verified_at.is_some(),
        "claims": person.claims.to_json(),
        "status": person.status,
        "role": person.role.name,
        "group": path,
        "group_id": person.group.as_ref().map(|group| &group.id),
        "created_at": person.created_at,
        "updated_at": person.updated_at,
    })
}
