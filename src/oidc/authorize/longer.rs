//! Which longer password does somebody choose whose own now lets them in alone?

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::facts;
use super::pending::{Pending, to_the_loop};
use crate::directory::{Person, users};
use crate::keys::secret::entropy;
use crate::oidc::provider::Provider;
use crate::oidc::shared::page::language;
use crate::signin::decide::{Next, decide};
use crate::signin::facts::Standing;
use crate::signin::pages::path;
use crate::signin::{announce, new_password};
use crate::store::{self, signins};
use crate::web::network::Network;
use crate::web::{ChoosePasswordPage, ErrorText, Problem};

/// The page that asks for it.
pub(super) fn page(
    provider: &Provider,
    pending: &Pending,
    person: &Person,
    error: Option<ErrorText>,
    headers: &HeaderMap,
) -> Response {
    let (signin, state) = (&pending.signin, &provider.signin);
    let page = ChoosePasswordPage {
        action: path(&signin.id, "new-password"),
        login: person.login.clone(),
        shortest: i64::from(state.settings.password_min_alone),
        longer: true,
        cancel: Some(path(&signin.id, "cancel")),
        error,
    };
    state.pages.respond(StatusCode::OK, &page, language(headers, pending.request.ui_locales.as_deref()))
}

/// Takes the password that was chosen, if this is what the sign-in waits for. It goes on with the new one, as the only one of its
/// person's that does.
pub(super) async fn take(
    provider: &Provider,
    pending: &Pending,
    typed: &str,
    network: &Network,
    headers: &HeaderMap,
    now_ms: i64,
) -> Result<Response, Problem> {
    let (state, id) = (&provider.signin, &pending.signin.id);
    let Some(Standing { person, .. }) = standing(provider, pending, now_ms / 1000).await? else {
        return Ok(to_the_loop(id));
    };
    let hash = match new_password::hash(state, &provider.issuer, &person, typed, network).await? {
        Ok(hash) => hash,
        Err(error) => return Ok(page(provider, pending, &person, Some(error), headers)),
    };
    let network = network.to_string();
    let mut tx = state.db.write().await?;
    // Whoever changes a user locks them first: what has ended this sign-in came before this, and is seen.
    store::users::lock(&mut tx, &person.id).await?;
    let as_read = signins::find(&mut tx, id).await?.is_some_and(|signin| {
        let (read, found) = (&pending.signin, &signin);
        found.finished_at.is_none()
            && (&found.user_id, found.password_at) == (&read.user_id, read.password_at)
    });
    if !as_read {
        return Ok(to_the_loop(id));
    }
    if !users::choose_longer_password(&mut tx, &person, &hash, &network, now_ms, &mut entropy()).await? {
        return Ok(to_the_loop(id));
    }
    announce::password_changed(state, &mut tx, &person, &network, now_ms).await?;
    signins::record_password(&mut tx, id, &person.id, now_ms / 1000).await?;
    tx.commit().await?;
    announce::deliver_later(state);
    Ok(to_the_loop(id))
}

/// Who has to choose, as things are.
async fn standing(provider: &Provider, pending: &Pending, now: i64) -> Result<Option<Standing>, Problem> {
    let mut conn = provider.signin.db.read().await?;
    let asked = (&*pending.client, &pending.request);
    let standing = facts::load(provider, &mut conn, asked, Some(&pending.signin), None, now).await?;
    Ok(standing.filter(|standing| decide(Some(&standing.facts)) == Next::LongerPassword))
}
