//! What do many measurements say? Percentiles, medians, ratios.

/// The times of one round, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<u32>);

impl Times {
    /// Sorts them once.
    #[must_use]
    pub fn new(mut microseconds: Vec<u32>) -> Self {
        microseconds.sort_unstable();
        Self(microseconds)
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them did not exceed, in milliseconds: the nearest rank, so always one that was measured. Nothing of
    /// nothing.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<f64> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).map(|microseconds| f64::from(*microseconds) / 1000.0)
    }
}

/// The middle one; of an even number the mean of the two in the middle. Nothing of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some(lower.midpoint(*upper))
}

/// A figure with three digits that count, as a table shows it.
#[must_use]
pub fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 => format!("{value:.2}"),
        v if v >= 0.09995 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Times, figure, median};

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let hundred = Times::new((1..=100).rev().map(|n| n * 1000).collect());
        let cases = [(50, 50.0), (95, 95.0), (99, 99.0), (100, 100.0), (0, 1.0)];
        for (percent, expected) in cases {
            assert_eq!(hundred.percentile(percent), Some(expected), "p{percent}");
        }
        let three = Times::new(vec![3000, 1000, 2000]);
        assert_eq!((three.count(), three.percentile(50), three.percentile(99)), (3, Some(2.0), Some(3.0)));
        assert_eq!(Times::default().percentile(50), None);
    }

    #[test]
    fn a_median_is_in_the_middle() {
        let cases: [(&[f64], Option<f64>); 4] = [
            (&[], None),
            (&[4.0], Some(4.0)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[4.0, 1.0, 2.0, 8.0], Some(3.0)),
        ];
        for (values, expected) in cases {
            assert_eq!(median(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_figure_has_three_digits_that_count() {
        let cases =
            [(0.01234, "0.0123"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123")];
        for (value, expected) in cases {
            assert_eq!(figure(value), expected);
        }
        assert_eq!((figure(0.99996), figure(99.97)), ("1.00".to_owned(), "100".to_owned()));
    }
}
