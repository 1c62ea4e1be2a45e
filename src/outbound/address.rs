//! Which addresses are public, so that a request which a client has asked for may go there?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The longest address that is fetched, in bytes.
const MAX_URI: usize = 2000;

/// The IPv4 networks that are no part of the public internet (RFC 6890 and its registry), and how long their prefixes are.
const SPECIAL: [([u8; 4], u32); 15] = [
    // This network.
    ([0, 0, 0, 0], 8),
    // Private (RFC 1918), and shared behind carriers' address translation (RFC 6598).
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([100, 64, 0, 0], 10),
    // Loopback, and link-local, where clouds keep their machines' credentials.
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    // Protocols of the IETF; the old relays of 6to4; benchmarks.
    ([192, 0, 0, 0], 24),
    ([192, 88, 99, 0], 24),
    ([198, 18, 0, 0], 15),
    // Documentation.
    ([192, 0, 2, 0], 24),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast; reserved, and broadcast.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Why an address is not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadAddress {
    /// What is wrong with it.
    Form(&'static str),
    /// It is itself an IP address that is not public.
    Private,
}

/// Where a request may go without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// Nowhere.
    Never,
    /// To this very machine, if the operator lets it be reached.
    ToThisMachine,
}

/// Reads an address to be fetched. A host that is an IP address is judged here; a name is judged once it has been resolved.
///
/// # Errors
/// Why it is not fetched.
pub(super) fn parse(uri: &str, allowed: &[String], plain: Plain) -> Result<Url, BadAddress> {
    if uri.len() > MAX_URI {
        return Err(BadAddress::Form("is longer than 2000 bytes"));
    }
    let url = Url::parse(uri).map_err(|_| BadAddress::Form("is no absolute URI"))?;
    if url.scheme() != "https" && !(plain == Plain::ToThisMachine && is_allowed_loopback(&url, allowed)) {
        return Err(match loopback(&url) {
            Some(_) if plain == Plain::ToThisMachine && url.scheme() == "http" => BadAddress::Private,
            _ => BadAddress::Form("does not begin with https://"),
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::Form("has a user name or password in it"));
    }
    let ip = match url.host() {
        None => return Err(BadAddress::Form("has no host")),
        Some(Host::Domain(_)) => return Ok(url),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
    };
    if is_public(ip) || allowed.contains(&ip.to_string()) { Ok(url) } else { Err(BadAddress::Private) }
}

/// Whether an address is http on this very machine, where nobody listens in between, and the operator lets it be reached.
fn is_allowed_loopback(url: &Url, allowed: &[String]) -> bool {
    url.scheme() == "http" && loopback(url).is_some_and(|host| allowed.contains(&host))
}

/// The host of an address, if it is this very machine.
fn loopback(url: &Url) -> Option<String> {
    let (loopback, host) = match url.host()? {
        Host::Domain(name) => (name == "localhost" || name.ends_with(".localhost"), name.to_owned()),
        Host::Ipv4(ip) => (ip.is_loopback(), ip.to_string()),
        Host::Ipv6(ip) => (ip.is_loopback(), ip.to_string()),
    };
    loopback.then_some(host)
}

/// A host of `[outbound] allow_private` in the one spelling in which it is compared.
pub(super) fn normal(host: &str) -> String {
    let unbracketed = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = unbracketed.parse::<IpAddr>() {
        return ip.to_string();
    }
    Host::parse(host).map_or_else(|_| host.to_ascii_lowercase(), |host| host.to_string())
}

/// Whether an address is one of the public internet: not of the special-purpose registries (RFC 6890), and no IPv6 address
/// that leads to such a one of IPv4.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !SPECIAL.iter().any(|(network, bits)| {
        let mask = u32::MAX << (32 - bits);
        u32::from(ip) & mask == u32::from(Ipv4Addr::from(*network))
    })
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, ..] = ip.segments();
    match (a, b) {
        // NAT64 (RFC 6052): what it leads to counts. The local-use prefix (RFC 8215) leads into somebody's network.
        (0x64, 0xff9b) => {
            c == 0 && embedded(ip, 12).is_some_and(is_public_v4) && ip.segments()[3..6] == [0; 3]
        }
        // 6to4 (RFC 3056).
        (0x2002, _) => embedded(ip, 2).is_some_and(is_public_v4),
        // Teredo, ORCHID, benchmarks and other protocols (2001::/23); documentation (RFC 3849, RFC 9637).
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // Only 2000::/3 is global unicast. Outside it: unspecified, loopback, mapped IPv4, discard-only, segment routing,
        // unique local, link-local, site-local, multicast.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

/// The IPv4 address in these bytes of an IPv6 address.
fn embedded(ip: Ipv6Addr, at: usize) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = ip.octets().get(at..at + 4)?.try_into().ok()?;
    Some(Ipv4Addr::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn special_addresses_are_not_public() {
        let all = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 \
             127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 \
             192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 \
             239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 \
             ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 \
             64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:0:1::8.8.8.8 \
             64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 \
             2001:1ff::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101:: 2002:a9fe:a9fe:: \
             3fff::1 3fff:fff::1 5f00::1 4000::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 febf::1 fec0::1 \
             ff02::1 ff0e::1";
        for text in all.split_whitespace() {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_addresses_of_the_internet_are_public() {
        let all = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.1.1.1 128.0.0.1 \
             169.253.1.1 169.255.1.1 172.15.255.255 172.32.0.0 192.0.1.1 192.0.3.1 192.167.1.1 \
             192.169.1.1 198.17.1.1 198.20.1.1 203.0.112.1 223.255.255.255 2001:4860:4860::8888 \
             2001:200::1 2606:4700::1111 2a00:1450::1 2002:808:808::1 64:ff9b::8.8.8.8 3ffe::1 \
             3fff:1000::1";
        for text in all.split_whitespace() {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn an_address_is_https_without_a_name_and_public() {
        let private = Err(BadAddress::Private);
        let parsed =
            |uri: &str| parse(uri, &["10.0.0.7".to_owned(), "fd00::7".to_owned()], Plain::Never).map(|_| ());
        for uri in [
            "https://app.example/jwks",
            "https://app.example:8443/a?b#c",
            "https://8.8.8.8/",
            "https://10.0.0.7/",
            "https://[fd00::7]:1/",
            "https://[fd00:0:0::7]/",
            "https://localhost/",
        ] {
            assert_eq!(parsed(uri), Ok(()), "{uri}");
        }
        for uri in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://10.0.0.8/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.7]/",
            "https://①②⑦.0.0.1/",
            "https://0/",
            "https://127.0.0.1./",
        ] {
            assert_eq!(parsed(uri), private, "{uri}");
        }
        for (uri, expected) in [
            ("http://app.example/", "https://"),
            ("ftp://app.example/", "https://"),
            ("file:///etc/passwd", "https://"),
            ("app.example", "no absolute URI"),
            ("", "no absolute URI"),
            ("https://", "no absolute URI"),
            ("https://ned@app.example/", "user name"),
            ("https://:secret@app.example/", "user name"),
            ("https://app.example@127.0.0.1/", "user name"),
        ] {
            let refused = parsed(uri);
            assert!(
                matches!(refused, Err(BadAddress::Form(what)) if what.contains(expected)),
                "{uri}: {refused:?}"
            );
        }
        let long = format!("https://app.example/{}", "x".repeat(2000));
        assert_eq!(parsed(&long), Err(BadAddress::Form("is longer than 2000 bytes")));
    }

    #[test]
    fn allowed_hosts_have_one_spelling() {
        for (written, expected) in [
            ("App.Internal", "app.internal"),
            ("10.0.0.7", "10.0.0.7"),
            ("[FD00::7]", "fd00::7"),
            ("fd00:0::7", "fd00::7"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(normal(written), expected);
        }
    }

    #[test]
    fn without_tls_a_request_goes_to_this_machine_alone_and_only_where_that_is_allowed() {
        let allowed = ["localhost", "127.0.0.1", "::1", "10.0.0.7", "app.example.org"].map(str::to_owned);
        for (uri, may) in [
            ("http://localhost:3000/out", true),
            ("http://127.0.0.1:3000/out", true),
            ("http://[::1]/out", true),
            ("http://127.0.0.2/out", false),
            ("http://sub.localhost/out", false),
            ("http://10.0.0.7/out", false),
            ("http://app.example.org/out", false),
            ("http://localhost.example.org/out", false),
            ("ftp://localhost/out", false),
        ] {
            assert_eq!(parse(uri, &allowed, Plain::ToThisMachine).is_ok(), may, "{uri}");
            assert!(parse(uri, &allowed, Plain::Never).is_err(), "{uri}");
            assert!(parse(uri, &[], Plain::ToThisMachine).is_err(), "{uri}");
        }
        let unasked = parse("http://localhost:3000/out", &[], Plain::ToThisMachine);
        assert_eq!(unasked, Err(BadAddress::Private), "the reason says what the operator can do");
    }

    proptest! {
        #[test]
        fn what_is_embedded_is_as_public_as_it_is_itself(bytes in any::<[u8; 4]>()) {
            let [a, b, c, d] = bytes;
            let v4 = is_public(IpAddr::from(bytes));
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            prop_assert_eq!(is_public(IpAddr::from([0x64, 0xff9b, 0, 0, 0, 0, high, low])), v4);
            prop_assert_eq!(is_public(IpAddr::from([0x2002, high, low, 1, 2, 3, 4, 5])), v4);
            prop_assert!(!is_public(IpAddr::from([0, 0, 0, 0, 0, 0xffff, high, low])));
        }

        #[test]
        fn no_address_panics(uri in ".*") {
            let plain = Plain::ToThisMachine;
            let _ = (parse(&uri, &[], plain), parse(&format!("https://{uri}"), &[], plain), normal(&uri));
        }
    }
}
