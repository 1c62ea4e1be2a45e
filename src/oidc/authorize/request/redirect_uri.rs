//! Where may the answer go? Never to an address that is not registered (RFC 9700 §4.11).

use super::destination::ReturnTo;
use super::response::ResponseMode;
use crate::oidc::clients::Client;
use crate::oidc::shared::documents;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::mistake::{Mistake, near_miss};
use crate::oidc::shared::slip::Slip;
use crate::web::form::Form;

/// Where the answer to a request goes.
///
/// # Errors
/// What is wrong with `redirect_uri`: then there is nowhere to send it to.
pub(in crate::oidc::authorize) fn destination(form: &Form, client: &Client) -> Result<ReturnTo, Mistake> {
    let invalid = |description: &str| Refusal::new(Code::InvalidRequest, description);
    if form.is_doubled("client_id") || form.is_doubled("redirect_uri") {
        let refusal = invalid("client_id or redirect_uri is there more than once (RFC 6749 section 3.1)");
        return Err(Mistake::new(refusal, documents::PARAMETERS));
    }
    let registered = &client.metadata.redirect_uris;
    let sent = form.get("redirect_uri");
    let Some(uri) = sent.or_else(|| only_one(form, client)) else {
        let refusal = invalid("redirect_uri is missing (OpenID Connect Core section 3.1.2.1)");
        let mistake = Mistake::new(refusal, documents::REDIRECT_URI_MISSING);
        return Err(mistake.registered("redirect_uris", registered));
    };
    if !client.metadata.allows_redirect_to(uri) {
        let refusal = invalid("redirect_uri is not one that is registered for this client, letter by letter");
        let hint = near_miss(uri, registered);
        let slip = if hint.is_some() { Slip::RedirectUriNear } else { Slip::RedirectUri };
        let mistake = Mistake::new(refusal.slipped(slip), documents::REDIRECT_URI);
        return Err(Mistake { hint, ..mistake.registered("redirect_uris", registered) });
    }
    Ok(ReturnTo {
        redirect_uri: uri.to_owned(),
        implied: sent.is_none(),
        state: form.get("state").filter(|_| !form.is_doubled("state")).map(str::to_owned),
        mode: ResponseMode::for_errors(form.get("response_type"), form.get("response_mode")),
    })
}

/// The one address that is registered, for requests of plain OAuth, which need not say it (RFC 6749 §3.1.2.3). Those of OpenID
/// Connect and of FAPI 2.0 must.
fn only_one<'c>(form: &Form, client: &'c Client) -> Option<&'c str> {
    let openid = form.get("scope").unwrap_or_default().split(' ').any(|scope| scope == "openid");
    match client.metadata.redirect_uris.as_slice() {
        [one] if !openid && !client.metadata.is_fapi2() => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::clients::{Metadata, Profile};

    fn client(uris: &[&str], profile: Option<Profile>) -> Client {
        let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        Client::unregistered("app", Metadata { profile, ..Metadata::web_app("App", uris) })
    }

    fn sent(query: &str, client: &Client) -> Option<ReturnTo> {
        destination(&Form::parse(query).unwrap(), client).ok()
    }

    #[test]
    fn only_plain_oauth_with_one_address_may_leave_it_out() {
        let (one, two) = (
            client(&["https://a.example/"], None),
            client(&["https://a.example/", "https://b.example/"], None),
        );
        let implied = sent("scope=groups", &one).unwrap();
        assert_eq!((implied.redirect_uri.as_str(), implied.implied), ("https://a.example/", true));
        assert!(sent("", &one).is_some());
        assert!(sent("scope=groups", &two).is_none());
        assert!(sent("scope=email+openid", &one).is_none());
        assert!(sent("scope=groups", &client(&["https://a.example/"], Some(Profile::Fapi2))).is_none());
        let named = sent("redirect_uri=https://a.example/&state=x", &one).unwrap();
        assert_eq!((named.implied, named.state.as_deref()), (false, Some("x")));
    }

    #[test]
    fn what_is_doubled_or_not_registered_leads_nowhere() {
        let one = client(&["https://a.example/cb"], None);
        let twice = "redirect_uri=https://a.example/cb&redirect_uri=https://a.example/cb";
        assert!(sent(twice, &one).is_none());
        let form = Form::parse("redirect_uri=https://a.example/cb/").unwrap();
        let mistake = destination(&form, &one).unwrap_err();
        assert_eq!(mistake.registered, [("redirect_uris", "https://a.example/cb".to_owned())]);
        assert_eq!(mistake.hint.unwrap().key, "redirect-differs-slash");
        let state = sent("redirect_uri=https://a.example/cb&state=x&state=y", &one).unwrap().state;
        assert_eq!(state, None);
    }
}
