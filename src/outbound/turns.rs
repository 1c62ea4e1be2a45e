//! Whose request goes next? There are few places, and whoever does not answer shall not take them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};

/// Requests that may be under way at once.
const AT_ONCE: usize = 32;

/// Of those, the ones for apps that nobody here has looked at.
const FOR_STRANGERS: usize = 16;

/// Of those, the ones to one site.
const TO_ONE_SITE: usize = 4;

/// From so many sites on, those that nobody asks any more are forgotten before another one is added.
const MANY_SITES: usize = 64;

/// On whose behalf a request is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum For {
    /// An app that an operator has registered.
    #[default]
    Known,
    /// An app that has registered itself.
    Stranger,
}

/// The places; cheap to clone.
#[derive(Clone)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    sites: Arc<Mutex<HashMap<Site, Arc<Semaphore>>>>,
}

/// Those who share one count, apart for known apps and strangers: the latter could share a platform with the former.
type Site = (For, String);

/// A place, until it is dropped.
pub(super) struct Turn {
    _places: [Option<OwnedSemaphorePermit>; 3],
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(AT_ONCE)),
            strangers: Arc::new(Semaphore::new(FOR_STRANGERS)),
            sites: Arc::default(),
        }
    }

    /// Waits for a place. Whoever waits for one of their own site, or of strangers, holds none that others could use.
    pub(super) async fn wait(&self, party: For, url: &Url) -> Option<Turn> {
        let site = self.of_site((party, site(url))).acquire_owned().await.ok()?;
        let stranger = match party {
            For::Known => None,
            For::Stranger => Some(Arc::clone(&self.strangers).acquire_owned().await.ok()?),
        };
        let one = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _places: [Some(site), stranger, Some(one)] })
    }

    fn of_site(&self, site: Site) -> Arc<Semaphore> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if sites.len() >= MANY_SITES {
            // Whoever waits for a place or has one holds the site too.
            sites.retain(|_, places| Arc::strong_count(places) > 1);
        }
        Arc::clone(sites.entry(site).or_insert_with(|| Arc::new(Semaphore::new(TO_ONE_SITE))))
    }
}

/// Which addresses are one site's: those of one domain, as far as its last two names tell, or of one network.
fn site(url: &Url) -> String {
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

    /// Takes as many places as there are at these hosts; the clock stands, so that nobody really waits.
    async fn taken(turns: &Turns, party: For, hosts: impl IntoIterator<Item = String>) -> Vec<Turn> {
        let mut held = Vec::new();
        for host in hosts {
            let url = url(&host);
            let turn = tokio::time::timeout(Duration::from_secs(1), turns.wait(party, &url)).await;
            held.extend(turn.ok().flatten());
        }
        held
    }

    fn hosts(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|n| format!("app{n}.example"))
    }

    #[tokio::test(start_paused = true)]
    async fn one_site_leaves_places_for_others_however_many_names_it_has() {
        let turns = Turns::new();
        let slow = taken(&turns, For::Known, (0..40).map(|n| format!("a{n}.b.slow.example"))).await;
        assert_eq!(slow.len(), TO_ONE_SITE);
        let others = taken(&turns, For::Known, hosts(100)).await;
        assert_eq!(others.len(), AT_ONCE - TO_ONE_SITE);
        drop((slow, others));
        assert_eq!(
            taken(&turns, For::Known, ["slow.example".to_owned()]).await.len(),
            1,
            "a place comes free"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_leave_half_of_the_places_to_known_apps() {
        let turns = Turns::new();
        let strangers = taken(&turns, For::Stranger, hosts(100)).await;
        assert_eq!(strangers.len(), FOR_STRANGERS);
        let known = taken(&turns, For::Known, hosts(100)).await;
        assert_eq!(known.len(), AT_ONCE - FOR_STRANGERS);
        drop((strangers, known));
        // On one platform, strangers take no place of a known app either.
        let strangers = taken(&turns, For::Stranger, vec!["x.platform.example".to_owned(); 9]).await;
        assert_eq!(strangers.len(), TO_ONE_SITE);
        assert_eq!(taken(&turns, For::Known, ["y.platform.example".to_owned()]).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn sites_that_nobody_asks_are_forgotten() {
        let turns = Turns::new();
        for host in hosts(10 * MANY_SITES) {
            drop(taken(&turns, For::Stranger, [host]).await);
        }
        assert!(turns.sites.lock().unwrap().len() <= MANY_SITES);
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
