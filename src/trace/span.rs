//! What is told of a piece of work: what it was, when it began, how long it took, and whether it went well.

use std::borrow::Cow;

use super::parent::Place;

/// On which side of a conversation the work was (OpenTelemetry, `SpanKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// We were asked.
    Server,
    /// We asked somebody else.
    Client,
}

/// A value that goes along with a span. Never anything that a person or a client has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A word of ours.
    Word(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word.into())
    }
}

impl From<String> for Value {
    fn from(word: String) -> Self {
        Self::Word(word.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

/// A piece of work that is over.
#[derive(Clone, Debug)]
pub struct Span {
    pub(super) place: Place,
    pub(super) parent: Option<[u8; 8]>,
    pub(super) kind: Kind,
    pub(super) name: Cow<'static, str>,
    pub(super) began_ns: u64,
    pub(super) ended_ns: u64,
    pub(super) failed: bool,
    pub(super) attributes: Vec<(&'static str, Value)>,
}
