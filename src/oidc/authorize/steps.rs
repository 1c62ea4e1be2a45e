//! The forms of the steps: each records one proof and comes back to `/authorize/{sign-in}`, which knows what follows.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::finish;
use super::longer;
use super::pending::{self, Pending, to_the_loop};
use super::turn;
use crate::directory::{Login, people};
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::{Code, Refusal};
use crate::signin::code::{self, Given};
use crate::signin::notice::{self, Notice};
use crate::signin::password::{self, Attempt};
use crate::store::{signins, tokens};
use crate::web::form::{BadForm, Form};
use crate::web::network::Network;
use crate::web::{Path, Problem, origin};

/// `GET` of a step's address: a reload, or the back button.
pub(in crate::oidc) async fn back(Path(id): Path<String>) -> Response {
    to_the_loop(&id)
}

/// `POST /authorize/{sign-in}/password`
pub(in crate::oidc) async fn password(step: Step) -> Result<Response, Problem> {
    let state = &step.provider.signin;
    let said = password::take(state, &step.pending.signin, &step.attempt()).await?;
    step.tell(said.as_ref());
    Ok(step.back())
}

/// `POST /authorize/{sign-in}/code`
pub(in crate::oidc) async fn code(step: Step) -> Result<Response, Problem> {
    let demand = step.pending.request.demand(&step.pending.client);
    let given = Given { code: step.form.field("code"), password: step.form.field("password"), demand };
    let said = code::take(&step.provider.signin, &step.pending.signin, given, &step.attempt()).await?;
    step.tell(said.as_ref());
    Ok(step.back())
}

/// `POST /authorize/{sign-in}/code/resend`
pub(in crate::oidc) async fn resend(step: Step) -> Result<Response, Problem> {
    code::ask_again(&step.provider.signin, &step.pending.signin, step.now_ms).await?;
    Ok(step.back())
}

/// `POST /authorize/{sign-in}/code/skip`: the person goes on without the code that their group rehearses.
pub(in crate::oidc) async fn skip(step: Step) -> Result<Response, Problem> {
    turn::skip(&step.provider, &step.pending, &step.headers, (&step.network, step.now_ms)).await?;
    Ok(step.back())
}

/// `POST /authorize/{sign-in}/help`: somebody whose password was right, and who was kept out, asks a manager for help.
pub(in crate::oidc) async fn help(step: Step) -> Result<Response, Problem> {
    turn::ask_for_help(&step.provider, &step.pending, &step.headers, (&step.network, step.now_ms)).await?;
    Ok(step.back())
}

/// `POST /authorize/{sign-in}/new-password`
pub(in crate::oidc) async fn new_password(step: Step) -> Result<Response, Problem> {
    let typed = step.form.field("password");
    longer::take(&step.provider, &step.pending, typed, &step.network, &step.headers, step.now_ms).await
}

/// `POST /authorize/{sign-in}/consent`
pub(in crate::oidc) async fn consent(step: Step) -> Result<Response, Problem> {
    if step.form.field("decision") != "allow" {
        return step.deny().await;
    }
    let shown_to = step.form.get("login");
    let now = (&step.network, step.now_ms);
    turn::consent(&step.provider, &step.pending, &step.headers, shown_to, now).await?;
    Ok(step.back())
}

/// `POST /authorize/{sign-in}/another`: the person wants to use another login.
pub(in crate::oidc) async fn another(step: Step) -> Result<Response, Problem> {
    let mut tx = step.provider.signin.db.write().await?;
    signins::use_another_login(&mut tx, &step.pending.signin.id, step.now_ms / 1000).await?;
    tx.commit().await?;
    Ok(step.back())
}

/// `POST /authorize/{sign-in}/cancel`
pub(in crate::oidc) async fn cancel(step: Step) -> Result<Response, Problem> {
    step.deny().await
}

/// Whether a form names the person whose sign-in has ended just now, or nobody.
async fn is_of_its_person(provider: &Provider, pending: &Pending, login: &str) -> Result<bool, Problem> {
    let Ok(login) = Login::parse(login) else { return Ok(true) };
    let mut conn = provider.signin.db.read().await?;
    let Some(grant_id) = &pending.ended else { return Ok(true) };
    let grant = tokens::find_grant(&mut conn, grant_id).await?;
    let named = people::find_by_login_or_email(&mut conn, &login).await?;
    Ok(grant.zip(named).is_some_and(|(grant, person)| grant.user_id == person.id))
}

/// A form of a sign-in that may go on, sent by one of our own pages in the sign-in's browser.
pub(in crate::oidc) struct Step {
    provider: Arc<Provider>,
    pending: Pending,
    headers: HeaderMap,
    form: Form,
    network: Network,
    now_ms: i64,
}

/// The answer to any other form stands in the place of the step's.
impl FromRequest<Arc<Provider>> for Step {
    type Rejection = Response;

    async fn from_request(request: Request, provider: &Arc<Provider>) -> Result<Self, Response> {
        match Self::open(request, provider).await {
            Ok(step) => step,
            Err(problem) => Err(problem.into_response()),
        }
    }
}

impl Step {
    async fn open(request: Request, provider: &Arc<Provider>) -> Result<Result<Self, Response>, Problem> {
        let (mut parts, body) = request.into_parts();
        let Path(id) = Path::<String>::from_request_parts(&mut parts, provider).await?;
        let headers = parts.headers.clone();
        if !origin::is_own(&headers, &provider.issuer) {
            return Err(Problem::ForeignForm);
        }
        let network = Network::of(&parts.extensions, &headers, &provider.trusted_proxies);
        let form = Form::from_request(Request::from_parts(parts, body), &()).await?;
        if form.doubled().is_some() {
            return Err(BadForm::Doubled.into());
        }
        let now_ms = provider.signin.clock.now_ms();
        let pending = match pending::load(provider, &id, &headers, now_ms).await? {
            // What is sent a second time has been heard; what somebody else sends is for another sign-in.
            Ok(pending) if pending.ended.is_some() => {
                let same = is_of_its_person(provider, &pending, form.field("login")).await?;
                Err(if same { to_the_loop(&id) } else { pending::over(provider, &pending, &headers) })
            }
            other => other,
        };
        let provider = Arc::clone(provider);
        Ok(pending.map(|pending| Self { provider, pending, headers, form, network, now_ms }))
    }

    /// Back to the loop, which knows what follows.
    fn back(&self) -> Response {
        to_the_loop(&self.pending.signin.id)
    }

    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            login: self.form.field("login"),
            password: self.form.field("password"),
            browser: &self.pending.browser,
            known: self.pending.known.as_ref(),
            network: &self.network,
            now_ms: self.now_ms,
        }
    }

    /// Tells the log and metrics of a try that was refused.
    fn tell(&self, said: Option<&Notice>) {
        notice::log(said, &self.network);
        if let Some(reason) = said.and_then(Notice::counted) {
            self.provider.signin.metrics.refused(reason, self.pending.client.counted());
        }
    }

    /// Whoever it is that says no: the one who gave a password here, or whose session it is.
    async fn deny(&self) -> Result<Response, Problem> {
        let signin = &self.pending.signin;
        let session = self.provider.session(&self.headers, self.now_ms / 1000).await?;
        let session = session.filter(|_| !signin.without_session).map(|session| session.row.user_id);
        let user = signin.user_id.as_deref().or(session.as_deref());
        let refusal = Refusal::new(Code::AccessDenied, "the person said no");
        let now = (&self.network, self.now_ms);
        finish::refuse(&self.provider, &self.pending, user, &refusal, now).await
    }
}
