//! Where are people looked up?

use super::login::{Login, fold};
use super::person::Person;
use crate::store::{Conn, Result, groups, users};

/// How many people are read at once.
const PAGE: i64 = 500;

/// The most people who are told of an override.
const TOLD: i64 = 50;

/// The user of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Person>> {
    users::find(conn, id).await?.map(Person::from_row).transpose()
}

/// The user of this login, however it is spelt.
///
/// # Errors
/// When the database refuses.
pub async fn find_by_login(conn: &mut Conn, login: &Login) -> Result<Option<Person>> {
    users::find_by_login(conn, &login.key()).await?.map(Person::from_row).transpose()
}

/// Everyone, of one group or of all, by login.
///
/// # Errors
/// When the database refuses.
pub async fn all(conn: &mut Conn, group_id: Option<&str>) -> Result<Vec<Person>> {
    let mut found: Vec<Person> = Vec::new();
    loop {
        let after = found.last().map(|person| fold(&person.login)).unwrap_or_default();
        let page = users::list(conn, group_id, &after, PAGE).await?;
        if page.is_empty() {
            return Ok(found);
        }
        for row in page {
            found.push(Person::from_row(row)?);
        }
    }
}

/// The active holders of `override_2fa` in a tree, and the site administrators: who can still sign in when codes fail.
///
/// # Errors
/// When the database refuses.
pub async fn overriders(conn: &mut Conn, top_id: Option<&str>) -> Result<Vec<Person>> {
    users::seniors(conn, top_id, TOLD).await?.into_iter().map(Person::from_row).collect()
}

/// Who is told that this person has used their override: the others who hold one in the tree, and the site
/// administrators.
///
/// # Errors
/// When the database refuses.
pub async fn overriders_to_tell(conn: &mut Conn, person: &Person) -> Result<Vec<Person>> {
    let top = person.group.as_ref().map(|group| group.top_id.as_str());
    let mut others = overriders(conn, top).await?;
    others.retain(|other| other.id != person.id);
    Ok(others)
}

/// The paths of a person's groups, their own first, then those that it is part of: the `groups` claim.
///
/// # Errors
/// When the database refuses.
pub async fn group_paths(conn: &mut Conn, person: &Person) -> Result<Vec<String>> {
    let Some(group) = &person.group else { return Ok(Vec::new()) };
    let lineage = groups::lineage(conn, &group.id).await?;
    let names: Vec<&str> = lineage.iter().rev().map(|group| group.name.as_str()).collect();
    Ok((1..=names.len()).rev().filter_map(|depth| names.get(..depth)).map(|path| path.join("/")).collect())
}

/// The ids of a person's group and of those that it is part of.
///
/// # Errors
/// When the database refuses.
pub async fn group_ids(conn: &mut Conn, person: &Person) -> Result<Vec<String>> {
    let Some(group) = &person.group else { return Ok(Vec::new()) };
    Ok(groups::lineage(conn, &group.id).await?.into_iter().map(|group| group.id).collect())
}
