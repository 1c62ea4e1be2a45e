//! What may people come to at all? The rank rules of the manual, told once more and in another way than the program's: by what everybody
//! could do before and after. It knows nothing of the database, and nothing of `directory::policy`.

/// The rights that roles are made of here.
pub const RIGHTS: [&str; 7] = [
    "manage_own_settings",
    "view_users",
    "manage_users",
    "manage_roles",
    "override_2fa",
    "track_time",
    "administer_site",
];

/// The highest rank of a group's role; its holders edit one another.
const TOP: i64 = 512;

/// A role: of a tree (by the number of its top-level group), or of the site.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub tree: Option<usize>,
    pub rank: i64,
    pub rights: Vec<&'static str>,
    pub gone: bool,
}

/// Somebody: in a group, or in none.
#[derive(Clone, Debug, PartialEq)]
pub struct Someone {
    pub group: Option<usize>,
    pub role: usize,
    pub disabled: bool,
    pub gone: bool,
    /// How often anything else about them was changed, or handed to them.
    pub touched: u32,
}

/// Everybody, and where they are.
#[derive(Clone, Debug)]
pub struct World {
    /// The parent of each group.
    pub groups: Vec<Option<usize>>,
    pub roles: Vec<Role>,
    pub people: Vec<Someone>,
}

impl Someone {
    pub const fn new(group: Option<usize>, role: usize) -> Self {
        Self { group, role, disabled: false, gone: false, touched: 0 }
    }
}

impl World {
    /// The top-level group above a group.
    pub fn top(&self, group: usize) -> usize {
        self.groups[group].map_or(group, |parent| self.top(parent))
    }

    pub fn role_of(&self, person: usize) -> &Role {
        &self.roles[self.people[person].role]
    }

    fn is_within(&self, group: usize, above: usize) -> bool {
        group == above || self.groups[group].is_some_and(|parent| self.is_within(parent, above))
    }

    fn is_site_administrator(&self, person: usize) -> bool {
        self.people[person].group.is_none() && self.role_of(person).rights.contains(&"administer_site")
    }

    fn holds(&self, person: usize, right: &str) -> bool {
        self.is_site_administrator(person) || self.role_of(person).rights.contains(&right)
    }

    /// Whether somebody's arm is long enough for a group, or for the site itself.
    fn reaches(&self, person: usize, group: Option<usize>) -> bool {
        let own = self.people[person].group;
        self.is_site_administrator(person)
            || own.zip(group).is_some_and(|(own, group)| self.is_within(group, own))
    }

    /// Whether somebody could use a right on a group.
    fn could(&self, person: usize, right: &str, group: usize) -> bool {
        !self.people[person].gone && self.holds(person, right) && self.reaches(person, Some(group))
    }

    /// Whether somebody stands above a rank.
    fn outranks(&self, person: usize, rank: i64) -> bool {
        let own = self.role_of(person).rank;
        own > rank || (own == TOP && rank == TOP)
    }

    /// Whether somebody may edit a user.
    pub fn edits(&self, actor: usize, target: usize) -> bool {
        if actor == target {
            return self.holds(actor, "manage_own_settings") || self.holds(actor, "manage_users");
        }
        self.reaches(actor, self.people[target].group)
            && self.holds(actor, "manage_users")
            && self.outranks(actor, self.role_of(target).rank)
    }

    /// Whether it breaks the rules that `actor` makes `after` of things as they are.
    pub fn breaks(&self, actor: usize, after: &Self) -> bool {
        let people = (0..after.people.len()).any(|person| self.breaks_about(actor, after, person));
        let roles = (0..after.roles.len()).any(|role| self.breaks_about_role(actor, after, role));
        people || roles
    }

    fn breaks_about(&self, actor: usize, after: &Self, person: usize) -> bool {
        let (was, now) = (self.people.get(person), &after.people[person]);
        if was != Some(now) {
            let may = match was {
                Some(_) => self.edits(actor, person),
                None => self.holds(actor, "manage_users"),
            };
            if !may || !self.reaches(actor, now.group) {
                return true;
            }
        }
        let rank = after.role_of(person).rank;
        let (was_of, now_of) = (was.map(|was| (was.role, was.group)), Some((now.role, now.group)));
        if was_of == now_of && self.roles[now.role] == after.roles[now.role] {
            return false;
        }
        // What they are has changed: nobody's own, and for nobody beyond what the actor is.
        let beyond = |right: &&str| {
            (0..self.groups.len()).any(|group| {
                let had = was.is_some_and(|was| was.role == now.role) && self.could(person, right, group);
                !had && after.could(person, right, group) && !self.could(actor, right, group)
            })
        };
        person == actor || rank > self.role_of(actor).rank || RIGHTS.iter().any(beyond)
    }

    fn breaks_about_role(&self, actor: usize, after: &Self, role: usize) -> bool {
        let (was, now) = (self.roles.get(role), &after.roles[role]);
        if was == Some(now) {
            return false;
        }
        let before = was.map(|was| was.rights.as_slice()).unwrap_or_default();
        let beyond =
            |right: &&str| !before.contains(right) && !self.holds(actor, right) && now.rights.contains(right);
        let unsound = !(0..=TOP).contains(&now.rank) || now.rights.contains(&"administer_site");
        !self.reaches(actor, now.tree)
            || !self.holds(actor, "manage_roles")
            || was.is_some_and(|was| !self.outranks(actor, was.rank))
            || self.people[actor].role == role
            || now.rank > self.role_of(actor).rank
            || RIGHTS.iter().any(beyond)
            || unsound
    }
}
