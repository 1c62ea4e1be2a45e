//! What do Time Tracker's groups, roles and users become here? The same for a dump of its database and for its XML.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::names::{distinct, tidy, tidy_group};
use super::super::source;
use super::super::source::{Group, Held, Home, Note, Secret, Source, Standing, User, Where};
use crate::directory::TwoFactor;
use crate::directory::login::fold;
use crate::directory::rights::{DEFAULT_ROLES, Right, own};

/// What the XML calls the role that all groups share.
pub(super) const TOP_MANAGER: &str = "top manager";

/// The rank of that role.
const TOP_RANK: i64 = 512;

/// The rank of those who administer the whole site, and what stands for the group that they are in.
const SITE_RANK: i64 = 1024;
const SITE: &str = "";

/// The md5 of the password that every installation begins with: everybody knows it.
const PUBLIC_PASSWORD: &str = "5ebe2294ecd0e0f08eab7690d2a6ee69";

/// How deep groups can be nested there, at most.
const DEEPEST: usize = 50;

/// What Time Tracker holds about people, as it is written there.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) groups: Vec<RawGroup>,
    pub(super) roles: Vec<RawRole>,
    pub(super) users: Vec<RawUser>,
    pub(super) notes: Vec<Note>,
    /// The keys of the groups.
    pub(super) keys: HashSet<String>,
}

#[derive(Debug)]
pub(super) struct RawGroup {
    pub(super) key: String,
    pub(super) parent: Option<String>,
    pub(super) name: String,
    pub(super) language: Option<String>,
    pub(super) config: String,
    /// Whether it is there still, even if it is not in use.
    pub(super) active: bool,
    pub(super) line: u64,
}

#[derive(Debug)]
pub(super) struct RawRole {
    pub(super) key: String,
    /// The group whose it is; none for one of the whole site.
    pub(super) group: Option<String>,
    pub(super) name: String,
    pub(super) rank: i64,
    pub(super) rights: String,
    pub(super) active: bool,
}

/// Which role somebody has.
#[derive(Debug)]
pub(super) enum Role {
    Key(String),
    None,
}

#[derive(Debug)]
pub(super) struct RawUser {
    pub(super) key: String,
    pub(super) legacy_id: Option<String>,
    pub(super) login: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: Option<Secret>,
    /// None for the site's administrators.
    pub(super) group: Option<String>,
    pub(super) role: Role,
    /// `1` active, `0` inactive; none deleted.
    pub(super) status: Option<String>,
    pub(super) line: u64,
}

/// Which group is below which.
struct Trees {
    /// The top-level group of each group that comes.
    top: HashMap<String, String>,
}

/// What comes of it.
pub(super) fn source(raw: Raw) -> Source {
    let Raw { groups, roles, users, notes, .. } = raw;
    let mut source = Source { notes, ..Source::default() };
    let trees = bring_groups(groups, &mut source);
    let held: HashSet<&str> = users.iter().filter_map(|user| user.role.key()).collect();
    let roles = bring_roles(&roles, &held, &trees, &mut source);
    for user in users {
        let home = home(&user, &trees, &roles);
        bring_user(user, home, &mut source);
    }
    source
}

impl Role {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::None => None,
        }
    }
}

fn bring_groups(groups: Vec<RawGroup>, source: &mut Source) -> Trees {
    let parents: HashMap<String, Option<String>> = groups
        .iter()
        .filter(|group| group.active)
        .map(|group| (group.key.clone(), group.parent.clone()))
        .collect();
    let top = |key: &str| -> Option<String> {
        let mut at = key.to_owned();
        for _ in 0..DEEPEST {
            match parents.get(&at)? {
                Some(parent) => at.clone_from(parent),
                None => return Some(at),
            }
        }
        None
    };
    let mut trees = Trees { top: HashMap::new() };
    let mut siblings: HashMap<Option<String>, HashSet<String>> = HashMap::new();
    let mut passed = 0_u64;
    for group in groups {
        let Some(top) = top(&group.key) else {
            passed += 1;
            continue;
        };
        trees.top.insert(group.key.clone(), top);
        let wanted = tidy_group(&group.name, || format!("Group {}", group.key));
        let name = distinct(&wanted, siblings.entry(group.parent.clone()).or_default());
        if name != group.name {
            let text = format!("the group {:?} is called {name} here", group.name);
            source.note(Some(group.line), text);
        }
        source.groups.push(Group {
            two_factor: Some(two_factor(&group.config)),
            language: group.language.filter(|tag| !tag.trim().is_empty()),
            key: group.key,
            parent: group.parent,
            name,
        });
    }
    if passed > 0 {
        source.note(None, format!("{passed} deleted groups, and those below them, do not come"));
    }
    trees
}

/// What the bare word `2fa` of a group's settings says.
fn two_factor(config: &str) -> TwoFactor {
    if config.split(',').any(|word| word.trim() == "2fa") { TwoFactor::On } else { TwoFactor::Off }
}

/// By the top-level group and the key there, the key of the role here.
type Roles = HashMap<(String, String), String>;

/// There every group has roles of its own; here a tree has. Those of one name are one if they are alike, and else have the name of their
/// group beside theirs.
fn bring_roles(roles: &[RawRole], held: &HashSet<&str>, trees: &Trees, source: &mut Source) -> Roles {
    let mut found = Roles::new();
    let mut tops: Vec<&String> = trees.top.values().collect::<HashSet<_>>().into_iter().collect();
    tops.sort();
    let names: HashMap<String, String> =
        source.groups.iter().map(|group| (group.key.clone(), group.name.clone())).collect();
    let mut by_top: BTreeMap<&str, Vec<&RawRole>> = BTreeMap::new();
    for role in roles {
        if let Some(top) = role.group.as_ref().and_then(|group| trees.top.get(group)) {
            by_top.entry(top).or_default().push(role);
        }
    }
    for role in roles.iter().filter(|role| role.group.is_none() && role.rank >= SITE_RANK) {
        found.insert((SITE.to_owned(), role.key.clone()), SITE.to_owned());
    }
    let shared: Vec<&RawRole> =
        roles.iter().filter(|role| role.group.is_none() && role.rank == TOP_RANK).collect();
    for top in tops {
        let mut here = by_top.remove(top.as_str()).unwrap_or_default();
        // The top-level group's own keep their names.
        here.sort_by_key(|role| role.group.as_deref() != Some(top));
        let mut taken: HashMap<String, source::Role> = HashMap::new();
        let every: Vec<&str> = here.iter().map(|role| role.rights.as_str()).collect();
        bring_top_manager(top, &shared, &every, &mut taken, &mut found);
        for role in here {
            let of_top = role.group.as_deref() == Some(top);
            let used = held.contains(role.key.as_str()) || (of_top && role.active);
            if !used {
                continue;
            }
            let made = source::Role {
                key: format!("{top}/{}", role.key),
                top: top.clone(),
                name: tidy(&role.name, || format!("Role {}", role.rank)),
                rank: role.rank,
                rights: rights(&role.rights),
            };
            let group = role.group.as_ref().and_then(|group| names.get(group));
            let key = settle(made, group.map_or("", String::as_str), &mut taken);
            found.insert((top.clone(), role.key.clone()), key);
        }
        let mut made: Vec<source::Role> = taken.into_values().collect();
        made.sort_by(|a, b| (a.rank, &a.key).cmp(&(b.rank, &b.key)));
        source.roles.extend(made);
    }
    found
}

/// The role of one name that is alike, or else one of another name.
fn settle(mut role: source::Role, group: &str, taken: &mut HashMap<String, source::Role>) -> String {
    let alike =
        |known: &source::Role, role: &source::Role| known.rank == role.rank && known.rights == role.rights;
    let plain = role.name.clone();
    for attempt in 1..1000_u32 {
        match taken.get(&fold(&role.name)) {
            None => break,
            Some(known) if alike(known, &role) => return known.key.clone(),
            Some(_) if attempt == 1 => role.name = tidy(&format!("{plain} ({group})"), String::new),
            Some(_) => role.name = tidy(&format!("{plain} ({group} {attempt})"), String::new),
        }
    }
    let key = role.key.clone();
    taken.entry(fold(&role.name)).or_insert(role);
    key
}

/// The role of the site that every group's own managers have: a role of each tree here. The XML does not say what it may do; it may do
/// whatever any role of the tree may, and what it may here.
fn bring_top_manager(
    top: &str,
    shared: &[&RawRole],
    every: &[&str],
    taken: &mut HashMap<String, source::Role>,
    found: &mut Roles,
) {
    let said = shared.first().map(|role| (role.name.clone(), role.rights.clone()));
    let (name, words) = said.unwrap_or_else(|| {
        let own = DEFAULT_ROLES.iter().find(|role| role.rank == TOP_RANK);
        let words =
            every.join(",") + "," + &own.map_or_else(String::new, |role| role.rights.replace(' ', ","));
        ("Top manager".to_owned(), words)
    });
    let role = source::Role {
        key: format!("{top}/{TOP_MANAGER}"),
        top: top.to_owned(),
        name: tidy(&name, || "Top manager".to_owned()),
        rank: TOP_RANK,
        rights: rights(&words),
    };
    let keys = shared.iter().map(|role| role.key.clone()).chain([TOP_MANAGER.to_owned()]);
    for key in keys {
        found.insert((top.to_owned(), key), role.key.clone());
    }
    taken.insert(fold(&role.name), role);
}

/// The words that are rights here too. Whoever switches two-factor there sees here what was done: there was no such right.
fn rights(words: &str) -> String {
    let mut all: Vec<&str> = words
        .split(',')
        .map(str::trim)
        .filter(|word| Right::parse(word).is_ok() && *word != own::ADMINISTER_SITE)
        .collect();
    if all.contains(&own::MANAGE_ADVANCED_SETTINGS) {
        all.push(own::VIEW_AUDIT);
    }
    all.sort_unstable();
    all.dedup();
    all.join(" ")
}

fn home(user: &RawUser, trees: &Trees, roles: &Roles) -> Home {
    let Some(group) = &user.group else {
        let administers =
            user.role.key().is_some_and(|key| roles.contains_key(&(SITE.to_owned(), key.to_owned())));
        return if administers { Home::Site } else { Home::Nowhere("they are in no group there".to_owned()) };
    };
    let Some(top) = trees.top.get(group) else { return Home::Nowhere("their group was deleted".to_owned()) };
    let role = user.role.key().and_then(|key| roles.get(&(top.clone(), key.to_owned())));
    Home::Group { group: Where::Key(group.clone()), role: role.map(|key| Held::Key(key.clone())) }
}

fn bring_user(user: RawUser, home: Home, source: &mut Source) {
    let standing = match user.status.as_deref() {
        Some("1") => Standing::Active,
        Some(_) => Standing::Disabled,
        None => Standing::Deleted,
    };
    if matches!(&home, Home::Group { role: None, .. }) && standing != Standing::Deleted {
        source.note(
            Some(user.line),
            format!("{} has a role there that their group does not have: it is the lowest here", user.login),
        );
    }
    let public = user.password.as_ref().is_some_and(|hash| hash.0.eq_ignore_ascii_case(PUBLIC_PASSWORD));
    if public {
        let text = format!(
            "{} has the password that every installation begins with: they have to choose another",
            user.login
        );
        source.note(Some(user.line), text);
    }
    source.users.push(User {
        key: user.key,
        legacy_id: user.legacy_id,
        login: user.login,
        name: Some(user.name),
        email: Some(user.email),
        email_verified: false,
        standing,
        home,
        password: user.password.filter(|_| !public),
        claims: Vec::new(),
        line: user.line,
    });
}
