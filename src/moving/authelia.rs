//! Who is in Authelia's file of users, and which apps does its configuration name?

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::csv::Defaults;
use super::error::Place;
use super::source::{App, Held, Home, Secret, Source, Standing, User, Where};

/// The largest file, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Users {
    users: BTreeMap<String, Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    disabled: bool,
    displayname: Option<String>,
    password: Option<String>,
    email: Option<String>,
    groups: Option<Vec<String>>,
    given_name: Option<String>,
    family_name: Option<String>,
    nickname: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Configuration {
    identity_providers: Providers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Providers {
    oidc: Oidc,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Oidc {
    clients: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    client_id: String,
    client_name: Option<String>,
    public: bool,
    redirect_uris: Vec<String>,
    consent_mode: Option<String>,
}

/// Reads the file of users; all of them come to the group of `defaults`.
///
/// # Errors
/// Where it cannot be read, and why.
pub fn read(bytes: impl Read, defaults: &Defaults) -> Result<Source, Error> {
    let Users { users } = parse(bytes)?;
    let Some(group) = &defaults.group else {
        return Err(Error::Unsuitable("say with --group PATH where they come to".to_owned()));
    };
    let (mut source, mut groups) = (Source::default(), BTreeMap::new());
    for (line, (login, person)) in (1..).zip(users) {
        for name in person.groups.unwrap_or_default() {
            *groups.entry(name).or_insert(0_u64) += 1;
        }
        let claims = [
            ("given_name", person.given_name),
            ("family_name", person.family_name),
            ("nickname", person.nickname),
        ];
        let claims = claims
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|v| !v.is_empty())?)));
        source.users.push(User {
            key: login.clone(),
            legacy_id: None,
            login,
            name: person.displayname,
            email: person.email,
            email_verified: false,
            standing: if person.disabled { Standing::Disabled } else { Standing::Active },
            home: Home::Group {
                group: Where::Path(group.clone()),
                role: defaults.role.clone().map(Held::Named),
            },
            password: person.password.map(|hash| Secret(hash.into())),
            claims: claims.collect(),
            line,
        });
    }
    if !groups.is_empty() {
        let named: Vec<String> =
            groups.iter().take(20).map(|(name, count)| format!("{name} ({count})")).collect();
        source.note(None, format!("everybody comes to {group}; groups there: {}", named.join(", ")));
    }
    Ok(source)
}

/// Reads the apps of the configuration. Their secrets are hashed there, and do not come.
///
/// # Errors
/// Where it cannot be read, and why.
pub fn apps(bytes: impl Read, source: &mut Source) -> Result<(), Error> {
    let Configuration { identity_providers: Providers { oidc: Oidc { clients } } } = parse(bytes)?;
    for client in clients {
        if !client.public {
            let text = format!(
                "the secret of the app {0} is hashed there and does not come: `countersign client rotate-secret {0}` gives it another",
                client.client_id
            );
            source.note(None, text);
        }
        source.apps.push(App {
            name: client.client_name.unwrap_or_else(|| client.client_id.clone()),
            id: client.client_id,
            redirect_uris: client.redirect_uris,
            public: client.public,
            secret: None,
            consent: client.consent_mode.as_deref() == Some("explicit"),
        });
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(bytes: impl Read) -> Result<T, Error> {
    let mut text = String::new();
    let read = bytes.take(LARGEST).read_to_string(&mut text);
    read.map_err(|error| Place::START.unreadable(&error))?;
    serde_saphyr::from_str(&text).map_err(|why| {
        let place =
            why.location().map_or(Place::START, |found| Place { line: found.line(), column: found.column() });
        let said = why.to_string();
        place.wrong(said.lines().next().unwrap_or_default())
    })
}
