//! Is this the client that it says it is? (RFC 6749 §2.3, OIDC Core §9, RFC 8705 §2) One file a family of proofs.

mod assertion;
mod certificate;
mod secret;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};

use self::assertion::Assertion;
use crate::keys::VaultError;
use crate::oidc::clients::{AuthMethod, Client};
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::slip::Slip;
use crate::store;
use crate::web::Asking;
use crate::web::certificate::ClientCertificate;
use crate::web::form::Form;
use crate::web::network::Network;

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

/// Why a client is not believed.
enum Refused {
    /// It has not proven who it is; as a sentence.
    Proof(String),
    /// It has sent a wrong secret.
    Secret,
    /// That cannot be found out.
    Failed(Failure),
}

/// What a request says about its client.
struct Presented<'a> {
    client_id: String,
    credential: Credential<'a>,
}

/// What it brings to prove that.
enum Credential<'a> {
    /// `client_secret_basic`
    Basic(secret::Basic),
    /// `client_secret_post`
    Post(&'a str),
    /// `client_secret_jwt` or `private_key_jwt`
    Assertion(Assertion<'a>),
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
        let form = Form::beside(&parts, body).await;
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
    pub(super) async fn authenticate(&self) -> Result<Arc<Client>, Failure> {
        let presented = present(self.headers, self.form)?;
        Asking::note(self.extensions, &presented.client_id);
        let credential = &presented.credential;
        let refuse = |description: String| {
            let by_basic = matches!(credential, Credential::Basic(_));
            Failure::client(Refusal::new(Code::InvalidClient, description), by_basic)
        };
        let found = self.provider.client_alone(&presented.client_id).await?;
        let client = found.ok_or_else(|| refuse(secret::UNKNOWN.to_owned()))?;
        let (slip, description) = match self.check(&client, credential).await {
            Ok(()) => return Ok(client),
            Err(Refused::Proof(description)) => (Slip::Proof, description),
            Err(Refused::Secret) => (Slip::Secret, secret::UNKNOWN.to_owned()),
            Err(Refused::Failed(failure)) => return Err(failure),
        };
        self.provider.slips.note(&client.id, slip, &description, self.now);
        Err(refuse(description))
    }

    /// Whether this credential is of the registered method, and right.
    async fn check(&self, client: &Client, credential: &Credential<'_>) -> Result<(), Refused> {
        let certificate = self.certificate();
        let certificate = certificate.as_deref();
        let takes = |method| client.metadata.takes_secret_by(method);
        match (client.metadata.token_endpoint_auth_method, credential) {
            (_, Credential::Basic(basic)) if takes(AuthMethod::ClientSecretBasic) => {
                basic.check(self, client).await
            }
            (_, Credential::Post(secret)) if takes(AuthMethod::ClientSecretPost) => {
                secret::check(self, client, secret).await
            }
            (registered, Credential::Assertion(assertion)) if registered == assertion.method => {
                assertion.check(self, client).await
            }
            (AuthMethod::TlsClientAuth, Credential::Nothing) => {
                let registered = &client.metadata.tls_client_auth;
                Ok(certificate::by_authority(registered, certificate, self.now)?)
            }
            (AuthMethod::SelfSignedTlsClientAuth, Credential::Nothing) => {
                Ok(self.check_own(client, certificate::shown(certificate, self.now)?).await?)
            }
            (AuthMethod::None, Credential::Nothing) => Ok(()),
            // Some libraries know no other way to say who they are.
            (AuthMethod::None, Credential::Basic(basic)) if basic.secret.is_empty() => Ok(()),
            (registered, _) => {
                let either = "client_secret_basic or client_secret_post";
                let registered = if client.metadata.any_secret_method { either } else { registered.name() };
                let sent = credential.name(certificate.is_some());
                let description = format!("this client is registered for {registered}, and came with {sent}");
                Err(Refused::Proof(description))
            }
        }
    }

    /// Whether this certificate of the client's own has one of its keys, be it a new one.
    async fn check_own(&self, client: &Client, certificate: &ClientCertificate) -> Result<(), String> {
        let kept = &self.provider.client_keys;
        let keys = kept.keys(client, self.now).await.map_err(|failure| failure.to_string())?;
        let Err(wrong) = certificate::by_key(&keys, certificate) else { return Ok(()) };
        let newer = kept.newer(&keys, client, self.now).await.map_err(|failure| failure.to_string())?;
        newer.map_or(Err(wrong), |newer| certificate::by_key(&newer, certificate))
    }

    /// From where it calls.
    pub(super) fn network(&self) -> Network {
        Network::of(self.extensions, self.headers, &self.provider.trusted_proxies)
    }

    /// The certificate that the client has shown in the TLS handshake, here or to a trusted proxy.
    pub(super) fn certificate(&self) -> Option<Arc<ClientCertificate>> {
        self.provider.client_certificate(self.extensions, self.headers)
    }
}

impl From<String> for Refused {
    fn from(description: String) -> Self {
        Self::Proof(description)
    }
}

impl From<store::Error> for Refused {
    fn from(e: store::Error) -> Self {
        Self::Failed(e.into())
    }
}

impl From<VaultError> for Refused {
    fn from(e: VaultError) -> Self {
        Self::Failed(e.into())
    }
}

impl Credential<'_> {
    /// What came, in the words of `token_endpoint_auth_method`.
    const fn name(&self, with_certificate: bool) -> &'static str {
        match self {
            Self::Basic(_) => AuthMethod::ClientSecretBasic.name(),
            Self::Post(_) => AuthMethod::ClientSecretPost.name(),
            Self::Assertion(assertion) => assertion.method.name(),
            Self::Nothing if with_certificate => "a certificate alone",
            Self::Nothing => AuthMethod::None.name(),
        }
    }
}

/// One method, and no more than one (RFC 6749 §2.3).
fn present<'a>(headers: &HeaderMap, form: &'a Form) -> Result<Presented<'a>, Failure> {
    let in_form = form.get("client_id");
    let refuse = |description: &str, by_basic: bool| {
        Failure::client(Refusal::new(Code::InvalidClient, description), by_basic)
    };
    let by_header = headers.get(header::AUTHORIZATION);
    let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
    if by_header.iter().count() + secret.iter().count() + assertion.iter().count() > 1 {
        return Err(Failure::invalid(
            "the client authenticates twice: send one of Authorization header, client_secret and client_assertion",
        ));
    }
    if headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
        return Err(Failure::invalid("there is more than one Authorization header"));
    }
    if let Some(value) = by_header {
        let basic = value.to_str().ok().and_then(secret::basic);
        let basic =
            basic.ok_or_else(|| refuse("the Authorization header is not HTTP Basic (RFC 7617)", true))?;
        if in_form.is_some_and(|id| id != basic.client_id) {
            return Err(Failure::invalid("client_id is not that of the Authorization header"));
        }
        return Ok(Presented { client_id: basic.client_id.clone(), credential: Credential::Basic(basic) });
    }
    if let Some(assertion) = Assertion::of(form).map_err(|why| refuse(&why, false))? {
        let client_id = assertion.client_id.clone();
        return Ok(Presented { client_id, credential: Credential::Assertion(assertion) });
    }
    let credential = secret.map_or(Credential::Nothing, Credential::Post);
    let unnamed =
        "the client does not say who it is: send an Authorization header, client_assertion or client_id";
    let client_id = in_form.ok_or_else(|| refuse(unnamed, true))?.to_owned();
    Ok(Presented { client_id, credential })
}
