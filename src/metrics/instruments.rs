//! Which instruments are there, what are they called, and what do they say of themselves? docs/operations/metrics.md has them all.

use prometheus::core::Collector;
use prometheus::{
    Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::apps::Apps;

/// Bounds for what the database and the machine do, in seconds.
const SHORT: [f64; 10] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.25, 1.0];

/// Bounds for requests.
const REQUEST: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// Bounds for what waits for others: mail servers, apps, a turn.
const LONG: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.0, 10.0, 60.0];

/// All of them, and the registry that they are in.
pub(super) struct Instruments {
    pub(super) registry: Registry,
    pub(super) apps: Apps,
    pub(super) people: People,
    pub(super) mail: IntCounterVec,
    pub(super) mail_way: HistogramVec,
    pub(super) requests: IntCounterVec,
    pub(super) request_time: HistogramVec,
    pub(super) statements: HistogramVec,
    pub(super) statement_failures: IntCounterVec,
    pub(super) outbound: HistogramVec,
    pub(super) gauges: GaugeSet,
}

/// How sign-ins go.
pub(super) struct People {
    pub(super) signins: IntCounterVec,
    pub(super) overrides: IntCounter,
    pub(super) refusals: IntCounterVec,
    pub(super) app_refusals: IntCounterVec,
    pub(super) codes: IntCounterVec,
    pub(super) throttle: IntCounterVec,
    pub(super) hash_wait: Histogram,
}

/// What is looked up when somebody asks.
pub(super) struct GaugeSet {
    pub(super) mail_queue: IntGaugeVec,
    pub(super) unreachable: IntGaugeVec,
    pub(super) hashes: IntGaugeVec,
    pub(super) connections: IntGaugeVec,
    pub(super) spans: IntCounterVec,
}

/// Puts instruments into a registry.
struct Maker(Registry);

impl Instruments {
    pub(super) fn new() -> Result<Self, Error> {
        let make = Maker(Registry::new_custom(Some("countersign".to_owned()), None)?);
        let build =
            make.gauges("build_info", "Always 1; the label says which version runs.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            apps: Apps::default(),
            people: People::new(&make)?,
            mail: make.mail()?,
            mail_way: make.histograms(
                "mail_way_seconds",
                "From queueing a message until the mail server has taken it.",
                &["purpose"],
                &LONG,
            )?,
            requests: make.counters(
                "http_requests_total",
                "Requests by route, method and status.",
                &["route", "method", "status"],
            )?,
            request_time: make.histograms(
                "http_request_duration_seconds",
                "How long requests take, by route and method.",
                &["route", "method"],
                &REQUEST,
            )?,
            statements: make.histograms(
                "database_statement_duration_seconds",
                "How long the database takes for a statement, by its name.",
                &["query"],
                &SHORT,
            )?,
            statement_failures: make.counters(
                "database_statement_failures_total",
                "Statements that the database refused, by their name.",
                &["query"],
            )?,
            outbound: make.histograms(
                "outbound_request_duration_seconds",
                "How long requests to apps' addresses take, by what became of them.",
                &["outcome"],
                &LONG,
            )?,
            gauges: GaugeSet::new(&make)?,
            registry: make.0,
        })
    }
}

impl People {
    fn new(make: &Maker) -> Result<Self, Error> {
        Ok(Self {
            signins: make.counters(
                "signins_total",
                "People who were let in, by how and to which app.",
                &["outcome", "client"],
            )?,
            // There before the first override, as those of codes are.
            overrides: make
                .put(IntCounter::new("overrides_total", "People who were let in by override_2fa.")?)?,
            refusals: make.counters(
                "signin_refusals_total",
                "Steps of sign-ins that were refused, by why and on the way to which app.",
                &["reason", "client"],
            )?,
            app_refusals: make.counters(
                "app_refusals_total",
                "Requests of apps that were refused, by route and error code.",
                &["route", "error"],
            )?,
            codes: make.counters(
                "codes_tried_total",
                "Emailed codes that were tried, by what became of them.",
                &["outcome"],
            )?,
            throttle: make.counters(
                "throttle_decisions_total",
                "Passwords that were given, by when they are heard.",
                &["decision"],
            )?,
            hash_wait: make.histogram(
                "hash_wait_seconds",
                "How long a password waits for its turn to be hashed.",
                &LONG,
            )?,
        })
    }
}

impl GaugeSet {
    fn new(make: &Maker) -> Result<Self, Error> {
        Ok(Self {
            mail_queue: make.gauges(
                "mail_queue_messages",
                "Messages that wait to be sent, of all processes, by state.",
                &["state"],
            )?,
            unreachable: make.gauges(
                "unreachable_people",
                "People who are asked for a code and have no address, by the id of their top-level group.",
                &["group"],
            )?,
            hashes: make.gauges(
                "hash_queue_passwords",
                "Passwords that wait for their turn, and those that have it.",
                &["state"],
            )?,
            connections: make.gauges(
                "database_connections",
                "Connections to the database by what they do, and requests that wait for one.",
                &["state"],
            )?,
            spans: make.counters(
                "trace_spans_total",
                "Spans by what became of them: taken by the collector, or dropped.",
                &["outcome"],
            )?,
        })
    }
}

impl Maker {
    fn put<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.put(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// Prometheus sees no increase in a line that begins with 1: those of codes, for which somebody waits, are there at nothing before the
    /// first is sent, or fails.
    fn mail(&self) -> Result<IntCounterVec, Error> {
        let mail = self.counters(
            "mail_messages_total",
            "Messages by purpose and by what became of them; a deferred one is counted each time.",
            &["purpose", "state"],
        )?;
        for state in ["accepted", "refused", "deferred", "expired"] {
            mail.with_label_values(&[super::words::AWAITED_MAIL, state]).reset();
        }
        Ok(mail)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.put(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
    ) -> Result<HistogramVec, Error> {
        self.put(HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.to_vec()), labels)?)
    }

    fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Result<Histogram, Error> {
        self.put(Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec()))?)
    }
}

/// Sets one line of a gauge.
pub(super) fn set(gauge: &IntGauge, value: impl TryInto<i64>) {
    gauge.set(value.try_into().unwrap_or(i64::MAX));
}
