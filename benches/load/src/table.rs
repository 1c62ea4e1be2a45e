//! How are the figures shown? A line each, providers one below the other, and how often one is the other.

use super::crowd::{Crowd, Probed};
use super::measure::Figures;
use super::stats::figure;

/// What the columns hold; times in milliseconds, processor time in milliseconds an operation.
pub const HEAD: &str = "workload   provider                     ops/s      p50      p95      p99  errors   server       db  generator";

/// One line.
#[must_use]
pub fn line(workload: &str, provider: &str, figures: &Figures) -> String {
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
    let name: String = provider.chars().take(24).collect();
    format!(
        "{workload:<10} {name:<24} {:>9} {:>8} {:>8} {:>8} {:>7} {:>8} {:>8} {:>10}",
        figure(figures.rate),
        shown(figures.p50),
        shown(figures.p95),
        shown(figures.p99),
        figures.errors,
        shown(figures.server),
        shown(figures.database),
        figure(figures.generator),
    )
}

/// How often the first is the second: rate, median time, processor time of server and database together.
#[must_use]
pub fn ratio(workload: &str, first: &Figures, second: &Figures) -> String {
    let times = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) if b > 0.0 => format!("{:.2}", a / b),
        _ => "–".to_owned(),
    };
    format!(
        "{workload:<10} {:<24} {:>9} {:>8} {:>8} {:>8} {:>7} {:>8}",
        "first / second",
        times(Some(first.rate), Some(second.rate)),
        times(first.p50, second.p50),
        times(first.p95, second.p95),
        times(first.p99, second.p99),
        "",
        times(whole(first), whole(second)),
    )
}

/// Processor time of server and database together.
#[must_use]
pub fn whole(figures: &Figures) -> Option<f64> {
    figures.server.map(|server| server + figures.database.unwrap_or_default())
}

/// How much more processor time the second has spent on one, beside hashes.
#[must_use]
pub fn more((first, second): (&Figures, &Figures)) -> Option<f64> {
    Some(second.beside_hash? - first.beside_hash?)
}

/// What a crowd did to the others.
#[must_use]
pub fn crowd(provider: &str, size: usize, crowd: &Crowd) -> String {
    let line = |what: &str, of: fn(&Probed) -> Option<f64>| match (of(&crowd.quiet), of(&crowd.loud)) {
        (Some(quiet), Some(loud)) => {
            format!("{what} p99 {} -> {} ms, x {}", figure(quiet), figure(loud), figure(loud / quiet))
        }
        _ => format!("{what} was not answered"),
    };
    let token = line("/token", |probed| probed.token.percentile(99));
    let jwks = line("/jwks", |probed| probed.jwks.percentile(99));
    let bare = crowd.quiet.bare.as_ref().zip(crowd.loud.bare.as_ref());
    let bare = bare.map(|_| line("a bare axum beside it", |probed| probed.bare.as_ref()?.percentile(99)));
    let bare = bare.map(|line| format!("; {line}")).unwrap_or_default();
    let lost = crowd.quiet.errors + crowd.loud.errors;
    let rate = f64::from(u32::try_from(crowd.signed_in).unwrap_or(u32::MAX)) / crowd.seconds;
    let first_error = crowd.first_error.as_deref().map(|error| format!(" ({error})")).unwrap_or_default();
    format!(
        "{provider}, {size} sign-ins at once: {token}; {jwks}{bare}; {lost} unanswered; {} signed in at {} a second, {} errors{first_error}",
        crowd.signed_in,
        figure(rate),
        crowd.errors
    )
}

#[cfg(test)]
mod tests {
    use super::super::measure::Figures;
    use super::{HEAD, line, ratio};

    #[test]
    fn columns_stand_below_their_heads() {
        let spent = |server, database| Figures { server: Some(server), database, ..Figures::default() };
        let (first, second) = (spent(2.0, None), spent(1.0, Some(3.0)));
        let shown = line("sso", "A provider with a long name indeed", &first);
        assert_eq!(shown.chars().count(), HEAD.chars().count());
        assert!(shown.contains("A provider with a long n "), "{shown}");
        let ratio = ratio("sso", &first, &second);
        assert!(ratio.ends_with("0.50"), "{ratio}");
    }
}
