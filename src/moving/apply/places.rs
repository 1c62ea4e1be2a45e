//! How do groups and roles come?

use super::super::Error;
use super::super::here::Kind;
use super::super::plan::{Deed, Field, PlannedGroup, PlannedRole, group_said, role_said};
use super::{Arrived, Mover, Unapplied};
use crate::directory::{groups, roles};
use crate::keys::secret::entropy;
use crate::store::Tx;
use crate::store::groups::GroupRow;
use crate::store::roles::RoleRow;

impl Mover<'_> {
    pub(super) async fn bring_group(
        &self,
        tx: &mut Tx,
        group: &PlannedGroup,
        arrived: &mut Arrived,
    ) -> Result<(), Error> {
        let row = match &group.deed {
            Deed::Gone => return Ok(()),
            Deed::Add => {
                let parent = match &group.parent {
                    Some(key) => Some(arrived.groups.get(key).ok_or(Unapplied::Vanished)?.clone()),
                    None => None,
                };
                let language = group.language.as_deref().filter(|tag| is_language(tag));
                let added =
                    groups::add(tx, &group.name, parent.as_ref(), language, &self.by, &mut entropy()).await?;
                let changes = groups::Changes { two_factor: group.two_factor, ..groups::Changes::default() };
                let differs =
                    group.two_factor.is_some_and(|setting| setting.name() != added.two_factor_setting);
                if differs {
                    groups::set(tx, &added, &changes, &self.by, &mut entropy()).await?
                } else {
                    added
                }
            }
            Deed::Adopt(id) | Deed::Same(id) => groups::find(tx, id).await?.ok_or(Unapplied::Vanished)?,
            Deed::Change(id, fields) => {
                let row = groups::find(tx, id).await?.ok_or(Unapplied::Vanished)?;
                let has = |field| fields.contains(&field);
                let changes = groups::Changes {
                    name: has(Field::Name).then(|| group.name.clone()),
                    language: group.language.clone().filter(|tag| has(Field::Language) && is_language(tag)),
                    two_factor: group.two_factor.filter(|_| has(Field::TwoFactor)),
                    ..groups::Changes::default()
                };
                groups::set(tx, &row, &changes, &self.by, &mut entropy()).await?
            }
        };
        let said = group_said(&group.name, group.language.as_deref(), group.two_factor);
        self.note(tx, Kind::Group, &group.key, &row.id, &said).await?;
        arrived.groups.insert(group.key.clone(), row);
        Ok(())
    }

    pub(super) async fn bring_role(
        &self,
        tx: &mut Tx,
        role: &PlannedRole,
        arrived: &mut Arrived,
    ) -> Result<(), Error> {
        let Some(top) = arrived.groups.get(&role.top).cloned() else { return Ok(()) };
        let row = match &role.deed {
            Deed::Gone => return Ok(()),
            Deed::Add => match roles::find_named(tx, Some(&top), &role.name).await {
                // One of those that a new group begins with.
                Ok(row) => self.set_role(tx, row, role, &[Field::Rank, Field::Rights]).await?,
                Err(crate::directory::Error::UnknownRole(_)) => {
                    let new =
                        roles::NewRole { top: &top, name: &role.name, rank: role.rank, rights: &role.rights };
                    roles::add(tx, new, &self.by, &mut entropy()).await?
                }
                Err(error) => return Err(error.into()),
            },
            Deed::Adopt(id) | Deed::Same(id) => self.role(tx, &top, id).await?,
            Deed::Change(id, fields) => {
                let row = self.role(tx, &top, id).await?;
                self.set_role(tx, row, role, fields).await?
            }
        };
        let said = role_said(&role.name, role.rank, &role.rights);
        self.note(tx, Kind::Role, &role.key, &row.id, &said).await?;
        arrived.roles.insert(role.key.clone(), row);
        Ok(())
    }

    async fn role(&self, tx: &mut Tx, top: &GroupRow, id: &str) -> Result<RoleRow, Error> {
        let all = roles::of_tree(tx, top).await?;
        Ok(all.into_iter().find(|role| role.id == id).ok_or(Unapplied::Vanished)?)
    }

    async fn set_role(
        &self,
        tx: &mut Tx,
        row: RoleRow,
        role: &PlannedRole,
        fields: &[Field],
    ) -> Result<RoleRow, Error> {
        let mut after = row.clone();
        for field in fields {
            match field {
                Field::Name => after.name.clone_from(&role.name),
                Field::Rank => after.rank = role.rank,
                Field::Rights => after.rights = role.rights.to_string(),
                _ => {}
            }
        }
        if (&after.name, after.rank, &after.rights) == (&row.name, row.rank, &row.rights) {
            return Ok(row);
        }
        Ok(roles::set(tx, &after, &self.by, &mut entropy()).await?)
    }
}

/// Whether a text is a language tag; what is none says nothing about a group.
fn is_language(tag: &str) -> bool {
    tag.trim().parse::<unic_langid::LanguageIdentifier>().is_ok()
}
