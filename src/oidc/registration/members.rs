//! What does a registration ask for? From a client's JSON to its metadata (RFC 7591 §2, OIDC Registration §2).

use serde_json::{Map, Value};
use url::Url;

use crate::config::SigningAlgorithm;
use crate::keys::jose::{ContentEncryption, KeyManagement};
use crate::oidc::clients::subject::SubjectType;
use crate::oidc::clients::{AuthMethod, GrantType, Invalid, Metadata, Profile, ResponseType, is_anybodys};
use crate::oidc::shared::error::{Code, Refusal};

/// Of which form a member's value is.
#[derive(Clone, Copy)]
enum Kind {
    /// A text.
    Text,
    /// An array of texts.
    Texts,
    /// True or false.
    Flag,
    /// A number of seconds.
    Seconds,
    /// An object; what is in it is checked later.
    Object,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An array of some of these words.
    SomeOf(&'static [&'static str]),
    /// An array of response types, whose words may come in any order (RFC 6749 §3.1.1).
    ResponseTypes,
    /// The name of an algorithm that is known here.
    Algorithm,
    /// How the keys of something encrypted are agreed on (RFC 7518 §4.1).
    KeyManagement,
    /// How something is encrypted with them (RFC 7518 §5.1).
    ContentEncryption,
}

/// The members that a client may register, as RFC 7591, OIDC Registration and their family name them; `profile` and
/// `access_token_signed_response_alg` are ours.
const MEMBERS: [(&str, Kind); 49] = [
    ("client_name", Kind::Text),
    ("application_type", Kind::OneOf(&["web", "native"])),
    ("redirect_uris", Kind::Texts),
    ("post_logout_redirect_uris", Kind::Texts),
    ("response_types", Kind::ResponseTypes),
    ("grant_types", Kind::SomeOf(GrantType::NAMES)),
    ("token_endpoint_auth_method", Kind::OneOf(AuthMethod::NAMES)),
    ("token_endpoint_auth_signing_alg", Kind::Text),
    ("id_token_signed_response_alg", Kind::Algorithm),
    ("access_token_signed_response_alg", Kind::Algorithm),
    ("id_token_encrypted_response_alg", Kind::KeyManagement),
    ("id_token_encrypted_response_enc", Kind::ContentEncryption),
    ("userinfo_signed_response_alg", Kind::Algorithm),
    ("userinfo_encrypted_response_alg", Kind::KeyManagement),
    ("userinfo_encrypted_response_enc", Kind::ContentEncryption),
    ("request_object_signing_alg", Kind::Algorithm),
    ("authorization_signed_response_alg", Kind::Algorithm),
    ("introspection_signed_response_alg", Kind::Algorithm),
    ("logo_uri", Kind::Text),
    ("client_uri", Kind::Text),
    ("policy_uri", Kind::Text),
    ("tos_uri", Kind::Text),
    ("contacts", Kind::Texts),
    ("initiate_login_uri", Kind::Text),
    ("default_max_age", Kind::Seconds),
    ("require_auth_time", Kind::Flag),
    ("default_acr_values", Kind::Texts),
    ("request_uris", Kind::Texts),
    ("subject_type", Kind::OneOf(&["public", "pairwise"])),
    ("sector_identifier_uri", Kind::Text),
    ("jwks", Kind::Object),
    ("jwks_uri", Kind::Text),
    ("scope", Kind::Text),
    ("software_id", Kind::Text),
    ("software_version", Kind::Text),
    ("require_pushed_authorization_requests", Kind::Flag),
    ("require_signed_request_object", Kind::Flag),
    ("dpop_bound_access_tokens", Kind::Flag),
    ("tls_client_certificate_bound_access_tokens", Kind::Flag),
    ("tls_client_auth_subject_dn", Kind::Text),
    ("tls_client_auth_san_dns", Kind::Text),
    ("tls_client_auth_san_uri", Kind::Text),
    ("tls_client_auth_san_ip", Kind::Text),
    ("tls_client_auth_san_email", Kind::Text),
    ("backchannel_logout_uri", Kind::Text),
    ("backchannel_logout_session_required", Kind::Flag),
    ("frontchannel_logout_uri", Kind::Text),
    ("frontchannel_logout_session_required", Kind::Flag),
    ("profile", Kind::OneOf(&["fapi2"])),
];

/// What is the operator's to say, and no client's.
const OURS: [&str; 7] = [
    "require_two_factor",
    "consent",
    "id_token_claims",
    "any_secret_method",
    "allowed_groups",
    "allowed_resources",
    "served_resources",
];

/// Grants that let a client act without a person's consent at hand.
pub(super) const UNATTENDED: [GrantType; 3] =
    [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer];

/// Reads a registration: each member that is known by its type, the defaults of the standards for those that are left out,
/// and then all of them together. Members that are not known here are ignored (RFC 7591 §2), and so are null ones.
/// Of the grants that no person takes part in the client may have those of `unattended`.
///
/// # Errors
/// The first member that is wrong: what was sent, and what is expected.
pub(super) fn read(json: &Map<String, Value>, unattended: &[GrantType]) -> Result<Metadata, Refusal> {
    if json.get("software_statement").is_some_and(|statement| !statement.is_null()) {
        let what = "software_statement: nobody's statements are approved here; \
                    send the metadata as plain members (RFC 7591 section 3.2.2)";
        return Err(Refusal::new(Code::UnapprovedSoftwareStatement, what));
    }
    let mut known = Map::new();
    for (name, kind) in MEMBERS {
        let Some(value) = json.get(name).filter(|value| !value.is_null()) else { continue };
        let read = kind.read(value).ok_or_else(|| {
            let what = format!("{name}: expected {}, not {}", kind.expected(), shown(value));
            Refusal::new(code_for(name), what)
        })?;
        known.insert(name.to_owned(), read);
    }
    let sent = |name: &str| known.contains_key(name);
    let (grants, responses) = (sent("grant_types"), sent("response_types"));
    // From a text, as the database's are: a second way of reading so many members would make the program 45 kB larger.
    let mut metadata: Metadata = serde_json::from_str(&Value::Object(known).to_string()).map_err(|e| {
        let what = format!("the metadata cannot be read: {e}");
        Refusal::new(Code::InvalidClientMetadata, what)
    })?;
    fill_in(&mut metadata, grants, responses);
    // What answers on this machine is no stranger's to name, also where the operator lets an app of their own be told there.
    if metadata.backchannel_logout_uri.as_ref().is_some_and(|uri| !uri.starts_with("https:")) {
        let what = "backchannel_logout_uri: must be an https address without a fragment";
        return Err(Refusal::new(Code::InvalidClientMetadata, what));
    }
    // RFC 8252 §8.4: any app may claim a scheme without a dot; for one that is known to them the operator may allow it.
    for (field, uris) in [
        ("redirect_uris", &metadata.redirect_uris),
        ("post_logout_redirect_uris", &metadata.post_logout_redirect_uris),
    ] {
        if let Some(uri) = uris.iter().find(|uri| is_anybodys(uri)) {
            let what =
                format!("{field}: {uri} has a scheme without a dot (RFC 8252 section 7.1); ask the operator");
            return Err(Refusal::new(code_for(field), what));
        }
    }
    let beyond = |grant: &GrantType| !unattended.contains(grant) && metadata.may_use(*grant);
    if let Some(grant) = UNATTENDED.into_iter().find(beyond) {
        let what = format!(
            "grant_types: {} is not for clients that register themselves without an initial access token; \
             ask the operator",
            grant.name()
        );
        return Err(Refusal::new(Code::InvalidClientMetadata, what));
    }
    metadata.validate().map_err(|invalid| refusal(&invalid, json))?;
    Ok(metadata)
}

/// The metadata as a client may see it.
pub(super) fn shown_to_client(metadata: &Metadata) -> Map<String, Value> {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(mut members)) => {
            members.retain(|name, _| !OURS.contains(&name.as_str()));
            members
        }
        _ => Map::new(),
    }
}

/// New metadata with what the operator has said of the client before.
pub(super) fn with_ours_of(old: &Metadata, new: Metadata) -> Metadata {
    Metadata {
        require_two_factor: old.require_two_factor,
        consent: old.consent,
        id_token_claims: old.id_token_claims,
        any_secret_method: old.any_secret_method,
        allowed_groups: old.allowed_groups.clone(),
        allowed_resources: old.allowed_resources.clone(),
        served_resources: old.served_resources.clone(),
        ..new
    }
}

/// What the standards say of members that are left out.
fn fill_in(metadata: &mut Metadata, grants_sent: bool, responses_sent: bool) {
    if !grants_sent {
        // RFC 7591 §2: the code; and what goes with the response types that were asked for (§2.1 lets us).
        let types = &metadata.response_types;
        let code = types.is_empty() || types.iter().any(|one| one.has_code());
        let implicit = types.iter().any(|one| *one != ResponseType::Code);
        let wanted = [(code, GrantType::AuthorizationCode), (implicit, GrantType::Implicit)];
        metadata.grant_types = wanted.into_iter().filter(|(is, _)| *is).map(|(_, grant)| grant).collect();
    }
    if !responses_sent && metadata.may_use(GrantType::AuthorizationCode) {
        metadata.response_types = vec![ResponseType::Code];
    }
    if metadata.client_name.is_empty() {
        let host = metadata.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok());
        let host = host.into_iter().find_map(|url| url.host_str().map(str::to_owned));
        metadata.client_name = host.unwrap_or_else(|| "App".to_owned());
    }
    if metadata.id_token_signed_response_alg.is_none() {
        // OIDC Registration §2; FAPI 2.0 §5.4.1 does not take it.
        let default = match metadata.profile {
            Some(Profile::Fapi2) => SigningAlgorithm::PS256,
            None => SigningAlgorithm::RS256,
        };
        metadata.id_token_signed_response_alg = Some(default);
    }
    metadata.subject_type.get_or_insert(SubjectType::Public);
}

/// What is wrong with the metadata as a whole, with what was sent.
fn refusal(invalid: &Invalid, json: &Map<String, Value>) -> Refusal {
    let field = match invalid {
        Invalid::RedirectUri { field, .. } | Invalid::Field { field, .. } => field,
        Invalid::Sector(_) => "sector_identifier_uri",
        Invalid::Keys(_) => "jwks",
    };
    let what = match (invalid, json.get(field)) {
        (Invalid::Field { .. }, Some(value)) => format!("{invalid}; sent was {}", shown(value)),
        _ => invalid.to_string(),
    };
    Refusal::new(code_for(field), what)
}

fn code_for(field: &str) -> Code {
    if field == "redirect_uris" { Code::InvalidRedirectUri } else { Code::InvalidClientMetadata }
}

/// A value as it is told back: the beginning of it.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut start: String = text.chars().take(80).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    start
}

impl Kind {
    /// The value, if it is of this kind.
    fn read(self, value: &Value) -> Option<Value> {
        match self {
            Self::Text => value.as_str().filter(|text| is_plain(text)).map(Value::from),
            Self::Texts => texts(value)?.into_iter().map(|text| is_plain(text).then_some(text)).collect(),
            Self::Flag => value.as_bool().map(Value::from),
            Self::Seconds => u32::try_from(value.as_u64()?).ok().map(Value::from),
            Self::Object => value.is_object().then(|| value.clone()),
            Self::OneOf(words) => value.as_str().filter(|word| words.contains(word)).map(Value::from),
            Self::SomeOf(words) => {
                texts(value)?.into_iter().map(|word| words.contains(&word).then_some(word)).collect()
            }
            Self::ResponseTypes => texts(value)?
                .into_iter()
                .map(|text| ResponseType::parse(text).map(ResponseType::name))
                .collect(),
            Self::Algorithm => SigningAlgorithm::from_name(value.as_str()?).map(|a| Value::from(a.name())),
            Self::KeyManagement => KeyManagement::from_name(value.as_str()?).map(|a| Value::from(a.name())),
            Self::ContentEncryption => {
                ContentEncryption::from_name(value.as_str()?).map(|a| Value::from(a.name()))
            }
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Text => "a text without control characters".to_owned(),
            Self::Texts => "an array of texts without control characters".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Seconds => "a number of seconds".to_owned(),
            Self::Object => "an object".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::SomeOf(words) => format!("an array of some of {}", words.join(", ")),
            Self::ResponseTypes => format!("an array of some of {}", ResponseType::NAMES.join(", ")),
            Self::Algorithm => {
                format!("one of {}", SigningAlgorithm::ALL.map(SigningAlgorithm::name).join(", "))
            }
            Self::KeyManagement => {
                format!("one of {}", KeyManagement::ALL.map(KeyManagement::name).join(", "))
            }
            Self::ContentEncryption => {
                format!("one of {}", ContentEncryption::ALL.map(ContentEncryption::name).join(", "))
            }
        }
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn is_plain(text: &str) -> bool {
    !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else { panic!("no object: {value}") };
        members
    }

    fn refused(change: Value) -> (Code, String) {
        let mut json = object(json!({"redirect_uris": ["https://app.example.org/cb"]}));
        json.extend(object(change));
        let refusal = read(&json, &[]).unwrap_err();
        (refusal.code, refusal.description)
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_standards() {
        let metadata = read(&object(json!({"redirect_uris": ["https://app.example.org/cb"]})), &[]).unwrap();
        let shown = shown_to_client(&metadata);
        let expected = [
            ("client_name", json!("app.example.org")),
            ("application_type", json!("web")),
            ("response_types", json!(["code"])),
            ("grant_types", json!(["authorization_code"])),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("id_token_signed_response_alg", json!("RS256")),
            ("subject_type", json!("public")),
            ("require_auth_time", json!(false)),
        ];
        for (name, value) in expected {
            assert_eq!(shown[name], value, "{name}");
        }
        for ours in OURS {
            assert!(!shown.contains_key(ours), "{ours}");
        }
    }

    #[test]
    fn every_member_of_the_metadata_can_be_registered_or_is_ours() {
        let mut full = Metadata::web_app("App", vec![String::new()]);
        let text = || Some(String::new());
        full.token_endpoint_auth_signing_alg = text();
        for alg in [
            &mut full.id_token_signed_response_alg,
            &mut full.access_token_signed_response_alg,
            &mut full.userinfo_signed_response_alg,
            &mut full.request_object_signing_alg,
            &mut full.authorization_signed_response_alg,
            &mut full.introspection_signed_response_alg,
        ] {
            *alg = Some(SigningAlgorithm::RS256);
        }
        for list in [
            &mut full.contacts,
            &mut full.default_acr_values,
            &mut full.request_uris,
            &mut full.allowed_resources,
            &mut full.served_resources,
        ] {
            list.push(String::new());
        }
        for alg in [&mut full.id_token_encrypted_response_alg, &mut full.userinfo_encrypted_response_alg] {
            *alg = Some(KeyManagement::EcdhEs);
        }
        for enc in [&mut full.id_token_encrypted_response_enc, &mut full.userinfo_encrypted_response_enc] {
            *enc = Some(ContentEncryption::A256Gcm);
        }
        (full.logo_uri, full.client_uri, full.policy_uri, full.tos_uri) = (text(), text(), text(), text());
        (full.initiate_login_uri, full.sector_identifier_uri, full.jwks_uri) = (text(), text(), text());
        (full.scope, full.software_id, full.software_version) = (text(), text(), text());
        (full.backchannel_logout_uri, full.frontchannel_logout_uri) = (text(), text());
        full.tls_client_auth = crate::oidc::clients::TlsClientAuth {
            tls_client_auth_subject_dn: text(),
            tls_client_auth_san_dns: text(),
            tls_client_auth_san_uri: text(),
            tls_client_auth_san_ip: text(),
            tls_client_auth_san_email: text(),
        };
        full.default_max_age = Some(1);
        full.subject_type = Some(SubjectType::Public);
        full.jwks = Some(json!({}));
        full.profile = Some(Profile::Fapi2);
        let written = object(serde_json::to_value(&full).unwrap());
        for name in written.keys() {
            let ways = MEMBERS.iter().filter(|(member, _)| member == name).count()
                + OURS.iter().filter(|ours| *ours == name).count();
            assert_eq!(ways, 1, "{name}");
        }
        for (name, _) in MEMBERS {
            assert!(written.contains_key(name), "{name} is no metadata");
        }
    }

    #[test]
    fn each_member_has_its_type_and_the_error_says_which() {
        for (name, kind) in MEMBERS {
            for wrong in [json!(7.5), json!([7]), json!("\u{1}"), json!({"a": 1})] {
                if matches!(kind, Kind::Object) && wrong.is_object() {
                    continue;
                }
                let (code, what) = refused(json!({ name: wrong }));
                assert_eq!(code, code_for(name));
                assert!(what.starts_with(&format!("{name}: expected ")) && what.contains("not "), "{what}");
            }
        }
    }

    #[test]
    fn words_that_are_not_known_are_told_with_those_that_are() {
        let (_, what) = refused(json!({"grant_types": ["password"]}));
        assert!(what.contains("authorization_code, implicit") && what.contains("['password']"), "{what}");
        let (_, what) = refused(json!({"response_types": ["code code"]}));
        assert!(what.contains("code id_token token"), "{what}");
        let (_, what) = refused(json!({"token_endpoint_auth_method": "magic"}));
        assert!(what.contains("private_key_jwt"), "{what}");
        let (_, what) = refused(json!({"id_token_signed_response_alg": "none"}));
        assert!(what.contains("RS256") && what.ends_with("not 'none'"), "{what}");
    }

    #[test]
    fn response_types_may_be_written_in_any_order_and_bring_their_grants() {
        let json = json!({"redirect_uris": ["https://a.example/"], "response_types": ["token id_token code", "code"]});
        let metadata = read(&object(json), &[]).unwrap();
        assert_eq!(metadata.response_types, [ResponseType::CodeIdTokenToken, ResponseType::Code]);
        assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode, GrantType::Implicit]);
        let json = json!({"redirect_uris": ["https://a.example/"], "response_types": ["id_token"]});
        assert_eq!(read(&object(json), &[]).unwrap().grant_types, [GrantType::Implicit]);
    }

    #[test]
    fn unknown_and_null_members_are_ignored_and_so_is_what_is_not_theirs_to_say() {
        let json = json!({
            "redirect_uris": ["https://a.example/"], "logo_uri": null, "client_name#de": 7, "x": {},
            "consent": false, "require_two_factor": true, "allowed_groups": ["x"], "allowed_resources": ["https://r.example"],
        });
        let metadata = read(&object(json), &[]).unwrap();
        assert!(metadata.allowed_groups.is_empty() && metadata.allowed_resources.is_empty());
        assert!(!metadata.require_two_factor && metadata.logo_uri.is_none());
    }

    #[test]
    fn what_fits_no_whole_is_told_with_what_was_sent() {
        let (code, what) = refused(json!({"redirect_uris": ["https://app.example.org/cb#x"]}));
        assert!(
            code == Code::InvalidRedirectUri && what.contains("cb#x") && what.contains("RFC 6749"),
            "{what}"
        );
        let (code, what) = refused(json!({"post_logout_redirect_uris": ["http://app.example.org/"]}));
        assert!(code == Code::InvalidClientMetadata && what.contains("RFC 9700"), "{what}");
        assert_eq!(refused(json!({"redirect_uris": []})).0, Code::InvalidRedirectUri);
        assert_eq!(refused(json!({"redirect_uris": ["oc://app.example.org"]})).0, Code::InvalidRedirectUri);
        let (code, what) = refused(json!({"post_logout_redirect_uris": ["oc://app.example.org"]}));
        assert!(code == Code::InvalidClientMetadata && what.contains("oc://app.example.org"), "{what}");
        let (code, what) = refused(json!({"initiate_login_uri": "http://app.example.org/login"}));
        assert_eq!(code, Code::InvalidClientMetadata);
        assert_eq!(
            what,
            "initiate_login_uri: must be an https address; sent was 'http://app.example.org/login'"
        );
        let (_, what) = refused(json!({"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}));
        assert!(what.starts_with("jwks: ") && what.contains("symmetric"), "{what}");
    }

    #[test]
    fn grants_without_a_person_need_an_invitation() {
        for grant in UNATTENDED {
            let json = json!({"grant_types": [grant.name()], "jwks": {"keys": []}});
            let refusal = read(&object(json.clone()), &[]).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidClientMetadata);
            assert!(refusal.description.contains(grant.name()), "{}", refusal.description);
            assert!(read(&object(json), &UNATTENDED).is_ok());
        }
    }

    #[test]
    fn a_software_statement_is_not_approved() {
        assert_eq!(refused(json!({"software_statement": "a.b.c"})).0, Code::UnapprovedSoftwareStatement);
    }

    proptest! {
        #[test]
        fn no_json_panics_and_what_is_taken_reads_back(name in 0..MEMBERS.len(), text in ".*", number in any::<i64>()) {
            let (name, _) = MEMBERS[name];
            for value in [json!(text), json!([text]), json!(number), json!({ &text: number })] {
                let mut json = object(json!({"redirect_uris": ["https://app.example.org/cb"]}));
                json.insert(name.to_owned(), value);
                if let Ok(metadata) = read(&json, &UNATTENDED) {
                    let again = read(&shown_to_client(&metadata), &UNATTENDED);
                    prop_assert_eq!(again, Ok(metadata));
                }
            }
        }
    }
}
