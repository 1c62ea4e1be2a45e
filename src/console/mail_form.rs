//! What is typed into the form of mail settings, and what is wrong with it?

use super::field::{Choice, Field, Kind, Label, Said, Wrong, line};
use super::person_form::email;
use super::{Visit, kept};
use crate::config::Encryption;
use crate::directory::Address;
use crate::directory::mail_settings::{MARKED, Parts, parts, word};
use crate::keys::secret::entropy;
use crate::mail::settings::MailSettings;

/// The longest name of a host (RFC 1035 §2.3.4), login, password and sender, in characters.
const LONGEST: (usize, usize, usize, usize) = (253, 320, 512, 320);

const ENCRYPTIONS: [(Encryption, &str, &str); 3] = [
    (Encryption::Tls, "mail-tls", "mail-tls-hint"),
    (Encryption::Starttls, "mail-starttls", "mail-starttls-hint"),
    (Encryption::None, "mail-clear", "mail-clear-hint"),
];

/// What a typed password is sealed for, and for how long it is good, in seconds: until the next press of a button.
const CARRIED: (&str, i64) = ("mail password typed", 1800);

/// The field that carries it.
const CARRIER: &str = "carried";

/// A form as it was sent.
pub(super) struct Typed {
    /// The settings; the password is none where none was typed.
    pub(super) settings: MailSettings,
    /// Whose mailbox a trial asks for.
    pub(super) to: Address,
}

impl Typed {
    /// Reads the form.
    pub(super) fn read(visit: &Visit) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut text = |field, longest| match line(&visit.form, field, longest) {
            Ok(text) => text.to_owned(),
            Err(what) => {
                wrong.push(what);
                String::new()
            }
        };
        let host = text("host", LONGEST.0);
        let (port, username) = (text("port", 5), text("username", LONGEST.1));
        let (password, from) = (text("password", LONGEST.2), text("from", LONGEST.3));
        let mut refuse = |field, key| {
            if wrong.iter().all(|one| one.field != field) {
                wrong.push(Wrong::new(field, Said::new(key)));
            }
        };
        if !is_host(&host) {
            refuse("host", "wrong-mail-host");
        }
        let number = port.parse::<u16>().ok().filter(|port| *port > 0);
        if !port.is_empty() && number.is_none() {
            refuse("port", "wrong-mail-port");
        }
        let chosen = visit.form.field("encryption");
        let encryption = ENCRYPTIONS.iter().map(|(one, ..)| *one).find(|one| word(*one) == chosen);
        if encryption.is_none() {
            refuse("encryption", "wrong-mail-encryption");
        }
        if from.is_empty() {
            refuse("from", "wrong-mail-from");
        }
        if username.is_empty() && !password.is_empty() {
            refuse("username", "wrong-mail-username");
        }
        let to = email(visit);
        if matches!(to, Ok(None)) {
            refuse("email", "wrong-email");
        }
        wrong.extend(kept::unkept(&visit.form, "password"));
        let to = to.unwrap_or_else(|what| {
            wrong.push(what);
            None
        });
        match (to, encryption, wrong.is_empty()) {
            (Some(to), Some(encryption), true) => {
                let some = |text: String| Some(text).filter(|text| !text.is_empty());
                let (username, password) = (some(username), some(password));
                let mut settings = MailSettings { host, port: number, encryption, username, password, from };
                if settings.password.is_none() && settings.username.is_some() {
                    settings.password = carried(visit);
                }
                Ok(Self { settings, to })
            }
            _ => Err(wrong),
        }
    }
}

/// To whom a typed password belongs, and where it goes: for nothing else it is opened.
fn bound_to(visit: &Visit) -> String {
    let typed = |name: &str| visit.form.field(name).trim().to_owned();
    let place = ["host", "port", "encryption", "username"].map(typed).join("\n");
    [visit.session.id.as_str(), visit.person.id.as_str(), place.as_str()].join("\n")
}

/// The password that was typed before the press of a button, if it is for the same login at the same server.
fn carried(visit: &Visit) -> Option<String> {
    let vault = &visit.provider.signin.vault;
    let plain = vault.unseal(CARRIED.0, &bound_to(visit), visit.form.field(CARRIER)).ok()?;
    let (until, password) = std::str::from_utf8(&plain).ok()?.split_once(' ')?;
    (visit.now() < until.parse().ok()?).then(|| password.to_owned())
}

/// The password that was typed, sealed, so that the next press of a button needs no typing; none where none was, or another one is asked for.
pub(super) fn to_carry(visit: &Visit, wrong: &[Wrong]) -> Option<(String, String)> {
    if wrong.iter().any(|wrong| wrong.field == "password") || visit.form.field("username").trim().is_empty() {
        return None;
    }
    let typed = Some(visit.form.field("password").trim().to_owned()).filter(|typed| !typed.is_empty());
    let password = typed.or_else(|| carried(visit))?;
    let plain = zeroize::Zeroizing::new(format!("{} {password}", visit.now() + CARRIED.1));
    let vault = &visit.provider.signin.vault;
    let sealed = vault.seal(CARRIED.0, &bound_to(visit), plain.as_bytes(), &mut entropy()).ok()?;
    Some((CARRIER.to_owned(), sealed))
}

/// Whether this may name a host: a name, or an address. Whether there is one, the trial says.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || ".-:_[]".contains(c))
}

/// What the form says that its sender saw.
pub(super) fn seen(visit: &Visit) -> Parts {
    MARKED
        .into_iter()
        .filter_map(|name| {
            let mut pairs = visit.form.pairs();
            let (_, value) = pairs.find(|(sent, _)| sent.strip_prefix("seen-") == Some(name))?;
            Some((name, value.to_owned()))
        })
        .collect()
}

/// The fields; where something is wrong, or was tried, with what was typed. A password is never shown.
pub(super) fn fields(
    visit: &Visit,
    now: &MailSettings,
    to: &str,
    (typed, carries): (bool, bool),
    wrong: &[Wrong],
) -> Vec<Field> {
    let held: Parts = parts(now);
    let value = |name: &str| held.iter().find(|(held, _)| *held == name).map(|(_, value)| value.clone());
    let field = |name, label, kind| Field::new(name, label, kind, value(name).unwrap_or_default());
    let choice = |(one, label, hint): (Encryption, &'static str, &'static str)| Choice {
        value: word(one).to_owned(),
        label: Label::Key(label),
        hint: Some(hint),
    };
    let choices = ENCRYPTIONS.into_iter().map(choice).collect();
    let password = match now.password {
        _ if carries => "mail-password-carried",
        Some(_) => "mail-password-kept",
        None => "mail-password-hint",
    };
    // Whether there is one, and nothing of it.
    let held_password = if now.password.is_some() { "on" } else { "" };
    let all = [
        field("host", "mail-host", Kind::Text).hint("mail-host-hint").longest(LONGEST.0).required(),
        field("port", "mail-port", Kind::Number).hint("mail-port-hint").longest(5),
        field("encryption", "mail-encryption", Kind::Radio { choices }),
        field("username", "mail-username", Kind::Text).hint("mail-username-hint").longest(LONGEST.1),
        Field::new("password", "mail-password", Kind::Secret, held_password)
            .hint(password)
            .longest(LONGEST.2),
        field("from", "mail-from", Kind::Text).hint("mail-from-hint").longest(LONGEST.3).required(),
        Field::new("email", "mail-try-to", Kind::Email, to).hint("mail-try-to-hint").longest(254).required(),
    ];
    all.into_iter()
        .map(|field| {
            let field = field.editable(visit, &Ok::<_, ()>(()));
            if !typed {
                return field;
            }
            let about = wrong.iter().find(|wrong| wrong.field == field.name);
            let value = if field.name == "password" { "" } else { visit.form.field(field.name) }.to_owned();
            Field { value, ..field.typed(&visit.form, about) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["mail.example.org", "localhost", "127.0.0.1", "::1", "[::1]", "müller.example", "mail_1"]
        {
            assert!(is_host(host), "{host}");
        }
        for nonsense in ["", "mail example", "<b>", "mail/x", "a@b", "x;y"] {
            assert!(!is_host(nonsense), "{nonsense}");
        }
    }
}
