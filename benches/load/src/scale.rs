//! What would so many people need? Arithmetic over assumptions, each of which can be set, and over what was measured.

use std::fmt;

use anyhow::{Context as _, bail};

use super::stats::figure;

const DAY: f64 = 86_400.0;

/// An assumption: its name, what it means, and its value.
#[derive(Clone, Debug, PartialEq)]
struct Assumption {
    name: &'static str,
    meaning: &'static str,
    value: f64,
}

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumptions(Vec<Assumption>);

/// What people do; then what is done about it; then what was measured (docs/scaling.md says where), and what is kept for how long.
const DEFAULTS: [(&str, &str, f64); 36] = [
    ("people", "people with an account", 1e8),
    ("active", "share of them who use something on a day", 0.3),
    ("signins", "sign-ins with a password, of an active person a day", 0.3),
    ("coded", "share of these that ask for a code", 0.5),
    ("sso", "single sign-ons, of an active person a day", 4.0),
    ("refreshes", "refreshes, of an active person a day", 20.0),
    ("userinfos", "/userinfo, of an active person a day", 4.0),
    ("machines", "tokens by client credentials a day, all in all", 1e8),
    ("offline", "share of sign-ons whose app asks for a refresh token", 0.2),
    ("browsers", "browsers of a person that are remembered", 2.0),
    ("peak", "the busiest minute by the mean of the day", 4.0),
    ("busy", "share of a core that is to be used at the peak", 0.5),
    ("node_cores", "cores of a node", 8.0),
    ("spare", "nodes that may be missing", 2.0),
    ("standbys", "standbys that copy all that is written", 2.0),
    ("pool", "connections of a node to PostgreSQL", 16.0),
    ("hot", "share of the rows that a day touches, to be held in memory", 0.1),
    ("node_signin", "CPU ms of a node: sign-in with a password", 17.0),
    ("node_coded", "… with a code: twice that, since it has two hashes", 34.0),
    ("node_sso", "… single sign-on and exchange", 0.708),
    ("node_refresh", "… refresh with rotation", 0.416),
    ("node_userinfo", "… /userinfo", 0.043),
    ("node_machine", "… client credentials, ES256", 0.038),
    ("db_signin", "CPU ms of PostgreSQL: sign-in with a password", 2.81),
    ("db_coded", "… with a code: 2.4 × that, as on 26 November 2026", 6.7),
    ("db_sso", "… single sign-on and exchange", 0.779),
    ("db_refresh", "… refresh with rotation", 0.247),
    ("db_userinfo", "… /userinfo", 0.031),
    ("wal_signin", "bytes of WAL: a sign-in", 12_000.0),
    ("wal_sso", "… a single sign-on", 5000.0),
    ("wal_refresh", "… a refresh", 850.0),
    ("b_user", "bytes of a row with its indexes: user", 650.0),
    ("b_session", "… session, kept 7 days", 370.0),
    ("b_grant", "… grant, kept 365 days with a refresh token, else an hour or so", 450.0),
    ("b_refresh", "… refresh token, kept 30 days", 360.0),
    ("b_event", "… event of the audit log, kept 400 days", 1480.0),
];

/// Days that rows are kept.
const SESSION: f64 = 7.0;
const GRANT: f64 = 365.0;
const REFRESH: f64 = 30.0;
const EVENT: f64 = 400.0;

/// Bytes of a browser that is remembered: a hash, a user and a time.
const BROWSER: f64 = 300.0;

impl Default for Assumptions {
    fn default() -> Self {
        let all = DEFAULTS.map(|(name, meaning, value)| Assumption { name, meaning, value });
        Self(all.to_vec())
    }
}

impl Assumptions {
    /// Reads `name=value` words, each for one that is to be another.
    ///
    /// # Errors
    /// When there is no such assumption, or it is no number.
    pub fn parse(words: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let mut assumptions = Self::default();
        for word in words {
            let (name, value) = word.split_once('=').with_context(|| format!("{word}: name=value"))?;
            let found = assumptions.0.iter_mut().find(|assumption| assumption.name == name);
            let Some(found) = found else {
                bail!("there is no assumption {name}; `scale` alone prints those there are")
            };
            found.value = value.parse().with_context(|| word.clone())?;
        }
        Ok(assumptions)
    }

    fn of(&self, name: &str) -> f64 {
        self.0.iter().find(|assumption| assumption.name == name).map_or(f64::NAN, |found| found.value)
    }

    /// What comes of them.
    #[must_use]
    pub fn reckoned(&self) -> Reckoned {
        let a = |name| self.of(name);
        let daily = a("people") * a("active");
        let signins = daily * a("signins");
        let (sso, refreshes) = (daily * a("sso"), daily * a("refreshes"));
        let at_peak = |a_day: f64| a_day / DAY * a("peak");
        let spent = |side: &str, plain: f64| {
            let of = |what: &str| self.of(&format!("{side}_{what}"));
            let milliseconds = signins * (1.0 - a("coded")) * of("signin")
                + signins * a("coded") * of("coded")
                + sso * of("sso")
                + refreshes * of("refresh")
                + daily * a("userinfos") * of("userinfo")
                + a("machines") * plain;
            at_peak(milliseconds) / 1000.0 / a("busy")
        };
        let node_cores = spent("node", a("node_machine"));
        let nodes = (node_cores / a("node_cores")).ceil() + a("spare");
        let offline = (signins + sso) * a("offline");
        let tables = [
            ("users", a("people"), a("b_user")),
            ("known_browsers", a("people") * a("browsers"), BROWSER),
            ("sessions", signins * SESSION, a("b_session")),
            ("grants", offline * GRANT + (signins + sso) / 24.0, a("b_grant")),
            ("refresh_tokens", (refreshes + offline) * REFRESH, a("b_refresh")),
            ("audit_events", (signins + sso) * EVENT, a("b_event")),
        ];
        let wal = at_peak(signins * a("wal_signin") + sso * a("wal_sso") + refreshes * a("wal_refresh"));
        Reckoned {
            rates: [
                ("sign-ins", at_peak(signins)),
                ("single sign-ons", at_peak(sso)),
                ("refreshes", at_peak(refreshes)),
                ("/userinfo", at_peak(daily * a("userinfos"))),
                ("client credentials", at_peak(a("machines"))),
            ],
            node_cores,
            nodes,
            database_cores: spent("db", 0.0),
            // One a refresh; a single sign-on has two requests that write; a sign-in some ten.
            commits: at_peak(refreshes + 2.0 * sso + 10.0 * signins),
            connections: nodes * a("pool"),
            wal,
            wal_to_standbys: wal * a("standbys"),
            hot: tables.iter().take(5).map(|(_, rows, bytes)| rows * bytes).sum::<f64>() * a("hot"),
            tables,
        }
    }
}

/// What comes of the assumptions. Rates are a second, at the peak.
#[derive(Clone, Debug, PartialEq)]
pub struct Reckoned {
    /// Operations.
    pub rates: [(&'static str, f64); 5],
    /// Cores of all nodes together, used as far as they are to be.
    pub node_cores: f64,
    /// Nodes, with those that may be missing.
    pub nodes: f64,
    /// Cores of the PostgreSQL that takes writing.
    pub database_cores: f64,
    /// Transactions that write.
    pub commits: f64,
    /// Connections to PostgreSQL, without a pooler.
    pub connections: f64,
    /// Bytes of WAL.
    pub wal: f64,
    /// The same for all standbys.
    pub wal_to_standbys: f64,
    /// Bytes that are to be in PostgreSQL's memory.
    pub hot: f64,
    /// Tables: rows, and bytes of each.
    pub tables: [(&'static str, f64, f64); 6],
}

/// A figure with a word for its size.
fn large(value: f64) -> String {
    match value {
        v if v >= 1e12 => format!("{} T", figure(v / 1e12)),
        v if v >= 1e9 => format!("{} G", figure(v / 1e9)),
        v if v >= 1e6 => format!("{} M", figure(v / 1e6)),
        v if v >= 1e4 => format!("{} k", figure(v / 1e3)),
        v => format!("{} ", figure(v)),
    }
}

impl fmt::Display for Assumptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Assumptions")?;
        for Assumption { name, meaning, value } in &self.0 {
            writeln!(f, "  {name:<14} {:>12}   {meaning}", large(*value).trim_end())?;
        }
        write!(f, "{}", self.reckoned())
    }
}

impl fmt::Display for Reckoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nA second, at the peak")?;
        for (what, rate) in &self.rates {
            writeln!(f, "  {what:<32} {:>10}", large(*rate))?;
        }
        let lines = [
            ("transactions that write", self.commits, ""),
            ("WAL", self.wal, "B"),
            ("WAL to all standbys", self.wal_to_standbys, "B"),
        ];
        for (what, value, unit) in lines {
            writeln!(f, "  {what:<32} {:>10}{unit}", large(value))?;
        }
        writeln!(f, "\nMachines")?;
        let lines = [
            ("cores of all nodes", self.node_cores, ""),
            ("nodes", self.nodes, ""),
            ("cores of PostgreSQL", self.database_cores, ""),
            ("memory for what is hot", self.hot, "B"),
            ("connections to PostgreSQL", self.connections, ""),
        ];
        for (what, value, unit) in lines {
            writeln!(f, "  {what:<32} {:>10}{unit}", large(value))?;
        }
        writeln!(f, "\nRows kept                                rows       size")?;
        for (table, rows, bytes) in &self.tables {
            writeln!(f, "  {table:<32} {:>10} {:>10}B", large(*rows), large(rows * bytes))?;
        }
        let all: f64 = self.tables.iter().map(|(_, rows, bytes)| rows * bytes).sum();
        writeln!(f, "  {:<32} {:>10} {:>10}B", "all", "", large(all))
    }
}

#[cfg(test)]
mod tests {
    use super::Assumptions;

    fn parse(line: &str) -> anyhow::Result<Assumptions> {
        Assumptions::parse(line.split_whitespace().map(str::to_owned))
    }

    /// Figures that can be checked in one's head.
    #[test]
    fn a_small_town_is_reckoned() {
        let town = "people=86400 active=1 signins=1 coded=0 sso=0 refreshes=2 userinfos=0 machines=0 offline=0 peak=10 busy=0.5 \
                    node_cores=2 spare=1 standbys=3 pool=8 node_signin=100 node_refresh=0 db_signin=10 db_refresh=5 \
                    wal_signin=1000 wal_refresh=100 b_session=10 b_event=2 b_refresh=1";
        let town = parse(town).unwrap().reckoned();
        // One sign-in and two refreshes a person and day: ten and twenty a second at the peak.
        assert_eq!(town.rates[0], ("sign-ins", 10.0));
        assert_eq!(town.rates[2], ("refreshes", 20.0));
        // 10 × 100 ms is one core, half used two; one node of two cores, and one that may be missing.
        assert_eq!((town.node_cores, town.nodes, town.connections), (2.0, 2.0, 16.0));
        // 10 × 10 ms and 20 × 5 ms are 0.2 of a core.
        assert!((town.database_cores - 0.4).abs() < 1e-9);
        assert!((town.commits - 120.0).abs() < 1e-9);
        assert!((town.wal - 12_000.0).abs() < 1e-6 && (town.wal_to_standbys - 36_000.0).abs() < 1e-6);
        let bytes = |table: &str| {
            town.tables.iter().find(|(name, ..)| *name == table).map(|(_, rows, each)| rows * each)
        };
        assert_eq!(bytes("sessions"), Some(86_400.0 * 7.0 * 10.0));
        assert_eq!(bytes("refresh_tokens"), Some(86_400.0 * 2.0 * 30.0));
        assert_eq!(bytes("audit_events"), Some(86_400.0 * 400.0 * 2.0));
    }

    #[test]
    fn every_assumption_is_used_and_a_wrong_one_refused() {
        let before = parse("").unwrap();
        for assumption in &before.0 {
            let other = parse(&format!("{}={}", assumption.name, assumption.value * 1.5)).unwrap();
            assert_ne!(other.reckoned(), before.reckoned(), "{} changes nothing", assumption.name);
        }
        for line in ["people", "people=many", "persons=1"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
