//! How do thirty days of sign-ins look? Stacked bars, drawn by the server; the same figures stand in a table below.

use serde::Serialize;

use crate::clock;
use crate::signin::days::Day;

/// The drawing's height and each bar's share of the width, in its own units.
const HEIGHT: i64 = 120;
const STEP: i64 = 20;
const BAR: i64 = 14;

/// The least height of what is there at all: one override among a thousand sign-ins is to be seen.
const LEAST: i64 = 3;

/// The drawing, and its figures.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Width in its own units.
    pub width: i64,
    /// Height in its own units.
    pub height: i64,
    /// One bar a day that has any.
    pub bars: Vec<Bar>,
    /// The days that have any sign-in, newest first, for the table.
    pub rows: Vec<Row>,
    /// All days together.
    pub total: Row,
    /// The first and the last day.
    pub from: String,
    /// The last day.
    pub to: String,
}

/// One day's bar.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// Where it stands.
    pub x: i64,
    /// How wide it is.
    pub width: i64,
    /// Its parts, from the ground up.
    pub parts: Vec<Part>,
}

/// A part of a bar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `password`, `code`, `override`, `refused`.
    pub kind: &'static str,
    /// Its upper edge.
    pub y: i64,
    /// Its height.
    pub height: i64,
}

/// One line of figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// The day; empty for all together.
    pub day: String,
    /// By password alone.
    pub password: i64,
    /// With a code.
    pub code: i64,
    /// By override.
    pub overridden: i64,
    /// Refused.
    pub refused: i64,
}

impl Chart {
    /// The chart of these days, the oldest first; none when there was no sign-in at all.
    #[must_use]
    pub fn of(days: &[Day]) -> Option<Self> {
        let most = days.iter().map(Day::all).max().filter(|most| *most > 0)?;
        let step = |at: usize| i64::try_from(at).unwrap_or(0) * STEP;
        let drawn = days.iter().enumerate().filter(|(_, day)| day.all() > 0);
        let bars = drawn.map(|(at, day)| Bar {
            x: step(at) + (STEP - BAR) / 2,
            width: BAR,
            parts: parts(day, most),
        });
        let mut total = Row::default();
        for day in days {
            total.password += day.password;
            total.code += day.code;
            total.overridden += day.overridden;
            total.refused += day.refused;
        }
        Some(Self {
            width: step(days.len()),
            height: HEIGHT,
            bars: bars.collect(),
            rows: days.iter().rev().filter(|day| day.all() > 0).map(row).collect(),
            total,
            from: days.first().map(|day| date(day.day)).unwrap_or_default(),
            to: days.last().map(|day| date(day.day)).unwrap_or_default(),
        })
    }
}

fn parts(day: &Day, most: i64) -> Vec<Part> {
    let counts = [
        ("code", day.code),
        ("password", day.password),
        ("override", day.overridden),
        ("refused", day.refused),
    ];
    // What each part must have at least is taken from all of them.
    let room = HEIGHT - 4 * LEAST;
    let mut y = HEIGHT;
    let mut parts = Vec::new();
    for (kind, n) in counts.into_iter().filter(|(_, n)| *n > 0) {
        let height = LEAST + n * room / most;
        y -= height;
        parts.push(Part { kind, y, height });
    }
    parts
}

fn row(day: &Day) -> Row {
    let Day { password, code, overridden, refused, .. } = *day;
    Row { day: date(day.day), password, code, overridden, refused }
}

/// A day as a date: `2026-11-24`.
fn date(day: i64) -> String {
    clock::timestamp(day * 86_400).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64, password: i64, code: i64, overridden: i64, refused: i64) -> Day {
        Day { day, password, code, overridden, refused }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(Chart::of(&[]).is_none());
        assert!(Chart::of(&[day(1, 0, 0, 0, 0)]).is_none());
    }

    #[test]
    fn bars_stand_on_the_ground_and_fit_and_what_is_rare_can_be_seen() {
        let days = [day(20_000, 0, 0, 0, 0), day(20_001, 10, 1000, 1, 5), day(20_002, 1, 0, 0, 0)];
        let chart = Chart::of(&days).unwrap();
        assert_eq!((chart.width, chart.from.as_str(), chart.to.as_str()), (60, "2024-10-04", "2024-10-06"));
        assert_eq!(chart.bars.len(), 2);
        for bar in &chart.bars {
            let mut ground = chart.height;
            for part in &bar.parts {
                assert_eq!(part.y + part.height, ground, "{bar:?}");
                assert!(part.y >= 0 && part.height >= LEAST, "{bar:?}");
                ground = part.y;
            }
        }
        assert_eq!(
            chart.rows.iter().map(|row| row.day.as_str()).collect::<Vec<_>>(),
            ["2024-10-06", "2024-10-05"]
        );
        assert_eq!(
            (chart.total.password, chart.total.code, chart.total.overridden, chart.total.refused),
            (11, 1000, 1, 5)
        );
    }
}
