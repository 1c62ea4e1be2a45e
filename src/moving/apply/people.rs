//! How do people come? Each in a transaction with others, and with what is remembered of them.

use super::super::Error;
use super::super::here::Kind;
use super::super::plan::{Deed, Field, GroupRef, PlannedUser, RoleRef, Whither};
use super::{Arrived, Chunk, Done, Mover, Unapplied};
use crate::directory::policy::Place;
use crate::directory::users::{self, Changes, NewUser, Past};
use crate::directory::{Status, groups, people, roles};
use crate::keys::secret::entropy;
use crate::store::Tx;
use crate::store::groups::GroupRow;
use crate::store::moved;
use crate::store::roles::RoleRow;

impl Mover<'_> {
    /// Some people together; where one of them is refused, each for themselves, so that it is the only one.
    pub(super) async fn bring_people(&self, chunk: Chunk, mut arrived: Arrived) -> Result<Done, Error> {
        let mut done = Done::default();
        if chunk.is_empty() {
            return Ok(done);
        }
        let mut tx = self.db.write().await?;
        for (user, hash) in &chunk {
            match self.bring(&mut tx, user, hash.as_deref(), &mut arrived).await {
                Ok(id) => done.invited.extend(user.is_invited().then_some(id)),
                Err(Error::Directory(crate::directory::Error::Store(error))) if !error.is_duplicate() => {
                    return Err(error.into());
                }
                Err(_) => {
                    tx.give_up().await?;
                    return self.bring_one_by_one(&chunk, arrived).await;
                }
            }
        }
        tx.commit().await?;
        Ok(done)
    }

    async fn bring_one_by_one(
        &self,
        chunk: &[(PlannedUser, Option<String>)],
        mut arrived: Arrived,
    ) -> Result<Done, Error> {
        let mut done = Done::default();
        for (user, hash) in chunk {
            let mut tx = self.db.write().await?;
            match self.bring(&mut tx, user, hash.as_deref(), &mut arrived).await {
                Ok(id) => {
                    tx.commit().await?;
                    done.invited.extend(user.is_invited().then_some(id));
                }
                Err(Error::Directory(crate::directory::Error::Store(error))) => return Err(error.into()),
                Err(refused) => {
                    tx.give_up().await?;
                    done.refused.push((user.login.to_string(), refused.to_string()));
                }
            }
        }
        Ok(done)
    }

    /// One of the people; answers their id.
    async fn bring(
        &self,
        tx: &mut Tx,
        user: &PlannedUser,
        hash: Option<&str>,
        arrived: &mut Arrived,
    ) -> Result<String, Error> {
        let (group, role) = self.place(tx, user, arrived).await?;
        let id = match &user.deed {
            Deed::Add => {
                let place = arrived.place(tx, group.as_ref()).await?;
                self.add(tx, user, hash, (group.as_ref(), place), &role).await?
            }
            Deed::Change(id, fields) => {
                self.change(tx, id, user, fields, hash, group.as_ref(), &role).await?;
                id.clone()
            }
            Deed::Adopt(id) | Deed::Same(id) => id.clone(),
            Deed::Gone => return Ok(String::new()),
        };
        if let (Some(legacy_id), false) = (&user.legacy_id, user.deed == Deed::Add) {
            moved::set_legacy(tx, &id, legacy_id).await?;
        }
        let said = user.said(group.as_ref().map(|group| group.id.as_str()), &role.id);
        self.note(tx, Kind::User, &user.key, &id, &said).await?;
        if let Some(old) = &user.came_as {
            moved::forget(tx, self.source, Kind::User.name(), old).await?;
        }
        Ok(id)
    }

    async fn add(
        &self,
        tx: &mut Tx,
        user: &PlannedUser,
        hash: Option<&str>,
        (group, place): (Option<&GroupRow>, &Place),
        role: &RoleRow,
    ) -> Result<String, Error> {
        let new = NewUser {
            login: &user.login,
            name: user.name.as_deref(),
            email: user.email.as_ref(),
            group,
            role,
            password_hash: hash,
        };
        let past =
            Past { disabled: user.disabled, legacy_id: user.legacy_id.as_deref(), from: Some(self.source) };
        let id = users::take_in(tx, new, place, past, &self.by, &mut entropy()).await?;
        if !user.claims.is_empty() || user.email_verified {
            let person = people::find(tx, &id).await?.ok_or(Unapplied::Vanished)?;
            let changes = Changes {
                claims: user.claims.clone(),
                email_verified: user.email_verified.then_some(true),
                ..Changes::default()
            };
            users::set(tx, &person, changes, &self.by, &mut entropy()).await?;
        }
        Ok(id)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what is to be, taken apart; a struct of it would be made here alone"
    )]
    async fn change(
        &self,
        tx: &mut Tx,
        id: &str,
        user: &PlannedUser,
        fields: &[Field],
        hash: Option<&str>,
        group: Option<&GroupRow>,
        role: &RoleRow,
    ) -> Result<(), Error> {
        let person = people::find(tx, id).await?.ok_or(Unapplied::Vanished)?;
        let has = |field| fields.contains(&field);
        let moves = has(Field::Group);
        let changes = Changes {
            login: has(Field::Login).then(|| user.login.clone()),
            name: has(Field::Name).then(|| user.name.clone().unwrap_or_default()),
            email: has(Field::Email).then(|| user.email.clone()),
            status: has(Field::Status).then_some(if user.disabled {
                Status::Disabled
            } else {
                Status::Active
            }),
            group: group.filter(|_| moves).cloned(),
            to_site: moves && group.is_none(),
            role: (moves || has(Field::Role)).then(|| role.clone()),
            ..Changes::default()
        };
        let only_password = fields == [Field::Password];
        let person = if only_password {
            person
        } else {
            users::set(tx, &person, changes, &self.by, &mut entropy()).await?
        };
        if let (true, Some(hash)) = (has(Field::Password), hash) {
            users::set_password(tx, &person, hash, &self.by, &mut entropy()).await?;
        }
        Ok(())
    }

    /// The group and the role of somebody, as they are here by now.
    async fn place(
        &self,
        tx: &mut Tx,
        user: &PlannedUser,
        arrived: &mut Arrived,
    ) -> Result<(Option<GroupRow>, RoleRow), Error> {
        let Whither::Group(group, role) = &user.whither else {
            return Ok((None, arrived.site.clone().ok_or(Unapplied::Vanished)?));
        };
        let group = match group {
            GroupRef::Key(key) => arrived.groups.get(key).ok_or(Unapplied::Vanished)?.clone(),
            GroupRef::Id(id) => arrived.group(tx, id).await?,
        };
        let role = match role {
            RoleRef::Key(key) => arrived.roles.get(key).ok_or(Unapplied::Vanished)?.clone(),
            RoleRef::Id(id) => arrived.role(tx, &group, id).await?,
            RoleRef::Named(name) => arrived.named(tx, &group, name).await?,
        };
        Ok((Some(group), role))
    }
}

impl Arrived {
    /// A group's place, looked up once for all who come to it.
    async fn place(&mut self, tx: &mut Tx, group: Option<&GroupRow>) -> Result<&Place, Error> {
        let id = group.map_or("", |group| group.id.as_str());
        if !self.places.contains_key(id) {
            self.places.insert(id.to_owned(), users::place_of(tx, group).await?);
        }
        Ok(self.places.get(id).ok_or(Unapplied::Vanished)?)
    }

    async fn group(&mut self, tx: &mut Tx, id: &str) -> Result<GroupRow, Error> {
        let key = format!("\0id {id}");
        if let Some(group) = self.groups.get(&key) {
            return Ok(group.clone());
        }
        let group = groups::find(tx, id).await?.ok_or(Unapplied::Vanished)?;
        self.groups.insert(key, group.clone());
        Ok(group)
    }

    async fn role(&mut self, tx: &mut Tx, group: &GroupRow, id: &str) -> Result<RoleRow, Error> {
        let key = format!("\0id {id}");
        if let Some(role) = self.roles.get(&key) {
            return Ok(role.clone());
        }
        for role in roles::of_tree(tx, group).await? {
            self.roles.insert(format!("\0id {}", role.id), role);
        }
        Ok(self.roles.get(&key).ok_or(Unapplied::Vanished)?.clone())
    }

    async fn named(&mut self, tx: &mut Tx, group: &GroupRow, name: &str) -> Result<RoleRow, Error> {
        let key = format!("\0name {} {name}", group.top_id);
        if let Some(role) = self.roles.get(&key) {
            return Ok(role.clone());
        }
        let role = roles::find_named(tx, Some(group), name).await?;
        self.roles.insert(key, role.clone());
        Ok(role)
    }
}
