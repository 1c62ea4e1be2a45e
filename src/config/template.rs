//! What does `countersign init` write? A settings file that says what is there to set.

/// The file, with `{issuer}` where the address goes.
const TEMPLATE: &str = include_str!("template.toml");

/// The text of a first `countersign.toml` for this issuer: every setting, commented out with its default.
#[must_use]
pub fn template(issuer: &str) -> String {
    TEMPLATE.replace("{issuer}", &toml::Value::from(issuer).to_string())
}
