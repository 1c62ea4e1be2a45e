//! What can go wrong between PostgreSQL and us?

use std::io;

use fallible_iterator::FallibleIterator as _;
use openssl::error::ErrorStack;
use postgres_protocol::message::backend::ErrorResponseBody;

/// Why PostgreSQL has not answered, or what it has said against what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The address in the settings cannot be used.
    #[error("{0}")]
    Address(String),
    /// There is no TLS that both sides agree on.
    #[error("{0}")]
    Tls(String),
    /// The line is broken.
    #[error(transparent)]
    Line(#[from] io::Error),
    /// The server says no.
    #[error("{message} ({code})")]
    Said {
        /// SQLSTATE.
        code: String,
        /// In its words.
        message: String,
    },
    /// It has said what nobody asked for.
    #[error("the server speaks strangely: {0}")]
    Strange(String),
    /// A column is not there, or holds something else.
    #[error("column {column}: {reason}")]
    Value {
        /// Its name, or its place.
        column: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Fault {
    /// What the server has said.
    pub(super) fn said(body: &ErrorResponseBody) -> Self {
        let (mut code, mut message) = (String::new(), String::new());
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => code = text(),
                b'M' => message = text(),
                _ => {}
            }
        }
        Self::Said { code, message }
    }

    /// Nobody has answered in time.
    pub(super) fn late(waiting_for: &str) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, format!("no answer to {waiting_for}")).into()
    }

    /// The SQLSTATE; empty where the server has said nothing.
    pub(in crate::store) fn code(&self) -> &str {
        match self {
            Self::Said { code, .. } => code,
            _ => "",
        }
    }
}

impl From<ErrorStack> for Fault {
    fn from(e: ErrorStack) -> Self {
        Self::Tls(e.to_string())
    }
}
