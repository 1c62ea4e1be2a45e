//! Is this the client that it says it is? (RFC 6749 §2.3, OIDC Core §9, RFC 8705 §2) One file a family of proofs.

mod certificate;
mod secret;

use std::sync::Arc;

use axum::extract::{FromRequest as _, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};

use super::Provider;
use super::clients::{self, AuthMethod, Client};
use super::error::{Code, Refusal};
use super::failure::Failure;
use crate::web::certificate::ClientCertificate;
use crate::web::form::Form;

/// A request of a client by itself, with its form read.
pub(super) struct Received {
    parts: Parts,
    /// The parameters, none of them twice but `resource` and `audience`.
    pub(super) form: Form,
}

/// A client that asks by itself, at one of the endpoints where clients prove who they are.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) provider: &'a Provider,
    pub(super) headers: &'a HeaderMap,
    pub(super) extensions: &'a Extensions,
    pub(super) form: &'a Form,
    /// The path of the endpoint that it calls, such as `/token`.
    pub(super) endpoint: &'static str,
    /// Now, in seconds since 1970.
    pub(super) now: i64,
}

/// What a request says about its client.
struct Presented<'a> {
    client_id: String,
    credential: Credential<'a>,
}

/// What it brings to prove that.
enum Credential<'a> {
    /// `client_secret_basic`
    Basic(String),
    /// `client_secret_post`
    Post(&'a str),
    /// Nothing in the request itself: a public client, or one with a certificate.
    Nothing,
}

impl Received {
    /// Reads a request of a client.
    ///
    /// # Errors
    /// When its body is no form, or a parameter is there twice (RFC 6749 §3.2).
    pub(super) async fn of(request: Request) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let form = Form::from_request(Request::from_parts(parts.clone(), body), &()).await;
        let form = form.map_err(|bad| Failure::invalid(bad.to_string()))?;
        match form.doubled_but(&["resource", "audience"]) {
            Some(name) => {
                Err(Failure::invalid(format!("{name} is there more than once (RFC 6749 section 3.2)")))
            }
            None => Ok(Self { parts, form }),
        }
    }

    /// Who calls this endpoint.
    pub(super) fn caller<'a>(&'a self, provider: &'a Provider, endpoint: &'static str) -> Caller<'a> {
        Caller {
            provider,
            headers: &self.parts.headers,
            extensions: &self.parts.extensions,
            form: &self.form,
            endpoint,
            now: provider.signin.clock.now(),
        }
    }
}

impl Caller<'_> {
    /// The client that has sent this request, having proven it by the method that it is registered for, and by no other.
    ///
    /// # Errors
    /// `invalid_client`, with the method that is registered and what came instead.
    pub(super) async fn authenticate(&self) -> Result<Client, Failure> {
        let presented = present(self.headers, self.form)?;
        let credential = &presented.credential;
        let refuse = |description: String| {
            let by_basic = matches!(credential, Credential::Basic(_));
            Failure::client(Refusal::new(Code::InvalidClient, description), by_basic)
        };
        let mut conn = self.provider.signin.db.read().await?;
        let found = clients::find(&mut conn, &presented.client_id).await?;
        drop(conn);
        let client = found.ok_or_else(|| refuse(secret::UNKNOWN.to_owned()))?;
        let certificate = self.certificate();
        match (client.metadata.token_endpoint_auth_method, credential) {
            (AuthMethod::ClientSecretBasic, Credential::Basic(secret)) => {
                secret::check(&client, secret).map_err(refuse)?;
            }
            (AuthMethod::ClientSecretPost, Credential::Post(secret)) => {
                secret::check(&client, secret).map_err(refuse)?;
            }
            (AuthMethod::TlsClientAuth, Credential::Nothing) => {
                certificate::by_authority(&client.metadata.tls_client_auth, certificate.as_deref(), self.now)
                    .map_err(refuse)?;
            }
            (AuthMethod::None, Credential::Nothing) => {}
            (registered, _) => {
                let sent = credential.name(certificate.is_some());
                let registered = registered.name();
                return Err(refuse(format!(
                    "this client is registered for {registered}, and came with {sent}"
                )));
            }
        }
        Ok(client)
    }

    /// The certificate that the client has shown in the TLS handshake, here or to a trusted proxy.
    pub(super) fn certificate(&self) -> Option<Arc<ClientCertificate>> {
        let header = self.provider.certificate_header.as_ref();
        ClientCertificate::of(self.extensions, self.headers, &self.provider.trusted_proxies, header)
    }
}

impl Credential<'_> {
    /// What came, in the words of `token_endpoint_auth_method`.
    const fn name(&self, with_certificate: bool) -> &'static str {
        match self {
            Self::Basic(_) => AuthMethod::ClientSecretBasic.name(),
            Self::Post(_) => AuthMethod::ClientSecretPost.name(),
            Self::Nothing if with_certificate => "a certificate alone",
            Self::Nothing => AuthMethod::None.name(),
        }
    }
}

/// One method, and no more than one (RFC 6749 §2.3).
fn present<'a>(headers: &HeaderMap, form: &'a Form) -> Result<Presented<'a>, Failure> {
    let in_form = form.get("client_id");
    let refuse = |description: &str| Failure::client(Refusal::new(Code::InvalidClient, description), true);
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    match (authorizations.next(), form.get("client_secret")) {
        (Some(_), Some(_)) => Err(Failure::invalid("the client authenticates twice, by header and by form")),
        (Some(_), None) if authorizations.next().is_some() => {
            Err(Failure::invalid("there is more than one Authorization header"))
        }
        (Some(value), None) => {
            let basic = value.to_str().ok().and_then(secret::basic);
            let (client_id, secret) =
                basic.ok_or_else(|| refuse("the Authorization header is not HTTP Basic (RFC 7617)"))?;
            if in_form.is_some_and(|id| id != client_id) {
                return Err(Failure::invalid("client_id is not that of the Authorization header"));
            }
            Ok(Presented { client_id, credential: Credential::Basic(secret) })
        }
        (None, secret) => {
            let credential = secret.map_or(Credential::Nothing, Credential::Post);
            let unnamed = "the client does not say who it is: send an Authorization header or client_id";
            let client_id = in_form.ok_or_else(|| refuse(unnamed))?.to_owned();
            Ok(Presented { client_id, credential })
        }
    }
}
