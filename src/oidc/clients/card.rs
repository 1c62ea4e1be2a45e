//! How do our pages show a relying app?

use super::Client;
use crate::web::AppCard;

/// The relying app, as the pages show it.
#[must_use]
pub fn card(client: &Client) -> AppCard {
    let metadata = &client.metadata;
    AppCard {
        name: metadata.client_name.clone(),
        logo_uri: metadata.logo_uri.clone(),
        policy_uri: metadata.policy_uri.clone(),
        tos_uri: metadata.tos_uri.clone(),
        front_page: metadata.front_page(),
    }
}
