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
    middle_name: Option<String>,
    family_name: Option<String>,
    nickname: Option<String>,
    gender: Option<String>,
    birthdate: Option<String>,
    website: Option<String>,
    profile: Option<String>,
    picture: Option<String>,
    zoneinfo: Option<String>,
    locale: Option<String>,
    phone_number: Option<String>,
    address: Option<BTreeMap<String, Option<String>>>,
}

impl Person {
    /// The standard claims, by name.
    fn claims(&mut self) -> Vec<(String, String)> {
        let own = [
            ("given_name", self.given_name.take()),
            ("middle_name", self.middle_name.take()),
            ("family_name", self.family_name.take()),
            ("nickname", self.nickname.take()),
            ("gender", self.gender.take()),
            ("birthdate", self.birthdate.take()),
            ("website", self.website.take()),
            ("profile", self.profile.take()),
            ("picture", self.picture.take()),
            ("zoneinfo", self.zoneinfo.take()),
            ("locale", self.locale.take()),
            ("phone_number", self.phone_number.take()),
        ];
        let address = self.address.take().unwrap_or_default();
        let address = address.into_iter().map(|(name, value)| (format!("address.{name}"), value));
        let all = own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(address);
        all.filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect()
    }
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
    // As 4.36 and 4.37 have it, in the other names.
    #[serde(alias = "id")]
    client_id: String,
    #[serde(alias = "description")]
    client_name: Option<String>,
    #[serde(alias = "secret")]
    client_secret: Option<String>,
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
    for (line, (login, mut person)) in (1..).zip(users) {
        let claims = person.claims();
        for name in person.groups.unwrap_or_default() {
            *groups.entry(name).or_insert(0_u64) += 1;
        }
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
            claims,
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

/// Reads the apps of the configuration. Secrets that are hashed there do not come.
///
/// # Errors
/// Where it cannot be read, and why.
pub fn apps(bytes: impl Read, source: &mut Source) -> Result<(), Error> {
    let Configuration { identity_providers: Providers { oidc: Oidc { clients } } } = parse(bytes)?;
    for client in clients {
        if client.client_id.is_empty() {
            source.note(None, "an app of the configuration has no client_id, and does not come");
            continue;
        }
        let secret = client.client_secret.as_deref().filter(|_| !client.public).and_then(plain);
        if !client.public && secret.is_none() {
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
            secret,
            consent: client.consent_mode.as_deref() == Some("explicit"),
        });
    }
    Ok(())
}

/// A secret that is not hashed: as it is, or marked as such.
fn plain(secret: &str) -> Option<Secret> {
    let plain =
        secret.strip_prefix("$plaintext$").or_else(|| (!secret.starts_with('$')).then_some(secret))?;
    (!plain.is_empty()).then(|| Secret(plain.to_owned().into()))
}

fn parse<T: DeserializeOwned>(bytes: impl Read) -> Result<T, Error> {
    let mut text = String::new();
    let read = bytes.take(LARGEST).read_to_string(&mut text);
    read.map_err(|error| Place::START.unreadable(&error))?;
    serde_saphyr::from_str(&text).map_err(|why| {
        let place =
            why.location().map_or(Place::START, |found| Place { line: found.line(), column: found.column() });
        let said = why.to_string();
        let said = said.lines().next().unwrap_or_default();
        // Without the place, which it has in front of it.
        let at = format!("error: line {} column {}: ", place.line, place.column);
        place.wrong(said.strip_prefix(&at).unwrap_or(said))
    })
}
