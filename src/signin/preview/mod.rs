//! Who would be asked for a code, and who could no longer sign in, if a group's two-factor setting were another one? Told before it is
//! changed, by the same decision as the sign-in's. It only reads, page by page: nobody waits for it, however large the group.

mod apart;
mod counting;
mod now;
mod own_address;
mod roles;
mod rule;
mod switch;
mod words;

pub use now::{
    Count, KeptOut, count_locked_out, count_locked_out_in, first_locked_out, locked_out, locked_out_in,
    overriders, without_address,
};
pub use roles::{Changed, RolePreview, change_role, changing_role, with_role};
pub use rule::{Consent, LockedOut, Objection, Ruling, Stakes, rule};
pub use switch::{Switched, look, look_again, switch};

use apart::Apart;
use counting::Begun;

use super::decide::{Demand, Facts, Hindrance, Next, Reach, Strength, decide};
use crate::directory::people::Need;
use crate::directory::rights::{Rights, own};
use crate::directory::{Error, Status, TwoFactor, people, roles as tree, unreached};
use crate::mail::Probed;
use crate::store::Conn;
use crate::store::groups::GroupRow;

/// The most names in one sentence: a page has seven such sentences, and is not to weigh more than a first visit may load.
const NAMED_AT_MOST: i64 = 8;

/// The most people of the list of those whom a setting keeps out: with long logins and what mail servers say of each, a page is not to weigh more
/// than a first visit may load.
pub const LISTED_AT_MOST: usize = 20;

/// How many of those who are hard to reach are read at once, and how many where the first are to be named and listed.
const LOOKED_AT: i64 = 2000;
const LOOKED_AT_FOR_NAMES: i64 = 30;

/// What a change of a group's two-factor setting would do.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Preview {
    /// The group's path.
    pub path: String,
    /// The setting as it is.
    pub from: TwoFactor,
    /// The setting that it would be.
    pub to: TwoFactor,
    /// Those of the group who would be sent a code.
    pub asked: Named,
    /// Those of the group who would need a code and have no address that it could go to; where it is rehearsed, they go on without one.
    pub no_address: Named,
    /// Those whose last message did not reach the address that they have.
    pub undelivered: Named,
    /// Those whose codes are stopped after too many wrong ones; where it is rehearsed, they go on without one.
    pub codes_stopped: Named,
    /// Those who have not chosen a password yet: none of the above, and asked for a code once they have.
    pub invited: Named,
    /// Those who are disabled, and sign in with no setting.
    pub disabled: Named,
    /// Those who would be asked for a code no longer.
    pub released: Named,
    /// The active holders of `override_2fa` in the tree.
    pub overriders: Named,
    /// The names of the tree's roles that may switch two-factor and have no `override_2fa`.
    pub switchers_without_override: Vec<String>,
    /// What would keep out whoever makes the change, if anything would.
    pub actor: Option<Obstacle>,
    /// Whether mail works at this moment; none where nobody has looked.
    pub mail: Option<MailCheck>,
    /// Who could no longer sign in.
    #[serde(skip)]
    pub kept_out: LockedOut,
    /// Those with whom a list of all of them begins, as far as they were met where the first without an address were named.
    #[serde(skip)]
    pub first_locked_out: Vec<Affected>,
    /// Whoever makes the change, where the mail server has just refused their address for good, and nothing else keeps them out.
    #[serde(skip)]
    pub refused_now: Option<Affected>,
}

/// Whether the mail server can be talked to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MailCheck {
    /// Whether it lets us in, and would take a message.
    pub works: bool,
    /// What was found, in the server's words where it said any.
    pub words: String,
    /// To which address it would take one; none where that was not asked.
    pub taken_for: Option<String>,
    /// What it says against a message to the address of whoever makes the change, where it would take none to that one.
    pub against_own: Option<String>,
}

impl MailCheck {
    fn of(probed: std::result::Result<Probed, String>) -> Self {
        match probed {
            Ok(Probed { words, taken_for, against_own }) => {
                Self { works: true, words, taken_for, against_own }
            }
            Err(words) => Self { works: false, words, taken_for: None, against_own: None },
        }
    }
}

/// What keeps a code from somebody who needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// There is no address that it could go to.
    NoAddress,
    /// The last message did not reach the address that they have.
    Undelivered,
    /// Too many wrong codes have stopped theirs.
    CodesStopped,
}

/// What would happen to one person at their next sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lot {
    /// They are sent a code.
    Asked,
    /// They cannot sign in.
    LockedOut(Obstacle),
    /// This keeps a code from them, and they are told so and go on without: it is only rehearsed.
    GoesOn(Obstacle),
    /// The password is enough.
    LetIn,
}

/// How many people there are, and the first of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Named {
    /// At most eight logins.
    pub names: Vec<String>,
    /// Whose they are, in the same order.
    #[serde(skip)]
    pub ids: Vec<String>,
    /// How many there are in all.
    pub count: i64,
}

/// Looks at what a setting would do in a group, whether it is in force already or not. `actor_id` is whoever would make the change.
///
/// # Errors
/// When the database refuses.
pub async fn changing(
    conn: &mut Conn,
    group: &GroupRow,
    to: TwoFactor,
    actor_id: Option<&str>,
    mail: Option<MailCheck>,
) -> Result<Preview, Error> {
    let is_small = unreached::is_small(conn, &group.id).await?;
    let begun = Begun::of(conn, group, to, actor_id, is_small).await?;
    let preview = Preview { mail, ..begun.finished(conn, group, Apart::default()).await? };
    preview.heeding_own_refusal(conn, group, actor_id).await
}

/// One of a group, and what would happen to them.
#[derive(Clone, Debug)]
pub struct Affected {
    /// The user's id.
    pub id: String,
    /// Their login.
    pub login: String,
    /// What would happen.
    pub lot: Lot,
    /// What the mail server said of the last message that did not reach them.
    pub answer: Option<String>,
}

/// At most `limit` of those of a group who have chosen a password and could not sign in, or else would be asked for a code, by login, that come after the folded login
/// `after`; and the key that the next ones come after.
///
/// # Errors
/// When the database refuses.
pub async fn affected(
    conn: &mut Conn,
    group: &GroupRow,
    to: TwoFactor,
    locked_out: bool,
    after: &str,
    limit: usize,
) -> Result<(Vec<Affected>, Option<String>), Error> {
    // Most are sent a code: those who are wanted are often among the first.
    let (mut found, mut after, mut read) = (Vec::new(), after.to_owned(), limit.saturating_mul(4));
    loop {
        let (page, next) = people::needs(conn, &group.id, &after, read).await?;
        read = usize::MAX;
        for need in page {
            let lot = lot(&need, to, need.overrides);
            let wanted = match lot {
                Lot::LockedOut(_) => locked_out,
                Lot::Asked => !locked_out,
                Lot::GoesOn(_) | Lot::LetIn => false,
            };
            if !wanted || need.status != Status::Active {
                continue;
            }
            let key = need.key.clone();
            found.push(Affected { id: need.id, login: need.login, lot, answer: need.undelivered });
            if found.len() == limit {
                return Ok((found, Some(key)));
            }
        }
        match next {
            Some(key) => after = key,
            None => return Ok((found, None)),
        }
    }
}

/// The names of the tree's roles that may switch two-factor and have no `override_2fa`.
async fn switchers_without_override(conn: &mut Conn, group: &GroupRow) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for role in tree::of_tree(conn, group).await? {
        let rights = Rights::parse(&role.rights)?;
        if rights.has(own::MANAGE_ADVANCED_SETTINGS) && !rights.has(own::OVERRIDE_2FA) {
            names.push(role.name);
        }
    }
    Ok(names)
}

/// What would happen to somebody at their next sign-in, with this setting, and with or without the override.
#[must_use]
pub fn lot(need: &Need, setting: TwoFactor, overrides: bool) -> Lot {
    let next = decide(Some(&Facts {
        two_factor: setting,
        overrides,
        // A code that was handed over lets them in once, and is no way to reach them tomorrow.
        reach: if need.has_address { Reach::Email } else { Reach::Nowhere },
        demand: Demand::Whatever,
        codes_stopped: need.codes_stopped,
        strength: Strength::Alone,
        password_at: 0,
        code_at: None,
        skipped_at: None,
        hindrance: None,
    }));
    match next {
        Next::NoAddress | Next::Unmet => Lot::LockedOut(Obstacle::NoAddress),
        Next::CodesStopped => Lot::LockedOut(Obstacle::CodesStopped),
        Next::Code { may_skip: false } if need.undelivered.is_some() => Lot::LockedOut(Obstacle::Undelivered),
        Next::Code { .. } => Lot::Asked,
        // A rehearsal tells them so and lets them in.
        Next::Hindered(Hindrance::NoAddress) => Lot::GoesOn(Obstacle::NoAddress),
        Next::Hindered(Hindrance::CodesStopped) => Lot::GoesOn(Obstacle::CodesStopped),
        Next::Hindered(_) | Next::Password | Next::LongerPassword | Next::Done(_) => Lot::LetIn,
    }
}

impl Preview {
    /// How many could no longer sign in.
    #[must_use]
    pub const fn locked_out(&self) -> i64 {
        self.kept_out.count()
    }

    /// What the rules for saving look at.
    #[must_use]
    pub fn stakes(&self) -> Stakes<'_> {
        Stakes {
            to_on: self.to == TwoFactor::On && self.from != TwoFactor::On,
            asked: self.asked.count + self.invited.count,
            locked_out: &self.kept_out,
            overriders: self.overriders.count,
            mail_works: self.mail.as_ref().is_none_or(|mail| mail.works),
        }
    }
}

impl Named {
    /// So many, of whom these ids and logins are the first.
    #[must_use]
    pub fn of(people: Vec<(String, String)>, count: i64) -> Self {
        let (ids, names) = people.into_iter().unzip();
        Self { names, ids, count }
    }

    /// The first of them: ids and logins.
    pub fn people(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ids.iter().map(String::as_str).zip(self.names.iter().map(String::as_str))
    }

    fn add(&mut self, id: String, login: String) {
        if self.count < NAMED_AT_MOST {
            self.ids.push(id);
            self.names.push(login);
        }
        self.count += 1;
    }
}
