//! Where is a server of PostgreSQL, and as whom do we go there?

use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use zeroize::Zeroizing;

use super::fault::Fault;

/// One server, and everything that is said to it at first.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) place: Place,
    pub(super) user: String,
    pub(super) password: Secret,
    pub(super) database: Option<String>,
    pub(super) application: String,
    /// Settings of the session, as `-c name=value`.
    pub(super) options: Option<String>,
    pub(super) tls: Tls,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(String, u16),
    Socket(PathBuf),
}

/// A password that does not show in a log.
#[derive(Clone, Default)]
pub(super) struct Secret(pub(super) Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// How the line is kept from others (`sslmode`), and whom we believe and what we show in it: files, or PEM texts.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) mode: PgSslMode,
    pub(super) authority: Option<String>,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
}

impl Address {
    /// Reads an address. What it leaves open is taken from the environment, and the password from `~/.pgpass`, as libpq does.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(url: &str) -> Result<Self, Fault> {
        let read = PgConnectOptions::from_str(url).map_err(|e| Fault::Address(e.to_string()))?;
        let host = read.get_host().trim_matches(['[', ']']);
        let socket = read.get_socket().cloned();
        let folder = socket.or_else(|| host.starts_with('/').then(|| PathBuf::from(host)));
        let place = match folder {
            Some(folder) => Place::Socket(folder.join(format!(".s.PGSQL.{}", read.get_port()))),
            None => Place::Tcp(host.to_owned(), read.get_port()),
        };
        let user = read.get_username().to_owned();
        let database = read.get_database().map(str::to_owned);
        let application = read.get_application_name().unwrap_or("countersign").to_owned();
        let (options, mode) = (read.get_options().map(str::to_owned), read.get_ssl_mode());
        // The rest is only told in an address, which takes no odd user and no odd host.
        let told = read.username("-").socket("/").to_url_lossy();
        let password = percent_encoding::percent_decode_str(told.password().unwrap_or_default());
        let password = password.decode_utf8().map_err(|e| Fault::Address(e.to_string()))?.into_owned();
        let named = |name: &str| {
            let (_, value) = told.query_pairs().find(|(key, _)| key == name)?;
            Some(value.strip_prefix("file: ").unwrap_or(&value).to_owned())
        };
        let tls = Tls {
            mode,
            authority: named("sslrootcert"),
            certificate: named("sslcert"),
            key: named("sslkey"),
        };
        let password = Secret(password.into());
        Ok(Self { place, user, password, database, application, options, tls })
    }

    /// The same, with these settings of the session.
    pub(super) fn with_settings(mut self, settings: &[(&str, &str)]) -> Self {
        let ours = settings.iter().map(|(name, value)| format!("-c {name}={value}"));
        self.options = Some(self.options.into_iter().chain(ours).collect::<Vec<_>>().join(" "));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_as_whom() {
        let address = Address::parse(
            "postgres://us%40er:p%40s%3As@db.example.org:5433/na%20me?sslmode=verify-full&sslrootcert=/etc/ca.pem&application_name=two",
        );
        let address = address.unwrap();
        assert_eq!(address.place, Place::Tcp("db.example.org".to_owned(), 5433));
        assert_eq!((address.user.as_str(), address.password.0.as_str()), ("us@er", "p@s:s"));
        assert_eq!((address.database.as_deref(), address.application.as_str()), (Some("na me"), "two"));
        assert!(matches!(address.tls.mode, PgSslMode::VerifyFull));
        assert_eq!(address.tls.authority.as_deref(), Some("/etc/ca.pem"));
        assert!(!format!("{address:?}").contains("p@s"), "{address:?}");
        let of = |url: &str| Address::parse(url).unwrap().place;
        assert_eq!(of("postgres://u@[::1]:5434/n"), Place::Tcp("::1".to_owned(), 5434));
        let socket = Place::Socket(PathBuf::from("/run/pg/.s.PGSQL.5432"));
        assert_eq!(of("postgres://u@%2Frun%2Fpg:5432/n"), socket);
        assert_eq!(of("postgres://u@x:5432/n?host=/run/pg"), socket);
    }

    #[test]
    fn settings_come_beside_those_of_the_address() {
        let address = Address::parse("postgres://u@db/n?options=-c%20geqo%3Doff").unwrap();
        let options = address.with_settings(&[("a.b", "on"), ("statement_timeout", "9500")]).options;
        assert_eq!(options.as_deref(), Some("-c geqo=off -c a.b=on -c statement_timeout=9500"));
    }

    #[test]
    fn what_is_no_address_is_told() {
        for wrong in ["postgres://u@db/n?sslmode=perhaps", "postgres://u@db:x/n", "postgres://"] {
            let parsed = Address::parse(wrong);
            assert!(wrong == "postgres://" || matches!(parsed, Err(Fault::Address(_))), "{parsed:?}");
        }
    }
}
