//! Whose request goes next? There are few places, and whoever does not answer shall not take them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};

/// From so many owners on, those of whom nobody has or wants a place any more are forgotten before another one is added.
const MANY: usize = 64;

/// On whose behalf a request is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum For {
    /// An app that an operator has registered.
    #[default]
    Known,
    /// An app that has registered itself.
    Stranger,
}

/// How many places there are, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// In all.
    pub all: usize,
    /// Of those, the ones for apps that nobody here has looked at.
    pub strangers: usize,
    /// Of those, the ones for one owner.
    pub each: usize,
}

/// The places; cheap to clone.
#[derive(Clone, Debug)]
pub struct Turns {
    shares: Shares,
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    owners: Arc<Mutex<HashMap<Owner, Arc<Semaphore>>>>,
}

/// Those who share one count, apart for known apps and strangers: the latter could share a platform with the former.
type Owner = (For, String);

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _places: [Option<OwnedSemaphorePermit>; 3],
}

impl Turns {
    /// So many places, all of them free.
    #[must_use]
    pub fn new(shares: Shares) -> Self {
        Self {
            shares,
            all: Arc::new(Semaphore::new(shares.all)),
            strangers: Arc::new(Semaphore::new(shares.strangers)),
            owners: Arc::default(),
        }
    }

    /// Waits for a place; none once all is over. Whoever waits for one of their own, or of strangers, holds none that others could use.
    pub async fn wait(&self, party: For, owner: &str) -> Option<Turn> {
        let own = self.of_owner((party, owner.to_owned())).acquire_owned().await.ok()?;
        let stranger = match party {
            For::Known => None,
            For::Stranger => Some(Arc::clone(&self.strangers).acquire_owned().await.ok()?),
        };
        let one = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _places: [Some(own), stranger, Some(one)] })
    }

    /// A place that is free now.
    #[must_use]
    pub fn take(&self, party: For, owner: &str) -> Option<Turn> {
        let own = self.of_owner((party, owner.to_owned())).try_acquire_owned().ok()?;
        let stranger = match party {
            For::Known => None,
            For::Stranger => Some(Arc::clone(&self.strangers).try_acquire_owned().ok()?),
        };
        let one = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Turn { _places: [Some(own), stranger, Some(one)] })
    }

    /// Waits until every place is free, and gives none from then on.
    pub async fn finish(&self) {
        let all = u32::try_from(self.shares.all).unwrap_or(u32::MAX);
        let _all = self.all.acquire_many(all).await;
        self.all.close();
    }

    fn of_owner(&self, owner: Owner) -> Arc<Semaphore> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= MANY {
            // Whoever waits for a place or has one holds the owner's count too.
            owners.retain(|_, places| Arc::strong_count(places) > 1);
        }
        Arc::clone(owners.entry(owner).or_insert_with(|| Arc::new(Semaphore::new(self.shares.each))))
    }
}

/// Which addresses are one site's: those of one domain, as far as its last two names tell, or of one network.
pub(super) fn site(url: &Url) -> String {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets().iter().take(3).map(u8::to_string).collect::<Vec<_>>().join("."),
        IpAddr::V6(ip) => {
            ip.segments().iter().take(3).map(|s| format!("{s:x}")).collect::<Vec<_>>().join(":")
        }
    };
    match url.host() {
        Some(Host::Ipv4(ip)) => bits(ip.into()),
        Some(Host::Ipv6(ip)) => bits(ip.to_canonical()),
        Some(Host::Domain(name)) => {
            let mut last: Vec<&str> = name.trim_end_matches('.').rsplit('.').take(2).collect();
            last.reverse();
            last.join(".")
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn url(host: &str) -> Url {
        Url::parse(&format!("https://{host}/keys")).unwrap()
    }

    const SHARES: Shares = Shares { all: 32, strangers: 16, each: 4 };

    /// Takes as many places as there are at these hosts; the clock stands, so that nobody really waits.
    async fn taken(turns: &Turns, party: For, hosts: impl IntoIterator<Item = String>) -> Vec<Turn> {
        let mut held = Vec::new();
        for host in hosts {
            let url = url(&host);
            let turn = tokio::time::timeout(Duration::from_secs(1), turns.wait(party, &site(&url))).await;
            held.extend(turn.ok().flatten());
        }
        held
    }

    fn hosts(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|n| format!("app{n}.example"))
    }

    #[tokio::test(start_paused = true)]
    async fn one_site_leaves_places_for_others_however_many_names_it_has() {
        let turns = Turns::new(SHARES);
        let slow = taken(&turns, For::Known, (0..40).map(|n| format!("a{n}.b.slow.example"))).await;
        assert_eq!(slow.len(), SHARES.each);
        let others = taken(&turns, For::Known, hosts(100)).await;
        assert_eq!(others.len(), SHARES.all - SHARES.each);
        drop((slow, others));
        assert_eq!(
            taken(&turns, For::Known, ["slow.example".to_owned()]).await.len(),
            1,
            "a place comes free"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_leave_half_of_the_places_to_known_apps() {
        let turns = Turns::new(SHARES);
        let strangers = taken(&turns, For::Stranger, hosts(100)).await;
        assert_eq!(strangers.len(), SHARES.strangers);
        let known = taken(&turns, For::Known, hosts(100)).await;
        assert_eq!(known.len(), SHARES.all - SHARES.strangers);
        drop((strangers, known));
        // On one platform, strangers take no place of a known app either.
        let strangers = taken(&turns, For::Stranger, vec!["x.platform.example".to_owned(); 9]).await;
        assert_eq!(strangers.len(), SHARES.each);
        assert_eq!(taken(&turns, For::Known, ["y.platform.example".to_owned()]).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_wait_gets_what_is_free_of_their_own() {
        let turns = Turns::new(SHARES);
        let take = |party, owner: &str| turns.take(party, owner);
        let held: Vec<_> = (0..9).map_while(|_| take(For::Known, "slow")).collect();
        assert_eq!(held.len(), SHARES.each);
        assert!(take(For::Known, "quick").is_some() && take(For::Stranger, "slow").is_some());
        let strangers: Vec<_> = (0..99).filter_map(|n| take(For::Stranger, &n.to_string())).collect();
        assert_eq!(strangers.len(), SHARES.strangers);
        assert!(take(For::Known, "quick").is_some());
        drop((held, strangers));
        turns.finish().await;
        assert!(take(For::Known, "quick").is_none() && turns.wait(For::Known, "quick").await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn owners_of_whom_nobody_wants_a_place_are_forgotten() {
        let turns = Turns::new(SHARES);
        for host in hosts(10 * MANY) {
            drop(taken(&turns, For::Stranger, [host]).await);
        }
        assert!(turns.owners.lock().unwrap().len() <= MANY);
    }

    #[test]
    fn a_site_is_a_domain_or_a_network() {
        for (host, expected) in [
            ("keys.app.example", "app.example"),
            ("APP.example.", "app.example"),
            ("localhost", "localhost"),
            ("192.0.2.7", "192.0.2"),
            ("[2001:db8:1:2::7]", "2001:db8:1"),
            ("[::ffff:192.0.2.7]", "192.0.2"),
        ] {
            assert_eq!(site(&url(host)), expected, "{host}");
        }
    }
}
