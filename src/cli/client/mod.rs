//! `client add|set|show|list|delete|rotate-secret|recipe`.

mod fields;
mod invite;
mod secret;

use anyhow::bail;
use clap::Subcommand;
use serde_json::{Value, json};

use self::fields::Fields;
use self::invite::Invite;
use self::secret::RotateSecret;
use super::page::Page;
use super::{Operator, input};
use crate::audit::{Actor, Event};
use crate::clock::timestamp;
use crate::directory::groups;
use crate::keys::secret::{Token, entropy};
use crate::oidc::clients::recipe::{RECIPES, Recipe};
use crate::oidc::clients::{self, AuthMethod, Error, Given, Metadata};
use crate::store::{Conn, Db};

/// What can be done with relying apps.
#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Register an app; its secret is printed this once.
    Add {
        /// Its name, as people see it.
        name: String,
        #[command(flatten)]
        fields: Box<Fields>,
        /// A public client: an app that cannot keep a secret, and uses PKCE instead.
        #[arg(long, conflicts_with = "auth_method", help_heading = None::<&'static str>)]
        public: bool,
        /// The client id that it has had elsewhere; else one is made.
        #[arg(long, value_name = "ID", help_heading = None::<&'static str>)]
        id: Option<String>,
        /// Read the secret that it has had elsewhere from standard input; else one is made.
        #[arg(long, conflicts_with = "public", help_heading = None::<&'static str>)]
        secret_stdin: bool,
        /// Print as JSON: `client_id`, and `client_secret` if there is one.
        #[arg(long, help_heading = None::<&'static str>)]
        json: bool,
    },
    /// Change an app; lists that are given replace those before.
    Set {
        /// Its client id.
        client_id: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Box<Fields>,
    },
    /// Show an app.
    Show {
        /// Its client id.
        client_id: String,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// List all apps.
    List {
        #[command(flatten)]
        page: Page,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete an app, its grants and its tokens.
    Delete {
        /// Its client id.
        client_id: String,
    },
    /// Give an app a new secret; the old one works on for a day.
    RotateSecret(RotateSecret),
    /// Make an initial access token, with which an app may register itself; it is printed this once.
    Invite(Invite),
    /// Print the copy-paste set-up for a known app.
    Recipe {
        /// Its client id.
        client_id: String,
        /// Which app: timetracker, env, argocd, authjs, bookstack, gitea, gitlab, grafana, kubernetes, miniflux, nextcloud, oauth2-proxy,
        /// outline, passport, php, proxmox, streamlit, synapse, vault.
        app: String,
    },
}

impl Client {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        match self {
            Self::Add { name, fields, public, id, secret_stdin, json } => {
                let secret = secret_stdin.then(|| input::from_stdin("--secret-stdin")).transpose()?;
                let given = Given { id, secret: secret.map(Token::taken_over) };
                let mut metadata = Metadata::web_app(name, Vec::new());
                if public {
                    metadata.token_endpoint_auth_method = AuthMethod::None;
                } else {
                    metadata.any_secret_method = true;
                }
                add(operator, &db, metadata, *fields, given, json).await
            }
            Self::Set { client_id, name, fields } => set(operator, &db, &client_id, name, *fields).await,
            Self::Show { client_id, json } => show(&db, &client_id, json).await,
            Self::List { page, json } => list(&db, &page, json).await,
            Self::Delete { client_id } => {
                let mut tx = db.write().await?;
                let client = find(&mut tx, &client_id).await?;
                clients::delete(&mut tx, &client_id).await?;
                let event = event("client.deleted", &client_id).detail("name", client.metadata.client_name);
                record(operator, &mut tx, event).await?;
                tx.commit().await?;
                println!("Deleted {client_id}.");
                Ok(())
            }
            Self::RotateSecret(rotate) => rotate.run(operator, &db).await,
            Self::Invite(invite) => invite.run(operator, &db).await,
            Self::Recipe { client_id, app } => {
                let mut conn = db.read().await?;
                let client = find(&mut conn, &client_id).await?;
                let Some(recipe) = Recipe::of(&app) else {
                    let known = RECIPES.map(|recipe| recipe.name).join(", ");
                    bail!("there is no recipe for {app}: choose one of {known}");
                };
                print!("{}", recipe.filled(&operator.config.issuer, &client, None));
                Ok(())
            }
        }
    }
}

async fn add(
    operator: &Operator,
    db: &Db,
    mut metadata: Metadata,
    fields: Fields,
    given: Given,
    json: bool,
) -> anyhow::Result<()> {
    let vault = operator.vault(db).await?;
    let keys = fields.read_keys()?;
    fields.apply(&mut db.read().await?, &mut metadata, keys).await?;
    let (now, method) = (operator.clock.now(), metadata.token_endpoint_auth_method);
    let (either, notice) = (metadata.any_secret_method, unreachable(operator, &metadata));
    let mut tx = db.write().await?;
    let registered = clients::take_over(&mut tx, &vault, metadata, given, now, &mut entropy()).await?;
    let client = &registered.client;
    record(operator, &mut tx, client.metadata.noted_in(event("client.added", &client.id))).await?;
    tx.commit().await?;
    let (id, secret) = (&registered.client.id, registered.secret.as_ref().map(Token::reveal));
    let at_stake = secret.map(|_| secret::lost(id));
    if json {
        let mut new = json!({ "client_id": id });
        if let (Some(secret), Some(map)) = (secret, new.as_object_mut()) {
            map.insert("client_secret".to_owned(), json!(secret));
        }
        return input::print_json(&new);
    }
    println!("issuer:        {}", operator.config.issuer);
    println!("client_id:     {id}");
    match secret {
        Some(secret) => println!("client_secret: {secret}  (shown this once)"),
        None if method == AuthMethod::None => {
            println!("This client is public: it has no secret, and uses PKCE with S256.");
        }
        None => {}
    }
    drop(at_stake);
    if either {
        println!("auth method:   client_secret_basic or client_secret_post, as the app likes");
    } else {
        println!("auth method:   {}", method.name());
    }
    if let Some(notice) = notice {
        println!("{notice}");
    }
    println!("Set-up to copy: countersign client recipe {id} APP");
    Ok(())
}

async fn set(
    operator: &Operator,
    db: &Db,
    id: &str,
    name: Option<String>,
    fields: Fields,
) -> anyhow::Result<()> {
    let keys = fields.read_keys()?;
    let mut tx = db.write().await?;
    let client = clients::find_to_change(&mut tx, id).await?;
    let client = client.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    let mut metadata = client.metadata.clone();
    if let Some(name) = name {
        metadata.client_name = name;
    }
    fields.apply(&mut tx, &mut metadata, keys).await?;
    clients::set(&mut tx, id, &metadata, operator.clock.now()).await?;
    let changed = metadata.change_noted_in(event("client.changed", id), &client.metadata);
    record(operator, &mut tx, changed).await?;
    tx.commit().await?;
    println!("Changed {id}.");
    if let Some(notice) = unreachable(operator, &metadata) {
        println!("{notice}");
    }
    if (clients::Client { metadata, ..client }).lacks_its_secret() {
        println!("It has no secret of the kind that it needs now: countersign client rotate-secret {id}");
    }
    Ok(())
}

/// What the operator has to do so that an app on this machine is told of sessions that have ended.
fn unreachable(operator: &Operator, metadata: &Metadata) -> Option<String> {
    let uri = metadata.backchannel_logout_uri.as_deref().filter(|uri| uri.starts_with("http:"))?;
    let allowed = &operator.config.outbound.allow_private;
    let told = allowed.iter().any(|host| uri.contains(host.as_str()));
    (!told).then(|| format!("Before {uri} is told: add its host to [outbound] allow_private."))
}

async fn show(db: &Db, id: &str, json: bool) -> anyhow::Result<()> {
    let mut conn = db.read().await?;
    let client = find(&mut conn, id).await?;
    let described = describe(&mut conn, &client).await?;
    if json {
        return input::print_json(&described);
    }
    println!("client_id: {}", client.id);
    for (name, value) in described.as_object().into_iter().flatten().filter(|(name, _)| *name != "client_id")
    {
        match value {
            Value::Array(groups) if name == "allowed_groups" && groups.is_empty() => {
                println!("allowed_groups: all");
            }
            Value::Number(at) if ["created_at", "old_secret_until"].contains(&name.as_str()) => {
                println!("{name}: {}", timestamp(at.as_i64().unwrap_or_default()));
            }
            Value::String(text) => println!("{name}: {text}"),
            Value::Array(list) => {
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                println!("{name}: {}", texts.join(" "));
            }
            other => println!("{name}: {other}"),
        }
    }
    Ok(())
}

async fn list(db: &Db, page: &Page, json: bool) -> anyhow::Result<()> {
    let mut conn = db.read().await?;
    let mut all = clients::list(&mut conn, page.start(), page.rows()).await?;
    page.cut(&mut all, |client| &client.id);
    if json {
        let mut described = Vec::new();
        for client in &all {
            described.push(describe(&mut conn, client).await?);
        }
        return input::print_json(&described);
    }
    for client in &all {
        println!("{}  {}", client.id, client.metadata.client_name);
    }
    Ok(())
}

async fn find(conn: &mut Conn, id: &str) -> anyhow::Result<clients::Client> {
    Ok(clients::find(conn, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?)
}

async fn record(operator: &Operator, conn: &mut Conn, event: Event) -> anyhow::Result<()> {
    Ok(event.record(conn, operator.clock.now_ms(), &mut entropy()).await?)
}

fn event(event: &'static str, id: &str) -> Event {
    Event::new(event, Actor::Operator).client(id)
}

/// Everything about a client but its secret, with the groups by their paths.
async fn describe(conn: &mut Conn, client: &clients::Client) -> anyhow::Result<Value> {
    let mut paths = Vec::new();
    for id in &client.metadata.allowed_groups {
        paths.push(groups::path(conn, id).await?);
    }
    let mut value = json!(client.metadata);
    if let Some(map) = value.as_object_mut() {
        map.insert("client_id".to_owned(), json!(client.id));
        map.insert("created_at".to_owned(), json!(client.created_at));
        if let Some(old) = &client.old_secret {
            map.insert("old_secret_until".to_owned(), json!(old.until));
        }
        map.insert("allowed_groups".to_owned(), json!(paths));
    }
    Ok(value)
}
