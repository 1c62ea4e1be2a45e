//! How is a plan carried out? Groups and roles in one transaction, then the people, some at a time, each with what is remembered of
//! them: whatever ends the program, the next run finds what has come and goes on with the rest.

mod people;
mod places;

use std::collections::HashMap;

use tokio::task::JoinSet;

use super::Error;
use super::here::{Kind, Said};
use super::plan::{Given, Plan, PlannedGroup, PlannedRole, PlannedUser, Whither};
use super::source::App;
use crate::directory::policy::Place;
use crate::directory::{Brought, Busy, By, Passwords, roles};
use crate::keys::Vault;
use crate::keys::secret::{Token, entropy};
use crate::oidc::clients::{self, AuthMethod, Metadata};
use crate::store::groups::GroupRow;
use crate::store::moved::{self, MovedRow};
use crate::store::roles::RoleRow;
use crate::store::{Conn, Db};

/// How many people come in one transaction: others wait for no longer than that takes.
const TOGETHER: usize = 1000;

/// How many of those at once: a database that is not in this process is mostly waited for.
const ABREAST: usize = 4;

/// How many of them may have a hash that is to be wrapped, which takes a core about 15 ms: that much is lost when the program is killed.
const WRAPPED: usize = 100;

/// Why a plan was not carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum Unapplied {
    /// Nobody has had time to hash.
    #[error("this machine has no time to hash passwords: run it again, it goes on where it was")]
    Busy,
    /// What was planned with is no longer here.
    #[error("something was deleted here meanwhile: run it again, it goes on where it was")]
    Vanished,
}

/// What has been done.
#[derive(Debug, Default)]
pub struct Done {
    /// The ids of those who came without a password, and can sign in once they have chosen one.
    pub invited: Vec<String>,
    /// Who has not come although they were to, and why.
    pub refused: Vec<(String, String)>,
}

/// What an import works with.
#[derive(Debug)]
pub struct Mover<'a> {
    /// The database.
    pub db: &'a Db,
    /// What wraps hashes.
    pub passwords: &'a Passwords,
    /// How many at once.
    pub at_once: usize,
    /// The master key, where apps come.
    pub vault: Option<&'a Vault>,
    /// By what name this source is known.
    pub source: &'a str,
    /// Who imports, and when.
    pub by: By,
}

/// Some people, and what is written down of their passwords.
type Chunk = Vec<(PlannedUser, Option<String>)>;

/// What has become of what came: by the keys of the source.
#[derive(Clone, Default)]
struct Arrived {
    groups: HashMap<String, GroupRow>,
    roles: HashMap<String, RoleRow>,
    /// The site administrator's.
    site: Option<RoleRow>,
    /// The places of groups, by their ids.
    places: HashMap<String, Place>,
}

impl Mover<'_> {
    /// Carries a plan out. `progress` is told how many of the people are done.
    ///
    /// # Errors
    /// When it cannot be done to its end; what has been done stays, and is not done again.
    pub async fn apply(&self, plan: Plan, mut progress: impl FnMut(usize, usize)) -> Result<Done, Error> {
        let Plan { groups, roles, users, apps, .. } = plan;
        let arrived = self.bring_places(&groups, &roles, &users).await?;
        let (mut done, all, mut finished) = (Done::default(), users.len(), 0);
        for app in apps {
            let id = app.id.clone();
            if let Err(why) = self.bring_app(app).await {
                done.refused.push((format!("the app {id}"), why.to_string()));
            }
        }
        let mut users = users.into_iter();
        loop {
            let mut chunks: [Chunk; ABREAST] = Default::default();
            let before = finished;
            for place in &mut chunks {
                let mut chunk = next_chunk(&mut users);
                finished += chunk.len();
                chunk.retain(PlannedUser::is_to_be_written);
                let hashes = self.hashes(&chunk).await?;
                *place = chunk.into_iter().zip(hashes).collect();
            }
            if finished == before {
                return Ok(done);
            }
            let [one, two, three, four] = chunks;
            let bring = |chunk| Box::pin(self.bring_people(chunk, arrived.clone()));
            for brought in
                <[_; ABREAST]>::from(tokio::join!(bring(one), bring(two), bring(three), bring(four)))
            {
                let Done { invited, refused } = brought?;
                done.invited.extend(invited);
                done.refused.extend(refused);
            }
            progress(finished, all);
        }
    }

    /// Registers an app as `client add` does, with the id and the secret that it has; a secret that does not come is made anew, and shown
    /// by nobody: `client rotate-secret` gives another.
    async fn bring_app(&self, app: App) -> Result<(), clients::Error> {
        let Some(vault) = self.vault else { return Ok(()) };
        let mut metadata = Metadata::web_app(app.name, app.redirect_uris);
        metadata.consent = app.consent;
        if app.public {
            metadata.token_endpoint_auth_method = AuthMethod::None;
        } else {
            metadata.any_secret_method = true;
        }
        let secret = app.secret.filter(|_| !app.public).map(|secret| Token::taken_over(secret.0));
        let given = clients::Given { id: Some(app.id), secret };
        let mut tx = self.db.write().await?;
        let added =
            clients::take_over(&mut tx, vault, metadata, given, self.by.now(), &mut entropy()).await?;
        let event = self.by.event("client.added").client(&added.client.id).detail("from", self.source);
        self.by.record(event, &mut tx, &mut entropy()).await?;
        Ok(tx.commit().await?)
    }

    async fn bring_places(
        &self,
        groups: &[PlannedGroup],
        roles: &[PlannedRole],
        users: &[PlannedUser],
    ) -> Result<Arrived, Error> {
        let mut arrived = Arrived::default();
        let mut tx = self.db.write().await?;
        for group in groups {
            self.bring_group(&mut tx, group, &mut arrived).await?;
        }
        for role in roles {
            self.bring_role(&mut tx, role, &mut arrived).await?;
        }
        if users.iter().any(|user| user.whither == Whither::Site) {
            arrived.site = Some(roles::site_administrator(&mut tx, self.by.now(), &mut entropy()).await?);
        }
        tx.commit().await?;
        Ok(arrived)
    }

    pub(super) async fn note(
        &self,
        conn: &mut Conn,
        kind: Kind,
        key: &str,
        id: &str,
        said: &Said,
    ) -> Result<(), Error> {
        let row = MovedRow {
            kind: kind.name().to_owned(),
            key: key.to_owned(),
            local_id: id.to_owned(),
            said: serde_json::to_string(said).unwrap_or_default(),
        };
        Ok(moved::note(conn, self.source, &row, self.by.now()).await?)
    }

    /// What is written down of each one's password: as many at once as there are threads that hash.
    async fn hashes(&self, chunk: &[PlannedUser]) -> Result<Vec<Option<String>>, Error> {
        let mut hashes: Vec<Option<String>> = vec![None; chunk.len()];
        let (mut waiting, mut work) = (chunk.iter().enumerate(), JoinSet::new());
        loop {
            while work.len() < self.at_once.max(1) {
                let Some((at, user)) = waiting.next() else { break };
                match &user.password {
                    Given::None | Given::Stays => {}
                    Given::Hash(Brought::Kept(foreign)) => {
                        if let Some(hash) = hashes.get_mut(at) {
                            *hash = Some(foreign.to_stored());
                        }
                    }
                    Given::Hash(Brought::Wrapped(hash)) => {
                        if let Some(place) = hashes.get_mut(at) {
                            *place = Some(hash.clone());
                        }
                    }
                    Given::Hash(Brought::Bare(bare)) => {
                        let (passwords, bare) = (self.passwords.clone(), bare.clone());
                        work.spawn(async move { (at, passwords.wrap(&bare, &mut entropy()).await) });
                    }
                }
            }
            match work.join_next().await {
                None => return Ok(hashes),
                Some(Ok((at, Ok(wrapped)))) => {
                    if let Some(hash) = hashes.get_mut(at) {
                        *hash = Some(wrapped);
                    }
                }
                Some(Ok((_, Err(Busy))) | Err(_)) => return Err(Unapplied::Busy.into()),
            }
        }
    }
}

/// Those who come together.
fn next_chunk(users: &mut impl Iterator<Item = PlannedUser>) -> Vec<PlannedUser> {
    let (mut chunk, mut wrapped) = (Vec::new(), 0);
    while chunk.len() < TOGETHER && wrapped < WRAPPED {
        let Some(user) = users.next() else { break };
        wrapped += usize::from(matches!(user.password, Given::Hash(Brought::Bare(_))));
        chunk.push(user);
    }
    chunk
}
