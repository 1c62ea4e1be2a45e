//! What is being done, since when, and as a part of what?

use std::borrow::Cow;

use super::parent::{Parent, Place};
use super::queue::Tracer;
use super::span::{Kind, Span, Value};
use crate::clock::Stopwatch;
use crate::keys::secret::entropy;

/// A piece of work that is being done.
#[derive(Debug)]
pub struct Started {
    tracer: Tracer,
    place: Place,
    parent: Option<[u8; 8]>,
    kind: Kind,
    watch: Stopwatch,
    attributes: Vec<(&'static str, Value)>,
}

impl Started {
    /// Begins the span of a request; none where it is not recorded.
    #[must_use]
    pub fn request(tracer: &Tracer, parent: Option<Parent>) -> Option<Self> {
        if !tracer.is_on() {
            return None;
        }
        match parent {
            Some(Parent::Recorded(above)) => Some(Self::part(tracer, Some(above), Kind::Server)),
            Some(Parent::NotRecorded) => None,
            None => Some(Self::part(tracer, None, Kind::Server)),
        }
    }

    /// Begins a part of what is above, or a trace of its own.
    pub(super) fn part(tracer: &Tracer, above: Option<Place>, kind: Kind) -> Self {
        let rng = &mut entropy();
        let place = match above {
            Some(above) => above.within(rng),
            None => Place::new(rng),
        };
        let parent = above.map(|above| above.span);
        Self {
            tracer: tracer.clone(),
            place,
            parent,
            kind,
            watch: Stopwatch::start(),
            attributes: Vec::new(),
        }
    }

    /// Where it is in its trace.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Says something more about it, by a name of OpenTelemetry's conventions.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// Sends off what has ended just now and took so long.
    pub(super) fn took(self, name: &'static str, took: std::time::Duration, failed: bool) {
        let (_, ended_ns) = self.watch.unix_ns();
        let began_ns = ended_ns.saturating_sub(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        let Self { tracer, place, parent, kind, attributes, .. } = self;
        tracer.take(Span { place, parent, kind, name: name.into(), began_ns, ended_ns, failed, attributes });
    }

    /// Sends it off. `name` tells what it was: one of few.
    pub fn end(self, name: impl Into<Cow<'static, str>>, failed: bool) {
        let (began_ns, ended_ns) = self.watch.unix_ns();
        let Self { tracer, place, parent, kind, attributes, .. } = self;
        tracer.take(Span { place, parent, kind, name: name.into(), began_ns, ended_ns, failed, attributes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_begun_where_nothing_is_recorded() {
        assert!(Started::request(&Tracer::off(), None).is_none());
        assert!(Started::request(&Tracer::on(), Some(Parent::NotRecorded)).is_none());
    }
}
