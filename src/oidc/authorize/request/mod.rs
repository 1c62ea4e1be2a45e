//! What does an authorization request ask for? Parsed once, at the edge, into types (OIDC Core §3.1.2.1).

mod claims_request;
pub mod destination;
pub mod object;
pub(in crate::oidc) mod parameters;
pub(in crate::oidc) mod read;
mod redirect_uri;
pub(super) mod response;

use serde::{Deserialize, Serialize};

use self::destination::{Destination, Doorway, ReturnTo};
use crate::oidc::clients::allowed::{self, allowed_scopes, resources};
use crate::oidc::clients::{Client, GrantType, ResponseType};
use crate::oidc::shared::claims;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::oidc::shared::slip::Slip;
use crate::signin::decide::Demand;
use crate::signin::facts::Freshness;
use crate::web::form::Form;

pub use claims_request::ClaimsRequest;
pub(super) use redirect_uri::destination;
pub use response::ResponseMode;

/// A valid authorization request. What it asks of the sign-in is in `demand` and `freshness`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub return_to: Destination,
    /// What it holds.
    pub response_type: ResponseType,
    /// The scopes that are known here, less those that the client may not have.
    pub scopes: Scopes,
    /// `nonce`, handed back in the ID token.
    pub nonce: Option<String>,
    /// The S256 `code_challenge` (RFC 7636 §4.2).
    pub code_challenge: Option<String>,
    /// `prompt`.
    pub prompt: Prompt,
    /// `max_age` in seconds, or the client's `default_max_age`.
    pub max_age: Option<u32>,
    /// `login_hint`: what the login field holds at first.
    pub login_hint: Option<String>,
    /// Who must sign in: `sub` of `id_token_hint`, or the one that `claims` asks for.
    pub subject_hint: Option<String>,
    /// `ui_locales`: languages, the best first.
    pub ui_locales: Option<String>,
    /// `claims`: what is asked for one by one, of what the client may ask for.
    pub claims: ClaimsRequest,
    /// `resource`: for whom the access tokens will be (RFC 8707 §2).
    pub resources: Vec<String>,
    /// The thumbprint of the key that must be proven to redeem the code (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// The hash of the `request_uri` that it was pushed under (RFC 9126), used up when the sign-in is done.
    pub pushed_as: Option<String>,
}

/// `prompt` (OIDC Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// Ask for login and password although there is a session.
    pub login: bool,
    /// Ask for consent although it has been given.
    pub consent: bool,
}

/// The parameters that are looked at. Others are ignored (RFC 6749 §3.1).
pub(in crate::oidc) const PARAMETERS: [&str; 18] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "response_mode",
    "prompt",
    "max_age",
    "ui_locales",
    "id_token_hint",
    "login_hint",
    "claims",
    "resource",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "registration",
];

/// The longest value of `state` and `nonce`, in bytes: ample for what apps put there.
const MAX_OPAQUE: usize = 2048;

impl AuthorizationRequest {
    /// Parses what remains of a request once the client and its `redirect_uri` are known to belong together.
    /// `subject_of` reads the `sub` of an `id_token_hint` that this provider has signed for this client.
    ///
    /// # Errors
    /// The refusal that goes back to the app, with the code that the RFCs prescribe.
    pub fn parse(
        form: &Form,
        client: &Client,
        return_to: ReturnTo,
        subject_of: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Self, Refusal> {
        let invalid = |description: &str| Refusal::new(Code::InvalidRequest, description);
        if let Some(name) = form.doubled_but(&["resource"]) {
            return Err(invalid(&format!("{name} is there more than once (RFC 6749 section 3.1)")));
        }
        refuse_registration(form)?;
        let response_type = response::response_type(form.get("response_type"), &client.metadata)?;
        let mode = ResponseMode::parse(form.get("response_mode"), response_type)?;
        let claims = form.get("claims").map(ClaimsRequest::parse).transpose()?.unwrap_or_default();
        let hint = match form.get("id_token_hint") {
            Some(token) => Some(subject_of(token).ok_or_else(|| {
                invalid("id_token_hint is not an ID token that this provider has issued to this client")
            })?),
            None => None,
        };
        if let (Some(hint), Some(asked)) = (&hint, &claims.subject)
            && hint != asked
        {
            return Err(invalid("id_token_hint and claims name different subjects"));
        }
        let request = Self {
            return_to: ReturnTo { mode, state: opaque(form, "state")?, ..return_to }.into(),
            response_type,
            scopes: allowed_scopes(form, client)?,
            nonce: opaque(form, "nonce")?,
            code_challenge: code_challenge(form)?,
            prompt: Prompt::parse(form.get("prompt").unwrap_or_default())?,
            max_age: max_age(form)?.or(client.metadata.default_max_age),
            login_hint: form.get("login_hint").map(|hint| hint.chars().take(200).collect()),
            subject_hint: hint.or_else(|| claims.subject.clone()),
            ui_locales: form.get("ui_locales").map(|tags| tags.chars().take(200).collect()),
            claims,
            resources: resources(form, client)?,
            dpop_jkt: dpop_jkt(form)?,
            pushed_as: None,
        };
        request.permitted(client)
    }

    /// The request of our own console, which asks for no more than that somebody signs in.
    #[must_use]
    pub fn within(doorway: Doorway) -> Self {
        Self {
            return_to: Destination::Console(doorway),
            response_type: ResponseType::Code,
            scopes: Scopes::default(),
            nonce: None,
            code_challenge: None,
            prompt: Prompt::default(),
            max_age: None,
            login_hint: None,
            subject_hint: None,
            ui_locales: None,
            claims: ClaimsRequest::default(),
            resources: Vec::new(),
            dpop_jkt: None,
            pushed_as: None,
        }
    }

    /// What the client may have of this request as it is registered at this moment: an operator may have changed that while a
    /// person was signing in.
    ///
    /// # Errors
    /// The refusal that goes back to the app, where something is gone that the request cannot do without.
    pub fn permitted(mut self, client: &Client) -> Result<Self, Refusal> {
        // Our own console asks for nothing about anybody.
        if self.return_to.console().is_some() {
            return Ok(self);
        }
        let metadata = &client.metadata;
        self.scopes = allowed::registered(metadata, self.scopes);
        for names in [&mut self.claims.userinfo, &mut self.claims.id_token] {
            allowed::limit_claims(metadata, names);
        }
        if let Some(gone) = self.resources.iter().find(|one| !allowed::may_call(metadata, one)) {
            let description =
                format!("resource {gone} is not registered for this client (RFC 8707 section 2)");
            return Err(Refusal::new(Code::InvalidTarget, description));
        }
        if self.return_to.device().is_some() {
            let description = "this client is not registered for devices (RFC 8628)";
            let refusal = || Refusal::new(Code::UnauthorizedClient, description);
            return metadata.may_use(GrantType::DeviceCode).then_some(self).ok_or_else(refusal);
        }
        response::check(self.response_type, metadata)?;
        check_id_token(self.response_type, &self.scopes, self.nonce.as_deref())?;
        let public = match self.return_to.app() {
            Some(to) => metadata.counts_as_public(&to.redirect_uri),
            None => metadata.is_public(),
        };
        check_challenge(self.response_type, self.code_challenge.as_deref(), public || metadata.is_fapi2())?;
        Ok(self)
    }

    /// Whether its answer would go to an address that is no longer registered (RFC 9700 §4.1): then it goes nowhere.
    #[must_use]
    pub fn is_astray(&self, client: &Client) -> bool {
        self.return_to.app().is_some_and(|to| !client.metadata.allows_redirect_to(&to.redirect_uri))
    }

    /// What the person has to agree to: the scopes, and those that would open what is asked for one by one (OIDC Core §3.1.2.4).
    #[must_use]
    pub fn needs(&self) -> Scopes {
        claims::needs(&self.scopes, self.claims.userinfo.iter().chain(&self.claims.id_token))
    }

    /// Whether the app insists on two factors: by its registration, or by an essential `acr`.
    #[must_use]
    pub fn demand(&self, client: &Client) -> Demand {
        if client.metadata.require_two_factor || self.claims.two_factors {
            Demand::TwoFactors
        } else {
            Demand::Whatever
        }
    }

    /// Which sessions count, for a request that came at `requested_at` (seconds since 1970).
    #[must_use]
    pub fn freshness(&self, requested_at: i64) -> Freshness {
        match self.max_age {
            _ if self.prompt.login => Freshness::Anew,
            Some(0) => Freshness::Anew,
            Some(age) => Freshness::Since(requested_at - i64::from(age)),
            None => Freshness::Any,
        }
    }
}

fn opaque(form: &Form, name: &str) -> Result<Option<String>, Refusal> {
    match form.get(name) {
        Some(value) if value.len() > MAX_OPAQUE => {
            Err(Refusal::new(Code::InvalidRequest, format!("{name} is longer than {MAX_OPAQUE} bytes")))
        }
        value => Ok(value.map(str::to_owned)),
    }
}

/// Self-issued providers take a client's metadata along with a request (OIDC Core §7.2.1); this one knows its clients.
fn refuse_registration(form: &Form) -> Result<(), Refusal> {
    if form.get("registration").is_some() {
        let description =
            "registration is not supported: register the client first (OpenID Connect Registration)";
        return Err(Refusal::new(Code::RegistrationNotSupported, description));
    }
    Ok(())
}

/// What an ID token from the authorization endpoint needs (OIDC Core §3.2.2.1 and §3.3.2.11).
fn check_id_token(response_type: ResponseType, scopes: &Scopes, nonce: Option<&str>) -> Result<(), Refusal> {
    if !response_type.has_id_token() {
        return Ok(());
    }
    let name = response_type.name();
    let missing = match (scopes.has(Scope::Openid), nonce) {
        (true, Some(_)) => return Ok(()),
        (false, _) => "scope openid",
        (true, None) => "nonce",
    };
    let description = format!("response_type {name} needs {missing} (OpenID Connect Core section 3.2.2.1)");
    Err(Refusal::new(Code::InvalidRequest, description))
}

/// PKCE is for all that counts as public and by FAPI 2.0 (RFC 9700 §2.1.1).
fn check_challenge(
    response_type: ResponseType,
    challenge: Option<&str>,
    needed: bool,
) -> Result<(), Refusal> {
    if challenge.is_none() && response_type.has_code() && needed {
        let description = "code_challenge is missing: this client must use PKCE with S256 (RFC 7636)";
        return Err(Refusal::new(Code::InvalidRequest, description).slipped(Slip::Pkce));
    }
    Ok(())
}

/// PKCE, for everyone who wants it: S256 alone (RFC 7636 §4.3).
fn code_challenge(form: &Form) -> Result<Option<String>, Refusal> {
    let invalid = |description: &str| Refusal::new(Code::InvalidRequest, description).slipped(Slip::Pkce);
    let Some(challenge) = form.get("code_challenge") else {
        if form.get("code_challenge_method").is_some() {
            return Err(invalid("code_challenge_method is there without code_challenge"));
        }
        return Ok(None);
    };
    if form.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256; plain, also the default, is not accepted"));
    }
    if !is_sha256(challenge) {
        return Err(invalid(
            "code_challenge must be the 43 letters of a base64url SHA-256 (RFC 7636 section 4.2)",
        ));
    }
    Ok(Some(challenge.to_owned()))
}

/// Whether a text is a SHA-256 in base64url.
fn is_sha256(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn dpop_jkt(form: &Form) -> Result<Option<String>, Refusal> {
    match form.get("dpop_jkt") {
        Some(thumbprint) if !is_sha256(thumbprint) => {
            let description = "dpop_jkt must be the SHA-256 thumbprint of a key (RFC 9449 section 10)";
            Err(Refusal::new(Code::InvalidRequest, description))
        }
        thumbprint => Ok(thumbprint.map(str::to_owned)),
    }
}

fn max_age(form: &Form) -> Result<Option<u32>, Refusal> {
    let Some(text) = form.get("max_age") else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // More than fits is longer than any session lives: the same as the largest that does.
    if digits {
        Ok(Some(text.parse().unwrap_or(u32::MAX)))
    } else {
        Err(Refusal::new(Code::InvalidRequest, "max_age must be a number of seconds, 0 or more"))
    }
}

impl Prompt {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "create" => {
                    let description = "prompt create is not supported: accounts are made by managers";
                    return Err(Refusal::new(Code::InvalidRequest, description));
                }
                // There is one account a person; choosing another one is signing in anew.
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                other => {
                    let description = format!("prompt {other} is not supported");
                    return Err(Refusal::new(Code::InvalidRequest, description));
                }
            }
        }
        if prompt.none && (prompt.login || prompt.consent) {
            let description = "prompt none cannot stand with others (OpenID Connect Core section 3.1.2.1)";
            return Err(Refusal::new(Code::InvalidRequest, description));
        }
        Ok(prompt)
    }
}
