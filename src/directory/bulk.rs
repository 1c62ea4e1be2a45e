//! How are several users changed at once? Each for themselves, so that one who may not be changed keeps no other from it.

use super::by::{place, standing};
use super::policy::{Refusal, Verdict};
use super::seen::Seen;
use super::users::{self, Changes};
use super::{Address, By, Error, Person, Status, people, policy};
use crate::keys::secret::entropy;
use crate::store::groups::GroupRow;
use crate::store::{Conn, Db};

/// Candidates looked at in one go.
const BATCH: usize = 200;

/// Somebody without an address, and the one that they would get.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// Who.
    pub person: Person,
    /// Their login at the domain; none where that makes no address.
    pub address: Option<Address>,
}

/// What became of one of several.
#[derive(Debug)]
pub struct Done {
    /// Their login.
    pub login: String,
    /// The address that they have now, or why they have none.
    pub outcome: Result<Address, Error>,
}

/// What is done for several at once.
#[derive(Clone, Debug)]
pub enum Deed {
    /// An address in this domain for each who has none.
    Domain(String),
    /// An invitation to choose a password for each who never did.
    Invite,
}

impl Deed {
    /// Addresses in the domain that was typed.
    ///
    /// # Errors
    /// When it is none.
    pub fn domain(typed: &str) -> Result<Self, Error> {
        let domain = typed.trim().trim_start_matches('@');
        at("x", domain)
            .map(|_| Self::Domain(domain.to_owned()))
            .ok_or_else(|| Error::Domain(domain.to_owned()))
    }
}

/// Why one of several is left out.
#[derive(Clone, Debug)]
pub enum LeftOut {
    /// The rules say no: their rank, or their place.
    Refused(Refusal),
    /// They are disabled.
    Disabled,
    /// They have an address already.
    HasAddress(Address),
    /// Their login makes no address in the domain; or there is none that an invitation could go to.
    NoAddress,
    /// They have chosen a password already.
    HasPassword,
}

/// One of several, and what would become of them.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Who.
    pub person: Person,
    /// The address that they would get, or be invited at; or why they are left out.
    pub outcome: Result<Address, LeftOut>,
}

/// What would become of each of these: the same rules that guard the change of each.
///
/// # Errors
/// When the database refuses.
pub async fn plan(conn: &mut Conn, people: Vec<Person>, deed: &Deed, by: &By) -> Result<Vec<Planned>, Error> {
    let mut planned = Vec::with_capacity(people.len());
    for person in people {
        let verdict = policy::may_edit(&by.actor, &standing(conn, &person).await?);
        planned.push(Planned { outcome: outcome(&person, deed, verdict), person });
    }
    Ok(planned)
}

fn outcome(person: &Person, deed: &Deed, verdict: Verdict) -> Result<Address, LeftOut> {
    verdict.map_err(LeftOut::Refused)?;
    let address = person.deliverable_address();
    match deed {
        _ if person.status == Status::Disabled => Err(LeftOut::Disabled),
        Deed::Domain(domain) => match address {
            Some(address) => Err(LeftOut::HasAddress(address)),
            None => at(&person.login, domain).ok_or(LeftOut::NoAddress),
        },
        Deed::Invite if person.password_hash.is_some() => Err(LeftOut::HasPassword),
        Deed::Invite => address.ok_or(LeftOut::NoAddress),
    }
}

/// The address of a login in a domain, if that is one.
fn at(login: &str, domain: &str) -> Option<Address> {
    Address::parse(&format!("{login}@{domain}")).ok()
}

/// Whom of a group an email domain would give an address, and which: at most `limit` of those without one that come after `after`, and
/// what the next ones come after.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn propose_domain(
    conn: &mut Conn,
    group: &GroupRow,
    domain: &str,
    by: &By,
    after: &str,
    limit: usize,
) -> Result<(Vec<Proposed>, Option<String>), Error> {
    let Deed::Domain(domain) = Deed::domain(domain)? else { return Ok((Vec::new(), None)) };
    policy::may_view(&by.actor, &place(conn, Some(&group.id)).await?)?;
    let (mut proposed, mut after) = (Vec::new(), after.to_owned());
    loop {
        let page = people::list(conn, Some(&group.id), None, &after, BATCH).await?;
        let Some(last) = page.last().map(|person| person.login.clone()) else { return Ok((proposed, None)) };
        after = last;
        for person in page {
            if person.status == Status::Disabled || person.deliverable_address().is_some() {
                continue;
            }
            let (login, address) = (person.login.clone(), at(&person.login, &domain));
            proposed.push(Proposed { person, address });
            if proposed.len() == limit {
                return Ok((proposed, Some(login)));
            }
        }
    }
}

/// Gives each of those the address that was proposed; whoever has got one meanwhile keeps it.
///
/// # Errors
/// When the database refuses.
pub async fn assign(db: &Db, proposed: Vec<Proposed>, by: &By) -> Result<Vec<Done>, Error> {
    let mut all = Vec::new();
    for Proposed { person, address } in proposed {
        let outcome = match address {
            None => Err(Error::NoEmail),
            Some(address) => assign_one(db, &person, address, by).await,
        };
        if let Err(Error::Store(error)) = outcome {
            return Err(error.into());
        }
        all.push(Done { login: person.login, outcome });
    }
    Ok(all)
}

async fn assign_one(db: &Db, person: &Person, address: Address, by: &By) -> Result<Address, Error> {
    let mut tx = db.write().await?;
    let now = people::find(&mut tx, &person.id).await?.ok_or(Error::Vanished)?;
    if let Some(kept) = now.deliverable_address() {
        return Ok(kept);
    }
    let changes = Changes { email: Some(Some(address.clone())), seen: Seen::of(&now), ..Changes::default() };
    match users::set(&mut tx, &now, changes, by, &mut entropy()).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(address)
        }
        // Somebody else was faster by a moment.
        Err(Error::Overtaken(fields)) => {
            tx.give_up().await?;
            let now = people::find(&mut db.read().await?, &person.id).await?.ok_or(Error::Vanished)?;
            now.deliverable_address().ok_or(Error::Overtaken(fields))
        }
        Err(error) => Err(error),
    }
}

/// Takes from each of those the address in this domain that they were given together; whoever has another one by now keeps that. Answers
/// how many have none any more, and why the last of the others was refused, if one was.
///
/// # Errors
/// When the database refuses.
pub async fn take_back(
    db: &Db,
    people: Vec<Person>,
    domain: &str,
    by: &By,
) -> Result<(usize, Option<Error>), Error> {
    let (mut taken, mut refused) = (0, None);
    for person in people {
        let Some(given) = at(&person.login, domain) else { continue };
        let mut tx = db.write().await?;
        let now = people::find(&mut tx, &person.id).await?;
        let Some(now) = now.filter(|now| now.email.as_deref() == Some(given.as_str())) else { continue };
        match users::set(
            &mut tx,
            &now,
            Changes { email: Some(None), seen: Seen::of(&now), ..Changes::default() },
            by,
            &mut entropy(),
        )
        .await
        {
            Ok(_) => {
                tx.commit().await?;
                taken += 1;
            }
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => refused = Some(error),
        }
    }
    Ok((taken, refused))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn each_of_several_gets_what_is_meant_for_them_or_is_left_out_with_a_reason() {
        let domain = Deed::domain(" @example.net").unwrap();
        assert!(matches!(Deed::domain("no domain"), Err(Error::Domain(_))));
        let chosen = |mut person: Person, hash: Option<&str>, status| {
            person.password_hash = hash.map(str::to_owned);
            person.status = status;
            person
        };
        let nia = || sample("nia", None);
        let ned = || sample("ned", Some("ned@example.org"));
        let told = |person: &Person, deed: &Deed, verdict: Verdict| match outcome(person, deed, verdict) {
            Ok(address) => address.to_string(),
            Err(LeftOut::Refused(_)) => "refused".to_owned(),
            Err(LeftOut::Disabled) => "disabled".to_owned(),
            Err(LeftOut::HasAddress(_)) => "has one".to_owned(),
            Err(LeftOut::NoAddress) => "none".to_owned(),
            Err(LeftOut::HasPassword) => "has chosen".to_owned(),
        };
        let active = |person| chosen(person, Some("hash"), Status::Active);
        let invited = |person| chosen(person, None, Status::Invited);
        for (person, deed, expected) in [
            (active(nia()), &domain, "nia@example.net"),
            (invited(nia()), &domain, "nia@example.net"),
            (active(ned()), &domain, "has one"),
            (active(sample("näh", None)), &domain, "none"),
            (chosen(nia(), None, Status::Disabled), &domain, "disabled"),
            (active(ned()), &Deed::Invite, "has chosen"),
            (invited(ned()), &Deed::Invite, "ned@example.org"),
            (invited(nia()), &Deed::Invite, "none"),
            (chosen(ned(), None, Status::Disabled), &Deed::Invite, "disabled"),
        ] {
            assert_eq!(told(&person, deed, Ok(())), expected, "{} {deed:?}", person.login);
            assert_eq!(told(&person, deed, Err(Refusal::Outranked)), "refused", "{}", person.login);
        }
    }
}
