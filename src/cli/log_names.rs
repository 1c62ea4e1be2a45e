//! Of which request is a line of the log? Every line that is written while a request is answered says its name.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::trace::request_id;

/// Fields as they are written for people, with `request=…` behind them.
pub(super) struct NamedText<F>(pub(super) F);

impl<'w, F: for<'f> FormatFields<'f>> FormatFields<'w> for NamedText<F> {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), fields)?;
        request_id().map_or(Ok(()), |id| write!(writer, " request={id}"))
    }
}

/// Events as JSON, with `"request"` as the last of the members.
pub(super) struct NamedJson<E>(pub(super) E);

impl<S, N, E> FormatEvent<S, N> for NamedJson<E>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'f> FormatFields<'f> + 'static,
    E: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = request_id() else { return self.0.format_event(context, writer, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        match line.trim_end().strip_suffix('}') {
            // What such a name is made of needs no escape in JSON.
            Some(open) => writeln!(writer, "{open},\"request\":\"{id}\"}}"),
            None => writer.write_str(&line),
        }
    }
}
