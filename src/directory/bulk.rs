//! How are several users changed at once? Each for themselves, so that one who may not be changed keeps no other from it.

use super::by::place;
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
    let domain = domain.trim().trim_start_matches('@');
    let at = |name: &str| Address::parse(&format!("{name}@{domain}")).ok();
    at("x").ok_or_else(|| Error::Domain(domain.to_owned()))?;
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
            let (login, address) = (person.login.clone(), at(&person.login));
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
    let changes = Changes { email: Some(Some(address.clone())), ..Changes::default() };
    users::set(&mut tx, &now, changes, by, &mut entropy()).await?;
    tx.commit().await?;
    Ok(address)
}
