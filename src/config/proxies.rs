//! Which proxies are believed about where a request comes from? Addresses and networks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A network (CIDR, RFC 4632 §3.1), or a single address as the smallest of them. IPv6 addresses that stand for IPv4 ones
/// (`::ffff:0:0/96`, RFC 4291 §2.5.5.2) count as those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxies {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an IP address such as 10.0.0.1, or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl Proxies {
    /// Whether an address is one of them.
    #[must_use]
    pub fn contain(&self, ip: IpAddr) -> bool {
        match (self.first, ip.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => start_v4(ip, self.prefix) == first,
            (IpAddr::V6(first), IpAddr::V6(ip)) => start_v6(ip, self.prefix) == first,
            _ => false,
        }
    }

    fn new(ip: IpAddr, prefix: u8) -> Option<Self> {
        let first = match ip {
            IpAddr::V4(ip) if prefix <= 32 => IpAddr::V4(start_v4(ip, prefix)),
            IpAddr::V6(ip) if prefix <= 128 => match ip.to_ipv4_mapped() {
                Some(ip) if prefix >= 96 => return Self::new(IpAddr::V4(ip), prefix - 96),
                _ => IpAddr::V6(start_v6(ip, prefix)),
            },
            _ => return None,
        };
        Some(Self { first, prefix })
    }
}

fn start_v4(ip: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(ip.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0))
}

fn start_v6(ip: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    Ipv6Addr::from_bits(ip.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0))
}

impl From<IpAddr> for Proxies {
    fn from(ip: IpAddr) -> Self {
        let first = ip.to_canonical();
        Self { first, prefix: if first.is_ipv4() { 32 } else { 128 } }
    }
}

impl From<[u8; 4]> for Proxies {
    fn from(ip: [u8; 4]) -> Self {
        IpAddr::from(ip).into()
    }
}

impl FromStr for Proxies {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let text = text.trim();
        let Some((ip, prefix)) = text.split_once('/') else {
            return Ok(Self::from(text.parse::<IpAddr>().map_err(|_| NotANetwork)?));
        };
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits).ok_or(NotANetwork)?;
        ip.parse().ok().and_then(|ip| Self::new(ip, prefix)).ok_or(NotANetwork)
    }
}

impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.prefix) {
            (IpAddr::V4(ip), 32) => write!(f, "{ip}"),
            (IpAddr::V6(ip), 128) => write!(f, "{ip}"),
            (ip, prefix) => write!(f, "{ip}/{prefix}"),
        }
    }
}

impl<'de> Deserialize<'de> for Proxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contain(proxies: &str, ip: &str) -> bool {
        proxies.parse::<Proxies>().unwrap().contain(ip.parse().unwrap())
    }

    #[test]
    fn an_address_is_itself_and_a_network_is_all_of_its_own() {
        for (proxies, inside, outside) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.1.2.3/8", "10.9.9.9", "9.255.255.255"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
            ("10.0.0.0/31", "10.0.0.1", "10.0.0.2"),
            ("::1", "::1", "::2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("::ffff:10.0.0.0/104", "10.200.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
        ] {
            assert!(contain(proxies, inside), "{inside} is in {proxies}");
            assert!(!contain(proxies, outside), "{outside} is not in {proxies}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in
            ["", "proxy", "10.0.0.1/33", "::1/129", "10.0.0.1/", "10.0.0/8", "10.0.0.1/+8", "10.0.0.1/8/8"]
        {
            assert_eq!(text.parse::<Proxies>(), Err(NotANetwork), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(ip in any::<IpAddr>(), prefix in 0u8..=128) {
            if let Some(proxies) = Proxies::new(ip, prefix) {
                // A network wider than that of the mapped addresses is one of IPv6, where they are not.
                let odd = prefix < 96 && ip.is_ipv6() && ip.to_canonical().is_ipv4();
                prop_assert!(odd || proxies.contain(ip));
                prop_assert_eq!(proxies.to_string().parse(), Ok(proxies));
            }
        }
    }
}
