//! Is this the client that it says it is? (RFC 6749 §2.3, OIDC Core §9)

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

use super::clients::{self, AuthMethod, Client};
use super::error::{Code, Refusal};
use super::failure::Failure;
use crate::keys::secret::{TokenHash, same};
use crate::store::Conn;
use crate::web::form::Form;

/// What a request says about its client.
struct Presented {
    method: AuthMethod,
    client_id: String,
    secret: String,
}

/// The client that has sent this request, having proven it by the method that it is registered for.
pub(super) async fn authenticate(
    conn: &mut Conn,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Client, Failure> {
    let presented = present(headers, form)?;
    let by_basic = presented.method == AuthMethod::ClientSecretBasic;
    let refuse =
        |description: &str| Failure::client(Refusal::new(Code::InvalidClient, description), by_basic);
    let unknown = "the client is unknown, or its secret is wrong";
    let client = clients::find(conn, &presented.client_id).await?.ok_or_else(|| refuse(unknown))?;
    let registered = client.metadata.token_endpoint_auth_method;
    if registered != presented.method {
        let description = format!(
            "this client is registered for {}, and came with {}",
            registered.name(),
            presented.method.name()
        );
        return Err(refuse(&description));
    }
    if registered == AuthMethod::None {
        return Ok(client);
    }
    let hash = TokenHash::of(&presented.secret);
    let right = client.secret_hash.as_deref().is_some_and(|h| same(h.as_bytes(), hash.as_str().as_bytes()));
    if right { Ok(client) } else { Err(refuse(unknown)) }
}

/// One method, and no more than one (RFC 6749 §2.3).
fn present(headers: &HeaderMap, form: &Form) -> Result<Presented, Failure> {
    let invalid = |description: &str| Failure::request(Refusal::new(Code::InvalidRequest, description));
    let in_form = form.get("client_id");
    let secret = form.get("client_secret");
    if form.get("client_assertion").is_some() {
        let description =
            "client assertions are not supported: use client_secret_basic, client_secret_post or none";
        return Err(Failure::client(Refusal::new(Code::InvalidClient, description), false));
    }
    match (headers.get(header::AUTHORIZATION), in_form, secret) {
        (Some(_), _, Some(_)) => Err(invalid("the client authenticates twice, by header and by form")),
        (Some(value), in_form, None) => {
            let basic = value.to_str().ok().and_then(basic).ok_or_else(|| {
                let description = "the Authorization header is not HTTP Basic (RFC 7617)";
                Failure::client(Refusal::new(Code::InvalidClient, description), true)
            })?;
            if in_form.is_some_and(|id| id != basic.client_id) {
                return Err(invalid("client_id is not that of the Authorization header"));
            }
            Ok(basic)
        }
        (None, Some(id), Some(secret)) => Ok(Presented {
            method: AuthMethod::ClientSecretPost,
            client_id: id.to_owned(),
            secret: secret.to_owned(),
        }),
        (None, Some(id), None) => {
            Ok(Presented { method: AuthMethod::None, client_id: id.to_owned(), secret: String::new() })
        }
        (None, None, _) => {
            let description = "the client does not say who it is: send an Authorization header or client_id";
            Err(Failure::client(Refusal::new(Code::InvalidClient, description), true))
        }
    }
}

/// `Basic` with both halves form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<Presented> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| -> Option<String> {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    Some(Presented {
        method: AuthMethod::ClientSecretBasic,
        client_id: decoded(id)?,
        secret: decoded(secret)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_halves_are_form_decoded() {
        let header = format!("basic {}", BASE64_STANDARD.encode("a%3Ab:s+1%25"));
        let presented = basic(&header).unwrap();
        assert_eq!((presented.client_id.as_str(), presented.secret.as_str()), ("a:b", "s 1%"));
    }

    #[test]
    fn what_is_not_basic_is_refused() {
        for header in ["", "Basic", "Basic !!!", "Bearer abc", "Basic YQ==", "Basic\tYTpi"] {
            assert!(basic(header).is_none(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(header in ".*") {
            let _ = basic(&header);
        }
    }
}
