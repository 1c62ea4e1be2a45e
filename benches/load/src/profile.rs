//! What must be known of a provider to load it? One TOML file: where it is, its clients, its people, how its pages are filled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use super::process::Which;

/// A provider, as its profile file tells of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What the table calls it.
    pub name: String,
    /// Its issuer: all else is found by discovery.
    pub issuer: String,
    /// Where it sends people back to. Nothing has to listen there.
    pub redirect_uri: String,
    /// The scopes of sign-ins.
    #[serde(default = "openid")]
    pub scope: String,
    /// Further parameters of authorization requests.
    #[serde(default)]
    pub authorize: BTreeMap<String, String>,
    /// Whether everybody comes from an address of their own (127.1.x.y): providers slow down one that asks for much.
    #[serde(default)]
    pub spread: bool,
    /// The process of the provider.
    pub server: Option<Process>,
    /// The process of its database.
    pub database: Option<Process>,
    /// The client of the code flow, of `/userinfo` and of refreshing.
    pub app: Client,
    /// A client of the client credentials grant whose access tokens are JWTs signed with RS256.
    pub rs256: Option<Client>,
    /// The same with ES256.
    pub es256: Option<Client>,
    /// The pages of a sign-in. Of each page that comes the first step is taken that one of its forms fits.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// Who signs in with a password alone.
    pub people: Option<People>,
    /// Who is sent a code by email.
    pub coded: Option<People>,
    /// Where the generator takes mail in, as the provider is set up to send it: `127.0.0.1:2525`.
    pub mail: Option<String>,
}

/// A process by its number, by a file that holds it, or by its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Process {
    /// Its number.
    Pid(u32),
    /// The numbers of several that serve together.
    Pids(Vec<u32>),
    /// A file whose first line is the number, such as PostgreSQL's `postmaster.pid`.
    PidFile(PathBuf),
    /// The name of the program, as `ps -o comm` shows it.
    Name(String),
}

/// An app that is registered there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// `client_secret`
    pub secret: String,
    /// How it proves itself.
    #[serde(default)]
    pub auth: Auth,
    /// Further parameters of its token requests, such as `scope` or `resource`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// RFC 6749 §2.3.1.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// `client_secret_basic`
    #[default]
    Basic,
    /// `client_secret_post`
    Post,
}

/// What is done with a page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Fields that the form must have, and what is typed; `{login}`, `{password}` and `{code}` stand for the person's.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// A part of the form's `action`, where the fields tell too little.
    pub action: Option<String>,
    /// The id, name or value of the button to press.
    pub button: Option<String>,
}

/// So many people who are called alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Their logins; `{n}` stands for 1, 2, 3 and so on.
    pub login: String,
    /// Their password.
    pub password: String,
    /// How many there are.
    pub count: usize,
    /// Their addresses, for codes.
    pub address: Option<String>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Person {
    /// The login.
    pub login: String,
    /// The password.
    pub password: String,
    /// The address.
    pub address: Option<String>,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// When it is none: what is wrong, and where.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// Reads a profile's file.
    ///
    /// # Errors
    /// When there is none, or it is wrong.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }
}

impl Process {
    /// Which process that is.
    ///
    /// # Errors
    /// When the file holds no number.
    pub fn which(&self) -> anyhow::Result<Which> {
        match self {
            Self::Pid(id) => Ok(Which::Ids(vec![*id])),
            Self::Pids(ids) => Ok(Which::Ids(ids.clone())),
            Self::Name(name) => Ok(Which::Named(name.clone())),
            Self::PidFile(path) => {
                let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
                let line = text.lines().next().unwrap_or_default().trim();
                let id = line.parse().with_context(|| format!("{}: {line:?}", path.display()))?;
                Ok(Which::Ids(vec![id]))
            }
        }
    }
}

impl People {
    /// The nth of them, from the beginning again after the last.
    #[must_use]
    pub fn person(&self, n: usize) -> Person {
        let number = (n % self.count.max(1) + 1).to_string();
        let named = |pattern: &str| pattern.replace("{n}", &number);
        Person {
            login: named(&self.login),
            password: self.password.clone(),
            address: self.address.as_deref().map(named),
        }
    }
}

impl Step {
    /// What is typed by this person, with this code if there is one.
    #[must_use]
    pub fn typed(&self, person: &Person, code: Option<&str>) -> Vec<(String, String)> {
        let typed = |pattern: &String| {
            let text = pattern.replace("{login}", &person.login).replace("{password}", &person.password);
            text.replace("{code}", code.unwrap_or_default())
        };
        self.fields.iter().map(|(name, pattern)| (name.clone(), typed(pattern))).collect()
    }

    /// Whether something that stands for this is typed.
    #[must_use]
    pub fn types(&self, what: &str) -> bool {
        self.fields.values().any(|pattern| pattern.contains(what))
    }
}

fn openid() -> String {
    "openid".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Auth, Process, Profile};

    const WHOLE: &str = r#"
        name = "Provider"
        issuer = "http://127.0.0.1:9000/op"
        redirect_uri = "http://127.0.0.1:9/callback"
        scope = "openid offline_access"
        authorize = { prompt = "consent" }
        spread = true
        server = { pid = 42 }
        database = { name = "postgres" }
        mail = "127.0.0.1:2525"
        [app]
        id = "app"
        secret = "s"
        [rs256]
        id = "machine"
        secret = "t"
        auth = "post"
        parameters = { resource = "https://api.example.org" }
        [[step]]
        fields = { login = "{login}", password = "{password}" }
        [[step]]
        action = "/consent"
        button = "yes"
        [people]
        login = "load{n}"
        password = "correct"
        count = 3
        [coded]
        login = "coded{n}"
        address = "coded{n}@example.org"
        password = "correct"
        count = 2
    "#;

    #[test]
    fn a_profile_tells_everything() {
        let profile = Profile::parse(WHOLE).unwrap();
        assert!(matches!(profile.server, Some(Process::Pid(42))));
        assert!(matches!(&profile.database, Some(Process::Name(name)) if name == "postgres"));
        assert_eq!(profile.app.auth, Auth::Basic);
        assert_eq!(profile.rs256.unwrap().auth, Auth::Post);
        let people = profile.people.unwrap();
        let logins: Vec<String> = (0..4).map(|n| people.person(n).login).collect();
        assert_eq!(logins, ["load1", "load2", "load3", "load1"]);
        let coded = profile.coded.unwrap().person(1);
        assert_eq!(coded.address.as_deref(), Some("coded2@example.org"));
        let typed = profile.steps[0].typed(&coded, None);
        let expected = [("login", "coded2"), ("password", "correct")];
        assert_eq!(typed, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(profile.steps[0].types("{password}") && !profile.steps[1].types("{code}"));
    }

    #[test]
    fn a_wrong_profile_is_refused_by_name() {
        let least = r#"name = "P"
            issuer = "http://127.0.0.1:1"
            redirect_uri = "http://127.0.0.1:9/cb"
            app = { id = "a", secret = "b" }"#;
        assert!(Profile::parse(least).is_ok());
        let cases = [
            ("issuer", least.replace("issuer", "isuer")),
            ("secret", least.replace(", secret = \"b\"", "")),
            ("auth", least.replace("\"b\"", "\"b\", auth = \"none\"")),
            ("server", format!("server = {{ pid = \"x\" }}\n{least}")),
        ];
        for (named, text) in cases {
            let refused = format!("{:#}", Profile::parse(&text).unwrap_err());
            assert!(refused.contains(named), "{named}: {refused}");
        }
    }
}
