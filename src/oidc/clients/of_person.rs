//! Which relying apps may somebody use, which do they, and why? The answer of [`admission`] and of the sign-in's own decision.

use std::collections::BTreeMap;

use super::{Admission, Client, admission, find, list};
use crate::directory::{Person, Tree, people};
use crate::signin::decide::Demand;
use crate::signin::explain;
use crate::store::access::grants;
use crate::store::{Conn, Result};

/// The most apps that are looked at, and the most grants of one person.
const LOOKED_AT: i64 = 200;

/// One app, and what it is to somebody.
#[derive(Clone, Debug)]
pub struct OfPerson {
    /// The app.
    pub client: Client,
    /// Whether it is for them, and why.
    pub admission: Admission,
    /// What a sign-in there would come to now, as [`explain`] has it.
    pub outcome: &'static str,
    /// Since when they have let it in; none where they have not.
    pub used_since: Option<i64>,
}

/// What is asked about somebody's apps.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// All that the reader sees: apps for other trees alone are not there for them.
    pub tree: &'a Tree,
    /// After how many wrong codes a challenge ends (`signin.code_attempts`).
    pub attempts: i64,
    /// Whether it is told which of them they use.
    pub used: bool,
    /// The most apps that are told.
    pub limit: usize,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// The apps of somebody: first those that they use, then those that they may use, then those for other groups of the reader's tree; and
/// whether there are more.
///
/// # Errors
/// When the database refuses.
pub async fn of_person(conn: &mut Conn, person: &Person, asked: Asked<'_>) -> Result<(Vec<OfPerson>, bool)> {
    let groups = people::group_ids(conn, person).await?;
    let mut used: BTreeMap<String, i64> = BTreeMap::new();
    let held = if asked.used { LOOKED_AT } else { 0 };
    for grant in grants(conn, Some(&person.id), None, asked.now, "", held).await? {
        let since = used.entry(grant.client_id).or_insert(grant.created_at);
        *since = (*since).min(grant.created_at);
    }
    let mut clients = list(conn, "", LOOKED_AT).await?;
    let unlisted = i64::try_from(clients.len()).is_ok_and(|n| n == LOOKED_AT);
    for id in used.keys() {
        if !clients.iter().any(|client| client.id == *id) {
            clients.extend(find(conn, id).await?);
        }
    }
    let mut told = Vec::new();
    for client in clients {
        let admission = admission(&client, &groups);
        let used_since = used.get(&client.id).copied();
        if admission == Admission::Others
            && used_since.is_none()
            && !is_seen(conn, asked.tree, &client).await?
        {
            continue;
        }
        let outcome = outcome(conn, person, &client, &asked).await?;
        told.push(OfPerson { client, admission, outcome, used_since });
    }
    told.sort_by_key(|one| (one.used_since.is_none(), one.admission == Admission::Others));
    let more = unlisted || told.len() > asked.limit;
    told.truncate(asked.limit);
    Ok((told, more))
}

/// Whether one of the groups that an app is for is in the tree.
async fn is_seen(conn: &mut Conn, tree: &Tree, client: &Client) -> Result<bool> {
    for id in &client.metadata.allowed_groups {
        if tree.group(conn, id).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn outcome(
    conn: &mut Conn,
    person: &Person,
    client: &Client,
    asked: &Asked<'_>,
) -> Result<&'static str> {
    let demand = if client.metadata.require_two_factor { Demand::TwoFactors } else { Demand::Whatever };
    Ok(explain::explain(conn, person, demand, asked.attempts, asked.now).await?.outcome)
}

/// Which apps somebody may use now and would not as they would be, and the other way round: the names, at most so many of each.
///
/// # Errors
/// When the database refuses.
pub async fn difference(
    conn: &mut Conn,
    before: &Person,
    after: &Person,
    limit: usize,
) -> Result<(Vec<String>, Vec<String>)> {
    let (was, is) = (people::group_ids(conn, before).await?, people::group_ids(conn, after).await?);
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    for client in list(conn, "", LOOKED_AT).await? {
        let open = |groups: &[String]| admission(&client, groups) != Admission::Others;
        match (open(&was), open(&is)) {
            (true, false) => lost.push(client.metadata.client_name),
            (false, true) => gained.push(client.metadata.client_name),
            _ => {}
        }
    }
    lost.truncate(limit);
    gained.truncate(limit);
    Ok((lost, gained))
}
