//! What does Prometheus get to read? The instruments as they stand, and what is looked up while it waits.

use std::fmt::Write as _;

use prometheus::{IntGaugeVec, TextEncoder};

use super::instruments::{Instruments, set};
use super::process::Process;

/// What is looked up when somebody asks; what cannot be looked up is left out.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Messages that wait to be sent, by state.
    pub mail_queue: Vec<(String, i64)>,
    /// People who are asked for a code and have no address, by the id of their top-level group.
    pub unreachable: Vec<(String, i64)>,
    /// Passwords that wait for their turn to be hashed, and those that have it.
    pub hashes: (usize, usize),
    /// Connections to the database that are in use and idle, and requests that wait for one.
    pub connections: (usize, usize, usize),
    /// Spans that a collector has taken, and those that were dropped; none without a collector.
    pub spans: Option<(u64, u64)>,
    /// The process.
    pub process: Option<Process>,
}

/// The whole page.
pub(super) fn draw(all: &Instruments, gauges: &Gauges) -> String {
    let set_of = &all.gauges;
    replace(&set_of.mail_queue, &gauges.mail_queue);
    replace(&set_of.unreachable, &gauges.unreachable);
    let (waiting, working) = gauges.hashes;
    set(&set_of.hashes.with_label_values(&["waiting"]), waiting);
    set(&set_of.hashes.with_label_values(&["working"]), working);
    let (in_use, idle, waiting) = gauges.connections;
    for (state, count) in [("in_use", in_use), ("idle", idle), ("waiting", waiting)] {
        set(&set_of.connections.with_label_values(&[state]), count);
    }
    if let Some((sent, dropped)) = gauges.spans {
        for (outcome, count) in [("sent", sent), ("dropped", dropped)] {
            let counter = set_of.spans.with_label_values(&[outcome]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }
    let mut text = TextEncoder::new().encode_to_string(&all.registry.gather()).unwrap_or_default();
    if let Some(process) = &gauges.process {
        // Writing to a text cannot fail.
        let _ = write!(text, "{process}");
    }
    text
}

/// Lines that are no longer there go.
fn replace(gauge: &IntGaugeVec, lines: &[(String, i64)]) {
    gauge.reset();
    for (label, count) in lines {
        set(&gauge.with_label_values(&[label]), *count);
    }
}

/// A status as text, without a place of its own in memory.
pub(super) fn digits(status: u16, text: &mut [u8; 3]) -> &str {
    let digit = |n: u16| b'0' + u8::try_from(n % 10).unwrap_or_default();
    *text = [digit(status / 100), digit(status / 10), digit(status)];
    std::str::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{App, Metrics, SignedIn};

    #[test]
    fn a_status_is_written_with_three_digits() {
        for (status, text) in [(200, "200"), (404, "404"), (503, "503"), (7, "007")] {
            assert_eq!(digits(status, &mut [0; 3]), text);
        }
    }

    #[test]
    fn what_was_counted_is_on_the_page_and_what_has_gone_is_not() {
        let metrics = Metrics::on().unwrap();
        metrics.signed_in(SignedIn::Override, App::Registered("a"));
        metrics.answered("/token", "POST", 400, Duration::from_millis(3));
        let mut gauges = Gauges { unreachable: vec![("g1".to_owned(), 3)], ..Gauges::default() };
        let page = metrics.page(&gauges);
        for line in [
            "countersign_signins_total{client=\"a\",outcome=\"override\"} 1",
            "countersign_http_requests_total{method=\"POST\",route=\"/token\",status=\"400\"} 1",
            "countersign_http_request_duration_seconds_bucket{method=\"POST\",route=\"/token\",le=\"0.005\"} 1",
            "countersign_unreachable_people{group=\"g1\"} 3",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
        }
        gauges.unreachable.clear();
        assert!(!metrics.page(&gauges).contains("g1"));
        assert_eq!(Metrics::off().page(&gauges), "");
    }
}
