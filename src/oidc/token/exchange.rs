//! `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): may this client go on with the token that it was shown?

use serde_json::{Map, Value, json};
use url::Url;

use super::TokenRequest;
use crate::audit::{Actor, Event};
use crate::keys::Ring;
use crate::keys::secret::entropy;
use crate::oidc::clients::{admits, allowed};
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::kinds;
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::oidc::tokens::access_token::{self, Rejected};
use crate::oidc::tokens::mint::{Access, Issued, Mint};
use crate::oidc::tokens::standing::{self, Granted, NOT_AGREED, Standing, agreed, is_too_weak};
use crate::store::Conn;

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// How many actors a token may have had, one after the other.
const MOST_ACTORS: usize = 8;

/// Whose rights the new token is to have.
struct Subject {
    standing: Standing,
    scopes: Scopes,
    expires_at: i64,
    /// Whether the token is of use to nobody but the holder of a key.
    is_bound: bool,
    /// Who has been acting so far (RFC 8693 §4.1).
    act: Option<Value>,
}

/// An access token for a resource that this client may call, in the name of the person whose token it was shown or given. It
/// hangs from the same grant, holds no longer, and opens no more.
pub(super) async fn exchange(request: &TokenRequest<'_>) -> Result<Issued, Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    check_kinds(request)?;
    // The keys may have to be read, over a connection of their own: nobody waits for one while holding one.
    let mut ring = provider.keys.ring(now).await?;
    for token in ["subject_token", "actor_token"].into_iter().filter_map(|name| request.form.get(name)) {
        ring = provider.keys.ring_for(token, now).await?;
    }
    let mut conn = provider.signin.db.read().await?;
    let subject = subject(request, &ring, &mut conn).await?;
    let Standing { grant, person, too_weak, .. } = &subject.standing;
    if !admits(&mut conn, client, person).await? {
        return Err(Failure::invalid("the group of the subject_token's person may not use this client"));
    }
    if *too_weak || is_too_weak(&client.metadata, grant) {
        return Err(Failure::invalid(
            "two factors are insisted on by now, and the subject_token was given for one",
        ));
    }
    let act = actor(request, &ring, &mut conn, subject.act).await?;
    let agreed = agreed(&mut conn, client, &person.id).await?;
    drop(conn);
    let resources = targets(request)?;
    // Nothing for when the person is away.
    let mut scopes = allowed::registered(&client.metadata, subject.scopes.without(Scope::OfflineAccess));
    if subject.is_bound && request.bound.is_none() {
        scopes = unbound(scopes, &resources)?;
    }
    let scopes = request.narrowed_scopes(&scopes, &scopes)?;
    if agreed.is_some_and(|agreed| !scopes.within(&agreed)) {
        return Err(Failure::invalid(NOT_AGREED));
    }

    let sub = provider.subject(client, &person.id)?;
    let mint = Mint { provider, ring: &ring, client, grant, subject: &sub, now };
    let issued = mint.access_token(Access {
        scopes: Some(&scopes),
        resources: &resources,
        bound: request.bound.as_ref(),
        until: Some(subject.expires_at.min(grant.expires_at)),
        actor: act.as_ref(),
    })?;
    let mut tx = provider.signin.db.write().await?;
    Event::new("token.exchanged", Actor::System)
        .user(&person.id)
        .client(&client.id)
        .detail("from_client", grant.client_id.as_str())
        .detail("resources", resources)
        .record(&mut tx, provider.signin.clock.now_ms(), &mut entropy())
        .await?;
    tx.commit().await?;
    Ok(Issued { exchanged_for: Some(ACCESS_TOKEN), ..issued })
}

/// What goes together, and what there is (RFC 8693 §2.1).
fn check_kinds(request: &TokenRequest<'_>) -> Result<(), Failure> {
    let form = request.form;
    if let Some(asked) = form.get("requested_token_type").filter(|asked| *asked != ACCESS_TOKEN) {
        return Err(Failure::invalid(format!(
            "requested_token_type {asked} is not supported; it may be {ACCESS_TOKEN}"
        )));
    }
    let actor = (form.get("actor_token"), form.get("actor_token_type"));
    if let (Some(_), None) | (None, Some(_)) = actor {
        let description =
            "actor_token and actor_token_type come together or not at all (RFC 8693 section 2.1)";
        return Err(Failure::invalid(description));
    }
    for (name, kind) in
        [("subject_token_type", form.get("subject_token_type")), ("actor_token_type", actor.1)]
    {
        if let Some(kind) = kind.filter(|kind| ![ACCESS_TOKEN, ID_TOKEN].contains(kind)) {
            return Err(Failure::invalid(format!(
                "{name} {kind} is not supported; it may be {ACCESS_TOKEN} or {ID_TOKEN}"
            )));
        }
    }
    Ok(())
}

async fn subject(request: &TokenRequest<'_>, ring: &Ring, conn: &mut Conn) -> Result<Subject, Failure> {
    let token = request.required("subject_token")?;
    if request.required("subject_token_type")? == ID_TOKEN {
        let (claims, standing) = id_token(request, ring, conn, "subject_token", token).await?;
        let scopes = standing.scopes.clone();
        let expires_at = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        return Ok(Subject { standing, scopes, expires_at, is_bound: false, act: None });
    }
    let token = access_token(request, ring, conn, "subject_token", token).await?;
    let act = token.claims.get("act").cloned();
    let nobody =
        || Failure::invalid("the subject_token is of a client in its own name, and stands for no person");
    let standing = token.standing.ok_or_else(nobody)?;
    let is_bound = token.bound.is_some();
    Ok(Subject { standing, scopes: token.scopes, expires_at: token.expires_at, is_bound, act })
}

/// What is left where a bound token is exchanged without a key of one's own: a service may call another one with it, as it always
/// could, but the token opens nothing here, where only its holder could have used the first.
fn unbound(scopes: Scopes, resources: &[String]) -> Result<Scopes, Failure> {
    if resources.is_empty() {
        return Err(Failure::invalid(
            "the subject_token is bound to a key: prove a key of your own (RFC 9449 section 5, RFC 8705 section 3), or name the \
             resource that the new token is for",
        ));
    }
    Ok(scopes.without(Scope::Openid))
}

/// `act` of the new token: who acts now, and in it who did before (RFC 8693 §4.1).
async fn actor(
    request: &TokenRequest<'_>,
    ring: &Ring,
    conn: &mut Conn,
    before: Option<Value>,
) -> Result<Option<Value>, Failure> {
    let Some(token) = request.form.get("actor_token") else { return Ok(before) };
    let sub = if request.form.get("actor_token_type") == Some(ID_TOKEN) {
        let (claims, _) = id_token(request, ring, conn, "actor_token", token).await?;
        claims.get("sub").cloned()
    } else {
        access_token(request, ring, conn, "actor_token", token).await?.claims.get("sub").cloned()
    };
    let depth = std::iter::successors(before.as_ref(), |act| act.get("act")).count();
    if depth >= MOST_ACTORS {
        return Err(Failure::invalid(format!(
            "the subject_token has had {depth} actors already, one after the other"
        )));
    }
    let mut act = json!({ "sub": sub });
    if let (Some(before), Some(act)) = (before, act.as_object_mut()) {
        act.insert("act".to_owned(), before);
    }
    Ok(Some(act))
}

/// An access token that this client has to do with. One that was issued to itself, and is bound to a key, comes with that
/// key's proof; of one that it was shown as a resource server it has checked the proof itself.
async fn access_token(
    request: &TokenRequest<'_>,
    ring: &Ring,
    conn: &mut Conn,
    name: &str,
    token: &str,
) -> Result<access_token::AccessToken, Failure> {
    let opened = access_token::open(request.provider, ring, conn, token, request.now).await;
    let token = opened.map_err(|rejected| match rejected {
        Rejected::Store(e) => e.into(),
        other => Failure::invalid(format!("{name}: {}", other.description())),
    })?;
    if !token.concerns(request.client) {
        return Err(Failure::invalid(format!(
            "{name} was neither issued to this client nor is it for a resource that it serves"
        )));
    }
    let own = token.client.id == request.client.id;
    if own && token.bound.is_some() && token.bound != request.bound {
        return Err(Failure::invalid(format!("{name} is bound to a key that was not proven")));
    }
    Ok(token)
}

/// An ID token that was issued to this client, and the grant that it came with.
async fn id_token(
    request: &TokenRequest<'_>,
    ring: &Ring,
    conn: &mut Conn,
    name: &str,
    token: &str,
) -> Result<(Map<String, Value>, Standing), Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    let refuse = |what: &str| Failure::invalid(format!("{name} {what}"));
    let claims = kinds::id_token(ring, token, &provider.issuer, now)
        .ok_or_else(|| refuse("is not an ID token of this provider"))?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("aud") != client.id {
        return Err(refuse("was issued to another client"));
    }
    if claims.get("exp").and_then(Value::as_i64).is_none_or(|exp| exp <= now) {
        return Err(refuse("has expired"));
    }
    let ended = "has ended with its grant";
    let id = text("jti").split('.').next().unwrap_or_default();
    let granted = Granted::find(conn, id).await?.and_then(|granted| granted.of_client(client));
    let granted = granted.filter(|one| one.grant.ended_at.is_none() && one.grant.expires_at > now);
    let granted = granted.ok_or_else(|| refuse(ended))?;
    let standing = standing::of(conn, client, granted, now).await?;
    let standing = standing.map_err(|lost| Failure::invalid(format!("{name}: {}", lost.description())))?;
    if provider.subject(client, &standing.person.id)? != text("sub") {
        return Err(refuse(ended));
    }
    Ok((claims, standing))
}

/// For whom the new token will be: `resource` and `audience` mean the same here, what the client is registered for (RFC 8693 §2.1).
fn targets(request: &TokenRequest<'_>) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    for name in ["resource", "audience"] {
        for asked in request.form.all(name) {
            let refuse = |what: &str| {
                let description = format!("{name} {asked} {what}");
                Err(Failure::request(Refusal::new(Code::InvalidTarget, description)))
            };
            let absolute = Url::parse(asked).is_ok_and(|url| url.fragment().is_none());
            if name == "resource" && !absolute {
                return refuse("must be an absolute URI without a fragment (RFC 8693 section 2.1)");
            }
            if !allowed::may_call(&request.client.metadata, asked) {
                return refuse("is not registered for this client");
            }
            if !found.iter().any(|one| one == asked) {
                found.push(asked.to_owned());
            }
        }
    }
    Ok(found)
}
