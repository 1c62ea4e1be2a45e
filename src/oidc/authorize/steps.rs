//! The forms of the steps: each records one proof and comes back to `/authorize/{sign-in}`, which knows what follows.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::finish;
use super::longer;
use super::pending::{self, Pending, to_the_loop};
use super::turn;
use crate::directory::{Login, people};
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::{Code, Refusal};
use crate::signin::code::{self, Given};
use crate::signin::notice::Notice;
use crate::signin::password::{self, Attempt};
use crate::store::{signins, tokens};
use crate::web::form::Form;
use crate::web::network::Network;
use crate::web::{Path, Problem, origin};

/// `GET` of a step's address: a reload, or the back button.
pub(in crate::oidc) async fn back(Path(id): Path<String>) -> Response {
    to_the_loop(&id)
}

/// `POST /authorize/{sign-in}/password`
pub(in crate::oidc) async fn password(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let step = match Step::open(&provider, &id, request).await? {
        Ok(step) => step,
        Err(over) => return Ok(over),
    };
    password::take(&provider.signin, &step.pending.signin, &step.attempt()).await?;
    step.tell_of_refusal(&provider).await?;
    Ok(to_the_loop(&id))
}

/// `POST /authorize/{sign-in}/code`
pub(in crate::oidc) async fn code(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let step = match Step::open(&provider, &id, request).await? {
        Ok(step) => step,
        Err(over) => return Ok(over),
    };
    let demand = step.pending.request.demand(&step.pending.client);
    let given = Given { code: step.form.field("code"), password: step.form.field("password"), demand };
    code::take(&provider.signin, &step.pending.signin, given, &step.attempt()).await?;
    step.tell_of_refusal(&provider).await?;
    Ok(to_the_loop(&id))
}

/// `POST /authorize/{sign-in}/code/resend`
pub(in crate::oidc) async fn resend(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let step = match Step::open(&provider, &id, request).await? {
        Ok(step) => step,
        Err(over) => return Ok(over),
    };
    code::ask_again(&provider.signin, &step.pending.signin, step.now_ms).await?;
    Ok(to_the_loop(&id))
}

/// `POST /authorize/{sign-in}/code/skip`: the person goes on without the code that their group rehearses.
pub(in crate::oidc) async fn skip(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let step = match Step::open(&provider, &id, request).await? {
        Ok(step) => step,
        Err(over) => return Ok(over),
    };
    turn::skip(&provider, &step.pending, &step.headers, step.now_ms).await?;
    Ok(to_the_loop(&id))
}

/// `POST /authorize/{sign-in}/new-password`
pub(in crate::oidc) async fn new_password(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let step = match Step::open(&provider, &id, request).await? {
        Ok(step) => step,
        Err(over) => return Ok(over),
    };
    let typed = step.form.field("password");
    longer::take(&provider, &step.pending, typed, &step.network, &step.headers, step.now_ms).await
}

/// `POST /authorize/{sign-in}/consent`
pub(in crate::oidc) async fn consent(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let step = match Step::open(&provider, &id, request).await? {
        Ok(step) => step,
        Err(over) => return Ok(over),
    };
    if step.form.field("decision") != "allow" {
        return step.deny(&provider).await;
    }
    let shown_to = step.form.get("login");
    turn::consent(&provider, &step.pending, &step.headers, shown_to, step.now_ms).await?;
    Ok(to_the_loop(&id))
}

/// `POST /authorize/{sign-in}/another`: the person wants to use another login.
pub(in crate::oidc) async fn another(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let step = match Step::open(&provider, &id, request).await? {
        Ok(step) => step,
        Err(over) => return Ok(over),
    };
    let mut tx = provider.signin.db.write().await?;
    signins::use_another_login(&mut tx, &id, step.now_ms / 1000).await?;
    tx.commit().await?;
    Ok(to_the_loop(&id))
}

/// `POST /authorize/{sign-in}/cancel`
pub(in crate::oidc) async fn cancel(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    match Step::open(&provider, &id, request).await? {
        Ok(step) => step.deny(&provider).await,
        Err(over) => Ok(over),
    }
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
struct Step {
    pending: Pending,
    headers: HeaderMap,
    form: Form,
    network: Network,
    now_ms: i64,
}

impl Step {
    async fn open(
        provider: &Provider,
        id: &str,
        request: Request,
    ) -> Result<Result<Self, Response>, Problem> {
        let headers: HeaderMap = request.headers().clone();
        if !origin::is_own(&headers, &provider.issuer) {
            return Err(Problem::ForeignForm);
        }
        let network = Network::of(request.extensions(), &headers, &provider.trusted_proxies);
        let form = <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
        if form.doubled().is_some() {
            return Err(Problem::BadForm(crate::web::form::BadForm::Doubled));
        }
        let now_ms = provider.signin.clock.now_ms();
        let pending = match pending::load(provider, id, &headers, now_ms).await? {
            // What is sent a second time has been heard; what somebody else sends is for another sign-in.
            Ok(pending) if pending.ended.is_some() => {
                let same = is_of_its_person(provider, &pending, form.field("login")).await?;
                Err(if same { to_the_loop(id) } else { pending::over(provider, &pending, &headers) })
            }
            other => other,
        };
        Ok(pending.map(|pending| Self { pending, headers, form, network, now_ms }))
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

    /// One line of the log for each try that was refused, for whoever bars the address (docs/operations.md). Nothing that was typed
    /// is in it: people type passwords into the wrong field.
    async fn tell_of_refusal(&self, provider: &Provider) -> Result<(), Problem> {
        let mut conn = provider.signin.db.read().await?;
        let signin = signins::find(&mut conn, &self.pending.signin.id).await?;
        let notice = Notice::from_json(signin.and_then(|signin| signin.notice).as_deref());
        if let Some(why) = notice.as_ref().and_then(Notice::refusal) {
            tracing::warn!(address = %self.network.address(), %why, "sign-in refused");
        }
        Ok(())
    }

    async fn deny(&self, provider: &Provider) -> Result<Response, Problem> {
        let refusal = Refusal::new(Code::AccessDenied, "the person said no");
        finish::refuse(provider, &self.pending, &refusal, self.now_ms).await
    }
}
