//! What is all the world there is for a manager? Their own group and the groups below it; everything else is not there, whatever id
//! somebody sends, in lists, counts and searches too.

use super::policy::Actor;
use super::{Error, Person, groups, people};
use crate::directory::By;
use crate::store::groups::{self as group_rows, GroupRow, ListedGroup};
use crate::store::roles::{self, RoleRow};
use crate::store::{Conn, Result};

/// What one person sees of the directory. Only [`By`] hands one out; a part of it is no more than the whole.
#[derive(Clone, Debug)]
pub struct Tree(Root);

#[derive(Clone, Debug)]
enum Root {
    /// Every group, and the people of none.
    Site,
    /// This group and those below it; the roles are those of its top-level group.
    Group { id: String, top_id: String },
    /// Nothing at all.
    Nothing,
}

impl By {
    /// What whoever acts sees of the directory.
    #[must_use]
    pub fn tree(&self) -> Tree {
        let standing = match &self.actor {
            Actor::Operator => return Tree(Root::Site),
            Actor::User(standing) => standing,
        };
        let lineage = &standing.place.lineage;
        match (lineage.first(), lineage.last()) {
            _ if self.administers_site() => Tree(Root::Site),
            (Some(id), Some(top)) => Tree(Root::Group { id: id.clone(), top_id: top.clone() }),
            _ => Tree(Root::Nothing),
        }
    }
}

impl Tree {
    /// Whether it is the whole site.
    #[must_use]
    pub fn is_whole_site(&self) -> bool {
        matches!(self.0, Root::Site)
    }

    /// Whether it has everybody of a top-level group's tree, and not only those of a group below it.
    #[must_use]
    pub fn has_all_of(&self, top_id: &str) -> bool {
        self.root_id().is_none_or(|root| root == top_id)
    }

    /// How many users of the tree hold a role.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn holders(&self, conn: &mut Conn, role: &RoleRow) -> Result<i64> {
        match self.root_id() {
            // A role of one tree is held by nobody outside it.
            Some(root) if role.group_id.as_deref() != Some(root) => {
                roles::count_holders_within(conn, &role.id, root).await
            }
            _ => roles::count_holders(conn, &role.id).await,
        }
    }

    /// The group that it hangs from, for queries: none for the whole site, and no group's id where there is nothing to see.
    #[must_use]
    pub fn root_id(&self) -> Option<&str> {
        match &self.0 {
            Root::Site => None,
            Root::Group { id, .. } => Some(id),
            Root::Nothing => Some(""),
        }
    }

    /// The top-level group whose roles serve it; none for the whole site, and no group's id where there is nothing to see.
    #[must_use]
    pub fn top_id(&self) -> Option<&str> {
        match &self.0 {
            Root::Site => None,
            Root::Group { top_id, .. } => Some(top_id),
            Root::Nothing => Some(""),
        }
    }

    /// The group of this id, if it is in the tree.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn group(&self, conn: &mut Conn, id: &str) -> Result<Option<GroupRow>> {
        let lineage = group_rows::lineage(conn, id).await?;
        let within = self.root_id().is_none_or(|root| lineage.iter().any(|group| group.id == root));
        Ok(lineage.into_iter().next().filter(|_| within))
    }

    /// What of the tree hangs from the group of this id; none if that is not in it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn below(&self, conn: &mut Conn, id: &str) -> Result<Option<(Self, GroupRow)>> {
        let group = self.group(conn, id).await?;
        Ok(group
            .map(|group| (Self(Root::Group { id: group.id.clone(), top_id: group.top_id.clone() }), group)))
    }

    /// At most `limit` groups of the tree.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn groups(
        &self,
        conn: &mut Conn,
        order: groups::Order<'_>,
        limit: i64,
    ) -> std::result::Result<Vec<ListedGroup>, Error> {
        match self.root_id() {
            None => groups::list(conn, order, limit).await,
            Some(root) => groups::list_below(conn, root, order, limit).await,
        }
    }

    /// The user of this id, if they are in the tree.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn user(&self, conn: &mut Conn, id: &str) -> Result<Option<Person>> {
        let Some(person) = people::find(conn, id).await? else { return Ok(None) };
        let Some(root) = self.root_id() else { return Ok(Some(person)) };
        let within = people::group_ids(conn, &person).await?.iter().any(|group| group == root);
        Ok(within.then_some(person))
    }

    /// The role of this id, if it serves the tree.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn role(&self, conn: &mut Conn, id: &str) -> Result<Option<RoleRow>> {
        let role = roles::find(conn, id).await?;
        let top = self.top_id();
        Ok(role.filter(|role| top.is_none() || role.group_id.as_deref() == top))
    }
}
