//! How do the rooms become one program? The wiring, the listener, and the work in the background.

mod below;
mod descriptors;
mod doors;
mod ending;
mod foundation;
mod listen;
mod patience;
mod places;
mod ready;
mod requests;
mod tasks;
mod tls;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderName;
use axum::response::Response;
use axum::routing::get;
use axum::{Router, middleware};
use tokio::sync::{Notify, oneshot};
use tower_http::catch_panic::CatchPanicLayer;

use crate::account::{self, AccountState, Desk};
use crate::clock::Clock;
use crate::config::Config;
use crate::console;
use crate::directory::Passwords;
use crate::keys::SigningKeys;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::oidc::clients::kept::Kept;
use crate::oidc::clients::keys::ClientKeyCache;
use crate::oidc::{self, Provider};
use crate::outbound::{Collector, Outbound};
use crate::signin::SignInState;
use crate::store::Db;
use crate::trace::Tracer;
use crate::web::cookies::Cookies;
use crate::web::form::MAX_BODY;
use crate::web::gate::Gate;
use crate::web::layers::{self, Layers};
use crate::web::origin::path_of;
use crate::web::{Pages, Path, TemplateError, samples};

pub use descriptors::raise as raise_descriptors;
pub use doors::Doors;
pub use foundation::{establish, open_database, open_vault, options};
pub use listen::Service;
pub use places::Bounds;
pub use tls::{Acceptor, Renewable};

use ready::Readiness;

/// How long ending may take, from the signal on, whatever the database, the mail server or a client does: less than the 30 s after
/// which others end us.
const END: Duration = Duration::from_secs(25);

/// A provider, ready to serve.
#[derive(Clone, Debug)]
pub struct App {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The protocol's endpoints, and everything that they stand on.
    pub provider: Arc<Provider>,
    tracer: Tracer,
    readiness: Arc<Readiness>,
    /// Where requests for a new password are seen to.
    resets: Desk,
    /// Makes `serve` look at once whether the files of `[tls]` have changed.
    pub renew: Arc<Notify>,
}

impl App {
    /// Opens the database (and brings its schema up to date, where that is allowed) and the master key, and wires the rooms together.
    /// Neither is made: see [`establish`]. Signing keys are made when they are first asked for.
    ///
    /// # Errors
    /// What is wrong with the settings, the database, the keys or the templates; also when there is no provider here.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let (db, vault) = foundation::open_to_serve(&config).await?;
        let metrics = if config.metrics.listen.is_some() { Metrics::on()? } else { Metrics::off() };
        let tracer = if config.telemetry.otlp_endpoint.is_some() { Tracer::on() } else { Tracer::off() };
        watch::listen(&db, &metrics, &tracer);
        let mailer = Mailer::measured(db.clone(), vault.clone(), &config, clock.clone(), metrics.clone())?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let signin = SignInState {
            db: db.clone(),
            clock,
            settings: config.signin.clone(),
            session: config.session.clone(),
            vault: vault.clone(),
            passwords: Passwords::new(cores, usize::from(config.signin.password_queue))
                .measured(metrics.clone()),
            mailer,
            pages: pages(&config)?,
            cookies: Cookies::for_issuer(&config.issuer),
            metrics: metrics.clone(),
        };
        let outbound = Outbound::new(&config.outbound)?.measured(metrics);
        let provider = Provider {
            signin,
            keys: SigningKeys::new(db.clone(), vault),
            client_keys: ClientKeyCache::new(outbound.clone()),
            clients: Kept::new(db.changes()),
            outbound,
            issuer: config.issuer.clone(),
            registration: config.registration.clone(),
            tokens: config.tokens.clone(),
            rotate_every: config.keys.rotate_every.as_secs(),
            certificate_until: std::sync::atomic::AtomicI64::new(0),
            algorithm: config.keys.algorithm,
            trusted_proxies: config.trusted_proxies.clone(),
            slips: oidc::shared::slips::Slips::default(),
            notices: oidc::Notices::default(),
            client_certificate_header: header_name(&config)?,
            takes_certificates: config.client_certificate_header.is_some()
                || config.tls.as_ref().is_some_and(|tls| tls.client_certificates),
        };
        let (readiness, resets, renew) = (Arc::default(), Desk::default(), Arc::default());
        Ok(Self { config, db, provider: Arc::new(provider), tracer, readiness, resets, renew })
    }

    fn metrics(&self) -> &Metrics {
        &self.provider.signin.metrics
    }

    const fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Draws pages and mails as these settings say from now on, if all of them can be drawn.
    ///
    /// # Errors
    /// Which file or template is in the way; then all stays as it was.
    pub fn reload_pages(&self, config: &Config) -> Result<(), TemplateError> {
        let read = pages(config)?;
        samples::all(&read)?;
        self.provider.signin.pages.take_over(&read);
        Ok(())
    }

    /// Every route, with what all responses carry.
    pub fn router(&self) -> Router {
        let signin = &self.provider.signin;
        let log =
            requests::Log::new(&self.config.trusted_proxies, self.metrics().clone(), self.tracer.clone());
        let layers =
            Layers { pages: signin.pages.clone(), secure: layers::https_for_good(&self.config.issuer) };
        let gate = Gate::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
        let account = AccountState { provider: Arc::clone(&self.provider), desk: self.resets.clone() };
        let router = Router::new()
            .route("/assets/{name}", get(asset))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready::ready))
            .with_state(self.clone())
            .merge(oidc::router(Arc::clone(&self.provider), gate))
            .merge(account::router(account))
            .merge(console::router(Arc::clone(&self.provider)))
            .fallback(layers::not_found)
            .method_not_allowed_fallback(layers::method_not_allowed)
            // The first is the outermost. Together, since each `layer` by itself would box every route once more.
            .layer((
                middleware::from_fn_with_state(log, requests::trace),
                middleware::from_fn_with_state(layers, layers::finish),
                CatchPanicLayer::custom(layers::panicked),
                DefaultBodyLimit::max(MAX_BODY),
            ));
        below::below(path_of(&self.config.issuer), router)
    }

    /// Serves until `shutdown` ends, then lets what is under way finish, for 25 s at most.
    ///
    /// # Errors
    /// When the TLS files cannot be used, or what metrics and traces need cannot be had.
    pub async fn serve(
        self,
        doors: impl Into<Doors>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let (config, clock) = (&self.config, &self.provider.signin.clock);
        let tls = config.tls.as_ref().map(|tls| Renewable::new(tls, clock.clone()).map(Arc::new));
        let tls = tls.transpose()?;
        let (told, asked_to_end) = oneshot::channel();
        let readiness = Arc::clone(&self.readiness);
        let shutdown = async move {
            shutdown.await;
            readiness.end();
            let _ = told.send(());
        };
        let collector = config.telemetry.otlp_endpoint.as_deref();
        let collector = collector.map(|endpoint| Collector::new(endpoint, &config.outbound)).transpose()?;
        let metrics = watch::open(config.metrics.listen.as_ref()).await?;
        let background = tasks::start(&self, tls.as_ref(), collector, metrics);
        let (trusted, connections) = (config.trusted_proxies.clone(), config.database.max_connections);
        let service = Service { tls, ..Service::new(self.router(), trusted, connections) };
        let whole = async {
            service.serve(doors, shutdown).await;
            self.resets.finish().await;
            background.stop().await;
            self.db.close().await;
        };
        let limit = async {
            if asked_to_end.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(END).await;
        };
        tokio::select! {
            () = whole => {}
            () = limit => tracing::warn!("ended after {} s with work under way", END.as_secs()),
        }
        Ok(())
    }
}

/// What the settings say that pages and mails are drawn from.
fn pages(config: &Config) -> Result<Pages, TemplateError> {
    Ok(Pages::new(&config.brand, &config.templates)?.of_issuer(&config.issuer))
}

fn header_name(config: &Config) -> anyhow::Result<Option<HeaderName>> {
    let header = config.client_certificate_header.as_deref();
    header.map(|name| name.parse().context("client_certificate_header")).transpose()
}

/// `GET /assets/{name}`
async fn asset(State(app): State<App>, Path(name): Path<String>) -> Response {
    app.provider.signin.pages.assets().serve(&name)
}
