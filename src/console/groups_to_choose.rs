//! Which group is meant? A list of those of the reader's tree where there are few, else a path that is typed.

use super::Visit;
use super::field::{Choice, Kind, Label, Said, Wrong};
use crate::directory::groups::Order;
use crate::directory::{Error, groups};
use crate::store::Conn;
use crate::store::groups::GroupRow;
use crate::web::Problem;

/// The most groups that are shown to choose from.
const SHOWN: i64 = 200;

/// How a group is chosen.
pub(super) struct GroupChoice(Option<Vec<String>>);

impl GroupChoice {
    /// The groups of the reader's tree, if they are few.
    pub(super) async fn of(visit: &Visit, conn: &mut Conn) -> Result<Self, Problem> {
        let found = visit.tree.groups(conn, Order::default(), SHOWN + 1).await.map_err(problem)?;
        let few = i64::try_from(found.len()).is_ok_and(|n| n <= SHOWN);
        Ok(Self(few.then(|| found.into_iter().map(|listed| listed.path).collect())))
    }

    /// The one tree that there is, by its top's path; none where the reader sees several, or more groups than are listed.
    pub(super) fn only_top(&self) -> Option<&str> {
        let mut tops = self.0.as_ref()?.iter().filter(|path| !path.contains('/'));
        tops.next().filter(|_| tops.next().is_none()).map(String::as_str)
    }

    /// The input for it.
    pub(super) fn kind(&self) -> Kind {
        let Some(paths) = &self.0 else { return Kind::Text };
        let choice =
            |path: &String| Choice { value: path.clone(), label: Label::Name(path.clone()), hint: None };
        Kind::Select { choices: paths.iter().map(choice).collect() }
    }
}

/// The group of a path that was typed, if it is in the reader's tree.
pub(super) async fn named(
    visit: &Visit,
    conn: &mut Conn,
    path: &str,
) -> Result<Result<GroupRow, Wrong>, Problem> {
    let unknown = || Wrong::new("group", Said::new("wrong-no-group").about(path));
    match groups::find_by_path(conn, path).await {
        Ok(group) => Ok(visit.tree.group(conn, &group.id).await?.ok_or_else(unknown)),
        Err(Error::UnknownGroup(_)) => Ok(Err(unknown())),
        Err(other) => Err(problem(other)),
    }
}

/// What no typing mends.
pub(super) fn problem(error: Error) -> Problem {
    match error {
        Error::Store(e) => e.into(),
        other => Problem::Internal(other.to_string()),
    }
}
