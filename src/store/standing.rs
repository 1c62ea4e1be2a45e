//! What stands behind a token, a session or a sign-in? It, its grant and whose it is, in one look: nothing changes in between.

use std::ops::Deref;

use super::challenges::{Codes, codes};
use super::macros::{optional, queries};
use super::row::{Columns, FromRow};
use super::sessions::SessionRow;
use super::signins::{SignInRow, signin_columns, signin_joins};
use super::tokens::{CodeRow, GrantRow, RefreshRow};
use super::users::{UserRow, user_columns, user_joins};
use super::{AHEAD, Conn, Result};

/// A query for a grant (`w`) and its user; the arguments are what else is wanted, from where, and which.
macro_rules! granted {
    ($columns:literal, $from:literal, $which:literal) => {
        concat!(
            "SELECT ",
            $columns,
            "w.id AS grant_id, w.user_id, w.client_id, w.session_id, w.scopes, w.nonce, w.amr, w.acr, w.auth_time,
             w.created_at AS granted_at, w.expires_at AS granted_until, w.ended_at, w.details, ",
            user_columns!(),
            " FROM ",
            $from,
            " JOIN users u ON u.id = w.user_id ",
            user_joins!(),
            $which
        )
    };
}

/// A query for what is somebody's, and who that is, if anybody (`u`): the arguments are its columns in the order of its struct, from
/// where, and which.
macro_rules! theirs {
    ($columns:expr, $from:literal, $joins:expr, $which:literal) => {
        concat!(
            "SELECT ",
            $columns,
            ", u.id AS whose, ",
            codes!("u.id"),
            ", ",
            user_columns!(),
            " FROM ",
            $from,
            $joins,
            "LEFT JOIN roles r ON r.id = u.role_id LEFT JOIN groups g ON g.id = u.group_id ",
            $which
        )
    };
}

queries! {
    OF_USER = concat!("SELECT ", codes!("u.id"), ", ", user_columns!(), " FROM users u ", user_joins!(), "WHERE u.id = $1");
    OF_SESSION = theirs!("s.id, s.user_id, s.password_at, s.code_at, s.skipped_at, s.created_at, s.seen_at, s.expires_at",
                         "sessions s ",
                         "LEFT JOIN users u ON u.id = s.user_id ",
                         "WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND s.seen_at > $5");
    OF_SIGN_IN = theirs!(signin_columns!(),
                         "signins i ",
                         concat!(signin_joins!(), "LEFT JOIN users u ON u.id = i.user_id "),
                         "WHERE i.id = $1");
    OF_GRANT = granted!("", "grants w", "WHERE w.id = $1");
    OF_CODE = granted!("c.grant_id, c.redirect_uri, c.code_challenge, c.expires_at, c.spent_at, c.bound_to, ",
                       "authorization_codes c JOIN grants w ON w.id = c.grant_id",
                       "WHERE c.code_hash = $1");
    OF_REFRESH = granted!("t.grant_id, t.expires_at, t.spent_at, t.bound_to, t.retried_at, s.token_hash AS waiting_successor, ",
                          "refresh_tokens t JOIN grants w ON w.id = t.grant_id
                           LEFT JOIN refresh_tokens s ON s.token_hash = t.successor_hash AND s.spent_at IS NULL",
                          "WHERE t.token_hash = $1");
}

/// A grant, whatever has become of it, and whose it is.
#[derive(Clone, Debug)]
pub struct GrantedRow {
    /// The grant.
    pub grant: GrantRow,
    /// The user.
    pub user: UserRow,
}

/// What is shown for a grant, and the grant.
#[derive(Clone, Debug)]
pub struct Behind<T> {
    /// A code or a refresh token.
    pub token: T,
    /// What it stands for.
    pub granted: GrantedRow,
}

/// A user, and how things are with their codes.
#[derive(Clone, Debug)]
pub struct Whose {
    /// The user.
    pub user: UserRow,
    /// Their codes.
    pub codes: Codes,
}

/// What is somebody's, and who that was at the same moment.
#[derive(Clone, Debug)]
pub struct Theirs<T> {
    /// A session or a sign-in.
    pub row: T,
    /// Whose it is; none where it is nobody's, or was not looked for.
    pub whose: Option<Whose>,
}

impl<T> Deref for Theirs<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.row
    }
}

impl FromRow for Whose {
    fn from_row<C: Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
        Ok(Self { codes: Codes::from_row(columns)?, user: UserRow::from_row(columns)? })
    }
}

impl<T: FromRow> FromRow for Theirs<T> {
    fn from_row<C: Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
        let row = T::from_row(columns)?;
        let whose: Option<String> = columns.named("whose")?;
        Ok(Self { row, whose: whose.map(|_| Whose::from_row(columns)).transpose()? })
    }
}

impl FromRow for GrantedRow {
    fn from_row<C: Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
        let grant = GrantRow {
            id: columns.named("grant_id")?,
            user_id: columns.named("user_id")?,
            client_id: columns.named("client_id")?,
            session_id: columns.named("session_id")?,
            scopes: columns.named("scopes")?,
            nonce: columns.named("nonce")?,
            amr: columns.named("amr")?,
            acr: columns.named("acr")?,
            auth_time: columns.named("auth_time")?,
            created_at: columns.named("granted_at")?,
            expires_at: columns.named("granted_until")?,
            ended_at: columns.named("ended_at")?,
            details: columns.named("details")?,
        };
        Ok(Self { grant, user: UserRow::from_row(columns)? })
    }
}

impl<T: FromRow> FromRow for Behind<T> {
    fn from_row<C: Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
        Ok(Self { token: T::from_row(columns)?, granted: GrantedRow::from_row(columns)? })
    }
}

/// The grant of this id.
///
/// # Errors
/// When the database refuses.
pub async fn of_grant(conn: &mut Conn, id: &str) -> Result<Option<GrantedRow>> {
    optional!(conn, GrantedRow, OF_GRANT, id)
}

/// The authorization code of this hash, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn of_code(conn: &mut Conn, code_hash: &str) -> Result<Option<Behind<CodeRow>>> {
    optional!(conn, Behind<CodeRow>, OF_CODE, code_hash)
}

/// The refresh token of this hash, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn of_refresh(conn: &mut Conn, token_hash: &str) -> Result<Option<Behind<RefreshRow>>> {
    optional!(conn, Behind<RefreshRow>, OF_REFRESH, token_hash)
}

/// At which time, in seconds since 1970, and how often a code may be tried.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// Now.
    pub now: i64,
    /// The most attempts.
    pub attempts: i64,
}

/// The user of this id.
///
/// # Errors
/// When the database refuses.
pub async fn of_user(conn: &mut Conn, id: &str, at: At) -> Result<Option<Whose>> {
    optional!(conn, Whose, OF_USER, id, at.now, at.attempts, AHEAD)
}

/// The live session of a cookie: not ended, not too old, used since `idle_since`.
///
/// # Errors
/// When the database refuses.
pub async fn of_session(
    conn: &mut Conn,
    token_hash: &str,
    idle_since: i64,
    at: At,
) -> Result<Option<Theirs<SessionRow>>> {
    optional!(conn, Theirs<SessionRow>, OF_SESSION, token_hash, at.now, at.attempts, AHEAD, idle_since)
}

/// The sign-in of this name, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn of_sign_in(conn: &mut Conn, id: &str, at: At) -> Result<Option<Theirs<SignInRow>>> {
    optional!(conn, Theirs<SignInRow>, OF_SIGN_IN, id, at.now, at.attempts, AHEAD)
}
