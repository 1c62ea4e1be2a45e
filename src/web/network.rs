//! From which network does a request come?

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

use crate::config::Proxies;

/// What a proxy tells its clients' addresses in.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
}

impl Network {
    /// The network of a client: of the connection, or, where that comes from a trusted proxy, of the last address in
    /// `X-Forwarded-For` that is no trusted proxy. What cannot be read there is not believed, nor is what stands before it.
    #[must_use]
    pub fn of(extensions: &Extensions, headers: &HeaderMap, trusted: &[Proxies]) -> Self {
        let peer = peer(extensions).unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        Self { address: client(peer, headers, trusted) }
    }

    /// The address alone, for the log and what reads it.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// As failures are counted, by the least that nobody gets many of for nothing: an IPv4 address, or the /48 of an IPv6 one, which holds 65,536 networks
    /// of one customer.
    #[must_use]
    pub fn allotment(&self) -> String {
        match self.address {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
        }
    }
}

/// As the audit log names it: an IPv4 address, or the /64 of an IPv6 one.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(ip) => write!(f, "{ip}"),
            IpAddr::V6(_) => write!(f, "{}/64", of_address(self.address)),
        }
    }
}

/// The address of a request's connection, where it is that of a proxy which is not trusted although it tells of others: all of
/// its clients count as one.
#[must_use]
pub fn unheard_proxy(extensions: &Extensions, headers: &HeaderMap, trusted: &[Proxies]) -> Option<IpAddr> {
    let peer = peer(extensions)?;
    (headers.contains_key(FORWARDED_FOR) && !is_among(trusted, peer)).then_some(peer)
}

/// Whether a request's connection comes from a trusted proxy, which is believed in what it says of the request.
#[must_use]
pub fn is_from_proxy(extensions: &Extensions, trusted: &[Proxies]) -> bool {
    peer(extensions).is_some_and(|peer| is_among(trusted, peer))
}

/// What one client has at least: an IPv4 address, or the start of the /64 of an IPv6 one.
#[must_use]
pub fn of_address(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

/// Whether an address is that of a trusted proxy.
#[must_use]
pub fn is_among(trusted: &[Proxies], ip: IpAddr) -> bool {
    trusted.iter().any(|proxies| proxies.contain(ip))
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}

fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Proxies]) -> IpAddr {
    let mut best = peer;
    let lines = headers.get_all(FORWARDED_FOR).iter();
    // As bytes, and from the end: what a client has put in front of its proxy's word does not make that unreadable.
    let hops: Vec<&[u8]> = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).collect();
    let mut hops = hops.into_iter().rev().map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty());
    while is_among(trusted, best) {
        match hops.next().map(address) {
            Some(Some(ip)) => best = ip,
            Some(None) | None => return best,
        }
    }
    best
}

/// The address of one hop in the ways that proxies write it: bare, with a port, in brackets, in quotes, or as `for=` of
/// RFC 7239 §4 with whatever else is told of it.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?;
    let named = hop.split(';').map(str::trim).find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim_end().eq_ignore_ascii_case("for").then(|| value.trim_start())
    });
    let node = named.unwrap_or(hop);
    let node = node.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(node).trim();
    let (ip, port) = match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(ip, port)| (ip, port.strip_prefix(':').or(Some(port))))?,
        None => match node.rsplit_once(':') {
            // Only IPv4 addresses stand before a port without brackets.
            Some((ip, port)) if !ip.contains(':') => (ip, Some(port)),
            _ => (node, None),
        },
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if port.is_some_and(|port| !port.chars().all(fits)) {
        return None;
    }
    // The zone of a link-local address (RFC 4007 §11) says something to the proxy alone.
    let ip = ip.split_once('%').map_or(ip, |(ip, _)| ip);
    ip.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    const PROXY: &str = "10.0.0.1";

    fn seen(peer: &str, forwarded: &str) -> String {
        seen_in(peer, &[forwarded.as_bytes()])
    }

    fn seen_in(peer: &str, lines: &[&[u8]]) -> String {
        let (extensions, headers) = request(peer, lines);
        Network::of(&extensions, &headers, &[PROXY.parse().unwrap(), "fd00::/8".parse().unwrap()]).to_string()
    }

    fn request(peer: &str, lines: &[&[u8]]) -> (Extensions, HeaderMap) {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut headers = HeaderMap::new();
        for line in lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(FORWARDED_FOR, value);
            }
        }
        (extensions, headers)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(seen("192.0.2.7", "198.51.100.1"), "192.0.2.7");
        assert_eq!(seen(PROXY, "198.51.100.1"), "198.51.100.1");
        assert_eq!(seen("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(seen(PROXY, "203.0.113.9, 198.51.100.1"), "198.51.100.1");
        assert_eq!(seen(PROXY, "198.51.100.1, 10.0.0.1"), "198.51.100.1");
        assert_eq!(seen(PROXY, "203.0.113.9, 198.51.100.1, fd12::7"), "198.51.100.1");
    }

    #[test]
    fn an_address_is_read_however_a_proxy_writes_it() {
        for written in [
            "198.51.100.1:4711",
            "198.51.100.1:_gazonk",
            "\"198.51.100.1\"",
            "\"198.51.100.1:80\"",
            "for=198.51.100.1",
            "For=\"198.51.100.1:80\";proto=https;by=203.0.113.43",
            "proto=https; for=198.51.100.1",
            "::ffff:198.51.100.1",
            "[::ffff:198.51.100.1]:80",
            "198.51.100.1,",
            "203.0.113.9 , , 198.51.100.1 ,",
        ] {
            assert_eq!(seen(PROXY, written), "198.51.100.1", "{written}");
        }
        for written in [
            "2001:db8:1:2:3:4:5:6",
            "[2001:db8:1:2::6]",
            "[2001:db8:1:2::6]:443",
            "\"[2001:db8:1:2::6]:443\"",
            "for=\"[2001:db8:1:2::6]:443\"",
            "2001:db8:1:2::6%eth0",
        ] {
            assert_eq!(seen(PROXY, written), "2001:db8:1:2::/64", "{written}");
        }
    }

    #[test]
    fn one_broken_value_takes_no_neighbour_along() {
        let own = b"198.51.100.1".as_slice();
        for broken in [&b"caf\xe9"[..], b"\xff\xff", "é".as_bytes(), b"a b", b"unknown", b"_hidden", b"'"] {
            let joined = [broken, own].join(&b", "[..]);
            for lines in [&[joined.as_slice()][..], &[broken, own], &[broken, b"203.0.113.9", own]] {
                assert_eq!(seen_in(PROXY, lines), "198.51.100.1", "{broken:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_believed_nor_what_stands_before_it() {
        for odd in ["", "a", "198.51.100.1, a", "unknown", ",,,", "198.51.100.1:8 0", "198.51.100.1, 1.2.3"] {
            assert_eq!(seen(PROXY, odd), PROXY, "{odd:?}");
        }
    }

    #[test]
    fn ipv6_is_audited_by_its_64_and_logged_whole() {
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", ""), "2001:db8:1:2::/64");
        assert_eq!(seen("::ffff:192.0.2.7", ""), "192.0.2.7");
        let (extensions, headers) = request("2001:db8:1:2:3:4:5:6", &[]);
        let network = Network::of(&extensions, &headers, &[]);
        assert_eq!(network.address().to_string(), "2001:db8:1:2:3:4:5:6");
    }

    #[test]
    fn a_proxy_that_nobody_trusts_is_noticed() {
        let unheard = |peer, lines: &[&[u8]]| {
            let (extensions, headers) = request(peer, lines);
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            unheard_proxy(&extensions, &headers, &trusted).map(|ip| ip.to_string())
        };
        assert_eq!(unheard("192.0.2.7", &[b"198.51.100.1"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(unheard("192.0.2.7", &[]), None);
        assert_eq!(unheard(PROXY, &[b"198.51.100.1"]), None);
    }

    #[test]
    fn an_ipv6_customer_is_one_allotment() {
        let allotment = |peer: &str| {
            let (extensions, headers) = request(peer, &[]);
            Network::of(&extensions, &headers, &[]).allotment()
        };
        assert_eq!(allotment("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
        assert_eq!(allotment("2001:db8:1:ffff::1"), "2001:db8:1::/48");
        assert_eq!(allotment("::ffff:192.0.2.7"), "192.0.2.7");
    }

    proptest! {
        #[test]
        fn no_header_panics(forwarded in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = seen_in(PROXY, &[&forwarded]);
        }
    }
}
