//! From which network does a request come?

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// Where a request comes from, as failures are counted: an IPv4 address, or the /64 of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpAddr);

impl Network {
    /// The network of a client: of the connection, or, where that comes from a trusted proxy, of the last address in
    /// `X-Forwarded-For` that is no trusted proxy. What cannot be read there is not believed.
    #[must_use]
    pub fn of(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpAddr]) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| canonical(info.0.ip()));
        let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        Self(network(client(peer, headers, trusted)))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => write!(f, "{ip}"),
            IpAddr::V6(ip) => write!(f, "{ip}/64"),
        }
    }
}

fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.contains(ip);
    if !is_trusted(&peer) {
        return peer;
    }
    let mut best = peer;
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for hop in hops.iter().rev() {
        let Ok(ip) = hop.parse::<IpAddr>() else { return best };
        best = canonical(ip);
        if !is_trusted(&best) {
            return best;
        }
    }
    best
}

fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    const PROXY: &str = "10.0.0.1";

    fn seen(peer: &str, forwarded: &str) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(forwarded) {
            headers.insert("x-forwarded-for", value);
        }
        Network::of(&extensions, &headers, &[PROXY.parse().unwrap()]).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(seen("192.0.2.7", "198.51.100.1"), "192.0.2.7");
        assert_eq!(seen(PROXY, "198.51.100.1"), "198.51.100.1");
        assert_eq!(seen(PROXY, "203.0.113.9, 198.51.100.1"), "198.51.100.1");
        assert_eq!(seen(PROXY, "198.51.100.1, 10.0.0.1"), "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        for odd in ["", "a", "198.51.100.1, a", "198.51.100.1:80", "unknown", ",,,"] {
            assert_eq!(seen(PROXY, odd), PROXY, "{odd:?}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_its_64() {
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", ""), "2001:db8:1:2::/64");
        assert_eq!(seen("::ffff:192.0.2.7", ""), "192.0.2.7");
    }

    proptest! {
        #[test]
        fn no_header_panics(forwarded in "[ -~]*") {
            let _ = seen(PROXY, &forwarded);
        }
    }
}
