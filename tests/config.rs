//! What does an operator read when a setting is wrong, and what holds when it is right?
#![cfg(test)]

use std::path::Path;

use countersign::config::{self, Config, Encryption, SigningAlgorithm, TransportKind};
use proptest::prelude::*;
use tempfile::TempDir;

/// A folder with this settings file.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("countersign.toml"), text).unwrap();
    folder
}

fn load_in(folder: &Path, environment: &[(&str, &str)]) -> Result<Config, String> {
    let variables = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let file = folder.join("countersign.toml");
    let strip = format!("{}/", folder.display());
    config::load(Some(&file), variables).map_err(|e| e.to_string().replace(&strip, ""))
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    load_in(folder(text).path(), environment)
}

/// The one line that is printed.
fn refusal(text: &str, environment: &[(&str, &str)]) -> String {
    let said = load(text, environment).expect_err(text);
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// A key that does not exist is named with its place, and the ones that do exist there are listed.
#[test]
fn an_unknown_setting_is_named_with_its_place() {
    assert_eq!(
        refusal("issuer = \"http://localhost\"\n[log]\nlevle = \"info\"\n", &[]),
        "countersign.toml:3: log.levle: there is no such setting; here are: format, level"
    );
    let top = refusal("\nmale.host = \"x\"\n", &[]);
    assert!(
        top.starts_with("countersign.toml:2: male: there is no such setting; here are: issuer, "),
        "{top}"
    );
    assert_eq!(
        refusal("", &[("COUNTERSIGN_LOG__LEVLE", "info")]),
        "COUNTERSIGN_LOG__LEVLE: log.levle: there is no such setting; here are: format, level"
    );
}

/// A value of the wrong kind says which kind is expected.
#[test]
fn a_wrong_value_says_what_is_expected() {
    for (text, said) in [
        ("mail.port = \"x\"", "mail.port: expected a whole number from 0 to 65535, not \"x\""),
        ("mail.port = 70000", "mail.port: expected a whole number from 0 to 65535, not 70000"),
        ("mail.port = 2.5", "mail.port: expected a whole number from 0 to 65535, not 2.5"),
        ("mail = 1", "mail: expected a section with settings of its own, not 1"),
        ("mail.transport = \"pigeon\"", "mail.transport: expected smtp or file or none, not \"pigeon\""),
        ("mail.transport = 1", "mail.transport: expected a word in quotes, not 1"),
        ("mail.timeout = 15", "mail.timeout: expected a text in quotes, not 15"),
        (
            "mail.timeout = \"15\"",
            "mail.timeout: expected a duration such as 90s, 10m, 12h or 30d, not \"15\"",
        ),
        ("mail.password = 12345", "mail.password: expected a text in quotes"),
        ("database.migrate = \"yes\"", "database.migrate: expected true or false, not \"yes\""),
        (
            "listen = \"8080\"",
            "listen: expected an address and port such as 127.0.0.1:8080, unix:PATH, or a list of them",
        ),
        (
            "listen = []",
            "listen: expected an address and port such as 127.0.0.1:8080, unix:PATH, or a list of them",
        ),
        (
            "listen = 8080",
            "listen: expected an address and port such as 127.0.0.1:8080, unix:PATH, or a list of them, not 8080",
        ),
        ("trusted_proxies = \"10.0.0.1\"", "trusted_proxies: expected a list in brackets, not \"10.0.0.1\""),
        (
            "trusted_proxies = [\"proxy\"]",
            "trusted_proxies: expected an IP address such as 10.0.0.1, or a network such as 10.0.0.0/8",
        ),
        (
            "keys.algorithm = \"HS256\"",
            "keys.algorithm: expected RS256 or RS384 or RS512 or PS256 or PS384 or PS512 or ES256 or ES384 or ES512 \
             or EdDSA, not \"HS256\"",
        ),
        (
            "outbound.allow_private = [\"https://app.internal/\"]",
            "outbound.allow_private: expected host names or addresses such as app.internal or 10.0.0.7, not \
             \"https://app.internal/\"",
        ),
        ("keys.dir = 1", "keys.dir: expected a path in quotes, not 1"),
        ("tls.key = \"k.pem\"", "tls: needs `certificate` as well"),
    ] {
        assert_eq!(refusal(text, &[]), format!("countersign.toml:1: {said}"));
    }
}

/// What a type allows and sense does not, and what is said about it.
const OUT_OF_BOUNDS: &[(&str, &str)] = &[
    ("signin.code_length = 5", "signin.code_length: expected 6 to 10"),
    ("signin.code_length = 11", "signin.code_length: expected 6 to 10"),
    ("signin.code_attempts = 0", "signin.code_attempts: expected 1 to 20"),
    ("signin.codes_per_signin = 0", "signin.codes_per_signin: expected 1 to 20"),
    ("signin.wrong_codes_limit = 0", "signin.wrong_codes_limit: expected 1 or more"),
    ("signin.password_min = 7", "signin.password_min: expected 8 to 128"),
    ("signin.password_min_alone = 7", "signin.password_min_alone: expected 8 (signin.password_min) to 128"),
    ("signin.password_queue = 0", "signin.password_queue: expected 1 or more"),
    ("signin.mail_patience = \"1m\"", "signin.mail_patience: expected at most 30s"),
    ("signin.lifetime = \"25h\"", "signin.lifetime: expected at most 24h"),
    ("signin.code_lifetime = \"0s\"", "signin.code_lifetime: expected more than 0s"),
    ("session.idle = \"0s\"", "session.idle: expected more than 0s"),
    ("tokens.id_lifetime = \"0s\"", "tokens.id_lifetime: expected more than 0s"),
    ("tokens.pushed_lifetime = \"10m\"", "tokens.pushed_lifetime: expected less than 10m"),
    ("tokens.code_lifetime = \"11m\"", "tokens.code_lifetime: expected at most 10m"),
    (
        "tokens.refresh_retry = \"2m\"",
        "tokens.refresh_retry: expected at most 1m: whoever has stolen a token may retry too",
    ),
    (
        "database.url = \"mysql://root:hunter2@db\"",
        "database.url: expected sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME",
    ),
    (
        "tls = { certificate = \"c\", key = \"k\", client_ca = \"a\" }\nissuer = \"https://a.example\"",
        "tls.client_ca: needs `tls.client_certificates = true` as well",
    ),
    (
        "client_certificate_header = \"a b\"",
        "client_certificate_header: expected the name of a header such as Client-Cert, not \"a b\"",
    ),
    (
        "client_certificate_header = \"Client-Cert\"",
        "client_certificate_header: needs `trusted_proxies` as well: nobody else is believed",
    ),
    ("database.max_connections = 0", "database.max_connections: expected 1 or more"),
    (
        "registration.per_hour = 0",
        "registration.per_hour: expected 1 or more: set registration.mode to \"closed\" or \"token\" where nobody \
             may register unasked",
    ),
    ("mail.host = \" \"", "mail.host: expected the name of the mail server"),
    ("mail.port = 0", "mail.port: expected 1 to 65535"),
    ("mail.username = \"u\"", "mail.username: needs `mail.password` or `mail.password_file` as well"),
    ("mail.password = \"p\"", "mail.password: needs `mail.username` as well"),
    ("brand.name = \" \"", "brand.name: expected a name of one line"),
    ("brand.color = \"red;}\"", "brand.color: expected a colour such as #0b6b57"),
    ("brand.color_dark = \"#12345\"", "brand.color_dark: expected a colour such as #0b6b57"),
    (
        "log.level = \"a=b=c\"",
        "log.level: expected error, warn, info, debug, trace, or a filter such as \
             info,countersign::mail=debug, not \"a=b=c\"",
    ),
    (
        "log.level = \"warning\"",
        "log.level: expected error, warn, info, debug, trace, or a filter such as \
             info,countersign::mail=debug, not \"warning\"",
    ),
    (
        "telemetry.otlp_endpoint = \"collector\"",
        "telemetry.otlp_endpoint: expected an address such as http://localhost:4318",
    ),
    (
        "telemetry.otlp_endpoint = \"http://me:secret@localhost:4318\"",
        "telemetry.otlp_endpoint: expected an address such as http://localhost:4318",
    ),
    (
        "metrics.listen = [\"127.0.0.1:9464\", \"10.0.0.1:9464\"]",
        "metrics.listen: expected a loopback address such as 127.0.0.1:9464, or unix:PATH, not 10.0.0.1:9464: an agent or a proxy \
             on this machine hands metrics on",
    ),
    (
        "metrics.listen = \"127.0.0.1:9464\"\nlisten = \"127.0.0.1:9464\"",
        "metrics.listen: expected another than those of `listen`, which has 127.0.0.1:9464",
    ),
    (
        "metrics.listen = [\"[::1]:9465\", \"127.0.0.1:9464\"]\nlisten = [\"unix:/run/a\", \"0.0.0.0:9464\"]",
        "metrics.listen: expected another than those of `listen`, which has 0.0.0.0:9464",
    ),
    (
        "metrics.listen = \"unix:/run/a\"\nlisten = \"unix:/run/a\"",
        "metrics.listen: expected another than those of `listen`, which has unix:/run/a",
    ),
    (
        "listen = [\"127.0.0.1:8080\", \"127.0.0.1:8080\"]",
        "listen: expected each once, and not 127.0.0.1:8080 twice",
    ),
];

#[test]
fn a_value_out_of_bounds_says_the_bounds() {
    for (text, said) in OUT_OF_BOUNDS {
        assert_eq!(refusal(text, &[]), format!("countersign.toml:1: {said}"));
    }
}

/// The issuer is compared letter by letter by every app, so only one way of writing it is taken.
#[test]
fn an_issuer_is_https_or_loopback_and_written_in_one_way() {
    for good in [
        "https://login.example.org",
        "https://login.example.org:8443",
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "http://id.localhost",
        "https://example.org/auth",
        "https://example.org/a/b.c~d",
    ] {
        assert_eq!(load(&format!("issuer = {good:?}"), &[]).map(|c| c.issuer).as_deref(), Ok(good));
    }
    for (bad, why) in [
        ("login.example.org", "expected an address such as https://login.example.org, not"),
        ("", "expected an address such as"),
        ("http://login.example.org", "or http on a loopback host, not \"http://login.example.org\""),
        ("http://localhost.example.org", "or http on a loopback host"),
        ("ftp://localhost", "or http on a loopback host"),
        ("https://login.example.org?x=1", "without a query or fragment"),
        ("https://login.example.org#x", "without a query or fragment"),
        ("https://me:pw@login.example.org", "without a name or password"),
        ("https://login.example.org/sso/", "write \"https://login.example.org/sso\""),
        ("https://login.example.org//sso", "without two slashes"),
        ("https://login.example.org/a/../sso", "write \"https://login.example.org/sso\""),
        ("https://login.example.org/", "write \"https://login.example.org\""),
        ("https://Login.example.org", "write \"https://login.example.org\""),
        ("https://login.example.org:443", "write \"https://login.example.org\""),
    ] {
        let said = refusal(&format!("issuer = {bad:?}"), &[]);
        assert!(said.starts_with("countersign.toml:1: issuer: "), "{said}");
        assert!(said.contains(why), "{bad}: {said}");
    }
    let said = refusal("issuer = \"http://localhost\"\ntls = { certificate = \"c\", key = \"k\" }", &[]);
    assert!(said.contains("has to begin with https"), "{said}");
}

#[test]
fn the_sender_has_the_shape_of_an_address() {
    for good in ["login@example.org", "Example <login@example.org>", "\"A, B\" <login@example.org>"] {
        assert!(load(&format!("mail.from = {good:?}"), &[]).is_ok(), "{good}");
    }
    for bad in
        ["", "login", "Example login@example.org", "a@b, c@d", "X <a@b", "@b", "a@", "X <a@b>\nBcc: c@d"]
    {
        let said = refusal(&format!("mail.from = {bad:?}"), &[]);
        assert!(said.starts_with("countersign.toml:1: mail.from: expected an address such as "), "{said}");
    }
}

#[test]
fn a_mail_password_does_not_travel_in_the_clear() {
    let text = |host, encryption| {
        format!("[mail]\nusername = \"u\"\npassword = \"p\"\nhost = {host:?}\nencryption = {encryption:?}\n")
    };
    assert!(load(&text("localhost", "none"), &[]).is_ok());
    assert!(load(&text("mail.example.org", "starttls"), &[]).is_ok());
    assert_eq!(
        refusal(&text("mail.example.org", "none"), &[]),
        "countersign.toml:5: mail.encryption: expected tls or starttls: with none, the password would travel in the clear"
    );
}

#[test]
fn what_is_no_toml_is_shown_by_its_line() {
    let said = refusal("issuer = \"http://localhost\"\n[mail\n", &[]);
    assert!(said.starts_with("countersign.toml:2: "), "{said}");
    let said = refusal("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n", &[]);
    assert_eq!(said, "countersign.toml:2: listen is set twice: keep one of the two");
    let said = refusal("[mail]\n[mail]\n", &[]);
    assert_eq!(said, "countersign.toml:2: mail is set twice: keep one of the two");
}

/// Every kind of value can come from the environment, whose texts are read as the setting needs.
#[test]
fn the_environment_wins_over_the_file() {
    let config = load(
        "trusted_proxies = [\"10.0.0.9\"]\n[mail]\nhost = \"file\"\nport = 1\n[tls]\ncertificate = \"c\"\nkey = \"k\"\n",
        &[
            ("COUNTERSIGN_ISSUER", "https://login.example.org"),
            ("COUNTERSIGN_LISTEN", "[::]:80"),
            ("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.1, ::1, 192.168.0.0/16"),
            ("COUNTERSIGN_MAIL__PORT", "2525"),
            ("COUNTERSIGN_MAIL__TRANSPORT", "none"),
            ("COUNTERSIGN_MAIL__ENCRYPTION", "starttls"),
            ("COUNTERSIGN_DATABASE__MIGRATE", "false"),
            ("COUNTERSIGN_SIGNIN__CODE_LENGTH", "8"),
            ("COUNTERSIGN_SIGNIN__CODE_LIFETIME", "5m"),
            ("COUNTERSIGN_KEYS__ALGORITHM", "ES256"),
            ("COUNTERSIGN_TLS__KEY", "/k.pem"),
            ("COUNTERSIGN_METRICS__LISTEN", ""),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.issuer, "https://login.example.org");
    assert_eq!(config.listen.to_string(), "[::]:80");
    assert_eq!(
        config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.1", "::1", "192.168.0.0/16"]
    );
    assert_eq!((config.mail.host.as_str(), config.mail.port), ("file", Some(2525)));
    assert_eq!((config.mail.transport, config.mail.encryption), (TransportKind::None, Encryption::Starttls));
    assert!(!config.database.migrate);
    assert_eq!((config.signin.code_length, config.signin.code_lifetime.as_secs()), (8, 300));
    assert_eq!(config.keys.algorithm, SigningAlgorithm::ES256);
    assert_eq!(config.tls.unwrap().key, Path::new("/k.pem"));
    assert_eq!(config.metrics.listen, None);
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, value, said) in [
        ("COUNTERSIGN_MAIL__PORT", "x", "mail.port: expected a whole number from 0 to 65535, not \"x\""),
        ("COUNTERSIGN_DATABASE__MIGRATE", "1", "database.migrate: expected true or false, not \"1\""),
        ("COUNTERSIGN_MAIL", "x", "mail: expected a section with settings of its own, not \"x\""),
        ("COUNTERSIGN_SIGNIN__CODE_LENGTH", "5", "signin.code_length: expected 6 to 10"),
        (
            "COUNTERSIGN_TRUSTED_PROXIES",
            "proxy",
            "trusted_proxies: expected an IP address such as 10.0.0.1, or a network such as 10.0.0.0/8",
        ),
    ] {
        assert_eq!(refusal("", &[(name, value)]), format!("{name}: {said}"));
    }
    assert_eq!(
        refusal("listen = \"127.0.0.1:1\"", &[("COUNTERSIGN_LISTEN__PORT", "1")]),
        "COUNTERSIGN_LISTEN__PORT: listen: has no settings below it"
    );
    let said = refusal("", &[("COUNTERSIGN_MALE__HOST", "x")]);
    assert!(said.starts_with("COUNTERSIGN_MALE__HOST: male: there is no such setting"), "{said}");
}

/// Kubernetes sets variables that begin with a service's name in every container beside it.
#[test]
fn variables_of_a_service_called_countersign_are_not_settings() {
    let set = [
        ("COUNTERSIGN_PORT", "tcp://10.0.0.1:8080"),
        ("COUNTERSIGN_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("COUNTERSIGN_SERVICE_HOST", "10.0.0.1"),
        ("COUNTERSIGN_SERVICE_PORT", "8080"),
    ];
    assert!(load("", &set).is_ok());
}

#[test]
fn secrets_are_read_from_files_of_their_own() {
    let folder =
        folder("[mail]\nusername = \"u\"\npassword_file = \"secret\"\n[database]\nurl_file = \"url\"\n");
    std::fs::write(folder.path().join("secret"), "  pa ss \r\n").unwrap();
    std::fs::write(folder.path().join("url"), "postgres://me:pw@db/countersign\n").unwrap();
    let config = load_in(folder.path(), &[]).unwrap();
    assert_eq!(config.mail.password.as_deref(), Some("  pa ss "));
    assert_eq!(config.database.url, "postgres://me:pw@db/countersign");

    // A variable wins over the file, whichever of the two ways either names the secret.
    let config = load_in(folder.path(), &[("COUNTERSIGN_MAIL__PASSWORD", "other")]).unwrap();
    assert_eq!(config.mail.password.as_deref(), Some("other"));
    assert_eq!(config.mail.password_file, None);
}

#[test]
fn a_secret_given_twice_or_not_there_is_refused() {
    let both = "[mail]\nusername = \"u\"\npassword = \"p\"\npassword_file = \"secret\"\n";
    assert_eq!(
        refusal(both, &[]),
        "countersign.toml:3: mail.password: mail.password_file is set as well (countersign.toml:4); keep one of the two"
    );
    let absent = refusal("[mail]\nusername = \"u\"\npassword_file = \"secret\"\n", &[]);
    assert!(absent.starts_with("countersign.toml:3: cannot read secret: No such file"), "{absent}");
    let absent = refusal("", &[("COUNTERSIGN_DATABASE__URL_FILE", "/nowhere/url")]);
    assert!(absent.starts_with("COUNTERSIGN_DATABASE__URL_FILE: cannot read /nowhere/url: "), "{absent}");
}

#[test]
fn a_file_that_holds_no_right_secret_is_refused_by_its_setting() {
    let folder = folder("[database]\nurl_file = \"url\"\n");
    for (text, said) in [
        ("\n", "countersign.toml:2: database.url_file: expected a secret in url, which is empty"),
        (
            "mysql://me:pw@db\n",
            "countersign.toml:2: database.url: expected sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME",
        ),
    ] {
        std::fs::write(folder.path().join("url"), text).unwrap();
        assert_eq!(load_in(folder.path(), &[]).expect_err(text), said);
    }
    std::fs::write(folder.path().join("url"), "sqlite:x.db\n").unwrap();
    let config = load_in(folder.path(), &[]).unwrap();
    assert_eq!(config.database.url, format!("sqlite:{}/x.db", folder.path().display()));
}

/// Whatever a name holds, the error stays one line.
#[test]
fn a_name_with_a_line_break_is_told_on_one_line() {
    let said = refusal("\"a\\nb\" = 1\n", &[]);
    assert!(said.starts_with("countersign.toml:1: a\\nb: there is no such setting"), "{said}");
}

/// A command run from another folder finds the same database and keys.
#[test]
fn relative_paths_start_from_the_data_folder() {
    let folder = folder("data_dir = \"data\"\n[mail]\ndir = \"/var/mail\"\n[brand]\nlogo = \"logo.svg\"\n");
    let data = folder.path().join("data");
    let config = load_in(folder.path(), &[]).unwrap();
    assert_eq!(config.data_dir, data);
    assert_eq!(config.keys.dir, data.join("keys"));
    assert_eq!(config.mail.dir, Path::new("/var/mail"));
    assert_eq!(config.brand.logo, Some(data.join("logo.svg")));
    assert_eq!(config.database.url, format!("sqlite:{}/countersign.db", data.display()));

    for absolute in ["sqlite:/var/x.db", "sqlite:///var/x.db", "sqlite::memory:", "postgres://db/x"] {
        let config = load_in(folder.path(), &[("COUNTERSIGN_DATABASE__URL", absolute)]).unwrap();
        assert_eq!(config.database.url, absolute);
    }
    let config = load_in(folder.path(), &[("COUNTERSIGN_DATABASE__URL", "sqlite:x.db?mode=ro")]).unwrap();
    assert_eq!(config.database.url, format!("sqlite:{}/x.db?mode=ro", data.display()));
}

#[test]
fn a_file_that_was_named_must_be_there_and_the_usual_one_need_not() {
    let said = config::load(Some(Path::new("/nowhere/c.toml")), std::iter::empty::<(String, String)>())
        .unwrap_err()
        .to_string();
    assert!(said.starts_with("--config: cannot read /nowhere/c.toml: No such file"), "{said}");

    // The tests run in the repository's own folder, which has no settings file.
    let config = config::load(None, std::iter::empty::<(String, String)>()).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

/// The file that `init` writes changes nothing but the issuer.
#[test]
fn the_first_file_holds_the_defaults() {
    let text = config::template("https://login.example.org", "127.0.0.1:8080");
    let data = ("COUNTERSIGN_DATA_DIR", "/d");
    let config = load(&text, &[data]).unwrap();
    let plain = load("", &[data, ("COUNTERSIGN_ISSUER", "https://login.example.org")]).unwrap();
    assert_eq!(format!("{config:?}"), format!("{plain:?}"));
}

/// What the file shows as default is the default, and every setting is shown.
#[test]
fn the_first_file_shows_every_setting_with_its_default() {
    let text = config::template("http://localhost:8080", "127.0.0.1:8080");
    let settings = text.lines().filter(|line| !line.starts_with("# "));
    let uncommented =
        settings.map(|line| line.strip_prefix('#').unwrap_or(line)).collect::<Vec<_>>().join("\n");
    let given: toml::Table = uncommented.parse().unwrap();
    // These have no default: the file shows an example.
    let examples =
        ["tls", "metrics.listen", "telemetry.otlp_endpoint", "brand.logo", "brand.color", "templates.dir"];
    let examples = [
        &examples[..],
        &[
            "client_certificate_header",
            "brand.color_dark",
            "mail.port",
            "mail.username",
            "mail.password",
            "mail.helo",
        ],
    ]
    .concat();
    let mut defaults = toml::Table::new();
    for (section, value) in given {
        let toml::Value::Table(settings) = value else {
            if !examples.contains(&section.as_str()) {
                defaults.insert(section, value);
            }
            continue;
        };
        let settings: toml::Table = settings
            .into_iter()
            .filter(|(key, _)| !examples.contains(&format!("{section}.{key}").as_str()))
            .collect();
        if section != "tls" {
            defaults.insert(section, toml::Value::Table(settings));
        }
    }
    let config: Config = defaults.clone().try_into().unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    for section in
        std::iter::once("").chain(defaults.iter().filter(|(_, v)| v.is_table()).map(|(k, _)| k.as_str()))
    {
        for key in known(section) {
            let shown =
                uncommented.contains(&format!("\n{key} = ")) || uncommented.contains(&format!("\n[{key}]"));
            assert!(shown || key.ends_with("_file"), "{section}.{key} is not shown");
        }
    }
}

/// The settings of a section, as the refusal of an unknown one lists them.
fn known(section: &str) -> Vec<String> {
    let said =
        refusal(&if section.is_empty() { "x = 1".to_owned() } else { format!("[{section}]\nx = 1") }, &[]);
    let (_, list) = said.split_once("here are: ").unwrap();
    list.split(", ").map(str::to_owned).collect()
}

/// Whatever else is in the environment, and in whatever encoding, is nobody's business here.
#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused_if_it_is_ours() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let no_text = || OsString::from_vec(vec![0xff]);
    let load = |name: OsString| config::load(None, std::iter::once((name, no_text())));
    assert!(load("LESSCHARSET".into()).is_ok());
    assert!(load(no_text()).is_ok());
    let said = load("COUNTERSIGN_MAIL__HOST".into()).unwrap_err().to_string();
    assert_eq!(said, "COUNTERSIGN_MAIL__HOST: mail.host: expected text in UTF-8");
}

proptest! {
    /// Whatever a file and a variable hold, there are settings or one line that says what is wrong.
    #[test]
    fn no_settings_panic_and_a_refusal_is_one_line(
        pieces in prop::collection::vec(
            prop_oneof![
                Just("[mail]\n".to_owned()), Just("[signin]\n".to_owned()), Just("port = ".to_owned()),
                Just("code_lifetime = ".to_owned()), Just("issuer = ".to_owned()), Just("[[tls]]".to_owned()),
                Just("\"\"\"".to_owned()), Just("\n".to_owned()), "[ -~]{0,8}", ".{0,4}",
            ],
            0..12,
        ),
        variable in "(SIGNIN__CODE_LIFETIME|MAIL__PORT|LISTEN|[A-Z_]{0,12})",
        value in ".{0,12}",
    ) {
        let name = format!("COUNTERSIGN_{variable}");
        if let Err(said) = load(&pieces.concat(), &[(&name, &value)]) {
            prop_assert_eq!(said.lines().count(), 1, "{}", said);
        }
    }
}
