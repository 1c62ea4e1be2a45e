//! What does an app do with a provider? Each is one operation of a workload.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use serde_json::Value;

use super::browser::{Browser, Signed};
use super::http::{Ask, Connection};
use super::profile::{Client, Person};
use super::provider::Provider;

/// RFC 7636 appendix B: nobody listens here whom a fresh one would keep out, and the generator need not hash.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// One authorization request.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The path that the browser opens.
    pub path: String,
    state: String,
}

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct Tokens(Value);

impl Tokens {
    /// One of them.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&self, name: &str) -> anyhow::Result<&str> {
        self.0.get(name).and_then(Value::as_str).with_context(|| format!("the answer has no {name}"))
    }
}

impl Visit {
    /// A request of the profile's app, with PKCE and a `state` and `nonce` that no other has.
    #[must_use]
    pub fn new(provider: &Provider) -> Self {
        let (profile, number) = (provider.profile(), provider.next_visit());
        let (state, nonce) = (format!("state-{number:08}"), format!("nonce-{number:08}"));
        let mut query = form_urlencoded::Serializer::new(String::with_capacity(512));
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &profile.app.id),
            ("redirect_uri", &profile.redirect_uri),
            ("scope", &profile.scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        query.extend_pairs(&profile.authorize);
        Self { path: format!("{}?{}", provider.endpoints().authorize, query.finish()), state }
    }

    /// The code with which the browser came back.
    ///
    /// # Errors
    /// When it came back with another `state`, or without a code.
    pub fn code(&self, arrived: &str) -> anyhow::Result<String> {
        let query =
            arrived.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
        };
        ensure!(value("state").as_deref() == Some(self.state.as_str()), "another state came back: {arrived}");
        value("code").with_context(|| format!("no code came back: {arrived}"))
    }

    async fn redeem(
        &self,
        provider: &Provider,
        browser: &mut Browser,
        arrived: &str,
    ) -> anyhow::Result<Tokens> {
        let exchange = exchange(provider, &self.code(arrived)?);
        let answer = browser.connection().send(&exchange).await?;
        let tokens = Tokens(answer.json(&exchange.path)?);
        tokens.get("id_token")?;
        Ok(tokens)
    }
}

/// The request that exchanges the code of a visit.
#[must_use]
pub fn exchange(provider: &Provider, code: &str) -> Ask {
    let profile = provider.profile();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &profile.redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    provider.token_request(&profile.app, &form)
}

/// One request to the token endpoint.
///
/// # Errors
/// When it is refused.
pub async fn token(
    provider: &Provider,
    connection: &mut Connection,
    client: &Client,
    form: &[(&str, &str)],
) -> anyhow::Result<Tokens> {
    let request = provider.token_request(client, form);
    Ok(Tokens(connection.send(&request).await?.json(&request.path)?))
}

/// The client credentials grant.
///
/// # Errors
/// When it is refused.
pub async fn client_credentials(
    provider: &Provider,
    connection: &mut Connection,
    client: &Client,
) -> anyhow::Result<Tokens> {
    token(provider, connection, client, &[("grant_type", "client_credentials")]).await
}

/// A whole sign-in: the pages, and the exchange of the code.
///
/// # Errors
/// When any of it fails.
pub async fn sign_in(
    provider: &Provider,
    browser: &mut Browser,
    person: &Person,
) -> anyhow::Result<(Signed, Tokens)> {
    let visit = Visit::new(provider);
    let signed = browser.sign_in(&visit.path, person).await?;
    let tokens = visit.redeem(provider, browser, &signed.arrived).await?;
    Ok((signed, tokens))
}

/// A sign-in by a session that is there already, and the exchange of the code.
///
/// # Errors
/// When any of it fails.
pub async fn single_sign_on(provider: &Provider, browser: &mut Browser) -> anyhow::Result<Tokens> {
    let visit = Visit::new(provider);
    let arrived = browser.pass(&visit.path).await?;
    visit.redeem(provider, browser, &arrived).await
}

/// A page that is read without a word.
///
/// # Errors
/// When it does not come.
pub async fn get(connection: &mut Connection, ask: &Ask) -> anyhow::Result<()> {
    let answer = connection.send(ask).await?;
    ensure!(answer.status == 200, "{} at {}", answer.status, ask.path);
    Ok(())
}

/// Whether this token is a JWT that is signed with this algorithm.
///
/// # Errors
/// When it is not: what it is instead.
pub fn is_signed_with(token: &str, expected: &str) -> anyhow::Result<()> {
    match algorithm(token) {
        Some(found) if found == expected => Ok(()),
        Some(found) => bail!("the access token is signed with {found}"),
        None => bail!("the access token is no JWT"),
    }
}

fn algorithm(token: &str) -> Option<String> {
    let (header, _) = token.split_once('.')?;
    let header = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header.get("alg")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Visit, algorithm, is_signed_with};

    #[test]
    fn the_algorithm_of_a_token_is_read() {
        // {"typ":"at+jwt","alg":"ES256"}
        let jwt = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.e30.c2ln";
        assert_eq!(algorithm(jwt).as_deref(), Some("ES256"));
        for opaque in ["", "abc", "a.b.c", "e30.e30.x"] {
            assert_eq!(algorithm(opaque), None, "{opaque}");
        }
        assert!(is_signed_with(jwt, "ES256").is_ok());
        let refused = is_signed_with(jwt, "RS256").unwrap_err().to_string();
        assert!(refused.contains("ES256"), "{refused}");
    }

    #[test]
    fn a_code_is_taken_with_the_right_state_alone() {
        let visit = Visit { path: String::new(), state: "state-1".to_owned() };
        let cases = [
            ("http://app/cb?code=a%2Bb&state=state-1&iss=x", Some("a+b")),
            ("http://app/cb?code=a&state=state-2", None),
            ("http://app/cb?error=access_denied&state=state-1", None),
            ("http://app/cb", None),
        ];
        for (arrived, expected) in cases {
            assert_eq!(visit.code(arrived).ok().as_deref(), expected, "{arrived}");
        }
    }
}
