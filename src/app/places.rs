//! Who gets a place among the connections, and who has to go when there is none left? The one that has waited longest for its
//! client goes first; no address gets more than its share, so that nobody keeps everybody else out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::patience::Turns;

/// The most connections at once, however many descriptors there are.
const MOST: u64 = 8192;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At once.
    pub all: usize,
    /// From one address that is no trusted proxy; of IPv6 from one /64.
    pub of_one: usize,
}

impl Bounds {
    /// What a process can take that may open so many files: the database (four for each connection, as SQLite has its file, its log,
    /// its index and what it sorts), mail, and requests to apps come first.
    #[must_use]
    pub fn within(descriptors: Option<u64>, database_connections: u32) -> Self {
        let reserved = 80 + 4 * (u64::from(database_connections) + 1);
        let all = descriptors.map_or(MOST, |limit| limit.saturating_sub(reserved).clamp(16, MOST));
        let all = usize::try_from(all).unwrap_or(16);
        Self { all, of_one: (all / 8).max(8) }
    }
}

/// The connections that there are.
#[derive(Debug)]
pub(super) struct Places {
    bounds: Bounds,
    table: Mutex<Table>,
    freed: Notify,
    moment: Arc<Moment>,
}

/// Counts what happens to connections, so that of two waits it is known which is the longer one.
#[derive(Debug, Default)]
pub(super) struct Moment(AtomicU64);

impl Moment {
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
struct Table {
    seats: HashMap<u64, Seat>,
    /// How many seats each address has that is no trusted proxy.
    shares: HashMap<IpAddr, usize>,
    next: u64,
}

#[derive(Debug)]
struct Seat {
    owner: Owner,
    turns: Arc<Turns>,
    end: Arc<Notify>,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A proxy that is trusted, and brings many clients.
    Proxy,
    /// A client: its address, or the /64 of an IPv6 one.
    Client(IpAddr),
}

/// What comes of a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// It has a place.
    In(Place),
    /// Its address has its share, and all of that is busy.
    NoShare,
    /// Everybody is busy.
    Full,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    turns: Arc<Turns>,
    end: Arc<Notify>,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        let (table, freed, moment) = (Mutex::default(), Notify::new(), Arc::default());
        Arc::new(Self { bounds, table, freed, moment })
    }

    /// Gives a new connection a place; whoever has to go for it is told.
    pub(super) fn admit(self: &Arc<Self>, owner: Owner) -> Admission {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Owner::Client(address) = owner
            && table.shares.get(&address).is_some_and(|share| *share >= self.bounds.of_one)
            && !table.make_room(|seat| seat.owner == owner)
        {
            return Admission::NoShare;
        }
        if table.seats.len() >= self.bounds.all && !table.make_room(|_| true) {
            return Admission::Full;
        }
        let (turns, end) = (Arc::new(Turns::new(Arc::clone(&self.moment))), Arc::new(Notify::new()));
        let id = table.add(Seat { owner, turns: Arc::clone(&turns), end: Arc::clone(&end) });
        drop(table);
        Admission::In(Place { places: Arc::clone(self), id, turns, end })
    }

    /// Ends when somebody has left.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Table {
    fn add(&mut self, seat: Seat) -> u64 {
        let id = self.next;
        self.next = id.wrapping_add(1);
        if let Owner::Client(address) = seat.owner {
            *self.shares.entry(address).or_default() += 1;
        }
        self.seats.insert(id, seat);
        id
    }

    fn remove(&mut self, id: u64) -> Option<Seat> {
        let seat = self.seats.remove(&id)?;
        if let Owner::Client(address) = seat.owner
            && let Some(share) = self.shares.get_mut(&address)
        {
            *share -= 1;
            if *share == 0 {
                self.shares.remove(&address);
            }
        }
        Some(seat)
    }

    /// Sends one of these away; false when all of them are being answered.
    fn make_room(&mut self, among: impl Fn(&Seat) -> bool) -> bool {
        let seats = self.seats.iter().filter(|(_, seat)| among(seat));
        let waits = seats.filter_map(|(id, seat)| {
            Some(Wait { id: *id, proxy: seat.owner == Owner::Proxy, since: seat.turns.waits_since()? })
        });
        let Some(seat) = who_goes(waits).and_then(|id| self.remove(id)) else { return false };
        seat.end.notify_one();
        true
    }
}

/// A connection that waits for its client.
#[derive(Clone, Copy, Debug)]
struct Wait {
    id: u64,
    proxy: bool,
    since: u64,
}

/// Who has waited longest for its client: a proxy's connection last of all, since many depend on it.
fn who_goes(waits: impl Iterator<Item = Wait>) -> Option<u64> {
    waits.min_by_key(|wait| (wait.proxy, wait.since)).map(|wait| wait.id)
}

impl Place {
    /// Whose turn it is on this connection.
    pub(super) fn turns(&self) -> Arc<Turns> {
        Arc::clone(&self.turns)
    }

    /// Ends when the place is needed for somebody else.
    pub(super) async fn needed(&self) {
        self.end.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.remove(self.id);
        drop(table);
        self.places.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> Owner {
        Owner::Client(IpAddr::from([192, 0, 2, n]))
    }

    fn seated(places: &Arc<Places>, owner: Owner) -> Place {
        match places.admit(owner) {
            Admission::In(place) => place,
            other => panic!("{other:?}"),
        }
    }

    /// Whether somebody has been told to go.
    fn is_sent_away(place: &Place) -> bool {
        use std::task::{Context, Waker};
        let told = std::pin::pin!(place.needed());
        told.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_bounds_leave_the_database_its_files() {
        for (descriptors, connections, all, of_one) in [
            (None, 8, 8192, 1024),
            (Some(1_048_576), 8, 8192, 1024),
            (Some(1024), 8, 908, 113),
            (Some(256), 8, 140, 17),
            (Some(64), 8, 16, 8),
            (Some(1024), 100, 540, 67),
        ] {
            let bounds = Bounds::within(descriptors, connections);
            assert_eq!(bounds, Bounds { all, of_one }, "{descriptors:?} {connections}");
        }
    }

    #[test]
    fn the_longest_wait_ends_first_and_a_proxys_last() {
        let wait = |id, proxy, since| Wait { id, proxy, since };
        for (waits, goes) in [
            (vec![], None),
            (vec![wait(1, false, 7), wait(2, false, 3), wait(3, false, 5)], Some(2)),
            (vec![wait(1, true, 1), wait(2, false, 9)], Some(2)),
            (vec![wait(1, true, 2), wait(2, true, 1)], Some(2)),
        ] {
            assert_eq!(who_goes(waits.clone().into_iter()), goes, "{waits:?}");
        }
    }

    #[test]
    fn an_address_beyond_its_share_ends_its_own_idlest_connection() {
        let places = Places::new(Bounds { all: 100, of_one: 2 });
        let other = seated(&places, client(9));
        let (first, second) = (seated(&places, client(1)), seated(&places, client(1)));
        // The first has been answered since: it is the second that has waited longer.
        drop(first.turns().ours());
        let third = seated(&places, client(1));
        assert!(is_sent_away(&second));
        assert!(![&other, &first, &third].into_iter().any(is_sent_away));
    }

    #[test]
    fn an_address_whose_share_is_busy_gets_no_more() {
        let places = Places::new(Bounds { all: 100, of_one: 2 });
        let held = [seated(&places, client(1)), seated(&places, client(1))];
        let answers: Vec<_> = held.iter().map(|place| place.turns().ours()).collect();
        assert!(matches!(places.admit(client(1)), Admission::NoShare));
        assert!(matches!(places.admit(client(2)), Admission::In(_)));
        drop(answers);
        assert!(matches!(places.admit(client(1)), Admission::In(_)));
    }

    #[test]
    fn when_all_places_are_taken_the_idlest_goes_whoever_it_is() {
        let places = Places::new(Bounds { all: 3, of_one: 2 });
        let proxy = seated(&places, Owner::Proxy);
        let (old, new) = (seated(&places, client(1)), seated(&places, client(1)));
        let late = seated(&places, client(2));
        assert!(is_sent_away(&old));
        assert!(![&proxy, &new, &late].into_iter().any(is_sent_away));
        let busy: Vec<_> = [&proxy, &new, &late].into_iter().map(|place| place.turns().ours()).collect();
        assert!(matches!(places.admit(client(3)), Admission::Full));
        drop(busy);
    }

    #[test]
    fn a_trusted_proxy_has_no_share() {
        let places = Places::new(Bounds { all: 100, of_one: 2 });
        let all: Vec<_> = (0..50).map(|_| seated(&places, Owner::Proxy)).collect();
        assert!(!all.iter().any(is_sent_away));
    }

    #[test]
    fn whoever_leaves_leaves_nothing_behind() {
        let places = Places::new(Bounds { all: 2, of_one: 1 });
        for _ in 0..10 {
            let (one, other) = (seated(&places, client(1)), seated(&places, client(2)));
            let third = seated(&places, client(3));
            drop((one, other, third));
        }
        let table = places.table.lock().unwrap();
        assert!(table.seats.is_empty() && table.shares.is_empty());
    }
}
