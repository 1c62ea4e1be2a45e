//! How is this installation set up? `countersign.toml`, then the environment, parsed once into these types.

mod duration;
mod sections;

pub use duration::Period;
pub use sections::{
    Brand, Config, Database, Encryption, Keys, Log, LogFormat, Mail, Metrics, Outbound, Registration,
    RegistrationMode, Session, SignIn, SigningAlgorithm, Telemetry, Templates, Tls, Tokens, TransportKind,
};
