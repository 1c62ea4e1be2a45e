//! Which groups and roles come, and where does somebody find theirs?

use std::collections::HashMap;

use super::super::here::{Here, Kind, Said, fold_path};
use super::super::source::{Group, Held, Role, Where};
use super::Plan;
use super::merge::{Deed, Field, Merge};
use crate::directory::TwoFactor;
use crate::directory::login::fold;
use crate::directory::rights::{DEFAULT_ROLES, Right, Rights, own};

/// How deep groups are nested at most, in a file that may go round in circles.
const DEEPEST: usize = 50;

/// A group that comes.
#[derive(Debug)]
pub struct PlannedGroup {
    /// What the source knows it by.
    pub key: String,
    /// The key of the group that it is part of.
    pub parent: Option<String>,
    /// Its path, once it is here.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: Option<String>,
    /// Its two-factor setting.
    pub two_factor: Option<TwoFactor>,
    /// What is done.
    pub deed: Deed,
    /// What was changed on both sides.
    pub kept: Vec<Field>,
}

/// A role that comes.
#[derive(Debug)]
pub struct PlannedRole {
    /// What the source knows it by.
    pub key: String,
    /// The key of the top-level group that it serves.
    pub top: String,
    /// Its name.
    pub name: String,
    /// Its rank.
    pub rank: i64,
    /// Its rights.
    pub rights: Rights,
    /// What is done.
    pub deed: Deed,
    /// What was changed on both sides.
    pub kept: Vec<Field>,
}

/// A group, here or to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupRef {
    /// One that comes, by its key.
    Key(String),
    /// One that is here.
    Id(String),
}

/// A role, here or to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleRef {
    /// One that comes, by its key.
    Key(String),
    /// One that is here.
    Id(String),
    /// One of those that every new group begins with.
    Named(&'static str),
}

/// What is known of a group that people are in.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) group: GroupRef,
    /// The top-level group of its tree.
    pub(super) top: GroupRef,
    pub(super) path: String,
    pub(super) two_factor: TwoFactor,
}

/// What is known of a role.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) role: RoleRef,
    pub(super) name: String,
    pub(super) rank: i64,
    pub(super) rights: Rights,
}

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By key; none for one that was deleted here since.
    keys: HashMap<String, Option<Spot>>,
    paths: HashMap<String, Spot>,
    /// The roles of each tree, by their folded names.
    trees: HashMap<GroupRef, HashMap<String, Post>>,
    roles: HashMap<String, String>,
}

pub(super) fn plan(groups: Vec<Group>, roles: Vec<Role>, here: &Here, plan: &mut Plan) -> Places {
    let mut places = Places::default();
    for (id, group) in &here.groups {
        let spot = Spot {
            group: GroupRef::Id(id.clone()),
            top: GroupRef::Id(group.row.top_id.clone()),
            path: group.path.clone(),
            two_factor: group.two_factor,
        };
        places.paths.insert(fold_path(&group.path), spot);
    }
    for role in here.roles.values() {
        let Some(top) = &role.group_id else { continue };
        let rights = Rights::parse(&role.rights).unwrap_or_default();
        let post =
            Post { role: RoleRef::Id(role.id.clone()), name: role.name.clone(), rank: role.rank, rights };
        places.trees.entry(GroupRef::Id(top.clone())).or_default().insert(fold(&role.name), post);
    }
    for group in parents_first(groups, plan) {
        places.bring_group(group, here, plan);
    }
    for role in roles {
        places.bring_role(role, here, plan);
    }
    places
}

/// Each group after the one that it is part of; what goes round in circles, or hangs from nothing, is at the top.
fn parents_first(groups: Vec<Group>, plan: &mut Plan) -> Vec<Group> {
    let parents: HashMap<String, Option<String>> =
        groups.iter().map(|group| (group.key.clone(), group.parent.clone())).collect();
    let depth = |key: &str| -> Option<usize> {
        let mut at = key;
        for depth in 0..DEEPEST {
            match parents.get(at)? {
                Some(parent) => at = parent,
                None => return Some(depth),
            }
        }
        None
    };
    let mut placed = Vec::new();
    for mut group in groups {
        let depth = depth(&group.key).unwrap_or_else(|| {
            plan.note(
                None,
                format!(
                    "the group {} is part of one that is not in the file: it comes at the top",
                    group.name
                ),
            );
            group.parent = None;
            0
        });
        placed.push((depth, group));
    }
    placed.sort_by_key(|(depth, _)| *depth);
    placed.into_iter().map(|(_, group)| group).collect()
}

impl Places {
    fn bring_group(&mut self, group: Group, here: &Here, plan: &mut Plan) {
        let parent = match &group.parent {
            None => None,
            Some(key) => {
                let Some(Some(spot)) = self.keys.get(key) else {
                    self.keys.insert(group.key, None);
                    return;
                };
                Some(spot.clone())
            }
        };
        let path = parent
            .as_ref()
            .map_or_else(|| group.name.clone(), |parent| format!("{}/{}", parent.path, group.name));
        let two_factor = group.two_factor;
        let (deed, kept) = group_deed(&group, &path, two_factor, here);
        let now = deed.local().and_then(|id| here.groups.get(id));
        let spot = match (&deed, now) {
            (Deed::Gone, _) => None,
            (deed, Some(now)) => {
                let set = matches!(deed, Deed::Change(_, fields) if fields.contains(&Field::TwoFactor));
                Some(Spot {
                    group: GroupRef::Id(now.row.id.clone()),
                    top: GroupRef::Id(now.row.top_id.clone()),
                    path: now.path.clone(),
                    two_factor: two_factor.filter(|_| set).unwrap_or(now.two_factor),
                })
            }
            (_, None) => {
                let inherited = parent.as_ref().map_or(TwoFactor::Off, |parent| parent.two_factor);
                let this = GroupRef::Key(group.key.clone());
                Some(Spot {
                    top: parent.as_ref().map_or_else(|| this.clone(), |parent| parent.top.clone()),
                    group: this,
                    path: path.clone(),
                    two_factor: two_factor.unwrap_or(inherited),
                })
            }
        };
        if let Some(spot) = &spot {
            if spot.group == spot.top && matches!(deed, Deed::Add) {
                self.trees.insert(spot.group.clone(), begun());
            }
            self.paths.insert(fold_path(&spot.path), spot.clone());
        } else {
            plan.note(None, format!("the group {path} was deleted here since: it does not come again"));
        }
        self.keys.insert(group.key.clone(), spot);
        let Group { key, parent, name, language, .. } = group;
        plan.groups.push(PlannedGroup { key, parent, path, name, language, two_factor, deed, kept });
    }

    fn bring_role(&mut self, role: Role, here: &Here, plan: &mut Plan) {
        let Some(Some(spot)) = self.keys.get(&role.top) else { return };
        let (top, mut rights) = (spot.top.clone(), Vec::new());
        for word in role.rights.split([' ', ',']).filter(|word| !word.is_empty()) {
            if Right::parse(word).is_err() || word == own::ADMINISTER_SITE {
                plan.note(
                    None,
                    format!(
                        "the role {} has {word:?}, which no role of a group can have: left out",
                        role.name
                    ),
                );
            } else {
                rights.push(word);
            }
        }
        let rights = Rights::parse(&rights.join(" ")).unwrap_or_default();
        let (deed, kept) = role_deed(&role, &rights, &top, here);
        let key = fold(&role.name);
        let posts = self.trees.entry(top).or_default();
        match &deed {
            Deed::Gone => {}
            Deed::Add => {
                let post = Post {
                    role: RoleRef::Key(role.key.clone()),
                    name: role.name.clone(),
                    rank: role.rank,
                    rights: rights.clone(),
                };
                posts.insert(key.clone(), post);
                self.roles.insert(role.key.clone(), key);
            }
            Deed::Adopt(id) | Deed::Same(id) | Deed::Change(id, _) => {
                let Some(row) = here.roles.get(id) else { return };
                if let (Deed::Change(_, fields), Some(post)) = (&deed, posts.get_mut(&fold(&row.name))) {
                    if fields.contains(&Field::Rights) {
                        post.rights = rights.clone();
                    }
                    if fields.contains(&Field::Rank) {
                        post.rank = role.rank;
                    }
                }
                self.roles.insert(role.key.clone(), fold(&row.name));
            }
        }
        let Role { key, top, name, rank, .. } = role;
        plan.roles.push(PlannedRole { key, top, name, rank, rights, deed, kept });
    }

    /// The place of somebody's group.
    pub(super) fn spot(&self, group: &Where) -> Result<&Spot, String> {
        match group {
            Where::Key(key) => match self.keys.get(key) {
                Some(Some(spot)) => Ok(spot),
                Some(None) => Err("their group was deleted here since".to_owned()),
                None => Err("their group is not in the file".to_owned()),
            },
            Where::Path(path) => {
                let found = self.paths.get(&fold_path(path));
                found.ok_or_else(|| {
                    format!("there is no group {path}: add it first, or leave that to --add-groups")
                })
            }
        }
    }

    /// Somebody's role in their tree; without a word the lowest.
    pub(super) fn post(&self, spot: &Spot, role: Option<&Held>) -> Result<&Post, String> {
        let posts = self.trees.get(&spot.top).ok_or("their group has no roles")?;
        match role {
            Some(Held::Key(key)) => self.roles.get(key).and_then(|name| posts.get(name)).ok_or_else(|| {
                "their role was deleted here since, or is not in the file: give them another one there"
                    .to_owned()
            }),
            Some(Held::Named(name)) => posts.get(&fold(name)).ok_or_else(|| {
                format!("there is no role {name} in {}: see `countersign role list`", spot.path)
            }),
            None => posts
                .values()
                .min_by_key(|post| (post.rank, &post.name))
                .ok_or_else(|| "their group has no roles".to_owned()),
        }
    }
}

/// The roles of a new tree.
fn begun() -> HashMap<String, Post> {
    let post = |role: &crate::directory::rights::DefaultRole| Post {
        role: RoleRef::Named(role.name),
        name: role.name.to_owned(),
        rank: role.rank,
        rights: Rights::parse(role.rights).unwrap_or_default(),
    };
    DEFAULT_ROLES.iter().map(|role| (fold(role.name), post(role))).collect()
}

/// What a source has said of a group.
pub(in crate::moving) fn group_said(
    name: &str,
    language: Option<&str>,
    two_factor: Option<TwoFactor>,
) -> Said {
    let mut said = Said::from([("name".to_owned(), name.to_owned())]);
    if let Some(language) = language {
        said.insert("language".to_owned(), language.to_owned());
    }
    if let Some(two_factor) = two_factor {
        said.insert("two_factor".to_owned(), two_factor.name().to_owned());
    }
    said
}

/// The same of a role.
pub(in crate::moving) fn role_said(name: &str, rank: i64, rights: &Rights) -> Said {
    Said::from([
        ("name".to_owned(), name.to_owned()),
        ("rank".to_owned(), rank.to_string()),
        ("rights".to_owned(), rights.to_string()),
    ])
}

fn group_deed(group: &Group, path: &str, two_factor: Option<TwoFactor>, here: &Here) -> (Deed, Vec<Field>) {
    let Some(moved) = here.moved(Kind::Group, &group.key) else {
        let found = here.by_path.get(&fold_path(path));
        return (found.map_or(Deed::Add, |id| Deed::Adopt(id.clone())), Vec::new());
    };
    let Some(now) = here.groups.get(&moved.local_id) else { return (Deed::Gone, Vec::new()) };
    let mut merge = Merge::default();
    merge.field(Field::Name, &moved.said, Some(&group.name), Some(&now.row.name));
    if let Some(language) = &group.language {
        merge.field(Field::Language, &moved.said, Some(language), Some(&now.row.language));
    }
    if let Some(two_factor) = two_factor {
        merge.field(Field::TwoFactor, &moved.said, Some(two_factor.name()), Some(now.two_factor.name()));
    }
    (merge.deed(&now.row.id), merge.kept)
}

fn role_deed(role: &Role, rights: &Rights, top: &GroupRef, here: &Here) -> (Deed, Vec<Field>) {
    let GroupRef::Id(top_id) = top else { return (Deed::Add, Vec::new()) };
    let Some(moved) = here.moved(Kind::Role, &role.key) else {
        let found = here.by_name.get(&(top_id.clone(), fold(&role.name)));
        return (found.map_or(Deed::Add, |id| Deed::Adopt(id.clone())), Vec::new());
    };
    let Some(now) = here.roles.get(&moved.local_id) else { return (Deed::Gone, Vec::new()) };
    // The same words in another order are the same rights.
    let rights_now = Rights::parse(&now.rights).unwrap_or_default().to_string();
    let mut merge = Merge::default();
    merge.field(Field::Name, &moved.said, Some(&role.name), Some(&now.name));
    merge.field(Field::Rank, &moved.said, Some(&role.rank.to_string()), Some(&now.rank.to_string()));
    merge.field(Field::Rights, &moved.said, Some(&rights.to_string()), Some(&rights_now));
    (merge.deed(&now.id), merge.kept)
}
