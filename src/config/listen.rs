//! Where are connections taken in? Addresses with a port, and Unix sockets.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Everything to listen on; never nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen(Vec<Door>);

/// One way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// An address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Why a text is no way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address and port such as 127.0.0.1:8080, unix:PATH, or a list of them")]
pub struct NoDoor;

impl Listen {
    /// All ways in.
    #[must_use]
    pub fn doors(&self) -> &[Door] {
        &self.0
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.0.iter_mut().filter_map(|door| match door {
            Door::Unix(path) => Some(path),
            Door::Tcp(_) => None,
        })
    }
}

impl Door {
    /// Whether the system opens no more than one of the two: the same, or one port of all addresses and of one. All of IPv6 and all
    /// of IPv4 beside each other are for the system to decide.
    #[must_use]
    pub fn is_in_the_way_of(&self, other: &Self) -> bool {
        let covers = |all: &SocketAddr, one: &SocketAddr| {
            let families = all.is_ipv4() == one.is_ipv4() || (all.is_ipv6() && !one.ip().is_unspecified());
            all.ip().is_unspecified() && families
        };
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) => {
                let same = one.ip() == other.ip() || covers(one, other) || covers(other, one);
                same && one.port() == other.port() && one.port() != 0
            }
            (Self::Unix(one), Self::Unix(other)) => one == other,
            _ => false,
        }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self(vec![Door::Tcp(address)])
    }
}

impl FromStr for Door {
    type Err = NoDoor;

    fn from_str(text: &str) -> Result<Self, NoDoor> {
        match text.trim().strip_prefix("unix:") {
            Some("") => Err(NoDoor),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.trim().parse().map(Self::Tcp).map_err(|_| NoDoor),
        }
    }
}

/// Several are separated by commas.
impl FromStr for Listen {
    type Err = NoDoor;

    fn from_str(text: &str) -> Result<Self, NoDoor> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, door) in self.0.iter().enumerate() {
            write!(f, "{}{door}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Listen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address and port such as 127.0.0.1:8080, unix:PATH, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Listen, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Listen, A::Error> {
        let mut doors = Vec::new();
        while let Some(text) = items.next_element::<String>()? {
            doors.push(text.parse().map_err(de::Error::custom)?);
        }
        if doors.is_empty() { Err(de::Error::custom(NoDoor)) } else { Ok(Listen(doors)) }
    }
}
