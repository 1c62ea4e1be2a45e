//! Where does somebody go on who had to leave a sign-in for another page?

use axum::http::HeaderMap;

use crate::oidc::Provider;
use crate::oidc::clients::card;
use crate::signin::binding::{self, Holder};
use crate::signin::notice::Notice;
use crate::store::Result;
use crate::store::signins::{self, SignInRow};
use crate::web::{AppCard, Language};

/// The way back to a sign-in, or at least to its app.
pub(super) struct WayBack {
    /// Where somebody was on the way to.
    pub(super) app: AppCard,
    /// The sign-in.
    pub(super) signin: SignInRow,
    /// Its address, if it waits for somebody in this browser.
    pub(super) path: Option<String>,
}

/// The way back to the sign-in of this name.
///
/// # Errors
/// When the database refuses.
pub(super) async fn find(
    provider: &Provider,
    headers: &HeaderMap,
    signin_id: Option<&str>,
) -> Result<Option<WayBack>> {
    let Some(id) = signin_id else { return Ok(None) };
    let state = &provider.signin;
    let mut conn = state.db.read().await?;
    let Some(signin) = signins::find(&mut conn, id).await? else { return Ok(None) };
    let language = Language::of_reader(headers, None);
    let found = provider.client_of_signin(&mut conn, &signin, (language, false)).await?;
    let Some(client) = found else { return Ok(None) };
    let is_theirs = binding::holder_of(state, headers, &signin) == Holder::This;
    let waits = is_theirs && signin.finished_at.is_none() && signin.expires_at > state.clock.now();
    let path = waits.then(|| format!("/authorize/{}", signin.id));
    Ok(Some(WayBack { app: card(&client), signin, path }))
}

/// The same for a name that anybody may have sent: only a sign-in that waits in this browser is spoken of.
///
/// # Errors
/// When the database refuses.
pub(super) async fn own(
    provider: &Provider,
    headers: &HeaderMap,
    signin_id: Option<&str>,
) -> Result<Option<WayBack>> {
    Ok(find(provider, headers, signin_id).await?.filter(|back| back.path.is_some()))
}

impl WayBack {
    /// The login that was typed there last.
    pub(super) fn typed_login(&self) -> Option<String> {
        Notice::from_json(self.signin.notice.as_deref())?.typed_login().map(str::to_owned)
    }
}
