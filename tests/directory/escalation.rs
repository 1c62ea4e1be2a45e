//! Does anybody come to a rank or a right that is not theirs to have or to give, by whatever path? Random trees, random people, random
//! tries, through the very actions that pages and commands call, on a real database; `model` says what may come of it.

use std::sync::OnceLock;

use countersign::directory::of_user::of_user;
use countersign::directory::policy::Refusal;
use countersign::directory::rights::{Rights, SITE_ADMINISTRATOR};
use countersign::directory::users::NewUser;
use countersign::directory::{By, Error, Login, Person, Status, groups, links, people, roles, users};
use countersign::keys::Vault;
use countersign::keys::secret::{entropy, new_id};
use countersign::store::groups::GroupRow;
use countersign::store::roles::RoleRow;
use countersign::store::{self, Db, Tx, challenges};
use proptest::prelude::*;
use tempfile::TempDir;

use super::model::{RIGHTS, Role, Someone, World};
use super::support::Database;
use super::{NOW, operator};

/// What somebody tries. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
pub enum Try {
    About(usize, Deed),
    Add { group: usize, role: usize },
    Edit { role: usize, rank: i64, rights: usize },
    Copy { role: usize, tree: usize },
    DeleteRole { role: usize },
    AssignDomain { group: usize },
    InviteAll { group: usize },
}

/// What somebody tries with somebody.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Give { role: usize },
    Move { group: usize, role: Option<usize> },
    ToSite,
    Disable(bool),
    Email,
    Login,
    Vouch,
    Password,
    Link,
    Reset,
    HandCode,
    Unlock,
    Delete,
}

/// A tree, its people, and what they try: who, what, and whether with what they saw at the very beginning.
#[derive(Clone, Debug)]
struct Plan {
    groups: Vec<(usize, bool)>,
    roles: Vec<(usize, i64, usize)>,
    people: Vec<(usize, usize, bool)>,
    tries: Vec<(usize, Try, bool)>,
}

pub const SETS: [&[&str]; 8] = [
    &[],
    &["manage_own_settings", "track_time"],
    &["manage_users", "view_users"],
    &["manage_users", "manage_roles", "view_users"],
    &["manage_users", "manage_roles", "view_users", "override_2fa"],
    &["manage_own_settings", "manage_users", "track_time"],
    &["manage_roles", "override_2fa"],
    &["manage_users", "administer_site"],
];

fn plans() -> impl Strategy<Value = Plan> {
    let rank = || prop_oneof![0..600i64, Just(512), Just(324), Just(68), Just(-1)];
    let sound = prop_oneof![0..513i64, Just(512), Just(324), Just(68)];
    let groups = proptest::collection::vec((0..9usize, any::<bool>()), 3..7);
    let roles = proptest::collection::vec((0..9usize, sound, 0..7usize), 4..8);
    let people = proptest::collection::vec((0..9usize, 0..9usize, any::<bool>()), 5..9);
    let n = || 0..18usize;
    let deed = prop_oneof![
        3 => n().prop_map(|role| Deed::Give { role }),
        3 => (n(), proptest::option::of(n())).prop_map(|(group, role)| Deed::Move { group, role }),
        2 => any::<bool>().prop_map(Deed::Disable),
        2 => prop_oneof![Just(Deed::Email), Just(Deed::Link), Just(Deed::HandCode)],
        6 => prop_oneof![
            Just(Deed::ToSite), Just(Deed::Email), Just(Deed::Login), Just(Deed::Vouch), Just(Deed::Password), Just(Deed::Link),
            Just(Deed::Reset), Just(Deed::HandCode), Just(Deed::Unlock), Just(Deed::Delete)
        ],
    ];
    let one = prop_oneof![
        16 => (n(), deed).prop_map(|(target, deed)| Try::About(target, deed)),
        2 => (n(), n()).prop_map(|(group, role)| Try::Add { group, role }),
        3 => (n(), rank(), 0..8usize).prop_map(|(role, rank, rights)| Try::Edit { role, rank, rights }),
        2 => (n(), n()).prop_map(|(role, tree)| Try::Copy { role, tree }),
        1 => n().prop_map(|role| Try::DeleteRole { role }),
        1 => n().prop_map(|group| Try::AssignDomain { group }),
        1 => n().prop_map(|group| Try::InviteAll { group }),
    ];
    let tries = proptest::collection::vec((n(), one, any::<bool>()), 1..40);
    (groups, roles, people, tries).prop_map(|(groups, roles, people, tries)| Plan {
        groups,
        roles,
        people,
        tries,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Own role, role edit, role copy, move, several at once, invitation, reset, code by hand, password, delete, unlock, address.
    #[test]
    fn no_path_leads_to_a_rank_or_a_right_that_is_not_ones_own(plan in plans()) {
        static PLACE: OnceLock<Place> = OnceLock::new();
        let place = PLACE.get_or_init(Place::open);
        place.runtime.block_on(async {
            let mut site = Site::of(place, &plan).await;
            for (actor, what, stale) in &plan.tries {
                site.attempt(*actor, what, *stale).await;
            }
            site.is_as_the_model_says().await;
        });
    }
}

/// What all cases share: a site on which each makes trees of its own.
struct Place {
    runtime: tokio::runtime::Runtime,
    database: Database,
    vault: Vault,
    _keys: TempDir,
}

impl Place {
    fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let keys = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(keys.path(), &mut entropy()).unwrap();
        Self { database: runtime.block_on(Database::sqlite()), runtime, vault, _keys: keys }
    }
}

/// A case: the model, and the rows that stand for its groups, roles and people.
pub struct Site<'p> {
    pub db: &'p Db,
    pub vault: &'p Vault,
    pub world: World,
    pub groups: Vec<GroupRow>,
    pub roles: Vec<RoleRow>,
    pub people: Vec<Person>,
    /// What was handed out, and what its owner was then.
    handed: Vec<(Handed, usize, What)>,
}

pub enum Handed {
    Link(String),
    Code,
}

/// What somebody is: their group, their role, its rank and rights.
pub type What = (Option<usize>, usize, i64, Vec<&'static str>);

/// What came of a try.
#[derive(Debug)]
pub enum Came {
    /// It is done.
    Done,
    /// The rules about rank, rights and reach say no.
    Refused(String),
    /// Something else speaks against it, whoever tries.
    Otherwise,
}

impl<'p> Site<'p> {
    async fn of(place: &'p Place, plan: &Plan) -> Self {
        let db = &place.database.db;
        let mut tx = db.write().await.unwrap();
        let (mut parents, mut rows) = (Vec::<Option<usize>>::new(), Vec::<GroupRow>::new());
        for (i, (parent, two_factor)) in plan.groups.iter().enumerate() {
            // The first two are top-level groups.
            let parent = (i >= 2).then(|| parent % i);
            let name = new_id(&mut entropy());
            let above = parent.map(|parent| &rows[parent]);
            let row = groups::add(&mut tx, &name, above, None, &operator(), &mut entropy()).await.unwrap();
            rows.push(if *two_factor {
                super::switch(&mut tx, &row, super::TwoFactor::On).await
            } else {
                row
            });
            parents.push(parent);
        }
        let mut site = Self {
            db,
            vault: &place.vault,
            world: World { groups: parents, roles: Vec::new(), people: Vec::new() },
            groups: rows,
            roles: Vec::new(),
            people: Vec::new(),
            handed: Vec::new(),
        };
        let row = roles::site_administrator(&mut tx, NOW, &mut entropy()).await.unwrap();
        site.roles.push(row);
        let rights =
            RIGHTS.into_iter().filter(|right| SITE_ADMINISTRATOR.rights.split(' ').any(|w| w == *right));
        site.world.roles.push(Role {
            tree: None,
            rank: SITE_ADMINISTRATOR.rank,
            rights: rights.collect(),
            gone: false,
        });
        // Each tree has one at least.
        for (tree, rank, set) in [(0, 512, 4), (1, 324, 3)].iter().chain(&plan.roles) {
            let role = Role { tree: Some(tree % 2), rank: *rank, rights: SETS[*set].to_vec(), gone: false };
            site.add_role(&mut tx, role, &operator()).await.unwrap();
        }
        site.add_person(&mut tx, None, 0, true, &operator()).await.unwrap();
        for (group, role, active) in &plan.people {
            let group = group % site.groups.len();
            let tree = site.world.top(group);
            let served: Vec<usize> =
                (0..site.roles.len()).filter(|&role| site.world.roles[role].tree == Some(tree)).collect();
            site.add_person(&mut tx, Some(group), served[role % served.len()], *active, &operator())
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        site
    }

    pub async fn add_role(&mut self, tx: &mut Tx, role: Role, by: &By) -> Result<(), Error> {
        let top = &self.groups[role.tree.unwrap()];
        let name = format!("role {}", self.roles.len());
        let rights = Rights::parse(&role.rights.join(" ")).unwrap();
        let new = roles::NewRole { top, name: &name, rank: role.rank, rights: &rights };
        let row = roles::add(tx, new, by, &mut entropy()).await?;
        self.roles.push(row);
        self.world.roles.push(role);
        Ok(())
    }

    pub async fn add_person(
        &mut self,
        tx: &mut Tx,
        group: Option<usize>,
        role: usize,
        active: bool,
        by: &By,
    ) -> Result<(), Error> {
        let login = new_id(&mut entropy());
        let new = NewUser {
            login: &Login::parse(&login).unwrap(),
            name: None,
            email: None,
            group: group.map(|group| &self.groups[group]),
            role: &self.roles[role],
            password_hash: active.then_some("$argon2id$none"),
        };
        let row = users::add(tx, new, by, &mut entropy()).await?;
        self.people.push(row);
        self.world.people.push(Someone::new(group, role));
        Ok(())
    }

    /// What comes of a try is what the model says, and pages would have offered it to no others.
    async fn attempt(&mut self, actor: usize, what: &Try, stale: bool) {
        let actor = actor % self.people.len();
        if self.world.people[actor].gone || self.world.people[actor].disabled {
            return;
        }
        let by = self.by(actor).await;
        match *what {
            Try::AssignDomain { group } => {
                return self.assign_domain(actor, group % self.groups.len(), &by).await;
            }
            Try::InviteAll { group } => return self.invite_all(actor, group % self.groups.len(), &by).await,
            _ => {}
        }
        let Some((after, target)) = self.after(what) else { return };
        let breaks = self.world.breaks(actor, &after) || self.is_not_for_oneself(actor, target, what);
        let offered = match target {
            Some(target) => self.offered(target, what, &by).await,
            None => None,
        };
        let came = self.try_out(what, stale, &by).await;
        let told = || format!("{actor} tried {what:?} and it came to {came:?} in {:#?}", self.world);
        match &came {
            Came::Done => {
                assert!(!breaks, "{}", told());
                assert!(offered != Some(false), "no page would have offered it: {}", told());
                self.world = after;
                self.nothing_handed_out_is_for_somebody_else().await;
            }
            Came::Refused(_) => {
                assert!(breaks, "{}", told());
                assert!(offered != Some(true), "a page would have offered it: {}", told());
            }
            Came::Otherwise => {}
        }
    }

    /// What the rules keep from oneself alone, or keep for the site.
    fn is_not_for_oneself(&self, actor: usize, target: Option<usize>, what: &Try) -> bool {
        let own = target == Some(actor);
        match what {
            Try::About(_, Deed::Unlock | Deed::HandCode) => own,
            Try::About(_, Deed::Vouch) => own || self.world.people[actor].group.is_some(),
            _ => false,
        }
    }

    /// The role of this number, if it is there still.
    fn role(&self, role: usize) -> Option<usize> {
        Some(role % self.roles.len()).filter(|&role| !self.world.roles[role].gone)
    }

    /// The world if a try succeeds, and whom it is about; none where there is nothing to try it on.
    fn after(&self, what: &Try) -> Option<(World, Option<usize>)> {
        let mut after = self.world.clone();
        match *what {
            Try::About(target, deed) => {
                let target = target % self.people.len();
                self.after_deed(after.people.get_mut(target).filter(|somebody| !somebody.gone)?, deed)?;
                return Some((after, Some(target)));
            }
            Try::Add { group, role } => {
                let group = Some(group % self.groups.len());
                after.people.push(Someone::new(group, self.role(role)?));
            }
            Try::Edit { role, rank, rights } => {
                // The site's own role is nobody's to edit here: every case shares it.
                let edited = self.role(role).filter(|&edited| edited > 0)?;
                let now = &mut after.roles[edited];
                (now.rank, now.rights) = (rank, SETS[rights].to_vec());
                if *now == self.world.roles[edited] {
                    return None;
                }
            }
            Try::Copy { role, tree } => {
                let copied = self.world.roles[self.role(role)?].clone();
                after.roles.push(Role { tree: Some(tree % 2), ..copied });
            }
            Try::DeleteRole { role } => {
                after.roles[self.role(role).filter(|&deleted| deleted > 0)?].gone = true;
            }
            Try::AssignDomain { .. } | Try::InviteAll { .. } => return None,
        }
        Some((after, None))
    }

    fn after_deed(&self, somebody: &mut Someone, deed: Deed) -> Option<()> {
        // Anybody may ask for a new password in anybody's name.
        somebody.touched += u32::from(!matches!(deed, Deed::Reset));
        match deed {
            Deed::Give { role } => somebody.role = self.role(role)?,
            Deed::Move { group, role } => {
                somebody.group = Some(group % self.groups.len());
                if let Some(role) = role {
                    somebody.role = self.role(role)?;
                }
            }
            Deed::ToSite => (somebody.group, somebody.role) = (None, 0),
            Deed::Disable(disabled) => somebody.disabled = disabled,
            Deed::Delete => somebody.gone = true,
            _ => {}
        }
        Some(())
    }

    async fn by(&self, actor: usize) -> By {
        let mut conn = self.db.read().await.unwrap();
        let person = people::find(&mut conn, &self.people[actor].id).await.unwrap().unwrap();
        By::user(&mut conn, &person, NOW * 1000).await.unwrap()
    }

    /// Whether a page would offer it, where one asks beforehand.
    async fn offered(&self, target: usize, what: &Try, by: &By) -> Option<bool> {
        let mut conn = self.db.read().await.unwrap();
        let person = people::find(&mut conn, &self.people[target].id).await.unwrap().unwrap();
        let may = of_user(&mut conn, &person, by).await.unwrap();
        match *what {
            Try::About(_, Deed::Email | Deed::Login | Deed::Password) => Some(may.edit.is_ok()),
            Try::About(_, Deed::Unlock | Deed::HandCode) => Some(may.unlock.is_ok()),
            Try::About(_, Deed::Delete) => Some(may.delete.is_ok()),
            Try::About(_, Deed::Give { role }) => {
                let role = &self.roles[role % self.roles.len()];
                let other = role.id != person.role.id;
                other.then(|| may.roles.iter().any(|offered| offered.id == role.id))
            }
            _ => None,
        }
    }

    fn what(&self, person: usize) -> What {
        let (somebody, role) = (&self.world.people[person], self.world.role_of(person));
        (somebody.group, somebody.role, role.rank, role.rights.clone())
    }

    pub fn hand_out(&mut self, handed: Handed, target: usize) {
        self.handed.push((handed, target, self.what(target)));
    }

    pub fn as_alone(&self, actor: usize, id: &str, outcome: Result<(), Error>) {
        let target = self.people.iter().position(|person| person.id == id).unwrap();
        let may = self.world.edits(actor, target);
        match outcome.map_or_else(came, |()| Came::Done) {
            Came::Done => assert!(may, "{actor} did it to {target} with others: {:#?}", self.world),
            Came::Refused(why) => assert!(!may, "{actor} not to {target}: {why}: {:#?}", self.world),
            Came::Otherwise => {}
        }
    }

    /// A link or a code that was handed over for somebody serves for nobody who has become another since.
    async fn nothing_handed_out_is_for_somebody_else(&self) {
        let mut conn = self.db.read().await.unwrap();
        for (handed, target, was) in &self.handed {
            if self.what(*target) == *was {
                continue;
            }
            let serves = match handed {
                Handed::Link(token) => links::find(&mut conn, token, NOW).await.unwrap().is_some(),
                Handed::Code => {
                    let codes = challenges::codes_of(&mut conn, &self.people[*target].id, NOW, 5).await;
                    // One that was handed over since is for who they are now.
                    let since = self.handed.iter().any(|(handed, other, what)| {
                        matches!(handed, Handed::Code) && other == target && *what == self.what(*target)
                    });
                    codes.unwrap().by_hand && !since
                }
            };
            assert!(!serves, "what was handed out for {was:?} serves {:?}", self.what(*target));
        }
    }

    async fn is_as_the_model_says(&self) {
        let mut conn = self.db.read().await.unwrap();
        for (row, says) in self.people.iter().zip(&self.world.people) {
            let Some(person) = people::find(&mut conn, &row.id).await.unwrap() else {
                assert!(says.gone, "{row:?} is gone");
                continue;
            };
            let group = says.group.map(|group| self.groups[group].id.as_str());
            assert_eq!(person.group.as_ref().map(|group| group.id.as_str()), group);
            assert_eq!(person.role.id, self.roles[says.role].id);
            assert_eq!(person.status == Status::Disabled, says.disabled);
        }
        for (row, says) in self.roles.iter().zip(&self.world.roles).skip(1) {
            let role = store::roles::find(&mut conn, &row.id).await.unwrap();
            let now = role.map(|role| (role.rank, Rights::parse(&role.rights).unwrap()));
            let model = (says.rank, Rights::parse(&says.rights.join(" ")).unwrap());
            assert_eq!(now, (!says.gone).then_some(model), "{row:?}");
        }
    }
}

/// What an error of an action means here.
pub fn came(error: Error) -> Came {
    match error {
        Error::Refused(
            Refusal::RoleOfAnotherTree
            | Refusal::LastOverride
            | Refusal::LastOverrideOfTree
            | Refusal::LastSiteAdministrator,
        ) => Came::Otherwise,
        Error::Refused(refusal) => Came::Refused(refusal.to_string()),
        Error::Store(error) => panic!("{error}"),
        _ => Came::Otherwise,
    }
}
