//! How does a page tell what a preview has found?

use serde::Serialize;

use super::Visit;
use super::answered::meaning;
use super::field::{Linked, Said};
use super::home::Attention;
use crate::directory::rights::own;
use crate::directory::{Address, TwoFactor};
use crate::mail::{Meaning, without_settings};
use crate::signin::preview::{Affected, Lot, MailCheck, Named, Objection, Obstacle, Preview};

/// Somebody who cannot sign in, or could not.
#[derive(Clone, Debug, Serialize)]
pub struct Stopped {
    /// The user's id.
    pub id: String,
    /// The login.
    pub login: String,
    /// The key of the reason.
    pub why: &'static str,
    /// What the mail server said, where it was that.
    pub answer: Option<String>,
}

impl Stopped {
    /// Somebody whom the preview finds locked out; none for anybody else.
    #[must_use]
    pub fn of(affected: Affected) -> Option<Self> {
        let Lot::LockedOut(obstacle) = affected.lot else { return None };
        let answer = affected.answer.filter(|answer| obstacle == Obstacle::Undelivered && !answer.is_empty());
        let answer = answer.as_deref().map(without_settings);
        Some(Self { id: affected.id, login: affected.login, why: reason(obstacle), answer })
    }
}

/// The key of what keeps a code from somebody.
#[must_use]
pub const fn reason(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NoAddress => "stopped-no-address",
        Obstacle::Undelivered => "stopped-undelivered",
        Obstacle::CodesStopped => "stopped-codes",
    }
}

/// The key of what would keep a code from whoever reads.
#[must_use]
pub const fn yours(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NoAddress => "foreseen-you-no-address",
        Obstacle::Undelivered => "foreseen-you-undelivered",
        Obstacle::CodesStopped => "foreseen-you-codes",
    }
}

/// The key of what speaks against a setting.
#[must_use]
pub const fn objection(objection: Objection) -> &'static str {
    match objection {
        Objection::NoOverride => "objection-no-override",
        Objection::MailFails => "objection-mail-fails",
    }
}

/// Names as a sentence takes them: the first, and a sign that there are more.
#[must_use]
pub fn names(names: &[String], count: i64) -> String {
    let more = count > i64::try_from(names.len()).unwrap_or(i64::MAX);
    format!("{}{}", names.join(", "), if more { ", …" } else { "" })
}

/// A sentence about several, by name: with links to their pages where this reader may see them.
#[must_use]
pub fn named(key: &str, some: &Named, seen: bool) -> Said {
    let said = Said::new(key).about(&names(&some.names, some.count)).counting(some.count);
    if !seen {
        return said;
    }
    let more = some.count > i64::try_from(some.ids.len()).unwrap_or(i64::MAX);
    said.linked(some.people().map(|(id, login)| Linked::new(id, login)).collect(), more)
}

/// Whom of a preview a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sees {
    /// Everybody of the tree, by name.
    pub all: bool,
    /// The pages of people.
    pub users: bool,
}

impl Sees {
    /// What this reader sees of the tree of a top-level group.
    #[must_use]
    pub fn of(visit: &Visit, top_id: &str) -> Self {
        Self { all: visit.tree.has_all_of(top_id), users: visit.holds(own::VIEW_USERS) }
    }
}

/// Who signs in with a password alone where codes are asked for; by name for whoever sees all of them.
#[must_use]
pub fn overriders(some: &Named, sees: Sees) -> Said {
    let key = match (some.count, sees.all) {
        (0, _) => "foreseen-nobody-overrides",
        (_, true) => "foreseen-overriders",
        (_, false) => "foreseen-overriders-unnamed",
    };
    named(key, some, sees.all && sees.users)
}

/// Whether mail works, as far as it was asked.
fn mail_works(mail: &MailCheck) -> Said {
    let shown =
        |address: &String| Address::parse(address).map_or_else(|_| address.clone(), |one| one.shown());
    match &mail.taken_for {
        _ if !mail.works => Said::new("foreseen-mail-fails").about(&without_settings(&mail.words)),
        None => Said::new("foreseen-mail-works"),
        Some(address) if mail.against_own.is_some() => {
            Said::new("foreseen-mail-refuses-own").about(&shown(address))
        }
        Some(address) => Said::new("foreseen-mail-takes").about(&shown(address)),
    }
}

/// Whether mail works, what the mail server said where something does not, and what that means.
fn about_mail(mail: &MailCheck, keeps_out: bool) -> Vec<Attention> {
    let weight = if mail.works && !keeps_out { "" } else { "bad" };
    let answer = if mail.works { mail.against_own.as_deref() } else { Some(mail.words.as_str()) };
    let mut said = vec![mail_works(mail)];
    if let Some(answer) = answer {
        if mail.works {
            said.push(Said::new("stopped-answer").about(answer));
        }
        if Meaning::of(answer) != Meaning::Other {
            said.push(meaning(answer));
        }
    }
    said.into_iter().map(|said| Attention { weight, said, remedy: None }).collect()
}

/// Everything that a preview has found, the worst first.
#[must_use]
pub fn told(preview: &Preview, sees: Sees) -> Vec<Attention> {
    let line = |weight, said| Attention { weight, said, remedy: None };
    let mut told = Vec::new();
    if let Some(obstacle) = preview.actor {
        let key = if preview.refused_now.is_some() { "foreseen-you-refused" } else { yours(obstacle) };
        told.push(line("bad", Said::new(key)));
    }
    let rehearse = preview.to == TwoFactor::Rehearse;
    let (no_address, codes_stopped, weight) = if rehearse {
        ("foreseen-goes-on-no-address", "foreseen-goes-on-codes-stopped", "warn")
    } else {
        ("foreseen-no-address", "foreseen-codes-stopped", "bad")
    };
    for (key, some) in [
        (no_address, &preview.no_address),
        ("foreseen-undelivered", &preview.undelivered),
        (codes_stopped, &preview.codes_stopped),
    ] {
        if some.count > 0 {
            told.push(line(weight, named(key, some, sees.users)));
        }
    }
    if let Some(mail) = &preview.mail {
        told.extend(about_mail(mail, preview.refused_now.is_some()));
    }
    if preview.to == TwoFactor::Off {
        if preview.released.count > 0 {
            told.push(line("", named("foreseen-released", &preview.released, sees.users)));
        }
    } else {
        // Where no code is asked for, everybody signs in without one.
        let weight = if preview.overriders.count == 0 { "bad" } else { "" };
        told.push(line(weight, overriders(&preview.overriders, sees)));
    }
    if preview.asked.count > 0 {
        let key = if rehearse { "foreseen-rehearse" } else { "foreseen-asked" };
        told.push(line("", named(key, &preview.asked, sees.users)));
    }
    if preview.invited.count > 0 {
        let key = if rehearse { "foreseen-invited-rehearse" } else { "foreseen-invited" };
        told.push(line("", named(key, &preview.invited, sees.users)));
    }
    if preview.disabled.count > 0 {
        told.push(line("", named("foreseen-disabled", &preview.disabled, sees.users)));
    }
    let roles = &preview.switchers_without_override;
    if !roles.is_empty() && preview.to == TwoFactor::On {
        let count = i64::try_from(roles.len()).unwrap_or(i64::MAX);
        told.push(line("", Said::new("foreseen-switchers").about(&names(roles, count)).counting(count)));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signin::preview::LockedOut;

    #[test]
    fn what_keeps_people_out_comes_first_and_whoever_reads_before_the_others() {
        let some = |names: &[&str], count| {
            Named::of(names.iter().map(|&name| (format!("id-of-{name}"), name.to_owned())).collect(), count)
        };
        let preview = Preview {
            path: "Acme".to_owned(),
            from: TwoFactor::Off,
            to: TwoFactor::On,
            asked: some(&["ned"], 1),
            no_address: some(&["max", "nia"], 30),
            undelivered: Named::default(),
            codes_stopped: Named::default(),
            invited: some(&["ivy"], 1),
            disabled: Named::default(),
            released: Named::default(),
            overriders: Named::default(),
            switchers_without_override: vec!["Manager".to_owned()],
            actor: Some(Obstacle::NoAddress),
            mail: Some(MailCheck {
                works: true,
                words: "fine".to_owned(),
                taken_for: None,
                against_own: None,
            }),
            kept_out: LockedOut::default(),
            first_locked_out: Vec::new(),
            refused_now: None,
        };
        let told = |users| super::told(&preview, Sees { all: true, users });
        let (seen, told) = (told(true), told(false));
        let keys: Vec<_> = told.iter().map(|line| (line.weight, line.said.key.as_str())).collect();
        assert_eq!(
            keys,
            [
                ("bad", "foreseen-you-no-address"),
                ("bad", "foreseen-no-address"),
                ("", "foreseen-mail-works"),
                ("bad", "foreseen-nobody-overrides"),
                ("", "foreseen-asked"),
                ("", "foreseen-invited"),
                ("", "foreseen-switchers"),
            ]
        );
        assert_eq!((told[1].said.name.as_str(), told[1].said.n), ("max, nia, …", 30));
        // Whoever may not see people has no links to them.
        assert!(told.iter().all(|line| line.said.people.is_empty()));
        let max = Linked { name: "max".to_owned(), path: "/console/users/id-of-max".to_owned() };
        assert_eq!((seen[1].said.people.first(), seen[1].said.more), (Some(&max), true));
        assert!(!seen[4].said.more, "ned is all of them");
        let rehearsed =
            super::told(&Preview { to: TwoFactor::Rehearse, ..preview }, Sees { all: true, users: true });
        assert!(rehearsed.iter().any(|line| line.said.key == "foreseen-invited-rehearse"), "{rehearsed:?}");
    }
}
