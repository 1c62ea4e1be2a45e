//! Which servers does an address of PostgreSQL name? One, or several in order, of which the one that takes writing is used.

/// What `target_session_attrs` may say: only a server that takes writing serves a provider, so that the others go without saying.
const WRITABLE: [&str; 3] = ["any", "read-write", "primary"];

/// One address for each server of an address like libpq's: `postgres://USER:PASSWORD@ONE:5432,OTHER:5432/NAME?target_session_attrs=read-write`.
///
/// # Errors
/// What is wrong with the address, in words.
pub(super) fn each(url: &str) -> Result<Vec<String>, String> {
    let Some((scheme, rest)) = url.split_once("://") else { return Ok(vec![url.to_owned()]) };
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (format!("{login}@"), hosts),
        None => (String::new(), authority),
    };
    let options = without_target(options)?;
    let question = if options.is_empty() { "" } else { "?" };
    let address = |host: &str| match host {
        "" if hosts.contains(',') => Err("a host between the commas is missing".to_owned()),
        host => Ok(format!("{scheme}://{login}{host}/{name}{question}{options}")),
    };
    hosts.split(',').map(address).collect()
}

/// The other options of an address, once it is clear that only a server that takes writing is wanted.
fn without_target(options: &str) -> Result<String, String> {
    let mut others = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.strip_prefix("target_session_attrs=") {
            None => others.push(option),
            Some(target) if WRITABLE.contains(&target) => {}
            Some(target) => {
                return Err(format!("target_session_attrs={target} leads to a server that takes no writing"));
            }
        }
    }
    Ok(others.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_an_address_of_its_own() {
        let of = |url: &str| each(url).unwrap();
        assert_eq!(of("postgres://u:p@db/n"), ["postgres://u:p@db/n"]);
        assert_eq!(of("postgresql://db"), ["postgresql://db/"]);
        assert_eq!(of("postgres:///n?host=/run/postgresql"), ["postgres:///n?host=/run/postgresql"]);
        assert_eq!(
            of(
                "postgres://u:p%40,x@a:5432,b:5433,[::1]:5434,%2Frun%2Fpg/n?sslmode=require&target_session_attrs=read-write"
            ),
            [
                "postgres://u:p%40,x@a:5432/n?sslmode=require",
                "postgres://u:p%40,x@b:5433/n?sslmode=require",
                "postgres://u:p%40,x@[::1]:5434/n?sslmode=require",
                "postgres://u:p%40,x@%2Frun%2Fpg/n?sslmode=require",
            ]
        );
        for target in WRITABLE {
            assert_eq!(of(&format!("postgres://a,b/?target_session_attrs={target}")).len(), 2);
        }
    }

    #[test]
    fn what_cannot_serve_a_provider_is_refused() {
        for (url, told) in [
            ("postgres://a,b/n?target_session_attrs=read-only", "takes no writing"),
            ("postgres://a,b/n?target_session_attrs=prefer-standby", "takes no writing"),
            ("postgres://a,,b/n", "missing"),
            ("postgres://u@,/n", "missing"),
        ] {
            assert!(each(url).unwrap_err().contains(told), "{url}");
        }
    }
}
