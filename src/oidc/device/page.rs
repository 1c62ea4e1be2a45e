//! `/device`: which device is it that this person wants to let in? (RFC 8628 §3.3)

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};

use super::DeviceRequest;
use crate::keys::secret::{entropy, new_id_at};
use crate::oidc::authorize::pending::to_the_loop;
use crate::oidc::authorize::request::destination::{Destination, Waiting};
use crate::oidc::authorize::request::{AuthorizationRequest, ClaimsRequest, Prompt};
use crate::oidc::clients;
use crate::oidc::provider::Provider;
use crate::oidc::shared::page::{internal, language};
use crate::oidc::shared::user_code::UserCode;
use crate::signin::binding::Binding;
use crate::signin::browser::Browser;
use crate::signin::notice::Refused;
use crate::signin::pages;
use crate::signin::throttle::Try;
use crate::signin::throttle::rule::Verdict;
use crate::store::device_codes::{self, DeviceCodeRow};
use crate::store::signins::{self, NewSignIn};
use crate::store::{Conn, Tx};
use crate::web::form::{BadForm, Form};
use crate::web::network::Network;
use crate::web::{DevicePage, ErrorText, Language, Problem, origin};

/// `GET /device`, with or without the code in the address (RFC 8628 §3.3.1)
pub(in crate::oidc) async fn get(
    State(provider): State<Arc<Provider>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::parse(query.as_deref().unwrap_or_default())?;
    let code = form.get("user_code").and_then(UserCode::parse);
    let page = DevicePage { user_code: code.map(|code| code.shown()).unwrap_or_default(), error: None };
    Ok(provider.signin.pages.respond(StatusCode::OK, &page, language(&headers, form.get("ui_locales"))))
}

/// `POST /device`: a person has typed a code, or says that it is the one that their device shows
pub(in crate::oidc) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    if !origin::is_own(&headers, &provider.issuer) {
        return Err(Problem::ForeignForm);
    }
    let network = Network::of(request.extensions(), &headers, &provider.trusted_proxies);
    let form = <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
    if form.doubled().is_some() {
        return Err(BadForm::Doubled.into());
    }
    let language = language(&headers, None);
    Entry { provider: &provider, headers: &headers, typed: form.field("user_code"), language }
        .take(&network)
        .await
}

/// A code that somebody has typed.
struct Entry<'a> {
    provider: &'a Provider,
    headers: &'a HeaderMap,
    typed: &'a str,
    language: Language,
}

impl Entry<'_> {
    /// Begins a sign-in for a right code. What is wrong is counted (RFC 8628 §5.1), in the transaction in which it was looked for.
    async fn take(&self, network: &Network) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let now = state.clock.now();
        let before = Browser::of(&state.cookies, &state.vault, self.headers);
        let (browser, greeting) = before.map_or_else(
            || {
                let (browser, set) = Browser::greet(&state.cookies, &state.vault, &mut entropy());
                (browser, Some(set))
            },
            |browser| (browser, None),
        );
        let tried = Try::of_device(network, &browser);
        let mut tx = state.db.write().await?;
        let standing = tried.look(&mut tx, now).await?;
        let answer = match standing.verdict(now) {
            Verdict::Heard => {
                if let Some((code, device)) = self.find(&mut tx, now).await? {
                    tried.succeeded(&mut tx, &standing).await?;
                    let begun = self.begin(&mut tx, network, &code, &device, now).await?;
                    tx.commit().await?;
                    return Ok(begun);
                }
                tried.failed(&mut tx, now).await?;
                Refused::DeviceCode.log(network);
                let then = Some("wrong-user-code-then");
                self.again(StatusCode::OK, ErrorText { what: "wrong-user-code", then, n: 0 })
            }
            Verdict::Queue(until) => {
                tried.queue(&mut tx, until, now).await?;
                Refused::Throttled.log(network);
                self.throttled(until - now)
            }
            Verdict::Wait(until) => {
                Refused::Throttled.log(network);
                self.throttled(until - now)
            }
        };
        tx.commit().await?;
        let cookies = AppendHeaders(greeting.map(|cookie| (header::SET_COOKIE, cookie)));
        Ok((cookies, answer).into_response())
    }

    async fn find(&self, conn: &mut Conn, now: i64) -> Result<Option<(UserCode, DeviceCodeRow)>, Problem> {
        let Some(code) = UserCode::parse(self.typed) else { return Ok(None) };
        let key = code.key(&self.provider.signin.vault).map_err(internal)?;
        let device = device_codes::find_waiting(conn, &key, now).await?;
        if device.is_none() {
            device_codes::expire_typed(conn, &key, now).await?;
        }
        Ok(device.map(|device| (code, device)))
    }

    /// The ordinary loop of a sign-in, whose answer is for the device.
    async fn begin(
        &self,
        tx: &mut Tx,
        network: &Network,
        code: &UserCode,
        device: &DeviceCodeRow,
        now: i64,
    ) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let request = self.request(tx, code, device).await?;
        let id = new_id_at(now * 1000, &mut entropy());
        let lifetime = state.settings.lifetime.as_secs();
        let binding =
            Binding::new(&state.cookies, &state.vault, self.headers, &id, false, lifetime, &mut entropy());
        let new = NewSignIn {
            id: &id,
            browser_hash: Some(binding.as_str()),
            client_id: Some(&device.client_id),
            request: &serde_json::to_string(&request).map_err(internal)?,
            created_at: now,
            expires_at: now + lifetime,
            source: &network.to_string(),
        };
        signins::add(tx, new).await?;
        let cookies = AppendHeaders(binding.cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
        Ok((cookies, to_the_loop(&id)).into_response())
    }

    /// What the device has asked for, as a request whose answer goes to it. The person is always asked whether they agree: whoever
    /// holds the device may have sent them here (RFC 8628 §5.4).
    async fn request(
        &self,
        conn: &mut Conn,
        code: &UserCode,
        device: &DeviceCodeRow,
    ) -> Result<AuthorizationRequest, Problem> {
        let asked: DeviceRequest = serde_json::from_str(&device.request).map_err(internal)?;
        let client = clients::find(conn, &device.client_id).await?;
        let sealed = code.seal(&self.provider.signin.vault, &device.code_hash, &mut entropy());
        let waiting = Waiting {
            device_code_hash: device.code_hash.clone(),
            sealed_user_code: sealed.map_err(internal)?,
            language: self.language.tag().to_owned(),
        };
        Ok(AuthorizationRequest {
            return_to: Destination::Device(waiting),
            response_type: clients::ResponseType::Code,
            scopes: asked.scopes,
            nonce: None,
            code_challenge: None,
            prompt: Prompt { consent: true, ..Prompt::default() },
            max_age: client.and_then(|client| client.metadata.default_max_age),
            login_hint: None,
            subject_hint: None,
            ui_locales: Some(self.language.tag().to_owned()),
            claims: ClaimsRequest::default(),
            resources: asked.resources,
            dpop_jkt: None,
            pushed_as: None,
        })
    }

    fn throttled(&self, seconds: i64) -> Response {
        let mut response = self.again(StatusCode::TOO_MANY_REQUESTS, pages::throttled(seconds));
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }

    /// The page once more, with what was typed.
    fn again(&self, status: StatusCode, error: ErrorText) -> Response {
        let typed: String = self.typed.chars().take(30).collect();
        let page = DevicePage { user_code: typed, error: Some(error) };
        self.provider.signin.pages.respond(status, &page, self.language)
    }
}
