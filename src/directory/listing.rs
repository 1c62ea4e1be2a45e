//! Whom does a list of people show: those of the reader's tree, searched, of one kind, a page at a time?

use super::login::fold;
use super::words::Sought;
use super::{Person, Tree};
use crate::store::tree_users::parts::{self, Part, Stand};
use crate::store::tree_users::{self, LineRow, Page, Way, near};
use crate::store::{Conn, Result, user_words};

pub use crate::store::tree_users::Which;

/// A tree of no more people than these is read by its groups, and so many of a list are looked at for those who cannot sign in before anything
/// else is.
const FEW: i64 = 2000;

/// Of no more words than these a search by words is quicker than going through the list, and of those whom they find these many are
/// looked at first.
const MANY: i64 = 20_000;
const FIRST: i64 = 100;

/// How many roles, or groups, are gone through at once.
const PARTS: i64 = 50;

/// What is between a login and what else says where a list goes on: neither has it.
const BETWEEN: char = '\t';

/// One line.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Who.
    pub person: Person,
    /// Whether too many wrong codes have stopped theirs.
    pub codes_stopped: bool,
    /// Whether a message to them was refused.
    pub refused: bool,
    /// When they have last signed in, in seconds since 1970; none for never.
    pub signed_in_at: Option<i64>,
}

impl Which {
    /// Every kind that a list can be limited to.
    pub const KINDS: [Self; 6] =
        [Self::KeptOut, Self::NoEmail, Self::Never, Self::Stopped, Self::Disabled, Self::Invited];

    /// The word in `?filter=`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::KeptOut => "cannot-sign-in",
            Self::NoEmail => "no-email",
            Self::Never => "never-signed-in",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
            Self::Invited => "invited",
        }
    }

    /// The kind of this word; everybody where there is none.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::KINDS.into_iter().find(|kind| kind.word() == word).unwrap_or(Self::All)
    }
}

/// By what a list is sorted; those who are alike in it by their logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The folded login.
    #[default]
    Login,
    /// The name in small letters.
    Name,
    /// The role's folded name.
    Role,
    /// The group's folded name; whoever has no group comes before all others.
    Group,
    /// When they have last signed in; whoever never has comes before all others.
    SignIn,
}

impl Sort {
    /// What the list is divided by, if it is.
    const fn part(self) -> Option<Part> {
        match self {
            Self::Login | Self::Name | Self::SignIn => None,
            Self::Role => Some(Part::Role),
            Self::Group => Some(Part::Group),
        }
    }
}

/// Where a list goes on, and how it stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order<'o> {
    /// By what it is sorted.
    pub sort: Sort,
    /// Whether the last ones come first.
    pub last_first: bool,
    /// The [`mark`] of whom they come after; empty for the first page. In the order of logins a login is one.
    pub after: &'o str,
}

/// At most `limit` people of a tree, by login, that come after the login `after`, of one kind; `search` is how their login, their
/// email, or a word of their name begins.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    conn: &mut Conn,
    tree: &Tree,
    which: Which,
    search: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Listed>> {
    list_in(conn, tree, which, search, Order { after, ..Order::default() }, limit).await
}

/// The same in the order that is chosen.
///
/// # Errors
/// When the database refuses.
pub async fn list_in(
    conn: &mut Conn,
    tree: &Tree,
    which: Which,
    search: &str,
    order: Order<'_>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let sought = Sought::of(search);
    let (login, beside) = order.after.split_once(BETWEEN).unwrap_or((order.after, ""));
    let login = fold(login);
    let page = Page {
        root: tree.root_id(),
        sort: match order.sort {
            Sort::Name => tree_users::Sort::Name,
            Sort::SignIn => tree_users::Sort::SignIn,
            Sort::Login | Sort::Role | Sort::Group => tree_users::Sort::Login,
        },
        last_first: order.last_first,
        after: Some((login.as_str(), beside)).filter(|_| !login.is_empty()),
        words: (&sought.from, &sought.to),
        texts: (&sought.begins, &sought.later),
        limit,
    };
    let found = if let Some(part) = order.sort.part() {
        by_part(conn, tree, which, &sought, part, page).await?
    } else if has_few(conn, tree).await? {
        tree_users::list(conn, which, Way::Narrow(which.word()), page).await?
    } else if sought.is_everybody() {
        wide(conn, which, page).await?
    } else {
        search_wide(conn, which, &sought, page).await?
    };
    let listed = found.into_iter().map(|row| {
        let person = Person::from_row(row.user)?;
        let signed_in_at = Some(row.signed_in_at).filter(|at| *at != 0);
        Ok(Listed { person, codes_stopped: row.codes_stopped, refused: row.refused, signed_in_at })
    });
    listed.collect()
}

/// A page of a list of many people, in its order.
async fn wide(conn: &mut Conn, which: Which, page: Page<'_>) -> Result<Vec<LineRow>> {
    if which == Which::KeptOut {
        let rows = near::kept_out(conn, page, FEW).await?;
        if is_full(&rows, page) {
            return Ok(rows);
        }
    }
    tree_users::list(conn, which, Way::Wide, page).await
}

/// A page of those of a tree of many people whom a search finds. By the words as far as it is few whom they find: what is rare is found at
/// once, and what is not comes along soon.
async fn search_wide(conn: &mut Conn, which: Which, sought: &Sought, page: Page<'_>) -> Result<Vec<LineRow>> {
    let by_login = page.sort == tree_users::Sort::Login;
    let most = if by_login { MANY } else { FEW };
    let found = user_words::count(conn, &sought.from, &sought.to, most + 1).await?;
    if found <= most {
        let tries: &[i64] = if by_login { &[FIRST, FEW] } else { &[FEW] };
        for looked_at in tries {
            let rows = tree_users::list(conn, which, Way::Worded(which.word(), *looked_at), page).await?;
            if found <= *looked_at || is_full(&rows, page) {
                return Ok(rows);
            }
        }
    }
    wide(conn, which, page).await
}

/// A page by role or by group: part by part, so that nobody goes through everybody; together where they are few.
async fn by_part(
    conn: &mut Conn,
    tree: &Tree,
    which: Which,
    sought: &Sought,
    part: Part,
    page: Page<'_>,
) -> Result<Vec<LineRow>> {
    let after = match page.after {
        Some((_, "")) => Some(Stand::default()),
        // A role or a group that is gone since then has nobody in it.
        Some((_, id)) => parts::stand(conn, part, id).await?,
        None => None,
    };
    let page = Page { after: page.after.filter(|_| after.is_some()), ..page };
    let word = which.word();
    let finds = if sought.is_everybody() {
        None
    } else {
        Some(user_words::count(conn, &sought.from, &sought.to, MANY + 1).await?)
    };
    let way = if has_few(conn, tree).await? {
        Some(Way::Narrow(word))
    } else if finds.is_some_and(|finds| finds <= FEW) {
        Some(Way::Worded(word, FEW))
    } else if which == Which::Stopped {
        Some(Way::Wide)
    } else {
        None
    };
    match way {
        Some(way) => parts::together(conn, (way, word), part, page, &after.unwrap_or_default()).await,
        None => Parts { which, part, finds }.list(conn, page, after).await,
    }
}

/// A list of many, part by part.
#[derive(Clone, Copy)]
struct Parts {
    which: Which,
    part: Part,
    /// How many words a search finds, or one more than [`MANY`]; none where nothing is searched for.
    finds: Option<i64>,
}

impl Parts {
    /// A page of them.
    async fn list(self, conn: &mut Conn, page: Page<'_>, mut after: Option<Stand>) -> Result<Vec<LineRow>> {
        let Self { which, part, .. } = self;
        let no_group = part == Part::Group && page.root.is_none();
        let mut found = match &after {
            Some((_, id)) if id.is_empty() => parts::of_no_group(conn, which.word(), page).await?,
            Some((_, id)) => self.of(conn, id, page).await?,
            None if no_group && !page.last_first => {
                after = Some(Stand::default());
                parts::of_no_group(conn, which.word(), page).await?
            }
            None => Vec::new(),
        };
        let none_left = page.last_first && after.as_ref().is_some_and(|(_, id)| id.is_empty());
        while !is_full(&found, page) && !none_left {
            let stands = parts::parts(conn, which, part, page, after.as_ref(), PARTS).await?;
            for (_, id) in &stands {
                if !is_full(&found, page) {
                    let rest = self.of(conn, id, rest_of(page, &found)).await?;
                    found.extend(rest);
                }
            }
            let last = i64::try_from(stands.len()).is_ok_and(|n| n < PARTS);
            after = stands.into_iter().next_back().or(after);
            if last {
                if no_group && page.last_first && !is_full(&found, page) {
                    let rest = parts::of_no_group(conn, which.word(), rest_of(page, &found)).await?;
                    found.extend(rest);
                }
                break;
            }
        }
        Ok(found)
    }

    /// Those of one part: gone through in their order, unless that could be many for nothing.
    async fn of(self, conn: &mut Conn, id: &str, page: Page<'_>) -> Result<Vec<LineRow>> {
        let Self { which, part, finds } = self;
        if which == Which::KeptOut {
            let rows = near::kept_out_of_part(conn, part, id, page, FEW).await?;
            if is_full(&rows, page) || parts::count(conn, part, id, FEW + 1).await? <= FEW {
                return Ok(rows);
            }
            return parts::kept_out_of_part(conn, part, id, page).await;
        }
        match finds.filter(|finds| *finds <= MANY) {
            Some(finds) if parts::count(conn, part, id, FEW + 1).await? > FEW => {
                for looked_at in [FIRST, FEW] {
                    let rows = parts::found_of_part(conn, (which.word(), looked_at), part, id, page).await?;
                    if is_full(&rows, page) {
                        return Ok(rows);
                    }
                }
                parts::found_of_part(conn, (which.word(), finds), part, id, page).await
            }
            _ => parts::of_part(conn, which, part, id, page).await,
        }
    }
}

fn is_full(found: &[LineRow], page: Page<'_>) -> bool {
    i64::try_from(found.len()).is_ok_and(|n| n >= page.limit)
}

/// The same page from the beginning of a part on, as far as there is room on it.
fn rest_of<'p>(page: Page<'p>, found: &[LineRow]) -> Page<'p> {
    let limit = page.limit - i64::try_from(found.len()).unwrap_or(i64::MAX);
    Page { after: None, limit, ..page }
}

/// Where a list goes on after somebody.
///
/// # Errors
/// When the database refuses.
pub async fn mark(conn: &mut Conn, sort: Sort, last: &Listed) -> Result<String> {
    let person = &last.person;
    match sort {
        Sort::Login => Ok(person.login.clone()),
        Sort::Name => {
            let key = tree_users::name_key(conn, &person.id).await?.unwrap_or_default();
            Ok(format!("{}{BETWEEN}{key}", person.login))
        }
        Sort::Role => Ok(format!("{}{BETWEEN}{}", person.login, person.role.id)),
        Sort::Group => {
            let id = person.group.as_ref().map_or("", |group| &group.id);
            Ok(format!("{}{BETWEEN}{id}", person.login))
        }
        Sort::SignIn => Ok(format!("{}{BETWEEN}{}", person.login, last.signed_in_at.unwrap_or(0))),
    }
}

/// Whether too many wrong codes have stopped somebody's.
///
/// # Errors
/// When the database refuses.
pub async fn are_codes_stopped(conn: &mut Conn, person: &Person) -> Result<bool> {
    tree_users::are_codes_stopped(conn, &person.id).await
}

/// Whether a tree has so few people that it is read by its groups.
pub(super) async fn has_few(conn: &mut Conn, tree: &Tree) -> Result<bool> {
    match tree.root_id() {
        Some(root) => are_few(conn, root).await,
        None => Ok(false),
    }
}

/// Whether a group and those below it have so few people.
pub(super) async fn are_few(conn: &mut Conn, root: &str) -> Result<bool> {
    Ok(tree_users::count(conn, root, FEW + 1).await? <= FEW)
}
