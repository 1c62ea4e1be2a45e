//! Which file does `sqlite:FILE` name?

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// The file of an address; it may be percent-encoded, so that it can hold a `?`.
///
/// # Errors
/// What is wrong with the address, in words.
pub(in crate::store) fn file_of(url: &str) -> Result<PathBuf, String> {
    let rest = url.strip_prefix("sqlite:").ok_or("not an address of SQLite")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (file, options) = rest.split_once('?').unwrap_or((rest, ""));
    // What other programs of sqlx's world want to be told goes without saying here.
    if let Some(option) = options.split('&').find(|option| !["", "mode=rw", "mode=rwc"].contains(option)) {
        return Err(format!("sqlite:FILE takes no {option}"));
    }
    let file = percent_decode_str(file).decode_utf8().map_err(|_| "the file's name is not UTF-8")?;
    match &*file {
        "" => Err("no file is named".to_owned()),
        ":memory:" => Err("memory keeps nothing: name a file".to_owned()),
        name if name.contains('\0') => Err("the file's name holds a NUL".to_owned()),
        name => Ok(PathBuf::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file_or_says_what_is_wrong_with_it() {
        for (url, expected) in [
            ("sqlite:countersign.db", Ok("countersign.db")),
            ("sqlite:/var/lib/c.db", Ok("/var/lib/c.db")),
            ("sqlite:///var/lib/c.db", Ok("/var/lib/c.db")),
            ("sqlite:a%3Fb%25.db", Ok("a?b%.db")),
            ("sqlite:c.db?mode=rwc", Ok("c.db")),
            ("sqlite:c.db?mode=ro", Err("sqlite:FILE takes no mode=ro")),
            ("sqlite:c.db?mode=rw&vfs=x", Err("sqlite:FILE takes no vfs=x")),
            ("sqlite:", Err("no file is named")),
            ("sqlite::memory:", Err("memory keeps nothing: name a file")),
            ("sqlite:%00", Err("the file's name holds a NUL")),
            ("sqlite:%FF", Err("the file's name is not UTF-8")),
        ] {
            assert_eq!(file_of(url), expected.map(PathBuf::from).map_err(str::to_owned), "{url}");
        }
    }
}
