//! What is tried is done here: each try by the action that pages and commands call.

use countersign::config::SignIn;
use countersign::directory::users::Changes;
use countersign::directory::{Address, By, Error, Login, Status, bulk, links, people, roles, users};
use countersign::keys::secret::{entropy, new_id};
use countersign::signin::challenge;
use countersign::signin::invite::{self, Inviter};
use countersign::store::groups::GroupRow;
use countersign::store::roles::RoleRow;
use countersign::store::{self, Conn, Tx};

use super::NOW;
use super::escalation::{Came, Deed, Handed, SETS, Site, Try, came};
use super::model::Role;

impl Site<'_> {
    /// Does it; what is refused leaves nothing. `stale` with the rows that were read at the very beginning.
    pub async fn try_out(&mut self, what: &Try, stale: bool, by: &By) -> Came {
        let mut tx = self.db.write().await.unwrap();
        match self.act(&mut tx, what, stale, by).await {
            Ok(()) => {
                tx.commit().await.unwrap();
                Came::Done
            }
            Err(error) => came(error),
        }
    }

    async fn act(&mut self, tx: &mut Tx, what: &Try, stale: bool, by: &By) -> Result<(), Error> {
        match *what {
            Try::About(target, deed) => self.act_on(tx, target % self.people.len(), deed, stale, by).await,
            Try::Add { group, role } => {
                let (group, role) = (group % self.groups.len(), role % self.roles.len());
                self.add_person(tx, Some(group), role, true, by).await
            }
            Try::Edit { role, rank, rights } => {
                let row = self.row(tx, role, stale).await;
                let row = RoleRow { rank, rights: SETS[rights].join(" "), ..row };
                roles::set(tx, &row, by, &mut entropy()).await.map(drop)
            }
            Try::Copy { role, tree } => {
                let copied = self.world.roles[role % self.roles.len()].clone();
                self.add_role(tx, Role { tree: Some(tree % 2), ..copied }, by).await
            }
            Try::DeleteRole { role } => {
                let row = self.row(tx, role, stale).await;
                roles::delete(tx, &row, by, &mut entropy()).await
            }
            Try::AssignDomain { .. } | Try::InviteAll { .. } => Ok(()),
        }
    }

    async fn act_on(
        &mut self,
        tx: &mut Tx,
        target: usize,
        deed: Deed,
        stale: bool,
        by: &By,
    ) -> Result<(), Error> {
        let mut rng = entropy();
        let seen = &self.people[target];
        let person = if stale { seen.clone() } else { people::find(tx, &seen.id).await.unwrap().unwrap() };
        match deed {
            Deed::Password => users::set_password(tx, &person, "$argon2id$other", by, &mut rng).await,
            Deed::Unlock => users::unlock(tx, &person, by, &mut rng).await,
            Deed::Delete => users::delete(tx, &person, by, &mut rng).await,
            Deed::Link => {
                let token = links::issue(tx, &person, 600, by, &mut rng).await?;
                self.hand_out(Handed::Link(token.reveal().to_owned()), target);
                Ok(())
            }
            Deed::Reset => {
                let asked = links::Asked { signin_id: None, network: "192.0.2.1", now_ms: NOW * 1000 };
                let token = links::issue_reset(tx, &person, 600, asked, &mut rng).await?;
                self.hand_out(Handed::Link(token.reveal().to_owned()), target);
                Ok(())
            }
            Deed::HandCode => {
                users::may_give_code(tx, &person, by).await?;
                let settings = SignIn::default();
                challenge::issue_by_hand(tx, self.vault, &settings, &person, by, &mut rng).await.unwrap();
                self.hand_out(Handed::Code, target);
                Ok(())
            }
            _ => {
                let changes = self.changes(tx, deed, stale).await;
                users::set(tx, &person, changes, by, &mut rng).await.map(drop)
            }
        }
    }

    async fn changes(&self, conn: &mut Conn, deed: Deed, stale: bool) -> Changes {
        let group = |group: usize| -> GroupRow { self.groups[group % self.groups.len()].clone() };
        let mut changes = Changes::default();
        match deed {
            Deed::Give { role } => changes.role = Some(self.row(conn, role, stale).await),
            Deed::Move { group: to, role } => {
                changes.group = Some(group(to));
                if let Some(role) = role {
                    changes.role = Some(self.row(conn, role, stale).await);
                }
            }
            Deed::ToSite => (changes.to_site, changes.role) = (true, Some(self.roles[0].clone())),
            Deed::Disable(true) => changes.status = Some(Status::Disabled),
            Deed::Disable(false) => changes.status = Some(Status::Active),
            Deed::Email => changes.email = Some(Some(Address::parse("mine@example.org").unwrap())),
            Deed::Login => {
                let login = format!("{}@example.org", new_id(&mut entropy()));
                changes.login = Some(Login::parse(&login).unwrap());
            }
            Deed::Vouch => changes.email_verified = Some(true),
            _ => {}
        }
        changes
    }

    async fn row(&self, conn: &mut Conn, role: usize, stale: bool) -> RoleRow {
        let seen = self.roles[role % self.roles.len()].clone();
        if stale { seen } else { store::roles::find(conn, &seen.id).await.unwrap().unwrap() }
    }

    /// Several at once: each is given an address, or not, as alone.
    pub async fn assign_domain(&mut self, actor: usize, group: usize, by: &By) {
        let mut conn = self.db.read().await.unwrap();
        let proposed = bulk::propose_domain(&mut conn, &self.groups[group], "example.net", by, "", 50).await;
        drop(conn);
        let Ok((proposed, _)) = proposed else { return };
        let whom: Vec<String> = proposed.iter().map(|one| one.person.id.clone()).collect();
        let done = bulk::assign(self.db, proposed, by).await.unwrap();
        for (id, done) in whom.iter().zip(done) {
            self.as_alone(actor, id, done.outcome.map(drop));
        }
    }

    pub async fn invite_all(&mut self, actor: usize, group: usize, by: &By) {
        let lifetime = SignIn::default().link_lifetime;
        let giver = Inviter { issuer: String::new(), lifetime, mail: None };
        let (invited, _) = giver.invite_all(self.db, &self.groups[group], by, "", 50).await.unwrap();
        for invited in invited {
            let login = Login::parse(&invited.login).unwrap();
            let mut conn = self.db.read().await.unwrap();
            let id = people::find_by_login(&mut conn, &login).await.unwrap().unwrap().id;
            drop(conn);
            let target = self.people.iter().position(|person| person.id == id).unwrap();
            let outcome = invited.outcome.map_err(|error| match error {
                invite::Error::Directory(error) => error,
                other => panic!("{other}"),
            });
            if let Ok(issued) = &outcome {
                let token = issued.link.rsplit('/').next().unwrap().to_owned();
                self.hand_out(Handed::Link(token), target);
            }
            self.as_alone(actor, &id, outcome.map(drop));
        }
    }
}
