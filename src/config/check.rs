//! Do the settings make sense? What a type alone cannot say, as pure rules over the whole of them.

use std::fmt::Display;
use std::net::IpAddr;

use axum::http::HeaderName;
use url::{Host, Url};

use super::duration::Period;
use super::listen::{Door, Listen};
use super::sections::{Brand, Config, Encryption, Mail, Session, SignIn, Tls, TransportKind};

/// A setting whose value cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The setting, as `section.key`.
    pub(super) key: &'static str,
    /// What is expected.
    pub(super) what: String,
}

type Verdict = Result<(), Fault>;

/// Checks every rule; the first that is broken is the answer.
///
/// # Errors
/// The setting that breaks it.
pub(super) fn check(config: &Config) -> Verdict {
    issuer(&config.issuer, config.tls.as_ref())?;
    client_certificates(config)?;
    database(&config.database.url, config.database.max_connections)?;
    mail(&config.mail)?;
    sign_in(&config.signin)?;
    session(&config.session)?;
    let tokens = &config.tokens;
    above_zero(&[
        ("keys.rotate_every", config.keys.rotate_every),
        ("tokens.access_lifetime", tokens.access_lifetime),
        ("tokens.id_lifetime", tokens.id_lifetime),
        ("tokens.refresh_idle", tokens.refresh_idle),
        ("tokens.refresh_lifetime", tokens.refresh_lifetime),
        ("tokens.code_lifetime", tokens.code_lifetime),
        ("tokens.pushed_lifetime", tokens.pushed_lifetime),
    ])?;
    // RFC 6749 §4.1.2: a maximum of ten minutes is recommended.
    rule(tokens.code_lifetime <= Period::minutes(10), "tokens.code_lifetime", || "expected at most 10m")?;
    // FAPI 2.0 §5.3.2.2: less than 600 seconds.
    rule(
        tokens.pushed_lifetime < Period::minutes(10),
        "tokens.pushed_lifetime",
        || "expected less than 10m",
    )?;
    let retry = tokens.refresh_retry <= Period::minutes(1);
    rule(retry, "tokens.refresh_retry", || "expected at most 1m: whoever has stolen a token may retry too")?;
    rule(
        config.registration.per_hour > 0,
        "registration.per_hour",
        || "expected 1 or more: set registration.mode to \"closed\" or \"token\" where nobody may register unasked",
    )?;
    brand(&config.brand)?;
    outbound(&config.outbound.allow_private)?;
    log_level(&config.log.level)?;
    listen(&config.listen)?;
    metrics(config.metrics.listen.as_ref(), &config.listen)?;
    telemetry(config.telemetry.otlp_endpoint.as_deref())
}

fn rule<W: Display>(holds: bool, key: &'static str, what: impl FnOnce() -> W) -> Verdict {
    if holds { Ok(()) } else { Err(Fault { key, what: what().to_string() }) }
}

/// An issuer has no query and no fragment (OIDC Core §2), and is compared letter by letter, so it is written in one way.
fn issuer(issuer: &str, tls: Option<&Tls>) -> Verdict {
    let example = "expected an address such as https://login.example.org";
    let key = "issuer";
    let url = Url::parse(issuer).map_err(|_| Fault { key, what: format!("{example}, not {issuer:?}") })?;
    let http = url.scheme() == "http" && is_loopback(&url);
    rule(url.scheme() == "https" || http, key, || {
        format!("{example}, or http on a loopback host, not {issuer:?}")
    })?;
    rule(url.query().is_none() && url.fragment().is_none(), key, || {
        format!("{example}, without a query or fragment")
    })?;
    rule(url.username().is_empty() && url.password().is_none(), key, || {
        format!("{example}, without a name or password")
    })?;
    rule(!url.path().contains("//"), key, || format!("{example}, without two slashes in a row"))?;
    let written = url.as_str().trim_end_matches('/');
    rule(issuer == written, key, || {
        format!("write {written:?}, as apps will compare it letter by letter, not {issuer:?}")
    })?;
    rule(tls.is_none() || !http, key, || "[tls] is set, so this address has to begin with https")
}

/// A header that nobody is believed about, and authorities for certificates that nobody is asked for, are mistakes.
fn client_certificates(config: &Config) -> Verdict {
    let asked = config.tls.as_ref().is_none_or(|tls| tls.client_certificates || tls.client_ca.is_none());
    rule(asked, "tls.client_ca", || "needs `tls.client_certificates = true` as well")?;
    let key = "client_certificate_header";
    let Some(header) = &config.client_certificate_header else { return Ok(()) };
    rule(HeaderName::from_bytes(header.as_bytes()).is_ok(), key, || {
        format!("expected the name of a header such as Client-Cert, not {header:?}")
    })?;
    rule(
        !config.trusted_proxies.is_empty(),
        key,
        || "needs `trusted_proxies` as well: nobody else is believed",
    )
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn database(url: &str, max_connections: u32) -> Verdict {
    let known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|start| url.starts_with(start));
    // Not the address itself: it may hold a password.
    rule(known, "database.url", || "expected sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME")?;
    rule(max_connections > 0, "database.max_connections", || "expected 1 or more")
}

fn mail(mail: &Mail) -> Verdict {
    rule(is_mailbox(&mail.from), "mail.from", || {
        format!("expected an address such as \"Countersign <login@example.org>\", not {:?}", mail.from)
    })?;
    above_zero(&[("mail.timeout", mail.timeout)])?;
    if mail.transport != TransportKind::Smtp {
        return Ok(());
    }
    rule(!mail.host.trim().is_empty(), "mail.host", || "expected the name of the mail server")?;
    rule(mail.port != Some(0), "mail.port", || "expected 1 to 65535")?;
    let helo = mail.helo.as_deref().is_none_or(|name| Host::parse(name).is_ok());
    rule(helo, "mail.helo", || format!("expected the name of this host, not {:?}", mail.helo))?;
    rule(
        mail.username.is_none() || mail.password.is_some(),
        "mail.username",
        || "needs `mail.password` or `mail.password_file` as well",
    )?;
    rule(
        mail.password.is_none() || mail.username.is_some(),
        "mail.password",
        || "needs `mail.username` as well",
    )?;
    let here = matches!(mail.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    rule(
        mail.password.is_none() || mail.encryption != Encryption::None || here,
        "mail.encryption",
        || "expected tls or starttls: with none, the password would travel in the clear",
    )
}

/// Whether a text has the shape of a mailbox (RFC 5322 §3.4): `name@host` or `Name <name@host>`. The mail room parses it.
fn is_mailbox(text: &str) -> bool {
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>'),
        None => Some(text),
    };
    let Some((local, host)) = address.and_then(|address| address.rsplit_once('@')) else { return false };
    let plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>@,".contains(c))
    };
    plain(local) && plain(host) && !text.contains(char::is_control)
}

fn sign_in(signin: &SignIn) -> Verdict {
    above_zero(&[
        ("signin.code_lifetime", signin.code_lifetime),
        ("signin.wrong_codes_window", signin.wrong_codes_window),
        ("signin.lifetime", signin.lifetime),
        ("signin.hand_code_lifetime", signin.hand_code_lifetime),
        ("signin.link_lifetime", signin.link_lifetime),
        ("signin.reset_lifetime", signin.reset_lifetime),
    ])?;
    rule((6..=10).contains(&signin.code_length), "signin.code_length", || "expected 6 to 10")?;
    rule((1..=20).contains(&signin.code_attempts), "signin.code_attempts", || "expected 1 to 20")?;
    rule((1..=20).contains(&signin.codes_per_signin), "signin.codes_per_signin", || "expected 1 to 20")?;
    rule((1..=1000).contains(&signin.codes_per_hour), "signin.codes_per_hour", || "expected 1 to 1000")?;
    rule(signin.wrong_codes_limit > 0, "signin.wrong_codes_limit", || "expected 1 or more")?;
    rule(signin.mail_patience <= Period::seconds(30), "signin.mail_patience", || "expected at most 30s")?;
    rule(signin.lifetime <= Period::hours(24), "signin.lifetime", || "expected at most 24h")?;
    // NIST SP 800-63B-4 §3.1.1.2 and DESIGN §2: never less than eight, never more than a hash takes.
    rule((8..=128).contains(&signin.password_min), "signin.password_min", || "expected 8 to 128")?;
    rule(
        (signin.password_min..=128).contains(&signin.password_min_alone),
        "signin.password_min_alone",
        || format!("expected {} (signin.password_min) to 128", signin.password_min),
    )?;
    // Whoever finds the mail later reads no way in.
    rule(signin.reset_lifetime <= Period::hours(24), "signin.reset_lifetime", || "expected at most 24h")?;
    rule(signin.password_queue > 0, "signin.password_queue", || "expected 1 or more")
}

fn session(session: &Session) -> Verdict {
    above_zero(&[("session.idle", session.idle), ("session.lifetime", session.lifetime)])
}

fn above_zero(periods: &[(&'static str, Period)]) -> Verdict {
    periods.iter().try_for_each(|(key, period)| rule(period.as_secs() > 0, key, || "expected more than 0s"))
}

/// Colours go into the stylesheet, so nothing but a colour may stand there.
fn brand(brand: &Brand) -> Verdict {
    let name_fits = !brand.name.trim().is_empty() && !brand.name.contains(char::is_control);
    rule(name_fits, "brand.name", || "expected a name of one line")?;
    for (key, color) in [("brand.color", &brand.color), ("brand.color_dark", &brand.color_dark)] {
        let fits = color.as_deref().is_none_or(|color| {
            color
                .strip_prefix('#')
                .is_some_and(|hex| hex.len() == 6 && hex.chars().all(|c| c.is_ascii_hexdigit()))
        });
        rule(fits, key, || "expected a colour such as #0b6b57")?;
    }
    Ok(())
}

/// A host as the address of a request names it: without scheme, port or path.
fn outbound(hosts: &[String]) -> Verdict {
    hosts.iter().try_for_each(|host| {
        let fits = host.parse::<IpAddr>().is_ok() || Host::parse(host).is_ok();
        rule(fits, "outbound.allow_private", || {
            format!("expected host names or addresses such as app.internal or 10.0.0.7, not {host:?}")
        })
    })
}

fn log_level(level: &str) -> Verdict {
    // A word alone would be a part of the program of which everything is logged, and nothing of the rest.
    let is_part =
        |part: &str| part.contains('=') || part.trim().parse::<tracing::level_filters::LevelFilter>().is_ok();
    let fits = level.split(',').all(is_part) && level.parse::<tracing_subscriber::filter::Targets>().is_ok();
    rule(fits, "log.level", || {
        format!(
            "expected error, warn, info, debug, trace, or a filter such as info,countersign::mail=debug, not {level:?}"
        )
    })
}

/// What is opened twice is refused by the system, after everything else has begun.
fn listen(listen: &Listen) -> Verdict {
    let doors = listen.doors().iter().enumerate();
    let mut twice =
        doors.filter(|(at, door)| listen.doors().iter().take(*at).any(|other| other.is_in_the_way_of(door)));
    twice.next().map_or(Ok(()), |(_, door)| {
        rule(false, "listen", || format!("expected each once, and not {door} twice"))
    })
}

/// Nobody is asked who they are there: whoever reads is on this machine, and comes by a door of their own.
fn metrics(listen: Option<&Listen>, public: &Listen) -> Verdict {
    let doors = listen.map(Listen::doors).unwrap_or_default();
    let elsewhere = doors.iter().find(|door| matches!(door, Door::Tcp(to) if !to.ip().is_loopback()));
    elsewhere.map_or(Ok(()), |door| {
        rule(false, "metrics.listen", || {
            format!("expected a loopback address such as 127.0.0.1:9464, or unix:PATH, not {door}: an agent or a proxy on this machine hands metrics on")
        })
    })?;
    let taken = public.doors().iter().find(|one| doors.iter().any(|other| one.is_in_the_way_of(other)));
    taken.map_or(Ok(()), |door| {
        rule(false, "metrics.listen", || format!("expected another than those of `listen`, which has {door}"))
    })
}

/// A collector is named without a query, since `/v1/traces` comes behind it, and without a password: the log names it.
fn telemetry(endpoint: Option<&str>) -> Verdict {
    let fits = endpoint.is_none_or(|endpoint| {
        Url::parse(endpoint).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        })
    });
    rule(fits, "telemetry.otlp_endpoint", || "expected an address such as http://localhost:4318")
}
