//! What does an authorization request ask for? Parsed once, at the edge, into types (OIDC Core §3.1.2.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::ReturnTo;
use super::clients::{Client, GrantType};
use super::error::{Code, Refusal};
use super::scopes::{Scope, Scopes};
use crate::signin::decide::{ACR_PASSWORD, ACR_TWO_FACTORS, Demand};
use crate::signin::facts::Freshness;
use crate::web::form::Form;

/// A valid authorization request. What it asks of the sign-in is in `demand` and `freshness`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub return_to: ReturnTo,
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
    /// `sub` of `id_token_hint`: who must sign in.
    pub subject_hint: Option<String>,
    /// `ui_locales`: languages, the best first.
    pub ui_locales: Option<String>,
    /// Whether an essential `acr` asks for what only two factors give (OIDC Core §5.5.1.1).
    pub essential_two_factors: bool,
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
        if let Some(name) = form.doubled() {
            return Err(invalid(&format!("{name} is there more than once (RFC 6749 section 3.1)")));
        }
        refuse_unsupported(form)?;
        if !client.metadata.grant_types.contains(&GrantType::AuthorizationCode) {
            let description = "this client is not registered for the authorization code grant";
            return Err(Refusal::new(Code::UnauthorizedClient, description));
        }
        let nonce = opaque(form, "nonce")?;
        let subject_hint = match form.get("id_token_hint") {
            Some(token) => Some(subject_of(token).ok_or_else(|| {
                invalid("id_token_hint is not an ID token that this provider has issued to this client")
            })?),
            None => None,
        };
        Ok(Self {
            return_to,
            scopes: allowed_scopes(form, client),
            nonce,
            code_challenge: code_challenge(form, client)?,
            prompt: Prompt::parse(form.get("prompt").unwrap_or_default())?,
            max_age: max_age(form)?.or(client.metadata.default_max_age),
            login_hint: form.get("login_hint").map(|hint| hint.chars().take(200).collect()),
            subject_hint,
            ui_locales: form.get("ui_locales").map(|tags| tags.chars().take(200).collect()),
            essential_two_factors: essential_acr(form)?,
        })
    }

    /// Whether the app insists on two factors: by its registration, or by an essential `acr`.
    #[must_use]
    pub fn demand(&self, client: &Client) -> Demand {
        if client.metadata.require_two_factor || self.essential_two_factors {
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

/// `state` of a request, wherever it must be handed back.
///
/// # Errors
/// When it is too long to be handed back.
pub fn state(form: &Form) -> Result<Option<String>, Refusal> {
    opaque(form, "state")
}

fn opaque(form: &Form, name: &str) -> Result<Option<String>, Refusal> {
    match form.get(name) {
        Some(value) if value.len() > MAX_OPAQUE => {
            Err(Refusal::new(Code::InvalidRequest, format!("{name} is longer than {MAX_OPAQUE} bytes")))
        }
        value => Ok(value.map(str::to_owned)),
    }
}

fn refuse_unsupported(form: &Form) -> Result<(), Refusal> {
    let refuse = |code, description: &str| Err(Refusal::new(code, description));
    if form.get("request").is_some() {
        return refuse(Code::RequestNotSupported, "request objects are not supported: send plain parameters");
    }
    if form.get("request_uri").is_some() {
        return refuse(Code::RequestUriNotSupported, "request_uri is not supported: send plain parameters");
    }
    if form.get("registration").is_some() {
        return refuse(
            Code::RegistrationNotSupported,
            "registration is not supported: clients are registered",
        );
    }
    match form.get("response_type") {
        Some("code") => {}
        None => return refuse(Code::InvalidRequest, "response_type is missing: send response_type=code"),
        Some(other) => {
            let description = format!("response_type {other} is not supported: send response_type=code");
            return refuse(Code::UnsupportedResponseType, &description);
        }
    }
    match form.get("response_mode") {
        None | Some("query") => Ok(()),
        Some(other) => {
            let description = format!("response_mode {other} is not supported: leave it out, or send query");
            refuse(Code::InvalidRequest, &description)
        }
    }
}

/// A client that is not registered for refresh tokens cannot have `offline_access` (OIDC Core §11: it is ignored).
fn allowed_scopes(form: &Form, client: &Client) -> Scopes {
    let scopes = Scopes::parse(form.get("scope").unwrap_or_default());
    if client.metadata.grant_types.contains(&GrantType::RefreshToken) {
        scopes
    } else {
        scopes.without(Scope::OfflineAccess)
    }
}

/// PKCE: S256 alone, for everyone who wants it and for every public client (RFC 7636 §4.3, RFC 9700 §2.1.1).
fn code_challenge(form: &Form, client: &Client) -> Result<Option<String>, Refusal> {
    let invalid = |description: &str| Refusal::new(Code::InvalidRequest, description);
    let Some(challenge) = form.get("code_challenge") else {
        if form.get("code_challenge_method").is_some() {
            return Err(invalid("code_challenge_method is there without code_challenge"));
        }
        if client.metadata.is_public() {
            return Err(invalid(
                "code_challenge is missing: a public client must use PKCE with S256 (RFC 7636)",
            ));
        }
        return Ok(None);
    };
    if form.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256; plain, also the default, is not accepted"));
    }
    let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if challenge.len() != 43 || !challenge.bytes().all(base64url) {
        return Err(invalid(
            "code_challenge must be the 43 letters of a base64url SHA-256 (RFC 7636 section 4.2)",
        ));
    }
    Ok(Some(challenge.to_owned()))
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

/// Whether `claims` asks for an essential `acr` in the ID token that a password alone does not give. One that nothing
/// here gives cannot be met at all (OIDC Core §5.5.1.1).
fn essential_acr(form: &Form) -> Result<bool, Refusal> {
    let Some(text) = form.get("claims") else { return Ok(false) };
    let malformed = || {
        Refusal::new(Code::InvalidRequest, "claims is not a JSON object (OpenID Connect Core section 5.5)")
    };
    let claims: Value = serde_json::from_str(text).map_err(|_| malformed())?;
    if !claims.is_object() {
        return Err(malformed());
    }
    let acr = claims.pointer("/id_token/acr");
    let essential = acr.and_then(|acr| acr.get("essential")).and_then(Value::as_bool).unwrap_or(false);
    let Some(acr) = acr.filter(|_| essential) else { return Ok(false) };
    let one = acr.get("value").and_then(Value::as_str);
    let several = acr.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let asked: Vec<&str> = one.into_iter().chain(several).collect();
    if asked.is_empty() || asked.contains(&ACR_PASSWORD) {
        Ok(false)
    } else if asked.contains(&ACR_TWO_FACTORS) {
        Ok(true)
    } else {
        let description = format!("no such acr can be given here, only {ACR_PASSWORD} and {ACR_TWO_FACTORS}");
        Err(Refusal::new(Code::UnmetAuthenticationRequirements, description))
    }
}
