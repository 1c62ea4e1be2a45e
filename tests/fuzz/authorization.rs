//! What may an app say of itself, and ask for? Anything, and what is taken reads back from the database as the same: what did not
//! would be a 500 in the middle of somebody's sign-in.

use std::borrow::Cow;

use countersign::oidc::authorize::request::destination::ReturnTo;
use countersign::oidc::authorize::request::object::{self, Expected};
use countersign::oidc::authorize::request::{AuthorizationRequest, ClaimsRequest, ResponseMode};
use countersign::oidc::clients::subject;
use countersign::oidc::clients::{Client, Metadata, ResponseType};
use countersign::oidc::shared::scopes::Scopes;
use countersign::web::form::Form;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Three lines: a client's metadata, the parameters of a request, and the claims of a request object.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let client = client(lines.next().unwrap_or_default());
    let form = Form::parse(lines.next().unwrap_or_default());
    if let Ok(form) = form {
        request(&form, &client);
    }
    if let Ok(claims) = serde_json::from_str::<Map<String, Value>>(lines.next().unwrap_or_default()) {
        let expected = Expected { client: &client, issuer: "https://id.example.org", now: 1_800_000_000 };
        let header = claims.get("header").and_then(Value::as_object).cloned().unwrap_or_default();
        match object::parameters(&header, &claims, expected) {
            Ok(form) => request(&form, &client),
            Err(refusal) => is_fit_for_the_wire(&refusal.description),
        }
    }
}

/// The client of this metadata, if it may be registered; else one as most are.
fn client(metadata: &str) -> Client {
    let metadata = serde_json::from_str::<Metadata>(metadata).ok().filter(|metadata| {
        let valid = metadata.validate();
        if let Err(invalid) = &valid {
            assert!(!invalid.to_string().is_empty());
        }
        valid.is_ok()
    });
    let metadata = metadata.unwrap_or_else(|| Metadata {
        response_types: ResponseType::ALL.to_vec(),
        ..Metadata::web_app("App", vec!["https://app.example.org/callback".to_owned()])
    });
    reads_back(&metadata);
    for uri in &metadata.redirect_uris {
        assert!(metadata.allows_redirect_to(uri), "{uri}");
        assert!(
            !metadata.allows_redirect_to(&format!("{uri}x"))
                || metadata.redirect_uris.len() > 1
                || metadata.is_public()
        );
    }
    let _ = (metadata.sector(), metadata.front_page(), object::algorithms(&fixed(metadata.clone())));
    fixed(metadata)
}

fn fixed(metadata: Metadata) -> Client {
    Client::unregistered("client", metadata)
}

fn request(form: &Form, client: &Client) {
    let scopes = Scopes::parse(form.field("scope"));
    assert_eq!(Scopes::parse(&scopes.to_string()), scopes);
    if let Ok(claims) = ClaimsRequest::parse(form.field("claims")) {
        reads_back(&claims);
    }
    let (mode, kind) = (form.get("response_mode"), form.get("response_type"));
    reads_back(&ResponseMode::for_errors(kind, mode));
    let uri = form.field("redirect_uri").to_owned();
    let _ = (client.metadata.allows_redirect_to(&uri), subject::sector(None, std::slice::from_ref(&uri)));
    let to = ReturnTo { redirect_uri: uri, implied: false, state: None, mode: ResponseMode::default() };
    match AuthorizationRequest::parse(form, client, to, |hint| Some(hint.to_owned())) {
        Ok(request) => {
            reads_back(&request);
            let _ = (request.demand(client), request.freshness(1_800_000_000));
        }
        Err(refusal) => is_fit_for_the_wire(&refusal.description),
    }
}

/// RFC 6749 §4.1.2.1
fn is_fit_for_the_wire(description: &str) {
    let fits = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    assert!(!description.is_empty() && description.chars().all(fits), "{description}");
}

fn reads_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("JSON");
    let read: Result<T, Cow<str>> = serde_json::from_str(&text).map_err(|e| e.to_string().into());
    assert_eq!(read.as_ref(), Ok(value), "{text}");
}
