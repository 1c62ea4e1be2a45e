//! Which flags say what is registered about an app? One a field of its metadata, in groups.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use super::super::input::expected;
use crate::config::SigningAlgorithm;
use crate::directory::groups;
use crate::keys::jose::{ContentEncryption, KeyManagement};
use crate::oidc::clients::subject::SubjectType;
use crate::oidc::clients::{ApplicationType, AuthMethod, GrantType, Metadata, Profile, ResponseType};
use crate::store::Conn;

/// The fields of an app. An empty text or list takes back what was there.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Fields {
    /// Where authorization responses may go; may be repeated.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Where a browser may go after a logout; may be repeated.
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// `authorization_code`, `implicit`, `refresh_token`, `client_credentials`,
    /// `urn:ietf:params:oauth:grant-type:device_code`, `…:token-exchange` or `…:jwt-bearer`; may be repeated.
    #[arg(long, value_name = "GRANT")]
    grant_type: Vec<String>,
    /// The one way in which it proves itself: `client_secret_basic`, `client_secret_post`, `client_secret_jwt`, `private_key_jwt`,
    /// `tls_client_auth`, `self_signed_tls_client_auth` or `none`. When left out, or empty, its secret may come by Basic or in the form.
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// A file with the app's public keys, as a JWK Set.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// Where the app publishes its public keys.
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// Two factors for everyone, whatever their group says.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    require_two_factor: Option<bool>,
    /// Ask people before the app learns who they are.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    consent: Option<bool>,
    /// Only people of this group and the groups below it; may be repeated. An empty one lets everybody in again.
    #[arg(long, value_name = "PATH")]
    allow_group: Vec<String>,
    /// ID tokens say what the scopes open as well: for apps that read nothing else, such as Kubernetes, Auth.js or `ArgoCD`.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    id_token_claims: Option<bool>,
    #[command(flatten, next_help_heading = "What people see of it")]
    about: About,
    #[command(flatten, next_help_heading = "What it may ask for")]
    asking: Asking,
    #[command(flatten, next_help_heading = "How it proves itself")]
    proof: Proof,
    #[command(flatten, next_help_heading = "How things are signed for it")]
    algorithms: Algorithms,
    #[command(flatten, next_help_heading = "How things are encrypted to it")]
    encryption: Encryption,
    #[command(flatten, next_help_heading = "How it learns that a session has ended")]
    logout: Logout,
}

/// What people see of it.
#[derive(Debug, Default, Args)]
struct About {
    /// The app's front page.
    #[arg(long, value_name = "URI")]
    client_uri: Option<String>,
    /// The app's picture.
    #[arg(long, value_name = "URI")]
    logo_uri: Option<String>,
    /// The app's privacy policy.
    #[arg(long, value_name = "URI")]
    policy_uri: Option<String>,
    /// The app's terms of service.
    #[arg(long, value_name = "URI")]
    tos_uri: Option<String>,
    /// Whom to ask about the app; may be repeated.
    #[arg(long, value_name = "TEXT")]
    contact: Vec<String>,
    /// Whether it runs on the person's own machine.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    native: Option<bool>,
    /// Where a sign-in that somebody else begins is sent.
    #[arg(long, value_name = "URI")]
    initiate_login_uri: Option<String>,
    /// By which `sub` it knows people: `public`, or `pairwise` for one of its own.
    #[arg(long, value_name = "TYPE")]
    subject_type: Option<String>,
    /// The file that names the redirect URIs of all apps that share pairwise subjects.
    #[arg(long, value_name = "URI")]
    sector_identifier_uri: Option<String>,
}

/// What it may ask for.
#[derive(Debug, Default, Args)]
struct Asking {
    /// `code`, `id_token`, `id_token token`, `code id_token`, `code token` or `code id_token token`; may be repeated. Those
    /// other than `code` bring the implicit grant.
    #[arg(long, value_name = "TYPE")]
    response_type: Vec<String>,
    /// The scopes that it may ask for, separated by spaces; all of them when empty.
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// A resource that it may have access tokens for; may be repeated.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// A resource that it serves itself: it may introspect and exchange the tokens for it; may be repeated.
    #[arg(long, value_name = "URI")]
    served_resource: Vec<String>,
    /// Where its request objects may be fetched from; may be repeated.
    #[arg(long, value_name = "URI")]
    request_uri: Vec<String>,
    /// `max_age` for requests that do not say, in seconds; an empty one for none.
    #[arg(long, value_name = "SECONDS")]
    default_max_age: Option<String>,
    /// `acr_values` for requests that do not say; may be repeated.
    #[arg(long, value_name = "ACR")]
    default_acr: Vec<String>,
    /// A bundle of requirements: `fapi2` (pushed requests, bound tokens, PS256, ES256 or `EdDSA`), or `none`.
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Take only authorization requests that were pushed.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    require_pushed_requests: Option<bool>,
    /// Take only authorization requests that are signed.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    require_signed_requests: Option<bool>,
}

/// How it proves itself.
#[derive(Debug, Default, Args)]
struct Proof {
    /// The one `alg` of its assertions.
    #[arg(long, value_name = "ALG")]
    auth_alg: Option<String>,
    /// Bind its tokens to a key by `DPoP`.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    dpop: Option<bool>,
    /// Bind its tokens to its certificate.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    tls_bound: Option<bool>,
    /// The subject of its certificate, for `tls_client_auth`, as in `CN=app,O=Example`.
    #[arg(long, value_name = "DN")]
    tls_client_auth_subject_dn: Option<String>,
    /// A host name of its certificate, instead.
    #[arg(long, value_name = "NAME")]
    tls_client_auth_san_dns: Option<String>,
    /// A URI of its certificate, instead.
    #[arg(long, value_name = "URI")]
    tls_client_auth_san_uri: Option<String>,
    /// An IP address of its certificate, instead.
    #[arg(long, value_name = "IP")]
    tls_client_auth_san_ip: Option<String>,
    /// An email address of its certificate, instead.
    #[arg(long, value_name = "EMAIL")]
    tls_client_auth_san_email: Option<String>,
}

/// How things are signed.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
struct Algorithms {
    /// The `alg` of its ID tokens: RS256, PS256, ES256, `EdDSA`, or 384 or 512 for 256.
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// The `alg` of its access tokens; an empty one for ES256, or for what every API knows where one is named.
    #[arg(long, value_name = "ALG")]
    access_token_alg: Option<String>,
    /// The `alg` of `UserInfo` answers; an empty one for plain JSON.
    #[arg(long, value_name = "ALG")]
    userinfo_alg: Option<String>,
    /// The one `alg` of its request objects.
    #[arg(long, value_name = "ALG")]
    request_object_alg: Option<String>,
    /// The `alg` of authorization responses that are JWTs.
    #[arg(long, value_name = "ALG")]
    authorization_alg: Option<String>,
    /// The `alg` of introspection answers; an empty one for plain JSON.
    #[arg(long, value_name = "ALG")]
    introspection_alg: Option<String>,
}

/// How things are encrypted to it.
#[derive(Debug, Default, Args)]
struct Encryption {
    /// How the key of its ID tokens is agreed on: RSA-OAEP-256, ECDH-ES, and the like; an empty one for no encryption.
    #[arg(long, value_name = "ALG")]
    id_token_encryption_alg: Option<String>,
    /// How its ID tokens are encrypted: A128CBC-HS256, A256GCM, and the like.
    #[arg(long, value_name = "ENC")]
    id_token_encryption_enc: Option<String>,
    /// The same for `UserInfo` answers.
    #[arg(long, value_name = "ALG")]
    userinfo_encryption_alg: Option<String>,
    /// The same for `UserInfo` answers.
    #[arg(long, value_name = "ENC")]
    userinfo_encryption_enc: Option<String>,
}

/// How it learns that a session has ended.
#[derive(Debug, Default, Args)]
struct Logout {
    /// Where it is told, server to server.
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// Whether that must name the session.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    backchannel_logout_session_required: Option<bool>,
    /// What the logout page opens in a frame.
    #[arg(long, value_name = "URI")]
    frontchannel_logout_uri: Option<String>,
    /// Whether that must name the session.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    frontchannel_logout_session_required: Option<bool>,
}

impl Fields {
    /// The keys of the file that was named. To be read before anything else: nobody writes while a transaction waits for a disk or a pipe.
    ///
    /// # Errors
    /// When the file cannot be read, or is no JSON.
    pub(super) fn read_keys(&self) -> anyhow::Result<Option<Value>> {
        let Some(file) = &self.jwks_file else { return Ok(None) };
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        serde_json::from_str(&text).with_context(|| format!("{}: expected a JWK Set", file.display()))
    }

    /// Puts what was given into the metadata, and the keys that were read.
    ///
    /// # Errors
    /// When a word is not one that is known, or a group is not there.
    pub(super) async fn apply(
        self,
        conn: &mut Conn,
        metadata: &mut Metadata,
        keys: Option<Value>,
    ) -> anyhow::Result<()> {
        list(self.redirect_uri, &mut metadata.redirect_uris);
        list(self.post_logout_redirect_uri, &mut metadata.post_logout_redirect_uris);
        flag(self.require_two_factor, &mut metadata.require_two_factor);
        flag(self.consent, &mut metadata.consent);
        flag(self.id_token_claims, &mut metadata.id_token_claims);
        if !self.allow_group.is_empty() {
            metadata.allowed_groups.clear();
            for path in self.allow_group.iter().filter(|path| !path.is_empty()) {
                metadata.allowed_groups.push(groups::find_by_path(conn, path).await?.id);
            }
        }
        grants(&self.grant_type, metadata)?;
        method(self.auth_method.as_deref(), metadata)?;
        publish(keys, self.jwks_uri, metadata);
        self.about.apply(metadata)?;
        self.asking.apply(metadata)?;
        self.proof.apply(metadata);
        self.algorithms.apply(metadata)?;
        self.encryption.apply(metadata)?;
        self.logout.apply(metadata);
        Ok(())
    }
}

impl About {
    fn apply(self, metadata: &mut Metadata) -> anyhow::Result<()> {
        text(self.client_uri, &mut metadata.client_uri);
        text(self.logo_uri, &mut metadata.logo_uri);
        text(self.policy_uri, &mut metadata.policy_uri);
        text(self.tos_uri, &mut metadata.tos_uri);
        list(self.contact, &mut metadata.contacts);
        text(self.initiate_login_uri, &mut metadata.initiate_login_uri);
        text(self.sector_identifier_uri, &mut metadata.sector_identifier_uri);
        if let Some(native) = self.native {
            metadata.application_type = if native { ApplicationType::Native } else { ApplicationType::Web };
        }
        if let Some(name) = self.subject_type.as_deref() {
            let known = SubjectType::ALL.map(SubjectType::name);
            let kind = SubjectType::ALL.into_iter().find(|kind| kind.name() == name);
            metadata.subject_type = Some(expected("--subject-type", name, kind, &known)?);
        }
        Ok(())
    }
}

impl Asking {
    fn apply(self, metadata: &mut Metadata) -> anyhow::Result<()> {
        if !self.response_type.is_empty() {
            let parsed = self.response_type.iter().filter(|name| !name.is_empty()).map(|name| {
                expected("--response-type", name, ResponseType::parse(name), ResponseType::NAMES)
            });
            metadata.response_types = parsed.collect::<anyhow::Result<_>>()?;
        }
        let implicit = metadata.response_types.iter().any(|one| *one != ResponseType::Code);
        if implicit && !metadata.may_use(GrantType::Implicit) {
            metadata.grant_types.push(GrantType::Implicit);
        } else if !implicit && !self.response_type.is_empty() {
            metadata.grant_types.retain(|one| *one != GrantType::Implicit);
        }
        text(self.scope, &mut metadata.scope);
        list(self.resource, &mut metadata.allowed_resources);
        list(self.served_resource, &mut metadata.served_resources);
        list(self.request_uri, &mut metadata.request_uris);
        list(self.default_acr, &mut metadata.default_acr_values);
        if let Some(seconds) = self.default_max_age.as_deref() {
            let parsed = Some(seconds).filter(|text| !text.is_empty()).map(str::parse).transpose();
            let what = || format!("--default-max-age {seconds}: expected a number of seconds");
            metadata.default_max_age = parsed.with_context(what)?;
        }
        if let Some(name) = self.profile.as_deref() {
            let profile = match name {
                "fapi2" => Some(Some(Profile::Fapi2)),
                "none" | "" => Some(None),
                _ => None,
            };
            metadata.profile = expected("--profile", name, profile, &["fapi2", "none"])?;
        }
        flag(self.require_pushed_requests, &mut metadata.require_pushed_authorization_requests);
        flag(self.require_signed_requests, &mut metadata.require_signed_request_object);
        Ok(())
    }
}

impl Proof {
    fn apply(self, metadata: &mut Metadata) {
        text(self.auth_alg, &mut metadata.token_endpoint_auth_signing_alg);
        flag(self.dpop, &mut metadata.dpop_bound_access_tokens);
        flag(self.tls_bound, &mut metadata.tls_client_certificate_bound_access_tokens);
        let subject = &mut metadata.tls_client_auth;
        text(self.tls_client_auth_subject_dn, &mut subject.tls_client_auth_subject_dn);
        text(self.tls_client_auth_san_dns, &mut subject.tls_client_auth_san_dns);
        text(self.tls_client_auth_san_uri, &mut subject.tls_client_auth_san_uri);
        text(self.tls_client_auth_san_ip, &mut subject.tls_client_auth_san_ip);
        text(self.tls_client_auth_san_email, &mut subject.tls_client_auth_san_email);
    }
}

impl Algorithms {
    fn apply(&self, metadata: &mut Metadata) -> anyhow::Result<()> {
        let all = [
            ("--id-token-alg", &self.id_token_alg, &mut metadata.id_token_signed_response_alg),
            ("--access-token-alg", &self.access_token_alg, &mut metadata.access_token_signed_response_alg),
            ("--userinfo-alg", &self.userinfo_alg, &mut metadata.userinfo_signed_response_alg),
            ("--request-object-alg", &self.request_object_alg, &mut metadata.request_object_signing_alg),
            ("--authorization-alg", &self.authorization_alg, &mut metadata.authorization_signed_response_alg),
            ("--introspection-alg", &self.introspection_alg, &mut metadata.introspection_signed_response_alg),
        ];
        let known = SigningAlgorithm::ALL.map(SigningAlgorithm::name);
        for (option, given, field) in all {
            word(option, given.as_deref(), SigningAlgorithm::from_name, &known, field)?;
        }
        Ok(())
    }
}

impl Encryption {
    fn apply(&self, metadata: &mut Metadata) -> anyhow::Result<()> {
        let known = KeyManagement::ALL.map(KeyManagement::name);
        for (option, given, field) in [
            (
                "--id-token-encryption-alg",
                &self.id_token_encryption_alg,
                &mut metadata.id_token_encrypted_response_alg,
            ),
            (
                "--userinfo-encryption-alg",
                &self.userinfo_encryption_alg,
                &mut metadata.userinfo_encrypted_response_alg,
            ),
        ] {
            word(option, given.as_deref(), KeyManagement::from_name, &known, field)?;
        }
        let known = ContentEncryption::ALL.map(ContentEncryption::name);
        for (option, given, field) in [
            (
                "--id-token-encryption-enc",
                &self.id_token_encryption_enc,
                &mut metadata.id_token_encrypted_response_enc,
            ),
            (
                "--userinfo-encryption-enc",
                &self.userinfo_encryption_enc,
                &mut metadata.userinfo_encrypted_response_enc,
            ),
        ] {
            word(option, given.as_deref(), ContentEncryption::from_name, &known, field)?;
        }
        Ok(())
    }
}

impl Logout {
    fn apply(self, metadata: &mut Metadata) {
        text(self.backchannel_logout_uri, &mut metadata.backchannel_logout_uri);
        text(self.frontchannel_logout_uri, &mut metadata.frontchannel_logout_uri);
        let required = &mut metadata.backchannel_logout_session_required;
        flag(self.backchannel_logout_session_required, required);
        let required = &mut metadata.frontchannel_logout_session_required;
        flag(self.frontchannel_logout_session_required, required);
    }
}

/// What it may ask of the token endpoint.
fn grants(names: &[String], metadata: &mut Metadata) -> anyhow::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let parsed =
        names.iter().map(|name| expected("--grant-type", name, GrantType::from_name(name), GrantType::NAMES));
    metadata.grant_types = parsed.collect::<anyhow::Result<_>>()?;
    // The response types of before need the grants of before.
    let code = metadata.may_use(GrantType::AuthorizationCode);
    metadata.response_types.retain(|one| code || !one.has_code());
    Ok(())
}

/// The one method that it proves itself by; an empty one is none in particular.
fn method(name: Option<&str>, metadata: &mut Metadata) -> anyhow::Result<()> {
    let Some(name) = name else { return Ok(()) };
    metadata.any_secret_method = name.is_empty();
    metadata.token_endpoint_auth_method = match name {
        "" => AuthMethod::default(),
        name => expected("--auth-method", name, AuthMethod::from_name(name), AuthMethod::NAMES)?,
    };
    Ok(())
}

/// Its public keys, or where it publishes them.
fn publish(keys: Option<Value>, uri: Option<String>, metadata: &mut Metadata) {
    if keys.is_some() {
        (metadata.jwks, metadata.jwks_uri) = (keys, None);
    }
    if uri.is_some() {
        text(uri, &mut metadata.jwks_uri);
        metadata.jwks = None;
    }
}

fn text(given: Option<String>, field: &mut Option<String>) {
    if given.is_some() {
        *field = given.filter(|text| !text.is_empty());
    }
}

fn list(given: Vec<String>, field: &mut Vec<String>) {
    if !given.is_empty() {
        *field = given.into_iter().filter(|text| !text.is_empty()).collect();
    }
}

fn flag(given: Option<bool>, field: &mut bool) {
    if let Some(given) = given {
        *field = given;
    }
}

/// Puts the meaning of a word into a field; an empty word takes back what was there.
fn word<T>(
    option: &str,
    given: Option<&str>,
    meaning: impl Fn(&str) -> Option<T>,
    known: &[&str],
    field: &mut Option<T>,
) -> anyhow::Result<()> {
    match given {
        None => {}
        Some("") => *field = None,
        Some(name) => *field = Some(expected(option, name, meaning(name), known)?),
    }
    Ok(())
}
