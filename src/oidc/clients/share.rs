//! Whose share of the room does it take up, what anybody may leave here until somebody comes for it?

use super::Client;
use crate::outbound::For;
use crate::web::network::Network;

/// How many a network may leave here, or a client that has registered itself: a whole office opens its sign-in pages at nine.
const OF_ANYBODY: i64 = 1000;

/// How many a client may that an operator has registered, and that has proven who it is: all of its people come by its servers.
const OF_A_KNOWN_CLIENT: i64 = 20_000;

/// A share: whose it is, and how large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::oidc) struct Share {
    pub(in crate::oidc) source: String,
    pub(in crate::oidc) most: i64,
}

impl Share {
    /// That of whoever asks from this network.
    pub(in crate::oidc) fn of_network(network: &Network) -> Self {
        Self { source: network.to_string(), most: OF_ANYBODY }
    }

    /// That of a client that asks by itself. Anybody can ask in the name of a public one: their network counts, so that they take
    /// nothing from the app's own people.
    pub(in crate::oidc) fn of_client(client: &Client, network: &Network) -> Self {
        if client.metadata.is_public() {
            return Self::of_network(network);
        }
        let most = match client.party() {
            For::Known => OF_A_KNOWN_CLIENT,
            For::Stranger => OF_ANYBODY,
        };
        Self { source: format!("client {}", client.id), most }
    }
}
