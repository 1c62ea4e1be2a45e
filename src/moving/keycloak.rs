//! Who is in a realm of Keycloak's? One file of an export, or the folder that it makes of a large realm.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

use super::Error;
use super::error::Place;
use super::file::{Contents, Progress};
use super::names::{distinct, tidy_group};
use super::source::{App, Group, Held, Home, Secret, Source, Standing, User, Where};

/// The most files of a folder.
const MOST_FILES: usize = 100_000;

/// The largest file, in bytes, once it is unpacked.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// The apps that every realm has of itself.
const BUILT_IN: [&str; 7] = [
    "account",
    "account-console",
    "admin-cli",
    "broker",
    "realm-management",
    "security-admin-console",
    "master-realm",
];

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Realm {
    #[serde(rename = "realm")]
    name: String,
    display_name: Option<String>,
    default_locale: Option<String>,
    groups: Vec<RealmGroup>,
    users: Option<Vec<RealmUser>>,
    clients: Vec<RealmClient>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RealmGroup {
    id: String,
    name: String,
    sub_groups: Vec<RealmGroup>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RealmUser {
    id: String,
    username: String,
    email: Option<String>,
    email_verified: bool,
    enabled: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    credentials: Vec<Credential>,
    required_actions: Vec<String>,
    realm_roles: Vec<String>,
    groups: Vec<String>,
    service_account_client_id: Option<String>,
    federation_link: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Credential {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "secretData")]
    secret: Option<String>,
    #[serde(rename = "credentialData")]
    how: Option<String>,
    // As it was written before Keycloak 8.
    hashed_salted_value: Option<String>,
    salt: Option<String>,
    hash_iterations: Option<u64>,
    algorithm: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its own in an export")]
struct RealmClient {
    client_id: String,
    name: Option<String>,
    enabled: bool,
    protocol: Option<String>,
    bearer_only: bool,
    public_client: bool,
    secret: Option<String>,
    redirect_uris: Vec<String>,
    root_url: Option<String>,
    consent_required: bool,
    service_accounts_enabled: bool,
    standard_flow_enabled: Option<bool>,
}

/// What is gathered over the files.
#[derive(Default)]
struct Gathered {
    source: Source,
    /// The keys of groups, by the paths that users name them by.
    groups: HashMap<String, String>,
    realm: Option<String>,
    with_realm: bool,
    with_users: bool,
    to_be_changed: u64,
    other_roles: BTreeSet<String>,
    several_groups: u64,
}

/// Reads an export: a file, or a folder of them.
///
/// # Errors
/// Where it cannot be read, and why.
pub fn read(path: &Path, progress: &Progress) -> Result<Source, Error> {
    let mut gathered = Gathered::default();
    let files = files(path)?;
    for file in &files {
        gathered.file(file, progress)?;
    }
    gathered.finished()
}

/// The files of a realm: what describes it first, since its users name its groups.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)?.take(MOST_FILES) {
        let file = entry?.path();
        if file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(".json")) {
            files.push(file);
        }
    }
    files.sort_by_key(|file| (is_of_users(file), file.clone()));
    if files.is_empty() {
        return Err(Error::Unsuitable(
            "there is no file of Keycloak's in this folder: REALM-realm.json is expected".to_owned(),
        ));
    }
    Ok(files)
}

/// Whether a file of a folder is one of those that hold the users alone.
fn is_of_users(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().contains("-users-"))
}

impl Gathered {
    fn file(&mut self, path: &Path, progress: &Progress) -> Result<(), Error> {
        let mut contents = Contents::open(path, progress)?;
        let start = contents.fill_buf()?;
        if start.trim_ascii_start().starts_with(b"[") {
            let what = "this is a list of several realms: export one, with `kc.sh export --realm REALM`";
            return Err(Error::Unsuitable(what.to_owned()));
        }
        let contents = contents.take(LARGEST);
        let parsed: Result<Realm, _> = serde_json::from_reader(contents);
        let realm = parsed.map_err(|why| {
            let text = why.to_string();
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            let number = |number: usize| u64::try_from(number).unwrap_or_default().max(1);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Place { line: number(why.line()), column: number(why.column()) }
                .wrong(format!("{what} (in {name})"))
        })?;
        if realm.name.is_empty() {
            return Err(Error::Unsuitable("this is no realm of Keycloak's: it has no name".to_owned()));
        }
        match &self.realm {
            Some(known) if *known != realm.name => {
                let what = format!(
                    "there are several realms, {known} and {}: bring them along one by one",
                    realm.name
                );
                return Err(Error::Unsuitable(what));
            }
            Some(_) => {}
            None => self.bring_realm(&realm),
        }
        let top = realm.name.clone();
        let mut taken = std::collections::HashSet::new();
        for group in realm.groups {
            self.bring_group(group, &top, "", &mut taken, 0);
        }
        self.with_realm |= !is_of_users(path);
        for user in realm.users.unwrap_or_default() {
            self.bring_user(user, &top);
        }
        for client in realm.clients {
            self.bring_client(client);
        }
        Ok(())
    }

    fn bring_realm(&mut self, realm: &Realm) {
        self.realm = Some(realm.name.clone());
        let shown =
            realm.display_name.as_deref().filter(|name| !name.trim().is_empty() && !name.contains('<'));
        self.source.groups.push(Group {
            key: realm.name.clone(),
            parent: None,
            name: tidy_group(shown.unwrap_or(&realm.name), || realm.name.clone()),
            language: realm.default_locale.clone(),
            two_factor: None,
        });
    }

    fn bring_group(
        &mut self,
        group: RealmGroup,
        parent: &str,
        path: &str,
        taken: &mut std::collections::HashSet<String>,
        depth: usize,
    ) {
        let path = format!("{path}/{}", group.name);
        if depth > 15 {
            self.source.note(None, format!("{path} is nested deeper than groups are here: it does not come"));
            return;
        }
        let name = distinct(&tidy_group(&group.name, || "Group".to_owned()), taken);
        self.groups.insert(path.clone(), group.id.clone());
        self.source.groups.push(Group {
            key: group.id.clone(),
            parent: Some(parent.to_owned()),
            name,
            language: None,
            two_factor: None,
        });
        let mut below = std::collections::HashSet::new();
        for sub in group.sub_groups {
            self.bring_group(sub, &group.id, &path, &mut below, depth + 1);
        }
    }

    fn bring_user(&mut self, user: RealmUser, top: &str) {
        // An app that acts for itself is no person.
        if user.service_account_client_id.is_some() {
            return;
        }
        self.with_users = true;
        self.several_groups += u64::from(user.groups.len() > 1);
        self.to_be_changed +=
            u64::from(user.required_actions.iter().any(|action| action == "UPDATE_PASSWORD"));
        let own = |role: &&String| {
            !role.starts_with("default-roles-")
                && !matches!(role.as_str(), "offline_access" | "uma_authorization")
        };
        self.other_roles.extend(user.realm_roles.iter().filter(own).cloned());
        let group = user.groups.iter().find_map(|path| self.groups.get(path)).cloned();
        let names = [user.first_name.as_deref(), user.last_name.as_deref()];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let claim = |name: &str, value: &Option<String>| {
            value.as_ref().filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value.clone()))
        };
        if let (Some(_), true) = (&user.federation_link, user.credentials.is_empty()) {
            self.source.note(
                None,
                format!("{}: the password is in another directory (LDAP), and does not come", user.username),
            );
        }
        let password = user.credentials.iter().find_map(password);
        if password.is_none() && user.credentials.iter().any(|credential| credential.kind == "password") {
            let text = format!("{}: the password is written in a way that is not known here", user.username);
            self.source.note(None, text);
        }
        let claims = [claim("given_name", &user.first_name), claim("family_name", &user.last_name)];
        let role = Some(Held::Named("User".to_owned()));
        let line = self.source.users.len() as u64 + 1;
        self.source.users.push(User {
            key: user.id.clone(),
            legacy_id: Some(user.id),
            login: user.username,
            name: (!name.is_empty()).then_some(name),
            email: user.email,
            email_verified: user.email_verified,
            standing: if user.enabled { Standing::Active } else { Standing::Disabled },
            home: Home::Group { group: Where::Key(group.unwrap_or_else(|| top.to_owned())), role },
            password,
            claims: claims.into_iter().flatten().collect(),
            line,
        });
    }

    fn bring_client(&mut self, client: RealmClient) {
        let id = client.client_id;
        if BUILT_IN.contains(&id.as_str()) || id.ends_with("-realm") {
            return;
        }
        let openid = client.protocol.as_deref().is_none_or(|protocol| protocol == "openid-connect");
        let why = if !openid {
            Some("speaks SAML")
        } else if client.bearer_only {
            Some("only takes tokens: it needs no registration")
        } else if !client.enabled {
            Some("is switched off there")
        } else if client.standard_flow_enabled == Some(false) {
            Some("signs nobody in")
        } else {
            None
        };
        if let Some(why) = why {
            self.source.note(None, format!("the app {id} does not come: it {why}"));
            return;
        }
        if client.service_accounts_enabled {
            self.source.note(
                None,
                format!(
                    "the app {id} also acts for itself there: say so here by --grant-type client_credentials"
                ),
            );
        }
        let root = client.root_url.unwrap_or_default();
        let whole = |uri: &String| {
            if uri.starts_with('/') { format!("{}{uri}", root.trim_end_matches('/')) } else { uri.clone() }
        };
        let (wild, redirect_uris): (Vec<String>, Vec<String>) =
            client.redirect_uris.iter().map(whole).partition(|uri| uri.contains('*') || uri == "+");
        if !wild.is_empty() {
            let text = format!(
                "the app {id}: {} stands for many addresses, which are named one by one here",
                wild.join(", ")
            );
            self.source.note(None, text);
        }
        self.source.apps.push(App {
            name: client
                .name
                .filter(|name| !name.trim().is_empty() && !name.contains("${"))
                .unwrap_or_else(|| id.clone()),
            id,
            redirect_uris,
            public: client.public_client,
            // An export without secrets has asterisks for them.
            secret: client
                .secret
                .filter(|secret| !secret.chars().all(|c| c == '*'))
                .map(|secret| Secret(secret.into())),
            consent: client.consent_required,
        });
    }

    fn finished(mut self) -> Result<Source, Error> {
        if !self.with_users {
            let what = "this realm comes without its users: export it with `kc.sh export --users realm_file` (the admin console leaves them out)";
            return Err(Error::Unsuitable(what.to_owned()));
        }
        if !self.with_realm {
            let what = "the file of the realm itself is not in this folder (REALM-realm.json), and with it the groups and apps";
            return Err(Error::Unsuitable(what.to_owned()));
        }
        if self.to_be_changed > 0 {
            let text = format!(
                "{} people had to change their password at the next sign-in there: here they keep it, `countersign user link LOGIN` gives a link to change it",
                self.to_be_changed
            );
            self.source.note(None, text);
        }
        if self.several_groups > 0 {
            let text = format!(
                "{} people are in several groups there: they are in the first one here",
                self.several_groups
            );
            self.source.note(None, text);
        }
        if !self.other_roles.is_empty() {
            let named: Vec<&str> = self.other_roles.iter().map(String::as_str).take(20).collect();
            let text = format!(
                "everybody comes as User; roles of the realm that have no rank here: {}",
                named.join(", ")
            );
            self.source.note(None, text);
        }
        Ok(self.source)
    }
}

/// A password's hash, as this program writes such hashes.
fn password(credential: &Credential) -> Option<Secret> {
    if credential.kind != "password" {
        return None;
    }
    if let (Some(value), Some(salt)) = (&credential.hashed_salted_value, &credential.salt) {
        let name = credential.algorithm.as_deref().unwrap_or("pbkdf2");
        return Some(pbkdf2(name, credential.hash_iterations?, &unpadded(salt)?, &unpadded(value)?));
    }
    let secret: Value = serde_json::from_str(credential.secret.as_deref()?).ok()?;
    let how: Value = serde_json::from_str(credential.how.as_deref()?).ok()?;
    let (salt, hash) = (unpadded(secret.get("salt")?.as_str()?)?, unpadded(secret.get("value")?.as_str()?)?);
    let rounds = how.get("hashIterations")?.as_u64()?;
    let more = |name: &str| {
        let value = how.get("additionalParameters")?.get(name)?;
        value.as_array().and_then(|all| all.first()).unwrap_or(value).as_str()
    };
    let name = how.get("algorithm")?.as_str()?;
    if name != "argon2" {
        return Some(pbkdf2(name, rounds, &salt, &hash));
    }
    let version = if more("version") == Some("1.0") { 16 } else { 19 };
    let (kind, memory, lanes) =
        (more("type").unwrap_or("id"), more("memory")?, more("parallelism").unwrap_or("1"));
    Some(Secret(format!("$argon2{kind}$v={version}$m={memory},t={rounds},p={lanes}${salt}${hash}").into()))
}

/// Base64 as it is written there, without its padding.
fn unpadded(text: &str) -> Option<String> {
    let bytes = base64::prelude::BASE64_STANDARD.decode(text).ok()?;
    Some(base64::prelude::BASE64_STANDARD_NO_PAD.encode(bytes))
}

/// A hash of PBKDF2's; the name of another algorithm says why it does not come.
fn pbkdf2(name: &str, rounds: u64, salt: &str, hash: &str) -> Secret {
    let text = match name {
        "pbkdf2" => format!("$pbkdf2-sha1$i={rounds}${salt}${hash}"),
        "pbkdf2-sha256" | "pbkdf2-sha512" => format!("${name}$i={rounds}${salt}${hash}"),
        other => other.to_owned(),
    };
    Secret(text.into())
}
