//! `user show` and `user list`.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::super::input;
use super::super::operator::{Paths, find_user};
use super::super::page::Page;
use crate::directory::people::{self, Filter};
use crate::directory::{Address, Person, Status, groups};
use crate::store::{Conn, Db};

/// The settings of `user list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Of this group alone.
    #[arg(long, value_name = "PATH")]
    group: Option<String>,
    /// Only those of whom this is true.
    #[arg(long, value_name = "WHAT")]
    filter: Option<What>,
    #[command(flatten)]
    page: Page,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// What may be asked about those who are listed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// They may sign in.
    Active,
    /// They may not.
    Disabled,
    /// They have not chosen a password yet.
    Invited,
    /// They need a code where two-factor is on, and have no address that it could go to.
    NoAddress,
    /// Too many wrong codes have stopped theirs.
    CodesStopped,
    /// The last message did not reach the address that they have.
    Undelivered,
    /// They sign in without a code (`override_2fa`).
    Override,
}

impl What {
    const fn filter(self) -> Filter {
        match self {
            Self::Active => Filter::Status(Status::Active),
            Self::Disabled => Filter::Status(Status::Disabled),
            Self::Invited => Filter::Status(Status::Invited),
            Self::NoAddress => Filter::NoAddress,
            Self::CodesStopped => Filter::CodesStopped,
            Self::Undelivered => Filter::Undelivered,
            Self::Override => Filter::Override,
        }
    }
}

pub(super) async fn show(db: &Db, login: &str, json: bool) -> anyhow::Result<()> {
    let mut conn = db.read().await?;
    let person = find_user(&mut conn, login).await?;
    let path = path(&mut conn, &person).await?;
    let verified = people::is_email_vouched_for(&mut conn, &person).await?;
    if json {
        let mut described = describe(&person, path.as_deref());
        if let Some(map) = described.as_object_mut() {
            map.insert("email_verified".to_owned(), json!(verified));
        }
        return input::print_json(&described);
    }
    println!("{}", line(&person, path.as_deref()));
    if let Some(name) = &person.name {
        println!("  name: {name}");
    }
    if person.email.is_some() {
        println!("  email_verified: {verified}");
    }
    for (claim, value) in person.claims.iter() {
        println!("  {}: {}", claim.name(), value.replace('\n', ", "));
    }
    Ok(())
}

impl List {
    pub(super) async fn run(self, db: &Db) -> anyhow::Result<()> {
        let mut conn = db.read().await?;
        let group = match &self.group {
            Some(path) => Some(groups::find_by_path(&mut conn, path).await?.id),
            None => None,
        };
        let (filter, rows) = (self.filter.map(What::filter), usize::try_from(self.page.rows())?);
        let mut found = people::list(&mut conn, group.as_deref(), filter, self.page.start(), rows).await?;
        self.page.cut(&mut found, |person| &person.login);
        let (mut paths, mut listed) = (Paths::default(), Vec::with_capacity(found.len()));
        for person in found {
            let id = person.group.as_ref().map(|group| group.id.clone());
            let path = paths.of(&mut conn, id.as_deref()).await?;
            listed.push(if self.json { describe(&person, path) } else { json!(line(&person, path)) });
        }
        if self.json {
            return input::print_json(&listed);
        }
        for line in listed.iter().filter_map(serde_json::Value::as_str) {
            println!("{line}");
        }
        Ok(())
    }
}

pub(super) async fn path(conn: &mut Conn, person: &Person) -> anyhow::Result<Option<String>> {
    Ok(match &person.group {
        Some(group) => Some(groups::path(conn, &group.id).await?),
        None => None,
    })
}

pub(super) fn line(person: &Person, path: Option<&str>) -> String {
    let shown = |email: &str| Address::parse(email).map_or_else(|_| email.to_owned(), |email| email.shown());
    let email = person.email.as_deref().map_or_else(|| "no email".to_owned(), shown);
    let status = person.status.name();
    format!("{}: {} in {}, {email}, {status}", person.login, person.role.name, path.unwrap_or("no group"))
}

pub(super) fn describe(person: &Person, path: Option<&str>) -> serde_json::Value {
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
