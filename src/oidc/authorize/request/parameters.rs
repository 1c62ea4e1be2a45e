//! Where do the parameters of an authorization request come from? From itself, from a signed object in it or behind an address
//! (RFC 9101), or from what the client has pushed before (RFC 9126).

use super::object::{self, Expected};
use crate::keys::secret::TokenHash;
use crate::oidc::clients::{Client, Metadata};
use crate::oidc::provider::Provider;
use crate::oidc::shared::documents;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::mistake::Mistake;
use crate::store::pushed_requests::{self, PushedRow};
use crate::store::{self, Db, is_over};
use crate::web::form::Form;

/// How the address of a pushed request begins (RFC 9126 §2.2).
pub(in crate::oidc) const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";

/// What a request object is asked for as.
const ACCEPTED: &str = "application/oauth-authz-req+jwt, application/jwt";

/// The parameters that count.
pub(in crate::oidc) struct Found {
    pub(in crate::oidc) form: Form,
    /// The hash of the `request_uri` that they were pushed under, and the key that the push has named.
    pub(in crate::oidc) pushed: Option<(String, Option<String>)>,
}

/// A request whose parameters cannot be had.
#[derive(Debug)]
pub(in crate::oidc) struct Unusable {
    pub(in crate::oidc) mistake: Mistake,
    /// What may say where the answer goes, if not the request itself.
    pub(in crate::oidc) form: Option<Form>,
}

impl From<Mistake> for Unusable {
    fn from(mistake: Mistake) -> Self {
        Self { mistake, form: None }
    }
}

/// Where the parameters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source<'f> {
    /// In the request.
    Plain,
    /// In this signed object.
    Value(&'f str),
    /// In one behind this address.
    Reference(&'f str),
    /// In what was pushed under this address.
    Pushed(&'f str),
}

/// The parameters of a request at the authorization endpoint.
///
/// # Errors
/// The outer one when the database refuses; the inner one when they cannot be had.
pub(in crate::oidc) async fn find(
    provider: &Provider,
    client: &Client,
    query: &Form,
    now: i64,
) -> store::Result<Result<Found, Unusable>> {
    let source = match source(query).and_then(|source| allowed(source, &client.metadata).map(|()| source)) {
        Ok(source) => source,
        Err(mistake) => return Ok(Err(mistake.into())),
    };
    let form = match source {
        Source::Plain => Ok(query.clone()),
        Source::Value(jwt) => of_object(provider, client, jwt, now).await,
        Source::Reference(uri) => of_address(provider, client, uri, now).await,
        Source::Pushed(uri) => return of_push(&provider.signin.db, client, uri, now).await,
    };
    Ok(form.map(|form| Found { form, pushed: None }).map_err(Unusable::from))
}

/// The parameters of a request that is being pushed (RFC 9126 §2.1 and §3).
///
/// # Errors
/// When they cannot be had.
pub(in crate::oidc) async fn to_push(
    provider: &Provider,
    client: &Client,
    body: &Form,
    now: i64,
) -> Result<Form, Refusal> {
    if body.get("request_uri").is_some() {
        let description =
            "request_uri cannot be pushed (RFC 9126 section 2.1): send the parameters, or request";
        return Err(Refusal::new(Code::InvalidRequest, description));
    }
    let form = match body.get("request") {
        Some(jwt) => of_object(provider, client, jwt, now).await,
        None => must_be_signed(&client.metadata).map_or_else(|| Ok(body.clone()), Err),
    };
    form.map_err(|mistake| mistake.refusal)
}

fn source(form: &Form) -> Result<Source<'_>, Mistake> {
    let invalid = |code, description: &str, document| Mistake::new(Refusal::new(code, description), document);
    if let Some(name) = ["request", "request_uri"].into_iter().find(|name| form.is_doubled(name)) {
        let description = format!("{name} is there more than once (RFC 6749 section 3.1)");
        return Err(invalid(Code::InvalidRequest, &description, documents::PARAMETERS));
    }
    match (form.get("request"), form.get("request_uri")) {
        (None, None) => Ok(Source::Plain),
        (Some(jwt), None) => Ok(Source::Value(jwt)),
        (None, Some(uri)) if uri.starts_with(PUSHED) => Ok(Source::Pushed(uri)),
        (None, Some(uri)) if uri.starts_with("https://") => Ok(Source::Reference(uri)),
        (None, Some(_)) => Err(invalid(
            Code::InvalidRequestUri,
            "request_uri must begin with https:// or be what /par has answered (RFC 9101 section 5.2)",
            documents::REQUEST_URI,
        )),
        (Some(_), Some(_)) => Err(invalid(
            Code::InvalidRequest,
            "request and request_uri are both there (RFC 9101 section 5)",
            documents::REQUEST_OBJECT,
        )),
    }
}

/// Whether this client may ask in this way.
fn allowed(source: Source<'_>, client: &Metadata) -> Result<(), Mistake> {
    if matches!(source, Source::Pushed(_)) {
        // Whether it had to be signed was asked when it was pushed.
        return Ok(());
    }
    if client.must_push() {
        let description = "this client must push its authorization requests: send them to /par, and here only client_id and \
                           the request_uri that it answers";
        let (document, name, value) = if client.is_fapi2() {
            (documents::FAPI2, "profile", "fapi2")
        } else {
            (documents::MUST_PUSH, "require_pushed_authorization_requests", "true")
        };
        let mistake = Mistake::new(Refusal::new(Code::InvalidRequest, description), document);
        return Err(mistake.registered(name, [&value.to_owned()]));
    }
    match source {
        Source::Plain => must_be_signed(client).map_or(Ok(()), Err),
        _ => Ok(()),
    }
}

/// What a request is told that is not signed, and has to be (RFC 9101 §10.5).
fn must_be_signed(client: &Metadata) -> Option<Mistake> {
    let description = "this client must sign its authorization requests: send them as a request object in request \
                       (RFC 9101 section 10.5)";
    let mistake = || Mistake::new(Refusal::new(Code::InvalidRequest, description), documents::SIGNED);
    client
        .require_signed_request_object
        .then(|| mistake().registered("require_signed_request_object", [&"true".to_owned()]))
}

/// A request object by value.
async fn of_object(provider: &Provider, client: &Client, jwt: &str, now: i64) -> Result<Form, Mistake> {
    let wrong = |refusal| Mistake::new(refusal, documents::REQUEST_OBJECT);
    let algorithms = object::algorithms(client);
    let verified = provider.client_keys.verify(client, jwt, &algorithms, now).await.map_err(|failure| {
        let description = format!("request: {failure}");
        wrong(Refusal::new(Code::InvalidRequestObject, description))
            .registered("request_object_signing_alg", algorithm_registered(client).as_ref())
    })?;
    let expected = Expected { client, issuer: &provider.issuer, now };
    object::parameters(&verified.header, &verified.claims, expected).map_err(wrong)
}

fn algorithm_registered(client: &Client) -> Option<String> {
    client.metadata.request_object_signing_alg.map(|algorithm| algorithm.name().to_owned())
}

/// A request object by reference: only from an address that is registered. Its fragment changes with the content, for caches (OIDC
/// Core §6.2); as nothing is cached here, it says nothing, and it is the object's signature that counts.
async fn of_address(provider: &Provider, client: &Client, uri: &str, now: i64) -> Result<Form, Mistake> {
    let wrong = |description: String| {
        Mistake::new(Refusal::new(Code::InvalidRequestUri, description), documents::REQUEST_URI)
    };
    let address = without_fragment(uri);
    let registered = &client.metadata.request_uris;
    if !registered.iter().any(|one| without_fragment(one) == address) {
        let description = "request_uri is not one of the request_uris that are registered for this client";
        return Err(wrong(description.to_owned()).registered("request_uris", registered));
    }
    let answer = provider.outbound.on_behalf_of(client.party()).get(address, ACCEPTED).await;
    let content = answer.map_err(|failure| wrong(format!("request_uri {address} {failure}")))?;
    of_object(provider, client, content.trim(), now).await
}

fn without_fragment(uri: &str) -> &str {
    uri.split_once('#').map_or(uri, |(address, _)| address)
}

/// A pushed request. What is known of it says where the refusal goes, but only for whoever has pushed it.
async fn of_push(db: &Db, client: &Client, uri: &str, now: i64) -> store::Result<Result<Found, Unusable>> {
    let hash = TokenHash::of(uri);
    let mut conn = db.read().await?;
    let row = pushed_requests::find(&mut conn, hash.as_str()).await?;
    let Some(row) = row.filter(|row| row.client_id == client.id) else {
        let description =
            "request_uri is not known, or was pushed by another client, or has expired long ago";
        return Ok(Err(pushed_mistake(description).into()));
    };
    let pairs: Vec<(String, String)> = serde_json::from_str(&row.parameters).map_err(|_| {
        store::Error::BadRow { table: "pushed_requests", column: "parameters", row: hash.as_str().to_owned() }
    })?;
    let form: Form = pairs.into_iter().collect();
    let over = over(&row, now);
    if over.is_some() && row.used_at.is_none() {
        drop(conn);
        let mut tx = db.write().await?;
        pushed_requests::expire(&mut tx, hash.as_str()).await?;
        tx.commit().await?;
    }
    Ok(match over {
        None => Ok(Found { form, pushed: Some((hash.as_str().to_owned(), row.dpop_jkt)) }),
        Some(description) => Err(Unusable { mistake: pushed_mistake(description), form: Some(form) }),
    })
}

/// Why a pushed request cannot be used any more.
fn over(row: &PushedRow, now: i64) -> Option<&'static str> {
    if row.used_at.is_some() {
        Some(USED)
    } else if is_over(row.created_at, row.expires_at, now) {
        Some(
            "the pushed request has expired: a sign-in must begin within expires_in of /par (RFC 9126 section 4)",
        )
    } else {
        None
    }
}

/// What a pushed request is told that comes again.
pub(in crate::oidc) const USED: &str =
    "the pushed request has been used: each serves for one sign-in (RFC 9126 section 4); push another one";

fn pushed_mistake(description: &str) -> Mistake {
    Mistake::new(Refusal::new(Code::InvalidRequestUri, description), documents::PUSHED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::clients::Profile;
    use proptest::prelude::*;

    fn read(query: &str) -> Result<String, Code> {
        let form = Form::parse(query).unwrap();
        source(&form).map(|source| format!("{source:?}")).map_err(|mistake| mistake.refusal.code)
    }

    #[test]
    fn there_is_one_source() {
        assert_eq!(read("client_id=app&scope=openid").as_deref(), Ok("Plain"));
        assert_eq!(read("request=").as_deref(), Ok("Plain"), "left out (RFC 6749 section 3.1)");
        assert_eq!(read("request=a.b.c").as_deref(), Ok("Value(\"a.b.c\")"));
        assert_eq!(
            read("request_uri=https://a.example/").as_deref(),
            Ok("Reference(\"https://a.example/\")")
        );
        let pushed = read(&format!("request_uri={PUSHED}x"));
        assert_eq!(pushed, Ok(format!("Pushed(\"{PUSHED}x\")")));
        for other in ["http://a.example/", "urn:other:x", "ftp://a", "data:x", "x"] {
            assert_eq!(read(&format!("request_uri={other}")), Err(Code::InvalidRequestUri), "{other}");
        }
        assert_eq!(read("request=a.b.c&request_uri=https://a.example/"), Err(Code::InvalidRequest));
        assert_eq!(read("request=a.b.c&request=a.b.c"), Err(Code::InvalidRequest));
        assert_eq!(read("request_uri=https://a.example/&request_uri=x"), Err(Code::InvalidRequest));
    }

    #[test]
    fn what_a_client_has_registered_says_how_it_may_ask() {
        let all = [Source::Plain, Source::Value("x"), Source::Reference("x"), Source::Pushed("x")];
        let admitted = |metadata: &Metadata| all.map(|source| allowed(source, metadata).is_ok());
        let any = Metadata::default();
        assert_eq!(admitted(&any), [true; 4]);
        let signed = Metadata { require_signed_request_object: true, ..Metadata::default() };
        assert_eq!(admitted(&signed), [false, true, true, true]);
        let pushing = Metadata { require_pushed_authorization_requests: true, ..Metadata::default() };
        assert_eq!(admitted(&pushing), [false, false, false, true]);
        let fapi = Metadata { profile: Some(Profile::Fapi2), ..Metadata::default() };
        assert_eq!(admitted(&fapi), [false, false, false, true]);
    }

    #[test]
    fn a_pushed_request_serves_once_and_in_time() {
        let row = |used_at, expires_at| PushedRow {
            created_at: 0,
            client_id: String::new(),
            parameters: String::new(),
            dpop_jkt: None,
            expires_at,
            used_at,
        };
        assert_eq!(over(&row(None, 101), 100), None);
        assert!(over(&row(None, 100), 100).is_some_and(|why| why.contains("expired")));
        assert_eq!(over(&row(Some(90), 101), 100), Some(USED));
    }

    proptest! {
        #[test]
        fn no_request_uri_panics(uri in ".*") {
            let form: Form = [("request_uri".to_owned(), uri.clone())].into_iter().collect();
            let _ = source(&form);
            let _ = without_fragment(&uri);
        }
    }
}
