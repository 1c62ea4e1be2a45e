//! Which database does an address name, and how is it opened?

use super::postgres::Postgres;
use super::sqlite::{self, Sqlite};
use super::{Db, Error, Options, Result};

impl Db {
    /// Opens a database that is there, without touching its schema.
    ///
    /// # Errors
    /// When the address is of no known kind, there is no such file, or the database does not answer: why, and what to do.
    pub async fn open(options: &Options) -> Result<Self> {
        open(options, false).await
    }

    /// The same; but a file that is not there is made.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_or_make(options: &Options) -> Result<Self> {
        open(options, true).await
    }
}

async fn open(options: &Options, make: bool) -> Result<Db> {
    let url = options.url.as_str();
    if url.starts_with("sqlite:") {
        Sqlite::open(options, make).map(Db::sqlite)
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        Postgres::open(options).await.map(Db::postgres)
    } else {
        Err(Error::UnknownDatabase)
    }
}

impl Options {
    /// Where the database is, as it may be shown: the file, or the address without its password.
    #[must_use]
    pub fn place(&self) -> String {
        match sqlite::file_of(&self.url) {
            Ok(file) => file.display().to_string(),
            Err(_) => without_password(&self.url),
        }
    }
}

/// A password may be there as well.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// The database's address as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{}", without_query(host))
        }
        None => without_query(url).to_owned(),
    }
}
