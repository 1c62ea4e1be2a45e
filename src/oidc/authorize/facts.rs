//! Who has proven what for this request: in its sign-in, or before it by a session?

use super::consent::is_asked_for;
use super::request::AuthorizationRequest;
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::signin::facts::{self, Standing};
use crate::store::Conn;
use crate::store::sessions::SessionRow;
use crate::store::signins::SignInRow;
use crate::store::standing::Theirs;
use crate::web::Problem;

/// What is known of whoever has proven something. Somebody else's session than the one asked for is nobody's: whoever is asked for
/// may sign in over it.
pub(super) async fn load(
    provider: &Provider,
    conn: &mut Conn,
    (client, request): (&Client, &AuthorizationRequest),
    signin: Option<&Theirs<SignInRow>>,
    session: Option<&Theirs<SessionRow>>,
    now: i64,
) -> Result<Option<Standing>, Problem> {
    let freshness = request.freshness(signin.map_or(now, |signin| signin.created_at));
    let demand = request.demand(client);
    let found = facts::load(conn, signin, session, freshness, demand, provider.at(now)).await?;
    let Some(standing) = found else { return Ok(None) };
    let here = signin.is_some_and(|signin| signin.user_id.is_some());
    let counts = here || is_asked_for(provider, client, request, &standing.person)?;
    Ok(counts.then_some(standing))
}
