//! What stands behind a token? It, its grant and whose that is, in one look: nothing changes in between.

use super::macros::{optional, queries};
use super::row::{Columns, FromRow};
use super::tokens::{CodeRow, GrantRow, RefreshRow};
use super::users::{UserRow, user_columns, user_joins};
use super::{Conn, Result};

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

queries! {
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
