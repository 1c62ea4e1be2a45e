//! Where does a host's name lead, and may we go there? The connection is made to the very addresses that are judged here.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::{is_public, normal};

/// Names that may be looked up at once. A look-up holds up a thread, for as long as the system's resolver likes.
const AT_ONCE: usize = 16;

/// Why a name is not gone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It leads to private addresses only.
    #[error("leads to no public address")]
    Private,
    /// It leads nowhere.
    #[error("leads nowhere")]
    NotFound,
}

/// Looks names up, and keeps what is public, or allowed by name.
pub(super) struct Resolver {
    allowed: Arc<[String]>,
    turns: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new(allowed: Arc<[String]>) -> Self {
        Self { allowed, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let allowed = self.allowed.contains(&normal(&host));
        let turns = Arc::clone(&self.turns);
        Box::pin(async move {
            let turn = turns.acquire_owned().await?;
            // The turn goes along: who asked may be gone long before the system's resolver gives up.
            let looking = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                (host.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>)
            });
            let found = looking.await?.map_err(|_| Refused::NotFound)?;
            let addresses: Addrs = Box::new(fit(found, allowed)?.into_iter());
            Ok(addresses)
        })
    }
}

fn fit(found: Vec<SocketAddr>, allowed: bool) -> Result<Vec<SocketAddr>, Refused> {
    if found.is_empty() {
        return Err(Refused::NotFound);
    }
    let fitting: Vec<_> = found.into_iter().filter(|address| allowed || is_public(address.ip())).collect();
    if fitting.is_empty() { Err(Refused::Private) } else { Ok(fitting) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_addresses_of_a_name_only_the_public_ones_are_gone_to() {
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
        let (public, private) = (at("8.8.8.8"), at("10.0.0.1"));
        assert_eq!(fit(vec![private, public], false), Ok(vec![public]));
        assert_eq!(fit(vec![private], false), Err(Refused::Private));
        assert_eq!(fit(vec![private], true), Ok(vec![private]));
        assert_eq!(fit(vec![], true), Err(Refused::NotFound));
    }
}
