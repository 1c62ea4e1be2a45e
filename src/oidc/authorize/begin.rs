//! The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2): is this a request that we can go on with?

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::Response;

use super::answer;
use super::consent::has_agreed;
use super::facts;
use super::finish::{self, Proven};
use super::pending::{self, New};
use super::request::parameters::{self, Unusable};
use super::request::read::{Wrong, read};
use super::request::{self, AuthorizationRequest};
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::documents;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::mistake::Mistake;
use crate::oidc::shared::page::{key_problem, language};
use crate::oidc::shared::slip::Slip;
use crate::signin::decide::{Next, decide};
use crate::web::form::Form;
use crate::web::network::Network;
use crate::web::{Problem, Refused};

/// `GET /authorize`
pub(in crate::oidc) async fn get(
    State(provider): State<Arc<Provider>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Problem> {
    let form = Form::parse(query.as_deref().unwrap_or_default())?;
    let network = Network::of(&extensions, &headers, &provider.trusted_proxies);
    Begin { provider: &provider, form: &form, headers: &headers, network, by_post: false }.run().await
}

/// `POST /authorize`
pub(in crate::oidc) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    extensions: Extensions,
    form: Form,
) -> Result<Response, Problem> {
    let network = Network::of(&extensions, &headers, &provider.trusted_proxies);
    Begin { provider: &provider, form: &form, headers: &headers, network, by_post: true }.run().await
}

struct Begin<'a> {
    provider: &'a Provider,
    form: &'a Form,
    headers: &'a HeaderMap,
    network: Network,
    /// A form on the app's page does not bring our `SameSite=Lax` cookies along: there is no telling which browser it is.
    by_post: bool,
}

impl Begin<'_> {
    async fn run(&self) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let now_ms = state.clock.now_ms();
        let now = now_ms / 1000;
        let client_id = self.form.get("client_id").filter(|_| !self.form.is_doubled("client_id"));
        let client = self.provider.client_alone(client_id.unwrap_or_default()).await?;
        let Some(client) = client else { return Ok(self.explain(self.form, self.no_client())) };
        let found = match parameters::find(self.provider, &client, self.form, now).await? {
            Ok(found) => found,
            Err(unusable) => {
                self.provider.slips.refused(&client.id, &unusable.mistake.refusal, now);
                return self.unusable(&client, unusable, now).await;
            }
        };
        match read(self.provider, &client, &found.form, now).await.map_err(key_problem)? {
            Ok(mut request) => {
                if let Some((hash, key)) = found.pushed {
                    (request.pushed_as, request.dpop_jkt) = (Some(hash), key);
                }
                self.note_ignored(&client, &request, &found.form, now);
                self.go_on(client, request, now_ms).await
            }
            Err(wrong) => self.wrong(&client, wrong, &found.form, now).await,
        }
    }

    /// Scopes that an app asks for and does not get are no error, and still leave it without what it needs.
    fn note_ignored(&self, client: &Client, request: &AuthorizationRequest, form: &Form, now: i64) {
        let asked = form.get("scope").unwrap_or_default().split(' ').filter(|word| !word.is_empty());
        let ignored: Vec<&str> = asked.filter(|word| !request.scopes.has_named(word)).take(10).collect();
        if !ignored.is_empty() {
            self.provider.slips.note(&client.id, Slip::ScopeIgnored, &ignored.join(" "), now);
        }
    }

    /// What is wrong is told to the app where its answer may go there, and is noted for whoever registers it.
    async fn wrong(&self, client: &Client, wrong: Wrong, form: &Form, now: i64) -> Result<Response, Problem> {
        wrong.note(self.provider, client, form, now);
        match wrong {
            Wrong::Nowhere(mistake) => Ok(self.explain(form, *mistake)),
            Wrong::Refused(return_to, refusal) => {
                answer::refuse(self.provider, client, &return_to.into(), &refusal, now).await
            }
        }
    }

    /// Why no client is found: there is none, or more than one, or one that is not known.
    fn no_client(&self) -> Mistake {
        let description = match self.form.get("client_id") {
            None => "client_id is missing (RFC 6749 section 4.1.1)",
            Some(_) if self.form.is_doubled("client_id") => {
                "client_id is there more than once (RFC 6749 section 3.1)"
            }
            Some(_) => {
                "there is no client with this client_id: is it the one that was given at the registration, at this provider?"
            }
        };
        Mistake::new(Refusal::new(Code::InvalidRequest, description), documents::CLIENT_ID)
    }

    /// A request whose parameters cannot be had is answered to the app only if it is known, from what can be believed, where.
    async fn unusable(&self, client: &Client, unusable: Unusable, now: i64) -> Result<Response, Problem> {
        let Unusable { mistake, form } = unusable;
        match request::destination(form.as_ref().unwrap_or(self.form), client) {
            Ok(return_to) if !return_to.implied => {
                answer::refuse(self.provider, client, &return_to.into(), &mistake.refusal, now).await
            }
            _ => Ok(self.explain(self.form, mistake)),
        }
    }

    /// Answers at once where nothing is missing, or must not be asked for; else begins a sign-in.
    async fn go_on(
        &self,
        client: Arc<Client>,
        request: AuthorizationRequest,
        now_ms: i64,
    ) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let now = now_ms / 1000;
        let session = self.provider.session(self.headers, now).await?;
        let mut conn = state.db.read().await?;
        let asked = (&*client, &request);
        let mut standing = facts::load(self.provider, &mut conn, asked, None, session.as_ref(), now).await?;
        let mut next = decide(standing.as_ref().map(|s| &s.facts));
        if let (true, Some(standing)) = (request.prompt.none && next.may_be_skipped(), &mut standing) {
            // Nobody can be shown the page with the button: a rehearsal keeps no app from what it would get without.
            standing.facts.skipped_at = Some(now);
            next = decide(Some(&standing.facts));
        }
        if let (Next::Done(assurance), Some(standing)) = (next, &standing) {
            let agreed = has_agreed(&mut conn, &client, &request, standing, false).await?;
            if agreed {
                let proven = Proven {
                    standing,
                    assurance,
                    session: session.as_deref(),
                    signin: None,
                    lost: None,
                    network: &self.network,
                };
                drop(conn);
                return finish::grant(self.provider, &client, &request, proven, None, now_ms).await;
            }
            if request.prompt.none {
                let refusal = Refusal::new(Code::ConsentRequired, "the person has not agreed yet");
                drop(conn);
                return answer::refuse(self.provider, &client, &request.return_to, &refusal, now).await;
            }
        }
        drop(conn);
        if request.prompt.none {
            let refusal = nobody_may_be_asked(next);
            return answer::refuse(self.provider, &client, &request.return_to, &refusal, now).await;
        }
        self.begin(&client, &request, now).await
    }

    async fn begin(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        now: i64,
    ) -> Result<Response, Problem> {
        let (network, by_post) = (&self.network, self.by_post);
        let new = New { client_id: Some(&client.id), request, network, by_post };
        pending::begin(self.provider, self.headers, new, now).await
    }

    /// The page for a request that cannot be answered to the app: what was sent, what is registered, which document says so.
    fn explain(&self, sent: &Form, mistake: Mistake) -> Response {
        let Refusal { code, description, .. } = &mistake.refusal;
        let refused = Refused::new(sent.get("client_id"), code.name(), description);
        let (pages, language) = (&self.provider.signin.pages, language(self.headers, None));
        let mut response = pages.respond(StatusCode::BAD_REQUEST, &mistake.page(sent), language);
        response.extensions_mut().insert(refused);
        response
    }
}

/// What `prompt=none` is answered when a page would be needed (OIDC Core §3.1.2.6).
fn nobody_may_be_asked(next: Next) -> Refusal {
    match next {
        Next::Unmet => {
            let description = "the app insists on two factors, and this person cannot be sent a code";
            Refusal::new(Code::UnmetAuthenticationRequirements, description)
        }
        Next::Password => {
            Refusal::new(Code::LoginRequired, "nobody is signed in here, or not recently enough")
        }
        _ => Refusal::new(Code::LoginRequired, "a second factor is missing"),
    }
}
