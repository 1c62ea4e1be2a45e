//! Who lives in the demo? The group Acme, its people, and the sample app as a client; made once, found again later.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::App;
use crate::directory::rights::SITE_ADMINISTRATOR;
use crate::directory::users::NewUser;
use crate::directory::{
    Address, By, Error, Lane, Login, Password, Passwords, Person, TwoFactor, groups, people, roles, users,
};
use crate::keys::secret::entropy;
use crate::oidc::clients::{self, Metadata};
use crate::signin::announce;
use crate::signin::invite::Inviter;
use crate::store::Tx;
use crate::store::groups::GroupRow;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// The group that everybody is in.
const GROUP: &str = "Acme";

/// The role of the only one who is in no group.
const OF_THE_SITE: &str = SITE_ADMINISTRATOR.name;

/// The one who is invited, by a mail that does not arrive.
const INVITED: &str = "ina";

/// Login, name, role and address of everybody.
const PEOPLE: [(&str, &str, &str, Option<&str>); 7] = [
    ("ada", "Ada Adams", "Top manager", Some("ada@acme.example")),
    ("tom", "Tom Taylor", "Top manager", Some("tom@acme.example")),
    ("max", "Max Miller", "Manager", Some("max@acme.example")),
    ("ned", "Ned Nolan", "User", Some("ned@acme.example")),
    ("nia", "Nia Nash", "User", None),
    (INVITED, "Ina Iversen", "User", Some("ina@gone.example")),
    ("root", "Ruth Oot", OF_THE_SITE, Some("root@acme.example")),
];

/// What the sample app knows itself by; kept in a file of the data folder, because the database holds only a hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// `client_id`
    pub client_id: String,
    /// `client_secret`
    pub client_secret: String,
}

/// Adds the group and whoever is not there yet. Changes that somebody made on an earlier day stay.
///
/// # Errors
/// When the database refuses.
pub async fn people(app: &App) -> anyhow::Result<()> {
    let mut conn = app.db.read().await?;
    let mut missing = Vec::new();
    for person in PEOPLE {
        if people::find_by_login(&mut conn, &Login::parse(person.0)?).await?.is_none() {
            missing.push(person);
        }
    }
    drop(conn);
    if missing.is_empty() {
        return Ok(());
    }
    // One hash for all of them: it is the slow part, and here no secret. Its memory is not kept for a next one.
    let hash = Passwords::new(1, 0).hash(Lane::default(), &Password::typed(PASSWORD), &mut entropy()).await?;
    let now_ms = app.provider.signin.clock.now_ms();
    let mut tx = app.db.write().await?;
    let by = &By::operator(now_ms);
    let group = group(&mut tx, by).await?;
    for (login, name, role, email) in missing {
        let group = (role != OF_THE_SITE).then_some(&group);
        let role = match group {
            Some(group) => roles::find_named(&mut tx, Some(group), role).await?,
            None => roles::site_administrator(&mut tx, by.now(), &mut entropy()).await?,
        };
        let email = email.map(Address::parse).transpose()?;
        let new = NewUser {
            login: &Login::parse(login)?,
            name: Some(name),
            email: email.as_ref(),
            group,
            role: &role,
            password_hash: (login != INVITED).then_some(hash.as_str()),
        };
        let person = users::add(&mut tx, new, by, &mut entropy()).await?;
        if login == INVITED {
            invite(app, &mut tx, &person, by).await?;
        }
    }
    tx.commit().await?;
    announce::deliver_later(&app.provider.signin);
    Ok(())
}

/// Invites somebody, as a manager would.
async fn invite(app: &App, tx: &mut Tx, person: &Person, by: &By) -> anyhow::Result<()> {
    let state = &app.provider.signin;
    let inviter = Inviter {
        issuer: app.config.issuer.clone(),
        lifetime: state.settings.link_lifetime,
        mail: Some((state.pages.clone(), state.vault.clone())),
    };
    inviter.issue(tx, person, by).await?;
    Ok(())
}

/// Acme, with two-factor on when it is new.
async fn group(tx: &mut Tx, by: &By) -> anyhow::Result<GroupRow> {
    match groups::find_by_path(tx, GROUP).await {
        Err(Error::UnknownGroup(_)) => {}
        found => return Ok(found?),
    }
    let group = groups::add(tx, GROUP, None, None, by, &mut entropy()).await?;
    let two_factor = groups::Changes { two_factor: Some(TwoFactor::On), ..groups::Changes::default() };
    Ok(groups::set(tx, &group, &two_factor, by, &mut entropy()).await?)
}

/// Registers the sample app at `base`, or finds it again; its addresses follow the port.
///
/// # Errors
/// When the database refuses, or `file` cannot be read or written.
pub async fn client(app: &App, base: &Url, file: &Path) -> anyhow::Result<Credentials> {
    let now = app.provider.signin.clock.now();
    let metadata = Metadata {
        post_logout_redirect_uris: vec![base.to_string()],
        client_uri: Some(base.to_string()),
        ..Metadata::web_app("Time Tracker", vec![base.join("callback")?.to_string()])
    };
    let mut tx = app.db.write().await?;
    if let Some(known) = read(file)?
        && let Some(client) = clients::find(&mut tx, &known.client_id).await?
    {
        // Whatever else was set since then stays.
        let metadata = Metadata {
            redirect_uris: metadata.redirect_uris,
            post_logout_redirect_uris: metadata.post_logout_redirect_uris,
            client_uri: metadata.client_uri,
            ..client.metadata
        };
        clients::set(&mut tx, &known.client_id, &metadata, now).await?;
        tx.commit().await?;
        return Ok(known);
    }
    let added = clients::add(&mut tx, &app.provider.signin.vault, metadata, now, &mut entropy()).await?;
    let secret = added.secret.context("the sample app has a secret")?;
    let new = Credentials { client_id: added.client.id, client_secret: secret.reveal().to_owned() };
    write(file, &new)?;
    tx.commit().await?;
    Ok(new)
}

fn read(file: &Path) -> anyhow::Result<Option<Credentials>> {
    let named = || format!("{}: delete it to register the sample app anew", file.display());
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(named),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(named),
    }
}

fn write(file: &Path, credentials: &Credentials) -> anyhow::Result<()> {
    let named = || file.display().to_string();
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(true).mode(0o600);
    let mut opened = open.open(file).with_context(named)?;
    opened.write_all(&serde_json::to_vec(credentials)?).with_context(named)
}
