//! How do the file, the environment and the files of secrets become one set of settings?

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::listen::Listen;
use super::place::Place;
use super::sections::Config;
use super::tree::{self, Section};
use super::{check, read};

/// The file that is read when nobody names another.
pub const DEFAULT_FILE: &str = "countersign.toml";

/// Loads the settings: the file (`countersign.toml` when `path` is none, and then it need not be there), the variables of
/// the environment that begin with `COUNTERSIGN_`, the secrets that `…_file` names. Relative paths start from `data_dir`,
/// and that, when relative itself, from the folder of the file.
///
/// # Errors
/// When a file cannot be read, a setting is not known, or a value is wrong: one line that names the setting and its place.
pub fn load(
    path: Option<&Path>,
    environment: impl Iterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
) -> Result<Config, ConfigError> {
    let file = path.unwrap_or(Path::new(DEFAULT_FILE));
    let mut root = match std::fs::read_to_string(file) {
        Ok(text) => tree::from_file(&file.display().to_string(), &text)?,
        Err(e) if e.kind() == ErrorKind::NotFound && path.is_none() => Section::new(),
        Err(e) => return Err(unreadable("--config", file, e)),
    };
    let unknown_variables = tree::put_environment(&mut root, read::names(), environment)?;
    let mut config = read::settings(&root).map_err(super::error::Failure::told)?;
    config.unknown_variables = unknown_variables;
    find_paths(&mut config, file.parent().unwrap_or(Path::new("")));
    read_secrets(&mut config, &root)?;
    check::check(&config).map_err(|fault| ConfigError::Setting {
        place: place(&root, fault.key),
        key: fault.key.to_owned(),
        what: fault.what,
    })?;
    Ok(config)
}

fn place(root: &Section, key: &str) -> String {
    tree::place_of(root, key)
        .or_else(|| tree::place_of(root, &format!("{key}_file")))
        .map_or_else(|| "by default".to_owned(), Place::to_string)
}

fn unreadable(place: &str, file: &Path, source: std::io::Error) -> ConfigError {
    ConfigError::Unreadable { place: place.to_owned(), file: file.display().to_string(), source }
}

/// Makes every relative path start from `data_dir`.
fn find_paths(config: &mut Config, folder_of_file: &Path) {
    let base: PathBuf = folder_of_file.join(&config.data_dir).components().collect();
    let find = |path: &mut PathBuf| {
        // `./x` says no more than `x`.
        *path = if base == Path::new(".") { path.clone() } else { base.join(&path) };
    };
    for path in [&mut config.keys.dir, &mut config.mail.dir].into_iter().chain(&mut config.outbound.extra_ca)
    {
        find(path);
    }
    let optional = [
        &mut config.database.url_file,
        &mut config.mail.password_file,
        &mut config.brand.logo,
        &mut config.templates.dir,
    ];
    optional.into_iter().flatten().for_each(find);
    if let Some(tls) = &mut config.tls {
        find(&mut tls.certificate);
        find(&mut tls.key);
        tls.client_ca.iter_mut().for_each(find);
    }
    config.listen.paths().chain(config.metrics.listen.iter_mut().flat_map(Listen::paths)).for_each(find);
    config.database.url = find_database(&config.database.url, &base);
    config.data_dir = base;
}

/// The address of a SQLite file, which may be relative too.
fn find_database(url: &str, base: &Path) -> String {
    let Some(rest) = url.strip_prefix("sqlite:") else { return url.to_owned() };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let end = rest.find('?').unwrap_or(rest.len());
    let (file, options) = rest.split_at(end);
    if file == ":memory:" || file.starts_with('/') || base == Path::new(".") {
        return url.to_owned();
    }
    // The address is percent-decoded when it is opened.
    let folder = base.display().to_string().replace('%', "%25").replace('?', "%3F");
    let slash = if folder.is_empty() || folder.ends_with('/') { "" } else { "/" };
    format!("sqlite:{folder}{slash}{file}{options}")
}

/// Reads the secrets that are in files of their own.
fn read_secrets(config: &mut Config, root: &Section) -> Result<(), ConfigError> {
    if let Some(file) = &config.database.url_file {
        let url = read_secret(root, "database.url", file)?;
        config.database.url = find_database(&url, &config.data_dir);
    }
    if let Some(file) = &config.mail.password_file {
        config.mail.password = Some(read_secret(root, "mail.password", file)?);
    }
    Ok(())
}

fn read_secret(root: &Section, key: &str, file: &Path) -> Result<String, ConfigError> {
    let place = place(root, &format!("{key}_file"));
    if tree::place_of(root, key).is_some() {
        let what = format!("{key}_file is set as well ({place}); keep one of the two");
        return Err(ConfigError::Setting { place: self::place(root, key), key: key.to_owned(), what });
    }
    let text = std::fs::read_to_string(file).map_err(|e| unreadable(&place, file, e))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        let what = format!("expected a secret in {}, which is empty", file.display());
        return Err(ConfigError::Setting { place, key: format!("{key}_file"), what });
    }
    Ok(secret.to_owned())
}
