//! What needs a manager's attention? Counted over their tree, each count with an end, so that a home page is quick whatever is behind it.

use super::SignInState;
use super::preview::{Count, KeptOut, count_locked_out_in};
use crate::directory::Tree;
use crate::store::overview::{self, OverrideRow};
use crate::store::{Conn, Result};

/// Where a count of people ends.
const COUNTED: usize = 200;

/// Overrides that are looked at.
const SOME: i64 = 50;

/// How long a sign-in that an app was refused is news, in seconds.
const NEWS: i64 = 86_400;

/// How far back refused sign-ins are told of one app, in seconds.
const WEEK: i64 = 7 * 86_400;

/// How far back anything is news for whoever was never here, in seconds.
const MONTH: i64 = 30 * 86_400;

/// Pages within this time are one visit, in seconds.
const ONE_VISIT: i64 = 3600;

/// What there is to see to.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// Whether mail is set up at all.
    pub mail: bool,
    /// How many cannot sign in, and why.
    pub kept_out: KeptOut,
    /// How many have no codes any more after too many wrong ones.
    pub stopped: Count,
    /// Sign-ins by override since the last visit; newest first.
    pub overrides: Vec<OverrideRow>,
    /// Since when those are counted, in seconds since 1970.
    pub since: i64,
}

/// What there is to see to in a tree, for a user who comes now. What has happened since their last visit is new to them.
///
/// # Errors
/// When the database refuses.
pub async fn look(state: &SignInState, tree: &Tree, user_id: &str, now: i64) -> Result<Overview> {
    let root = tree.root_id();
    // Side by side where the database can: each has a connection of its own, and holds none while it waits for one.
    let kept_out = async { count_locked_out_in(&mut state.db.read().await?, tree, COUNTED).await };
    let others = async {
        let since = note_visit(state, user_id, now).await?;
        let mut conn = state.db.read().await?;
        Ok(Overview {
            mail: state.mailer.is_set_up(),
            kept_out: KeptOut::default(),
            stopped: stopped(&mut conn, root).await?,
            overrides: overview::overrides(&mut conn, root, since * 1000, SOME).await?,
            since,
        })
    };
    let (kept_out, others) = tokio::try_join!(kept_out, others)?;
    Ok(Overview { kept_out, ..others })
}

async fn stopped(conn: &mut Conn, root: Option<&str>) -> Result<Count> {
    let most = i64::try_from(COUNTED).unwrap_or(i64::MAX);
    let n = overview::stopped(conn, root, most.saturating_add(1)).await?;
    Ok(Count { n: n.min(most), more: n > most })
}

/// The apps whose sign-ins were refused within a day, the worst first.
///
/// # Errors
/// When the database refuses.
pub async fn failing_apps(conn: &mut Conn, now: i64) -> Result<Vec<(String, i64)>> {
    overview::failing(conn, (now - NEWS) * 1000, 5).await
}

/// A sign-in that an app was refused.
#[derive(Clone, Debug)]
pub struct RefusedSignIn {
    /// When, in seconds since 1970.
    pub at: i64,
    /// Whose it was, while they are there: the user's id.
    pub user_id: Option<String>,
    /// Their login, where that is still known.
    pub login: Option<String>,
    /// What the app was told.
    pub error: String,
    /// Of two reasons for the same error which: `group` where none of theirs may use the app, `declined` where they said no. None of what is
    /// older than this.
    pub why: Option<String>,
}

/// The last sign-ins that an app was refused within a week, of a tree's people.
///
/// # Errors
/// When the database refuses.
pub async fn refused_at(
    conn: &mut Conn,
    tree: &Tree,
    client_id: &str,
    now: i64,
) -> Result<Vec<RefusedSignIn>> {
    let rows = overview::refused_at(conn, tree.root_id(), client_id, (now - WEEK) * 1000, 10).await?;
    let told = |details: &str, name: &str| {
        let details: serde_json::Value = serde_json::from_str(details).unwrap_or_default();
        details.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    };
    let refused = rows.into_iter().map(|row| RefusedSignIn {
        at: row.at_ms / 1000,
        error: told(&row.details, "error").unwrap_or_default(),
        why: told(&row.details, "why"),
        user_id: row.user_id,
        login: row.login,
    });
    Ok(refused.collect())
}

/// Since when things are new to a user who is here now.
async fn note_visit(state: &SignInState, user_id: &str, now: i64) -> Result<i64> {
    let mut conn = state.db.read().await?;
    let last = overview::last_visit(&mut conn, user_id).await?;
    drop(conn);
    let (is_new, since) = since(last, now);
    if is_new {
        let mut tx = state.db.write().await?;
        overview::visit(&mut tx, user_id, now).await?;
        tx.commit().await?;
    }
    Ok(since)
}

/// Whether this is another visit than the last one (when it was, and the one before that), and since when things are new in it.
fn since(last: Option<(i64, i64)>, now: i64) -> (bool, i64) {
    let month = now - MONTH;
    match last {
        Some((at, before)) if (0..ONE_VISIT).contains(&(now - at)) => (false, before.max(month)),
        Some((at, _)) => (true, at.max(month).min(now)),
        None => (true, month),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_stays_so_for_as_long_as_a_visit_lasts() {
        let now = 10_000_000;
        for (last, expected) in [
            (None, (true, now - MONTH)),
            (Some((now - 100, now - 5000)), (false, now - 5000)),
            (Some((now - ONE_VISIT, now - 9000)), (true, now - ONE_VISIT)),
            (Some((now - 2 * MONTH, 0)), (true, now - MONTH)),
            (Some((now - 100, 0)), (false, now - MONTH)),
            // A clock that was ahead hides nothing for long.
            (Some((now + 50, now)), (true, now)),
        ] {
            assert_eq!(since(last, now), expected, "{last:?}");
        }
    }
}
