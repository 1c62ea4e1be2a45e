//! Which settings are there, and what are they when nobody says? One struct a section; its comments are the reference.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::algorithm::SigningAlgorithm;
use super::duration::Period;
use super::listen::Listen;
use super::proxies::Proxies;

/// The whole of `countersign.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The provider's own address, as relying apps and browsers see it: https, or http on a loopback host; it may have a path.
    pub issuer: String,
    /// Where to listen: addresses with a port, and `unix:PATH` for sockets.
    pub listen: Listen,
    /// Addresses and networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Proxies>,
    /// The header in which those proxies tell the certificate that a client has shown them, once they have verified it; they
    /// must drop it from what comes from outside. Off when absent.
    pub client_certificate_header: Option<String>,
    /// The folder that relative paths of this file start from; relative itself, it starts from the folder of this file.
    pub data_dir: PathBuf,
    /// `[tls]`
    pub tls: Option<Tls>,
    /// `[database]`
    pub database: Database,
    /// `[keys]`
    pub keys: Keys,
    /// `[mail]`
    pub mail: Mail,
    /// `[signin]`
    pub signin: SignIn,
    /// `[session]`
    pub session: Session,
    /// `[tokens]`
    pub tokens: Tokens,
    /// `[registration]`
    pub registration: Registration,
    /// `[brand]`
    pub brand: Brand,
    /// `[templates]`
    pub templates: Templates,
    /// `[outbound]`
    pub outbound: Outbound,
    /// `[log]`
    pub log: Log,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[telemetry]`
    pub telemetry: Telemetry,
    /// Variables that begin with `COUNTERSIGN_` and name no setting: somebody else's, or misspelt.
    #[serde(skip)]
    pub unknown_variables: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: "http://localhost:8080".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)).into(),
            trusted_proxies: Vec::new(),
            client_certificate_header: None,
            data_dir: PathBuf::from("."),
            tls: None,
            database: Database::default(),
            keys: Keys::default(),
            mail: Mail::default(),
            signin: SignIn::default(),
            session: Session::default(),
            tokens: Tokens::default(),
            registration: Registration::default(),
            brand: Brand::default(),
            templates: Templates::default(),
            outbound: Outbound::default(),
            log: Log::default(),
            metrics: Metrics::default(),
            telemetry: Telemetry::default(),
            unknown_variables: Vec::new(),
        }
    }
}

/// `[tls]`: serve https without a proxy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate and its chain.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
    /// Whether clients are asked for a certificate (RFC 8705). Nobody has to show one, and any is let through the handshake:
    /// what it is good for is judged by what the client has registered.
    #[serde(default)]
    pub client_certificates: bool,
    /// PEM file of the authorities whose certificates `tls_client_auth` accepts.
    pub client_ca: Option<PathBuf>,
}

/// `[database]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:FILE` (relative to `data_dir`) or `postgres://USER:PASSWORD@HOST/NAME`.
    pub url: String,
    /// A file that holds the address, so that its password is not in this one.
    pub url_file: Option<PathBuf>,
    /// How many connections this process may hold at once.
    pub max_connections: u32,
    /// Whether `serve` brings the schema up to date by itself.
    pub migrate: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:countersign.db".to_owned(), url_file: None, max_connections: 8, migrate: true }
    }
}

/// `[keys]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// The folder of `master.key`.
    pub dir: PathBuf,
    /// What ID tokens are signed with for clients that ask for nothing else.
    pub algorithm: SigningAlgorithm,
    /// How old the signing keys may become before `serve` makes new ones.
    pub rotate_every: Period,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("keys"),
            algorithm: SigningAlgorithm::RS256,
            rotate_every: Period::days(90),
        }
    }
}

/// `[mail]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// How mail leaves: `smtp`, `file` (one `.eml` a message, in `dir`) or `none`.
    pub transport: TransportKind,
    /// The mail server's name.
    pub host: String,
    /// Its port; when absent 465 for `tls`, 587 for `starttls`, 25 for `none`.
    pub port: Option<u16>,
    /// `tls`, `starttls` (required, never optional) or `none`.
    pub encryption: Encryption,
    /// The login at the mail server, if it asks for one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The sender: `name@example.org` or `Name <name@example.org>`.
    pub from: String,
    /// The limit on one whole exchange with the mail server.
    pub timeout: Period,
    /// What this provider calls itself to the mail server (EHLO); the issuer's host when absent.
    pub helo: Option<String>,
    /// Where `file` puts its messages.
    pub dir: PathBuf,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: TransportKind::Smtp,
            host: "localhost".to_owned(),
            port: None,
            encryption: Encryption::None,
            username: None,
            password: None,
            password_file: None,
            from: "Countersign <countersign@localhost>".to_owned(),
            timeout: Period::seconds(15),
            helo: None,
            dir: PathBuf::from("mail"),
        }
    }
}

impl Mail {
    /// Whether somebody has said how mail leaves. With nothing but the defaults, a mail server on this machine is tried, and
    /// nothing promises that there is one.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        let default = Self::default();
        let untouched = self.host == default.host && self.port == default.port && self.from == default.from;
        match self.transport {
            TransportKind::Smtp => !untouched,
            TransportKind::File => true,
            TransportKind::None => false,
        }
    }
}

/// How mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// To a mail server.
    Smtp,
    /// Into a folder.
    File,
    /// Not at all: every message is refused.
    None,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, or no mail at all.
    Starttls,
    /// In the clear: for a mail server on this machine.
    None,
}

/// `[signin]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignIn {
    /// Digits of an emailed code, 6 to 10.
    pub code_length: u8,
    /// How long an emailed code holds.
    pub code_lifetime: Period,
    /// How many wrong codes end a challenge.
    pub code_attempts: u8,
    /// How soon another code may be asked for.
    pub resend_after: Period,
    /// How many codes one sign-in may send.
    pub codes_per_signin: u8,
    /// How many codes are sent to one address within an hour, over all sign-ins.
    pub codes_per_hour: u16,
    /// Whether the code page asks for the password again.
    pub ask_password_with_code: bool,
    /// How many wrong codes within `wrong_codes_window` stop a user's codes.
    pub wrong_codes_limit: u16,
    /// The window in which wrong codes are counted.
    pub wrong_codes_window: Period,
    /// How long a page waits for the mail server before it shows the code page anyway.
    pub mail_patience: Period,
    /// How long a sign-in may take.
    pub lifetime: Period,
    /// The shortest password where a code is asked for as well.
    pub password_min: u8,
    /// The shortest password where the password alone lets one in.
    pub password_min_alone: u8,
    /// How long a code given by hand holds (`user code LOGIN`).
    pub hand_code_lifetime: Period,
    /// How long a link to choose a first password holds.
    pub link_lifetime: Period,
    /// How long a link to choose another password holds, for somebody who has forgotten theirs.
    pub reset_lifetime: Period,
    /// Password checks that may wait while every core is hashing; beyond that a page asks to try again.
    pub password_queue: u16,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            code_length: 6,
            code_lifetime: Period::minutes(10),
            code_attempts: 5,
            resend_after: Period::seconds(60),
            codes_per_signin: 5,
            codes_per_hour: 10,
            ask_password_with_code: true,
            wrong_codes_limit: 10,
            wrong_codes_window: Period::hours(24),
            mail_patience: Period::seconds(3),
            lifetime: Period::minutes(30),
            password_min: 8,
            password_min_alone: 15,
            hand_code_lifetime: Period::minutes(15),
            link_lifetime: Period::hours(24),
            reset_lifetime: Period::hours(1),
            password_queue: 512,
        }
    }
}

/// `[session]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// A session that nothing has used for this long is over.
    pub idle: Period,
    /// A session is over after this long in any case.
    pub lifetime: Period,
}

impl Default for Session {
    fn default() -> Self {
        Self { idle: Period::hours(12), lifetime: Period::days(7) }
    }
}

/// `[tokens]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// How long an access token holds.
    pub access_lifetime: Period,
    /// How long an ID token holds.
    pub id_lifetime: Period,
    /// A refresh token that nothing has used for this long is over.
    pub refresh_idle: Period,
    /// A grant, and with it the last of its refresh tokens, is over after this long in any case.
    pub refresh_lifetime: Period,
    /// How long an authorization code holds.
    pub code_lifetime: Period,
    /// How soon a sign-in must begin from a pushed authorization request (RFC 9126).
    pub pushed_lifetime: Period,
    /// How long a refresh token that was used may be used once more, as long as nothing has used the one that was given for
    /// it: for an app that has lost the answer.
    pub refresh_retry: Period,
    /// Whether proofs of possession must hold a nonce of ours (RFC 9449 §8).
    pub dpop_nonce: bool,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            access_lifetime: Period::minutes(10),
            id_lifetime: Period::minutes(10),
            refresh_idle: Period::days(30),
            refresh_lifetime: Period::days(365),
            code_lifetime: Period::seconds(60),
            pushed_lifetime: Period::seconds(60),
            refresh_retry: Period::seconds(10),
            dpop_nonce: false,
        }
    }
}

/// `[registration]`: who may register clients over HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// `closed`, `token` or `open`.
    pub mode: RegistrationMode,
    /// How many clients may be registered so at a time.
    pub max_clients: u32,
    /// How many of them one network may register in an hour without an initial access token.
    pub per_hour: u32,
}

impl Default for Registration {
    fn default() -> Self {
        Self { mode: RegistrationMode::Closed, max_clients: 1000, per_hour: 100 }
    }
}

/// Who may register clients over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Nobody: clients are added on the command line.
    #[default]
    Closed,
    /// Whoever holds an initial access token.
    Token,
    /// Anybody.
    Open,
}

/// `[brand]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Brand {
    /// The name on pages and in mails.
    pub name: String,
    /// A file (PNG, SVG or WebP) shown above the name.
    pub logo: Option<PathBuf>,
    /// The colour of buttons and links, `#rrggbb`.
    pub color: Option<String>,
    /// The same in dark mode.
    pub color_dark: Option<String>,
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: "Countersign".to_owned(), logo: None, color: None, color_dark: None }
    }
}

/// `[templates]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Templates {
    /// Files here replace the built-in templates of the same name.
    pub dir: Option<PathBuf>,
}

/// `[outbound]`: requests that this provider makes to its clients' addresses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// PEM files of further authorities to trust.
    pub extra_ca: Vec<PathBuf>,
    /// Hosts (names or addresses) that may be reached although they are private or loopback.
    pub allow_private: Vec<String>,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,countersign::mail=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[metrics]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where metrics are served, on this machine alone: loopback addresses with a port, and `unix:PATH`; nowhere when absent.
    pub listen: Option<Listen>,
}

/// `[telemetry]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The collector that traces are sent to by OTLP over HTTP, without `/v1/traces`; nowhere when absent.
    pub otlp_endpoint: Option<String>,
}

impl SignIn {
    /// How many characters a password needs, at least: more where it lets one in by itself.
    #[must_use]
    pub fn shortest_password(&self, with_code: bool) -> usize {
        usize::from(if with_code { self.password_min } else { self.password_min_alone })
    }
}
