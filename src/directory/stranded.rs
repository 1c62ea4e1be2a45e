//! Would a change leave somebody without a way in, whom whoever makes it could not help any more, or nobody with one when mail fails?

use super::by::{By, standing};
use super::policy::{self, Others};
use super::rights::own;
use super::{Error, Person, Status, TwoFactor};
use crate::store::{Conn, Tx, holders};

/// Refuses what would leave somebody without an address that a code or a link could go to, and need one, where whoever acts may not edit
/// them afterwards: only somebody of higher rank could set one then. `refusal` says what to do first.
///
/// # Errors
/// The refusal, or when the database refuses.
pub(super) async fn refuse(tx: &mut Tx, now: &Person, by: &By, refusal: Error) -> Result<(), Error> {
    if !needs_an_address(now) || now.deliverable_address().is_some() {
        return Ok(());
    }
    let may_help = policy::may_edit(&by.acting(tx).await?, &standing(tx, now).await?).is_ok();
    if may_help { Ok(()) } else { Err(refusal) }
}

/// Whether somebody signs in only once a link or a code has reached them.
fn needs_an_address(person: &Person) -> bool {
    let by_code = person.two_factor() == TwoFactor::On && !person.overrides_two_factor();
    person.status != Status::Disabled && (person.password_hash.is_none() || by_code)
}

/// Who else could do what this person can do.
pub(super) async fn others(conn: &mut Conn, person: &Person) -> Result<Others, Error> {
    let group_id = person.group.as_ref().map(|group| group.id.as_str());
    // Whoever holds nothing of it leaves nobody without it.
    let tree = person.group.as_ref().filter(|_| person.role.rights.has(own::OVERRIDE_2FA));
    Ok(Others {
        override_in_tree: match tree {
            Some(group) => !holders::is_stranded_without(conn, &group.top_id, &person.id).await?,
            None => true,
        },
        override_2fa: holders::has_other_holder(conn, group_id, &person.id, own::OVERRIDE_2FA).await?,
        administer_site: holders::has_other_holder(conn, None, &person.id, own::ADMINISTER_SITE).await?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::rights::Rights;
    use super::super::{HomeGroup, Role, sample};
    use super::*;

    #[test]
    fn a_password_alone_needs_no_address_where_it_lets_one_in() {
        for (password, two_factor, rights, status, expected) in [
            (true, TwoFactor::Off, "", Status::Active, false),
            (true, TwoFactor::Rehearse, "", Status::Active, false),
            (true, TwoFactor::On, "", Status::Active, true),
            (true, TwoFactor::On, "override_2fa", Status::Active, false),
            (false, TwoFactor::Off, "", Status::Invited, true),
            (false, TwoFactor::On, "override_2fa", Status::Invited, true),
            (false, TwoFactor::On, "", Status::Disabled, false),
        ] {
            let (id, name) = ("x".to_owned(), "X".to_owned());
            let person = Person {
                password_hash: password.then(|| "hash".to_owned()),
                status,
                role: Role {
                    id: id.clone(),
                    name: name.clone(),
                    rank: 4,
                    rights: Rights::parse(rights).unwrap(),
                },
                group: Some(HomeGroup {
                    id: id.clone(),
                    name,
                    top_id: id,
                    language: "en".to_owned(),
                    two_factor,
                }),
                ..sample("nia", None)
            };
            assert_eq!(needs_an_address(&person), expected, "{person:?}");
        }
    }
}
