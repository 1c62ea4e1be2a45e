//! How is this installation set up? `countersign.toml`, then the environment, parsed once into these types.

mod algorithm;
mod check;
mod duration;
mod error;
mod listen;
mod load;
mod place;
mod proxies;
mod read;
mod sections;
mod template;
mod tree;

pub use algorithm::SigningAlgorithm;
pub use duration::Period;
pub use error::ConfigError;
pub use listen::{Door, Listen};
pub use load::{DEFAULT_FILE, load};
pub use proxies::Proxies;
pub use sections::{
    Brand, Config, Database, Encryption, Keys, Log, LogFormat, Mail, Metrics, Outbound, Registration,
    RegistrationMode, Session, SignIn, Telemetry, Templates, Tls, Tokens, TransportKind,
};
pub use template::template;
