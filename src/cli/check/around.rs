//! What around the program lets it run, and will be regretted? Proxies that nobody trusts, a sender that nobody has set, files that
//! others can read.

use std::path::{Path, PathBuf};

use super::{Finding, warning};
use crate::config::{Config, Mail, TransportKind};
use crate::keys::others_can_read;

/// Everything that is worth a warning.
pub(super) fn look(config: &Config, file: Option<&Path>) -> Vec<Finding> {
    let mut findings = strangers(config);
    findings.extend(proxy(config));
    findings.extend(sender(&config.mail));
    findings.extend(
        secrets(config, file).into_iter().filter(|file| others_can_read(file).unwrap_or(false)).map(|file| {
            let name = file.display();
            warning("files", format!("others can read {name}, which holds a secret: run `chmod 600 {name}`"))
        }),
    );
    findings
}

/// Variables that nobody heeds.
fn strangers(config: &Config) -> Vec<Finding> {
    let says = |name: &String| format!("{name} names no setting, and does nothing: is it misspelt?");
    config.unknown_variables.iter().map(|name| warning("settings", says(name))).collect()
}

/// With an https issuer and no `[tls]` there is a proxy, which has to be named.
fn proxy(config: &Config) -> Option<Finding> {
    let proxied = config.issuer.starts_with("https:") && config.tls.is_none();
    (proxied && config.trusted_proxies.is_empty()).then(|| {
        warning("proxy", "the issuer is https and [tls] is not set, so a proxy stands before `listen`; trusted_proxies names none, and everybody behind it counts as one address")
    })
}

fn sender(mail: &Mail) -> Option<Finding> {
    let unset = mail.transport == TransportKind::Smtp && mail.from == Mail::default().from;
    unset.then(|| {
        warning(
            "mail",
            format!("mail.from was never set: mail comes from {}, which few servers take", mail.from),
        )
    })
}

/// The files that hold secrets, but for the master key, without which nothing starts.
fn secrets(config: &Config, file: Option<&Path>) -> Vec<PathBuf> {
    let by_settings = [&config.database.url_file, &config.mail.password_file].into_iter().flatten().cloned();
    let mut files: Vec<PathBuf> = by_settings.collect();
    files.extend(config.tls.as_ref().map(|tls| tls.key.clone()));
    let database =
        config.database.url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    files.extend(database.map(|rest| PathBuf::from(rest.split('?').next().unwrap_or_default())));
    let settings = file.unwrap_or(Path::new(crate::config::DEFAULT_FILE));
    let text = std::fs::read_to_string(settings).unwrap_or_default();
    if holds_secret(&text) {
        files.push(settings.to_owned());
    }
    files
}

/// Whether a settings file holds a password: that of the mail server, or one in the database's address.
fn holds_secret(settings: &str) -> bool {
    let read = |section: &str, key: &str| {
        let table: toml::Table = settings.parse().ok()?;
        Some(table.get(section)?.get(key)?.as_str()?.to_owned())
    };
    let in_address = |url: String| url::Url::parse(&url).is_ok_and(|url| url.password().is_some());
    read("mail", "password").is_some() || read("database", "url").is_some_and(in_address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn says(config: &Config, file: &Path) -> Vec<String> {
        look(config, Some(file)).into_iter().map(|finding| finding.says).collect()
    }

    fn quiet() -> Config {
        let mut config = Config { issuer: "http://localhost:8080".to_owned(), ..Config::default() };
        config.mail.from = "login@example.org".to_owned();
        config.database.url = "postgres://localhost/x".to_owned();
        config
    }

    #[test]
    fn nothing_is_said_where_all_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("countersign.toml");
        std::fs::write(&file, "[database]\nurl = \"postgres://localhost/x\"\n").unwrap();
        assert_eq!(says(&quiet(), &file), [""; 0]);
        let proxied = Config {
            issuer: "https://id.example.org".to_owned(),
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..quiet()
        };
        assert_eq!(says(&proxied, &file), [""; 0]);
    }

    #[test]
    fn a_proxy_that_is_not_named_a_sender_that_is_not_set_and_a_misspelt_variable_are_told() {
        let mut config = Config { issuer: "https://id.example.org".to_owned(), ..Config::default() };
        config.database.url = "postgres://localhost/x".to_owned();
        config.unknown_variables = vec!["COUNTERSIGN_ISUER".to_owned()];
        let said = says(&config, Path::new("/nowhere"));
        assert_eq!(said.len(), 3, "{said:?}");
        for word in ["COUNTERSIGN_ISUER", "trusted_proxies", "mail.from was never set"] {
            assert!(said.iter().any(|says| says.contains(word)), "{word}: {said:?}");
        }
    }

    #[test]
    fn files_that_others_can_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str, mode| {
            std::fs::write(path(name), text).unwrap();
            std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("settings", "[mail]\npassword = \"p\"\n", 0o644);
        write("plain", "[mail]\nhost = \"p\"\n", 0o644);
        write("password", "p", 0o604);
        write("url", "postgres://u:p@localhost/x", 0o440);
        let mut config = quiet();
        config.mail.password_file = Some(path("password"));
        config.database.url_file = Some(path("url"));
        let said = says(&config, &path("settings"));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said.iter().any(|says| says.contains("settings"))
                && said.iter().any(|says| says.contains("password"))
        );
        assert_eq!(says(&config, &path("plain")).len(), 1);
        assert!(holds_secret("[database]\nurl = \"postgres://u:p@h/x\"") && !holds_secret("[mail"));
    }
}
