//! What does a form say when an action is refused? The directory's reasons, each beside the field that it is about.

use super::field::{Said, Wrong};
use crate::directory::policy::Refusal;
use crate::directory::{Error, NotAnAddress};
use crate::web::Problem;

/// The key of what is said where nobody else could sign in without a code.
const LAST_OVERRIDE: &str = "refused-last-override";

/// What is wrong with what was typed; or a problem that no typing mends.
///
/// # Errors
/// When the database has failed, or what was to be changed is gone.
pub fn wrong(error: Error) -> Result<Wrong, Problem> {
    let (field, said) = match error {
        Error::Store(e) => return Err(e.into()),
        Error::Vanished | Error::Moved => return Err(Problem::Gone),
        Error::Refused(refusal) => return Ok(Wrong::new("", refused(&refusal))),
        Error::GroupExists(name) | Error::RoleExists(name) => {
            ("name", Said::new("wrong-name-taken").about(&name))
        }
        Error::LoginTaken(login) => ("login", Said::new("wrong-login-taken").about(&login)),
        Error::LoginAlike(login) => ("login", Said::new("wrong-login-passes").about(&login)),
        Error::Name => ("name", Said::new("wrong-name")),
        Error::Login(_) => ("login", Said::new("wrong-login")),
        Error::Language(tag) => ("language", Said::new("wrong-language").about(&tag)),
        Error::TooDeep(most) => {
            ("parent", Said::new("wrong-too-deep").counting(i64::try_from(most).unwrap_or(0)))
        }
        Error::UnknownGroup(path) => ("group", Said::new("wrong-no-group").about(&path)),
        Error::UnknownRole(name) => ("role", Said::new("wrong-no-role").about(&name)),
        Error::Domain(domain) => ("domains", Said::new("wrong-domain").about(&domain)),
        Error::Right(_) => ("rights", Said::new("wrong-right")),
        Error::GroupNotEmpty { path, .. } => ("", Said::new("wrong-group-not-empty").about(&path)),
        Error::GroupOfApp(_) => ("", Said::new("wrong-group-of-app")),
        Error::RoleHeld { name, holders } => {
            ("", Said::new("wrong-role-held").about(&name).counting(holders))
        }
        Error::Overtaken(fields) => {
            (fields.first().copied().unwrap_or_default(), Said::new("wrong-overtaken-somehow"))
        }
        Error::Disabled(login) => ("", Said::new("wrong-disabled").about(&login)),
        Error::NoEmail => ("email", Said::new("wrong-no-email")),
        Error::AddressLater => ("email", Said::new("wrong-address-later")),
        Error::AddressFirst => ("role", Said::new("wrong-address-first")),
        // The others tell what to do on the command line, or are about what no form of ours has.
        other => ("", Said::new("wrong-otherwise").about(&other.to_string())),
    };
    Ok(Wrong::new(field, said))
}

/// The same, where it is about the last who signs in without a code, with the path of the group that would have nobody left.
#[must_use]
pub fn in_group(wrong: Wrong, path: &str) -> Wrong {
    if wrong.said.key != LAST_OVERRIDE || path.is_empty() {
        return wrong;
    }
    Wrong { said: Said::new("refused-last-override-in").about(path), ..wrong }
}

/// Whether it is that.
#[must_use]
pub fn is_about_a_group(wrong: &Wrong) -> bool {
    wrong.said.key == LAST_OVERRIDE
}

/// The sentence for an address that is none.
#[must_use]
pub fn not_an_address(_: NotAnAddress) -> Wrong {
    Wrong::new("email", Said::new("wrong-email"))
}

/// Why the rules say no.
#[must_use]
pub fn refused(refusal: &Refusal) -> Said {
    match refusal {
        Refusal::OutsideReach => Said::new("refused-outside-reach"),
        Refusal::LacksRight(right) => Said::new("refused-lacks-right").about(right),
        Refusal::Outranked => Said::new("refused-outranked"),
        Refusal::RankAboveOwn => Said::new("refused-rank-above-own"),
        Refusal::RightNotHeld(right) => Said::new("refused-right-not-held").about(right.as_str()),
        Refusal::OwnRole => Said::new("refused-own-role"),
        Refusal::OwnGroup => Said::new("refused-own-group"),
        Refusal::OwnWord(word) => Said::new("refused-own-word").about(word),
        Refusal::OwnLock => Said::new("refused-own-lock"),
        Refusal::RoleOfAnotherTree => Said::new("refused-role-of-another-tree"),
        Refusal::RankOutOfRange => Said::new("refused-rank-out-of-range"),
        Refusal::SiteRight => Said::new("refused-site-right"),
        Refusal::LastOverride => Said::new(LAST_OVERRIDE),
        Refusal::LastOverrideOfTree => Said::new("refused-last-override-of-tree"),
        Refusal::LastSiteAdministrator => Said::new("refused-last-site-administrator"),
    }
}
