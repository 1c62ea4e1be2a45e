//! What is an app registered for, and what could go wrong with it? One line each, in words that its developer can act on.

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt as _;

use super::super::{Operator, one_line};
use super::{Finding, bad, found, good};
use crate::app::App;
use crate::clock::timestamp;
use crate::config::{Config, SigningAlgorithm};
use crate::directory::groups;
use crate::keys::jose::ClientKeys;
use crate::oidc::clients::{self, AuthMethod, Client, Metadata};
use crate::oidc::registration::sector;
use crate::oidc::shared::scopes::Scope;
use crate::outbound::Outbound;

/// Where discovery is.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Looks at one client.
pub(super) async fn examine(operator: &Operator, id: &str, findings: &mut Vec<Finding>) {
    // It brings a schema up to date, and this looks only.
    if let Err(e) = operator.db().await {
        return findings.push(bad("provider", one_line(&e)));
    }
    let app = match App::open(operator.config.clone(), operator.clock.clone()).await {
        Ok(app) => app,
        Err(e) => return findings.push(bad("provider", one_line(&e))),
    };
    match find(&app, id).await {
        Ok(client) => {
            let outbound = &app.provider.outbound;
            findings.extend(told(&client, &operator.config));
            findings.push(people(&app, &client.metadata).await);
            findings.extend(keys(outbound, &client.metadata).await);
            findings.extend(addresses(outbound, &client.metadata).await);
            findings.push(discovery(&app, &client.metadata).await);
        }
        Err(e) => findings.push(bad("client", one_line(&e))),
    }
    app.db.close().await;
}

async fn find(app: &App, id: &str) -> anyhow::Result<Client> {
    let mut conn = app.db.read().await?;
    Ok(clients::find(&mut conn, id).await?.ok_or_else(|| clients::Error::Unknown(id.to_owned()))?)
}

/// What can be said without asking anybody.
fn told(client: &Client, config: &Config) -> Vec<Finding> {
    let metadata = &client.metadata;
    let whose = if client.registration_token_hash.is_some() { "by itself" } else { "by the operator" };
    let (name, since) = (&metadata.client_name, timestamp(client.created_at));
    let mut findings = vec![
        good("client", format!("{name}, registered {whose} on {since}")),
        found("metadata", metadata.validate().map(|()| "everything fits together")),
        proof(client, config),
        asks(metadata),
    ];
    for uri in &metadata.redirect_uris {
        findings.push(good("redirect", format!("{uri}: send redirect_uri exactly so, letter by letter")));
    }
    for uri in &metadata.post_logout_redirect_uris {
        findings.push(good("logout", format!("{uri}: send post_logout_redirect_uri exactly so")));
    }
    findings.push(scopes(metadata));
    if metadata.id_token_claims {
        findings.push(good("claims", "ID tokens say what the scopes open as well"));
    }
    if metadata.is_fapi2() {
        findings.push(good("profile", "fapi2: push requests to /par with PKCE (S256); bind tokens by DPoP or certificate; sign with PS256, ES256 or EdDSA; aud of assertions is the issuer alone"));
    }
    findings
}

/// Whether the client can prove who it is.
fn proof(client: &Client, config: &Config) -> Finding {
    let metadata = &client.metadata;
    let (method, what) = (metadata.token_endpoint_auth_method, "proof");
    if client.lacks_its_secret() {
        let id = &client.id;
        return bad(
            what,
            format!(
                "{} needs a secret, and there is none: countersign client rotate-secret {id}",
                method.name()
            ),
        );
    }
    let asked = config.tls.as_ref().is_some_and(|tls| tls.client_certificates);
    let certificates = method.needs_certificate() || metadata.tls_client_certificate_bound_access_tokens;
    if certificates && !asked && config.client_certificate_header.is_none() {
        return bad(
            what,
            "needs the client's certificate, and nobody asks for it: set tls.client_certificates, or client_certificate_header behind a proxy",
        );
    }
    if method == AuthMethod::TlsClientAuth && config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_none()) {
        return bad(what, "tls_client_auth needs authorities to believe: set tls.client_ca");
    }
    match method {
        _ if metadata.any_secret_method && method.needs_secret() => good(
            what,
            "client_secret_basic or client_secret_post, one of them at a time, at /token and the like",
        ),
        AuthMethod::None => good(what, "none: a public client, which sends client_id and uses PKCE (S256)"),
        method => good(what, format!("{}, and no other method, at /token and the like", method.name())),
    }
}

/// What may be asked of the authorization and of the token endpoint.
fn asks(metadata: &Metadata) -> Finding {
    let grants: Vec<&str> = metadata.grant_types.iter().map(|grant| grant.name()).collect();
    let types: Vec<&str> = metadata.response_types.iter().map(|one| one.name()).collect();
    let types = if types.is_empty() { "none".to_owned() } else { types.join(", ") };
    good("requests", format!("response_type {types}; grant_type {}", grants.join(", ")))
}

fn scopes(metadata: &Metadata) -> Finding {
    let Some(scope) = &metadata.scope else { return good("scope", "whatever it asks for") };
    let known = Scope::ALL.map(Scope::name);
    let unknown: Vec<&str> =
        scope.split(' ').filter(|word| !word.is_empty() && !known.contains(word)).collect();
    if unknown.is_empty() {
        return good("scope", format!("{scope}, and no other"));
    }
    bad("scope", format!("{} is not known here: there are {}", unknown.join(", "), known.join(", ")))
}

/// Who may use it, and what they are asked.
async fn people(app: &App, metadata: &Metadata) -> Finding {
    let paths = async {
        let mut conn = app.db.read().await?;
        let mut paths = Vec::new();
        for id in &metadata.allowed_groups {
            paths.push(groups::path(&mut conn, id).await?);
        }
        Ok::<_, crate::directory::Error>(paths)
    };
    match paths.await {
        Err(e) => bad("people", e.to_string()),
        Ok(paths) => {
            let who = if paths.is_empty() { "everybody".to_owned() } else { paths.join(", ") };
            let factors =
                if metadata.require_two_factor { "two factors always" } else { "what their group asks" };
            let consent = if metadata.consent {
                "asked once before the app learns who they are"
            } else {
                "not asked for consent"
            };
            good("people", format!("{who}; {factors}; {consent}"))
        }
    }
}

/// Whether its keys can be had, and go with the algorithms that it has registered.
async fn keys(outbound: &Outbound, metadata: &Metadata) -> Vec<Finding> {
    let (set, at) = match (&metadata.jwks, &metadata.jwks_uri) {
        (Some(set), _) => (Ok(set.clone()), "jwks".to_owned()),
        (None, Some(uri)) => {
            let answer = outbound.get(uri, "application/jwk-set+json, application/json").await;
            let set = answer.map(|text| serde_json::from_str(&text).unwrap_or_default());
            (set.map_err(|why| format!("jwks_uri {uri} {why}")), format!("jwks_uri {uri}"))
        }
        (None, None) => return Vec::new(),
    };
    let keys = set.and_then(|set| ClientKeys::parse(&set).map_err(|why| format!("{at} {why}")));
    match keys {
        Err(why) => vec![bad("keys", why)],
        Ok(keys) => {
            let mut findings = vec![good("keys", format!("{at}: {} usable", keys.len()))];
            findings.extend(missing(&keys, metadata).map(|what| bad("keys", format!("{at} {what}"))));
            findings
        }
    }
}

/// What has been registered, and no key is for.
fn missing(keys: &ClientKeys, metadata: &Metadata) -> Option<String> {
    let by_key = metadata.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
    let assertion = metadata.token_endpoint_auth_signing_alg.as_deref().filter(|_| by_key);
    let assertion = assertion.and_then(SigningAlgorithm::from_name);
    let named = [
        ("token_endpoint_auth_signing_alg", assertion),
        ("request_object_signing_alg", metadata.request_object_signing_alg),
    ];
    for (field, algorithm) in named {
        if let Some(algorithm) = algorithm.filter(|algorithm| !keys.can_sign(*algorithm)) {
            return Some(format!("has no key for {}, the registered {field}", algorithm.name()));
        }
    }
    let possible: &[SigningAlgorithm] =
        if metadata.is_fapi2() { &SigningAlgorithm::FAPI } else { &SigningAlgorithm::ALL };
    let any = possible.iter().any(|algorithm| keys.can_sign(*algorithm));
    (by_key && !any).then(|| "has no key that an assertion can be signed with".to_owned())
}

/// Whether what this provider asks by itself can be reached.
async fn addresses(outbound: &Outbound, metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(uri) = &metadata.sector_identifier_uri {
        let named = sector::check(outbound, metadata).await;
        findings.push(found("sector", named.map(|()| format!("{uri} names every redirect URI"))));
    }
    for uri in &metadata.request_uris {
        let answer = outbound.get(uri, "application/oauth-authz-req+jwt, application/jwt").await;
        findings.push(match answer {
            Ok(_) => good("request", format!("request_uri {uri} answers")),
            Err(why) => bad("request", format!("request_uri {uri} {why}")),
        });
    }
    if let Some(uri) = &metadata.backchannel_logout_uri {
        // Whatever it says to an empty form, which is no logout token.
        findings.push(match outbound.post_form(uri, &[]).await {
            Ok(_) => good("logout", format!("backchannel_logout_uri {uri} can be reached")),
            Err(why) => bad("logout", format!("backchannel_logout_uri {uri} {why}")),
        });
    }
    if let Some(uri) = &metadata.frontchannel_logout_uri {
        findings.push(good(
            "logout",
            format!("frontchannel_logout_uri {uri} is opened in a frame: its site must allow that"),
        ));
    }
    findings
}

/// Whether discovery tells of everything that the client is registered for.
async fn discovery(app: &App, metadata: &Metadata) -> Finding {
    let published = match published(app).await {
        Ok(published) => published,
        Err(e) => return bad("discovery", one_line(&e)),
    };
    let alg =
        |algorithm: Option<SigningAlgorithm>| algorithm.map(SigningAlgorithm::name).into_iter().collect();
    let registered: [(&str, Vec<&str>); 6] = [
        ("token_endpoint_auth_methods_supported", vec![metadata.token_endpoint_auth_method.name()]),
        ("grant_types_supported", metadata.grant_types.iter().map(|grant| grant.name()).collect()),
        ("response_types_supported", metadata.response_types.iter().map(|one| one.name()).collect()),
        ("subject_types_supported", vec![metadata.subject_type().name()]),
        ("id_token_signing_alg_values_supported", alg(metadata.id_token_signed_response_alg)),
        ("request_object_signing_alg_values_supported", alg(metadata.request_object_signing_alg)),
    ];
    for (list, words) in registered {
        let listed = |word: &&str| {
            published.get(list).and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == word))
        };
        if let Some(word) = words.into_iter().find(|word| !listed(word)) {
            return bad(
                "discovery",
                format!("{word} is registered, and not in {list}: this provider does not do it"),
            );
        }
    }
    let issuer = &app.config.issuer;
    good("discovery", format!("{issuer}{DISCOVERY} tells the app all that it needs: issuer {issuer}"))
}

async fn published(app: &App) -> anyhow::Result<Value> {
    let request = Request::get(DISCOVERY).body(Body::empty())?;
    let response = app.router().oneshot(request).await?;
    let body = axum::body::to_bytes(response.into_body(), 1024 * 1024).await?;
    Ok(serde_json::from_slice(&body)?)
}
