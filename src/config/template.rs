//! What does `countersign init` write? A settings file that says what is there to set.

/// The file, with `{issuer}` and `{listen}` where the two addresses go.
const TEMPLATE: &str = include_str!("template.toml");

/// The text of a first `countersign.toml` for this issuer, listening there: every other setting is commented out with its
/// default.
#[must_use]
pub fn template(issuer: &str, listen: &str) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    TEMPLATE.replace("{issuer}", &quoted(issuer)).replace("{listen}", &quoted(listen))
}
