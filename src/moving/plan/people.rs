//! Who comes, as what, and who does not?

use std::collections::{HashMap, HashSet};

use super::super::here::{Here, Kind, Moved, Said};
use super::super::source::{Home, Standing, User};
use super::merge::{Deed, Field, Merge};
use super::places::{GroupRef, Places, RoleRef};
use super::{LeftOut, Plan};
use crate::directory::login::fold;
use crate::directory::people::Need;
use crate::directory::rights::{Rights, SITE_ADMINISTRATOR, own};
use crate::directory::{
    Address, Brought, ClaimChanges, Login, NotALogin, Status, TwoFactor, deliverable, misleads,
};
use crate::signin::preview::{Lot, lot};

/// The most characters of a name.
const NAME: usize = 80;

/// Somebody who comes.
#[derive(Debug)]
pub struct PlannedUser {
    /// What the source knows them by.
    pub key: String,
    /// The key by which they came before, where it was another one.
    pub came_as: Option<String>,
    /// Where in the file.
    pub line: u64,
    /// The login.
    pub login: Login,
    /// The full name.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<Address>,
    /// Whether somebody vouches for that.
    pub email_verified: bool,
    /// Whether they may not sign in.
    pub disabled: bool,
    /// Where they come to.
    pub whither: Whither,
    /// What their password is checked against.
    pub password: Given,
    /// What apps knew them by.
    pub legacy_id: Option<String>,
    /// The standard claims.
    pub claims: ClaimChanges,
    /// What is done.
    pub deed: Deed,
    /// What was changed on both sides.
    pub kept: Vec<Field>,
    /// What happens at their next sign-in.
    pub lot: Lot,
    /// Whether they sign in without a code where others are asked for one.
    pub overrides: bool,
    /// The path of their group, and the name of their role.
    pub place: (Option<String>, String),
}

/// Where somebody comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whither {
    /// A group, with a role of its tree.
    Group(GroupRef, RoleRef),
    /// The site itself, as its administrator.
    Site,
}

/// What becomes of somebody's password.
#[derive(Debug)]
pub enum Given {
    /// They bring none: they are invited to choose one.
    None,
    /// The hash of it.
    Hash(Brought),
    /// The one that they have here stays.
    Stays,
}

pub(super) fn plan(users: Vec<User>, places: &Places, here: &Here, plan: &mut Plan) {
    let ruled_out = namesakes(&users);
    let coming: HashSet<String> = users.iter().map(|user| user.key.clone()).collect();
    let mut seen = HashSet::new();
    for (at, user) in users.into_iter().enumerate() {
        let moved = moved(&user, here, &coming);
        if let Some((came_as, _)) = &moved {
            seen.insert(came_as.clone());
        }
        if user.standing == Standing::Deleted && moved.is_none() {
            plan.deleted += 1;
            continue;
        }
        let (line, login) = (user.line, user.login.clone());
        let planned = match ruled_out.get(&at) {
            Some(reason) => Err(reason.clone()),
            None => one(user, moved, places, here, plan),
        };
        match planned {
            Ok(planned) => plan.users.push(planned),
            Err(reason) => plan.left_out.push(LeftOut { line, login, reason }),
        }
    }
    let before = here.moved.keys().filter(|(kind, key)| *kind == Kind::User && !seen.contains(key));
    plan.missing = before.count() as u64;
}

/// Those who would sign in by a login that another of the file has here, and why they do not come. Whoever can sign in there comes
/// before those who cannot, and else whoever stands first.
fn namesakes(users: &[User]) -> HashMap<usize, String> {
    let rank = |user: &User| match user.standing {
        Standing::Active => 0,
        Standing::Disabled => 1,
        Standing::Deleted => 2,
    };
    let mut order: Vec<(usize, &User)> = users.iter().enumerate().collect();
    order.sort_by_key(|(at, user)| (rank(user), *at));
    let (mut logins, mut keys): (HashMap<String, &str>, HashSet<&str>) = (HashMap::new(), HashSet::new());
    let mut out = HashMap::new();
    for (at, user) in order {
        if user.standing == Standing::Deleted {
            // Somebody else has their login, or their key, by now.
            let key = Login::parse(&user.login).map(|login| login.key()).unwrap_or_default();
            if logins.contains_key(&key) || !keys.insert(&user.key) {
                out.insert(at, "they were deleted there".to_owned());
            }
            continue;
        }
        if !keys.insert(&user.key) {
            out.insert(at, format!("somebody in the file has the same id, {}", user.key));
            continue;
        }
        let Ok(login) = Login::parse(&user.login) else { continue };
        if let Some(first) = logins.get(&login.key()) {
            let reason = format!(
                "the login is the same as {first} here, where capitals and blanks make no difference: rename one of them there, and import again"
            );
            out.insert(at, reason);
        } else {
            logins.insert(login.key(), &user.login);
        }
    }
    out
}

/// As what somebody came before: under their key, or (an export has other keys than a dump) as somebody of their login whose key is
/// nobody's any more.
fn moved<'h>(user: &User, here: &'h Here, coming: &HashSet<String>) -> Option<(String, &'h Moved)> {
    if let Some(moved) = here.moved(Kind::User, &user.key) {
        return Some((user.key.clone(), moved));
    }
    let key = here.came_as.get(&fold(&user.login)).filter(|key| !coming.contains(*key))?;
    here.moved(Kind::User, key).map(|moved| (key.clone(), moved))
}

fn one(
    user: User,
    moved: Option<(String, &Moved)>,
    places: &Places,
    here: &Here,
    plan: &mut Plan,
) -> Result<PlannedUser, String> {
    let login = Login::parse(&user.login).map_err(|why| why.to_string())?;
    let local = moved.as_ref().map(|(_, moved)| moved.local_id.as_str());
    let key = login.key();
    let holder = here.people.get(&key).map(|person| &person.id).or_else(|| here.preferred.get(&key));
    if holder.is_some_and(|id| Some(id.as_str()) != local) {
        return Err(
            "somebody who did not come with this import has the login here: rename one of them".to_owned()
        );
    }
    if holder.is_none() && login.is_reserved() {
        return Err(NotALogin::Reserved.to_string());
    }
    let (whither, place, two_factor, rights) = whither(&user.home, places)?;
    let line = Some(user.line);
    let email = user.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
    let parsed = email.map(Address::parse);
    if let Some(Err(why)) = &parsed {
        plan.note(line, format!("{login}: {:?} is left out: {why}", email.unwrap_or_default()));
    }
    let email = parsed.and_then(Result::ok);
    let mut claims = ClaimChanges::default();
    for (name, value) in &user.claims {
        if let Err(why) = claims.set(name, value) {
            plan.note(line, format!("{login}: {why}"));
        }
    }
    let password = password(&user, &login, plan);
    let legacy_id =
        user.legacy_id.filter(|id| here.legacy.get(id).is_none_or(|owner| Some(owner.as_str()) == local));
    let overrides = rights.has(own::OVERRIDE_2FA);
    let mut planned = PlannedUser {
        lot: lot(&need(&login, email.as_ref(), two_factor, overrides), two_factor, overrides),
        key: user.key,
        came_as: None,
        line: user.line,
        name: user.name.as_deref().and_then(name),
        email_verified: user.email_verified && email.is_some(),
        email,
        disabled: user.standing != Standing::Active,
        whither,
        password,
        legacy_id,
        claims,
        deed: Deed::Add,
        kept: Vec::new(),
        overrides,
        place,
        login,
    };
    if let Some((came_as, moved)) = moved {
        planned.merge(moved, here)?;
        planned.came_as = Some(came_as).filter(|key| *key != planned.key);
    }
    Ok(planned)
}

/// What decides whether they can be sent a code, and need one.
fn need(login: &Login, email: Option<&Address>, two_factor: TwoFactor, overrides: bool) -> Need {
    Need {
        status: Status::Active,
        id: String::new(),
        group_id: None,
        top_id: None,
        key: login.key(),
        login: login.to_string(),
        has_address: deliverable(email.map(Address::as_str), login.as_str()).is_some(),
        overrides,
        codes_stopped: false,
        two_factor,
        undelivered: None,
    }
}

type Found = (Whither, (Option<String>, String), TwoFactor, Rights);

fn whither(home: &Home, places: &Places) -> Result<Found, String> {
    match home {
        Home::Nowhere(why) => Err(why.clone()),
        Home::Site => {
            let rights = Rights::parse(SITE_ADMINISTRATOR.rights).unwrap_or_default();
            Ok((Whither::Site, (None, SITE_ADMINISTRATOR.name.to_owned()), TwoFactor::Off, rights))
        }
        Home::Group { group, role } => {
            let spot = places.spot(group)?;
            let post = places.post(spot, role.as_ref())?;
            let whither = Whither::Group(spot.group.clone(), post.role.clone());
            let place = (Some(spot.path.clone()), post.name.clone());
            Ok((whither, place, spot.two_factor, post.rights.clone()))
        }
    }
}

fn password(user: &User, login: &Login, plan: &mut Plan) -> Given {
    let Some(secret) = user.password.as_ref().filter(|secret| !secret.0.trim().is_empty()) else {
        return Given::None;
    };
    match Brought::read(&secret.0) {
        Ok(brought) => Given::Hash(brought),
        Err(why) => {
            plan.note(Some(user.line), format!("{login}: {why}"));
            Given::None
        }
    }
}

/// A full name without what misleads, and not too long.
fn name(text: &str) -> Option<String> {
    let seen: String = text.chars().filter(|c| !misleads(*c)).collect();
    let cut: String = seen.trim().chars().take(NAME).collect();
    let name = cut.trim();
    (!fold(name).is_empty()).then(|| name.to_owned())
}

impl PlannedUser {
    /// Whether they bring no password, and are to be invited to choose one.
    #[must_use]
    pub const fn is_invited(&self) -> bool {
        matches!((&self.deed, &self.password), (Deed::Add, Given::None)) && !self.disabled
    }

    /// Whether there is anything to write down.
    #[must_use]
    pub const fn is_to_be_written(&self) -> bool {
        let unchanged = matches!(self.deed, Deed::Same(_) | Deed::Gone);
        !unchanged || self.came_as.is_some() || !self.kept.is_empty()
    }

    /// What the source says of them; where they are is written down once it is known by which id.
    #[must_use]
    pub fn said(&self, group_id: Option<&str>, role_id: &str) -> Said {
        let mut said = Said::from([
            ("login".to_owned(), self.login.to_string()),
            ("status".to_owned(), self.status().to_owned()),
            ("role".to_owned(), role_id.to_owned()),
        ]);
        let mut also = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                said.insert(name.to_owned(), value.to_owned());
            }
        };
        also("name", self.name.as_deref());
        also("email", self.email.as_ref().map(Address::as_str));
        also("group", group_id);
        said
    }

    const fn status(&self) -> &'static str {
        if self.disabled { Status::Disabled.name() } else { Status::Active.name() }
    }

    /// Compares with what came before, and with what is here.
    fn merge(&mut self, moved: &Moved, here: &Here) -> Result<(), String> {
        let Some(now) = here.person(&moved.local_id) else {
            return Err("they came before, and were deleted here since: they do not come again".to_owned());
        };
        let mut merge = Merge::default();
        merge.field(Field::Login, &moved.said, Some(self.login.as_str()), Some(&now.login));
        merge.field(Field::Name, &moved.said, self.name.as_deref(), now.name.as_deref());
        merge.field(
            Field::Email,
            &moved.said,
            self.email.as_ref().map(Address::as_str),
            now.email.as_deref(),
        );
        // Somebody without a password is invited, and active as far as others are concerned.
        let status = if now.status == Status::Disabled.name() { Status::Disabled } else { Status::Active };
        merge.field(Field::Status, &moved.said, Some(self.status()), Some(status.name()));
        let (group, role) = self.whither.ids();
        merge.field(Field::Group, &moved.said, group, now.group_id.as_deref());
        if role.is_some() || merge.taken.contains(&Field::Group) {
            merge.field(Field::Role, &moved.said, role, Some(&now.role_id));
        }
        let new_one = matches!(self.password, Given::Hash(_))
            && (!now.has_password || (now.foreign_hash.is_some() && !here.same_password.contains(&now.id)));
        if new_one {
            merge.taken.push(Field::Password);
        } else {
            self.password = Given::Stays;
        }
        self.deed = merge.deed(&now.id);
        self.kept = merge.kept;
        Ok(())
    }
}

impl Whither {
    /// The ids of the group and the role, where they are here already; what is to come has none yet, and is told apart from everything.
    /// The site has one role.
    fn ids(&self) -> (Option<&str>, Option<&str>) {
        const NEW: &str = "new";
        match self {
            Self::Site => (None, None),
            Self::Group(group, role) => {
                let group = match group {
                    GroupRef::Id(id) => id,
                    GroupRef::Key(_) => NEW,
                };
                let role = match role {
                    RoleRef::Id(id) => id,
                    RoleRef::Key(_) | RoleRef::Named(_) => NEW,
                };
                (Some(group), Some(role))
            }
        }
    }
}
