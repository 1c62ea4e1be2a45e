//! Which goals are reached? One pure function over what a run has measured.

use std::collections::BTreeMap;

use super::raw::Raw;
use crate::load::measure::Figures;
use crate::load::stats::figure;
use crate::load::workload::Workload;

/// Who was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// This program on SQLite, for which the goals are.
    Sqlite,
    /// This program on PostgreSQL.
    Postgres,
    /// node-oidc-provider, in memory.
    Node,
    /// axum with nothing behind it.
    Bare,
}

/// How often the slowest answers were slower while a crowd signed in, and what it left behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowded {
    /// Of `/token`.
    pub token: f64,
    /// Of `/jwks`.
    pub jwks: f64,
    /// What is in memory when it has gone, in MiB.
    pub left: f64,
}

/// What a run has measured. What is not there was not measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Of each provider and workload.
    pub figures: BTreeMap<(Who, Workload), Figures>,
    /// What is needed at least.
    pub raw: Raw,
    /// From the start to the first answer, in milliseconds.
    pub start: Option<f64>,
    /// What is in memory after the start, after load, and of a demo, in MiB.
    pub fresh: Option<f64>,
    /// After load.
    pub loaded: Option<f64>,
    /// Of a demo.
    pub demo: Option<f64>,
    /// The size of the program, in MB.
    pub binary: Option<f64>,
    /// What a crowd did.
    pub crowds: BTreeMap<Who, Crowded>,
}

/// One goal, and whether it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What is asked.
    pub what: String,
    /// What was measured.
    pub measured: Option<f64>,
    /// What it is measured against.
    pub limit: Option<f64>,
    /// Where the limit comes from.
    pub goal: String,
    /// Whether more is better.
    pub at_least: bool,
}

/// A goal as a multiple of something that was measured in the same run.
struct Ratio(f64, &'static str, Option<f64>);

impl Measured {
    /// Every goal of the table.
    #[must_use]
    pub fn goals(&self) -> Vec<Line> {
        let mut lines = self.operations();
        lines.extend(self.sign_ins());
        lines.extend(self.waits());
        let left = self.crowds.get(&Who::Sqlite).map(|crowd| crowd.left);
        let plain = [
            ("start to first answer, ms", self.start, 50.0),
            ("memory after the start, MiB", self.fresh, 20.0),
            ("memory idle after load, MiB", self.loaded, 28.0),
            ("memory idle after the crowd, MiB", left, 28.0),
            ("memory of an idle demo, MiB", self.demo, 28.0),
            ("size of the program, MB", self.binary, 25.0),
        ];
        lines.extend(plain.map(|(what, measured, limit)| at_most(what, measured, Some(limit), "by itself")));
        lines
    }

    fn operations(&self) -> Vec<Line> {
        use Workload::{CredentialsEs256, CredentialsRs256, Discovery, Jwks, Refresh, Sso, Userinfo};
        let axum = self.cpu(Who::Bare, Discovery);
        let node = |workload| self.cpu(Who::Node, workload);
        let goals = [
            (Discovery, Ratio(2.0, "a bare axum answer", axum)),
            (Discovery, Ratio(1.0, "node", node(Discovery))),
            (Jwks, Ratio(1.5, "a bare axum answer", axum)),
            (Jwks, Ratio(1.0, "node", node(Jwks))),
            (Userinfo, Ratio(0.5, "node", node(Userinfo))),
            (CredentialsRs256, Ratio(1.3, "an RSA signature", Some(self.raw.signature))),
            (CredentialsEs256, Ratio(0.4, "node", node(CredentialsEs256))),
            (Refresh, Ratio(0.65, "node", node(Refresh))),
            (Sso, Ratio(0.6, "node", node(Sso))),
        ];
        let line = |(workload, ratio): (Workload, Ratio)| {
            let Ratio(times, of, base) = ratio;
            let shown = base.map_or_else(|| "–".to_owned(), figure);
            let limit = base.map(|base| base * times);
            at_most(
                &format!("{}, CPU ms", workload.name()),
                self.cpu(Who::Sqlite, workload),
                limit,
                &format!("{times} x {of} ({shown})"),
            )
        };
        goals.into_iter().map(line).collect()
    }

    fn sign_ins(&self) -> Vec<Line> {
        let raw = &self.raw;
        let signin = self.figures.get(&(Who::Sqlite, Workload::Signin));
        let code = self.figures.get(&(Who::Sqlite, Workload::Code));
        let goal = format!("the hash alone on all cores ({}) + 1.0", figure(raw.hash_together));
        let cost =
            at_most("signin, CPU ms", signin.and_then(|f| f.server), Some(raw.hash_together + 1.0), &goal);
        let rate = Line {
            what: "signin, a second".to_owned(),
            measured: signin.map(|figures| figures.rate),
            limit: Some(raw.hash_rate * 0.9),
            goal: format!("0.9 x the rate of the hash alone ({})", figure(raw.hash_rate)),
            at_least: true,
        };
        let goal = format!("the hash alone ({}) + 20", figure(raw.hash_time));
        let mailed = code.and_then(|figures| figures.p99);
        vec![cost, rate, at_most("password to message, p99 ms", mailed, Some(raw.hash_time + 20.0), &goal)]
    }

    fn waits(&self) -> Vec<Line> {
        let named = |who| if who == Who::Postgres { "PostgreSQL" } else { "SQLite" };
        let lines = [Who::Sqlite, Who::Postgres].into_iter().flat_map(|who| {
            let crowd = self.crowds.get(&who);
            [("/token", crowd.map(|c| c.token)), ("/jwks", crowd.map(|c| c.jwks))].map(|(what, times)| {
                at_most(
                    &format!("{what} p99 in a crowd, times, {}", named(who)),
                    times,
                    Some(2.0),
                    "by itself",
                )
            })
        });
        lines.collect()
    }

    fn cpu(&self, who: Who, workload: Workload) -> Option<f64> {
        self.figures.get(&(who, workload)).and_then(|figures| figures.server)
    }
}

fn at_most(what: &str, measured: Option<f64>, limit: Option<f64>, goal: &str) -> Line {
    Line { what: what.to_owned(), measured, limit, goal: goal.to_owned(), at_least: false }
}

impl Line {
    /// Whether it is reached; nothing when one of the two was not measured.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        let (measured, limit) = (self.measured?, self.limit?);
        Some(if self.at_least { measured >= limit } else { measured <= limit })
    }

    /// As the table shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
        let verdict = match self.is_met() {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "not measured",
        };
        let sign = if self.at_least { ">=" } else { "<=" };
        format!(
            "{:<42} {:>9}  {sign} {:>7}  {verdict:<13} {}",
            self.what,
            value(self.measured),
            value(self.limit),
            self.goal
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowded, Line, Measured, Who};
    use crate::goals::raw::Raw;
    use crate::load::measure::Figures;
    use crate::load::workload::Workload;

    fn of<'a>(lines: &'a [Line], what: &str) -> Vec<&'a Line> {
        lines.iter().filter(|line| line.what.starts_with(what)).collect()
    }

    #[test]
    fn nothing_measured_is_nothing_said() {
        assert!(
            Measured::default().goals().iter().all(|line| line.measured.is_none() && line.is_met().is_none())
        );
    }

    #[test]
    fn each_goal_is_held_against_what_the_same_run_measured() {
        let figures =
            |server, rate| Figures { server: Some(server), rate, p99: Some(30.0), ..Figures::default() };
        let mut measured = Measured {
            raw: Raw { signature: 0.25, hash: 13.0, hash_time: 14.0, hash_together: 15.0, hash_rate: 130.0 },
            start: Some(51.0),
            ..Measured::default()
        };
        measured.figures = [
            ((Who::Bare, Workload::Discovery), figures(0.01, 0.0)),
            ((Who::Sqlite, Workload::Discovery), figures(0.02, 0.0)),
            ((Who::Sqlite, Workload::Jwks), figures(0.016, 0.0)),
            ((Who::Node, Workload::Sso), figures(1.0, 0.0)),
            ((Who::Sqlite, Workload::Sso), figures(0.61, 0.0)),
            ((Who::Sqlite, Workload::CredentialsRs256), figures(0.32, 0.0)),
            ((Who::Sqlite, Workload::Signin), figures(15.9, 116.0)),
            ((Who::Sqlite, Workload::Code), figures(30.0, 30.0)),
        ]
        .into();
        measured.crowds.insert(Who::Sqlite, Crowded { token: 1.9, jwks: 2.1, left: 29.0 });
        let lines = measured.goals();
        let cases = [
            ("discovery", vec![Some(true), None]),
            ("jwks", vec![Some(false), None]),
            ("sso", vec![Some(false)]),
            ("cc-rs256", vec![Some(true)]),
            ("signin, CPU", vec![Some(true)]),
            ("signin, a second", vec![Some(false)]),
            ("password to message", vec![Some(true)]),
            ("/token", vec![Some(true), None]),
            ("/jwks", vec![Some(false), None]),
            ("start", vec![Some(false)]),
            ("memory", vec![None, None, Some(false), None]),
        ];
        for (what, expected) in cases {
            let found: Vec<_> = of(&lines, what).iter().map(|line| line.is_met()).collect();
            assert_eq!(found, expected, "{what}");
        }
        let shown = of(&lines, "sso")[0].shown();
        assert!(shown.contains("NOT MET") && shown.contains("0.600"), "{shown}");
    }
}
