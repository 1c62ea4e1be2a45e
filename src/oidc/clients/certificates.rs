//! Which certificates that apps have registered beside their keys (`x5c`, RFC 8705 §2.2.2) end soon? Nothing is proven with them then.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::Client;
use crate::store::{self, Conn};
use crate::web::certificate::ClientCertificate;

/// The most apps with certificates that are looked at.
const MOST: i64 = 200;

/// The apps of which the certificate that holds longest ends before `at` (seconds since 1970), with when that is.
///
/// # Errors
/// When the database refuses.
pub async fn ending_before(conn: &mut Conn, at: i64) -> Result<Vec<(Client, i64)>, store::Error> {
    let rows = store::clients::with_certificates(conn, MOST).await?;
    let clients = rows.into_iter().map(Client::from_row).collect::<Result<Vec<_>, _>>()?;
    let ending = clients.into_iter().filter_map(|client| {
        let until = longest(client.metadata.jwks.as_ref()?)?;
        (until < at).then_some((client, until))
    });
    Ok(ending.collect())
}

/// Until when the certificate of a JWK Set holds that holds longest; none where there is none that can be read.
fn longest(jwks: &Value) -> Option<i64> {
    let keys = jwks.get("keys")?.as_array()?;
    let first = keys.iter().filter_map(|key| key.get("x5c")?.get(0)?.as_str());
    let until = |text: &str| Some(ClientCertificate::of_der(&BASE64_STANDARD.decode(text).ok()?)?.not_after);
    first.filter_map(until).max()
}
