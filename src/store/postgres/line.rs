//! How does one connection of PostgreSQL run statements? All that are asked are sent at once, and answered at once: one trip.
//!
//! Between two `Sync` messages the server does everything or, from the first statement that fails, nothing more (PostgreSQL's
//! documentation, "Pipelining"). So a `BEGIN` may go with the statement after it: where the one fails, the other does not run.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, Message, RowDescriptionBody};
use postgres_protocol::message::frontend;
use tokio::time::timeout;

use super::address::Address;
use super::fault::Fault;
use super::startup;
use super::value::{Bind, Read};
use super::wire::Wire;

/// All values travel in their binary form.
const BINARY: i16 = 1;

/// What is bound to a statement's `$1`, `$2`, ….
pub(crate) type Parameters<'p> = [&'p dyn Bind];

/// The names of a statement's columns.
type Columns = Arc<[Box<str>]>;

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    wire: Wire,
    /// What has been asked since the last answers, in order.
    asked: VecDeque<Asked>,
    /// How many times the server still has to say that it is ready.
    owed: usize,
    /// Whether it was in a transaction when it last said so.
    in_transaction: bool,
    /// What it knows by name.
    known: HashMap<&'static str, Known>,
    /// How many names it has been told.
    names: u64,
}

#[derive(Clone, Debug)]
struct Known {
    name: Arc<str>,
    columns: Columns,
}

/// A statement whose answer is to come.
#[derive(Debug)]
struct Asked {
    sql: &'static str,
    /// The name that it is told under, if it is told under one now.
    told: Option<Arc<str>>,
    columns: Option<Columns>,
    /// Whether it is only to be understood.
    idle: bool,
}

/// What a statement has answered.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    rows: Vec<DataRowBody>,
    columns: Columns,
    tag: String,
}

/// The statement that has failed, counted from the first that was asked, and why.
pub(super) type Failed = (usize, Fault);

impl Line {
    /// Goes to a server, and is let in.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn connect(address: &Address) -> Result<Self, Fault> {
        let wire = startup::connect(address).await?;
        let (asked, known) = (VecDeque::new(), HashMap::new());
        Ok(Self { wire, asked, owed: 0, in_transaction: false, known, names: 0 })
    }

    /// Writes down what is to be asked with the next [`Line::answers`]. Where a pooler stands between, nothing is `named`: every
    /// transaction may have another server.
    ///
    /// # Errors
    /// When it cannot be said.
    pub(super) fn ask(
        &mut self,
        sql: &'static str,
        parameters: &Parameters<'_>,
        named: bool,
    ) -> Result<(), Fault> {
        let known = self.known.get(sql).filter(|_| named).cloned();
        let out = self.wire.outgoing();
        let before = out.len();
        let (told, columns) = match known {
            Some(known) => (None, Some(known)),
            None if named => {
                self.names += 1;
                (Some(Arc::from(format!("s{}", self.names))), None)
            }
            None => (None, None),
        };
        let name = columns.as_ref().map(|known| &known.name).or(told.as_ref()).cloned();
        let written = write(out, name.as_deref().unwrap_or_default(), sql, parameters, columns.is_none());
        if let Err(e) = written {
            out.truncate(before);
            return Err(e);
        }
        let columns = columns.map(|known| known.columns);
        self.asked.push_back(Asked { sql, told, columns, idle: false });
        Ok(())
    }

    /// Sends all that has been asked, and answers each.
    ///
    /// # Errors
    /// Which one has failed; those after it have not run.
    pub(super) async fn answers(&mut self) -> Result<Vec<Answer>, Failed> {
        frontend::sync(self.wire.outgoing());
        self.owed += 1;
        let mut answers = Vec::with_capacity(self.asked.len());
        let outcome = self.take_answers(&mut answers).await;
        self.asked.clear();
        outcome.map_err(|fault| (answers.len(), fault))?;
        Ok(answers)
    }

    async fn take_answers(&mut self, answers: &mut Vec<Answer>) -> Result<(), Fault> {
        self.wire.flush().await?;
        let (mut answer, mut failed) = (Answer::default(), None);
        loop {
            match self.receive(&mut failed).await? {
                Message::RowDescription(description) => self.learn(Some(&description))?,
                Message::NoData => self.learn(None)?,
                Message::DataRow(row) => answer.rows.push(row),
                Message::CommandComplete(done) => {
                    done.tag()?.clone_into(&mut answer.tag);
                    answer.columns =
                        self.asked.pop_front().and_then(|asked| asked.columns).unwrap_or_default();
                    answers.push(std::mem::take(&mut answer));
                }
                Message::ErrorResponse(body) => failed = Some(Fault::said(&body)),
                Message::ReadyForQuery(ready) => {
                    self.is_ready(ready.status());
                    return failed.map_or(Ok(()), Err);
                }
                Message::ParseComplete | Message::BindComplete | Message::ParameterDescription(_) => {}
                _ => return Err(Fault::Strange("it answers what was not asked".to_owned())),
            }
        }
    }

    /// The next message; whoever hangs up has said why, if anything.
    async fn receive(&mut self, said: &mut Option<Fault>) -> Result<Message, Fault> {
        self.wire.receive().await.map_err(|broken| said.take().unwrap_or_else(|| broken.into()))
    }

    /// The columns of the statement whose turn it is; now the server knows it by its name, too.
    fn learn(&mut self, description: Option<&RowDescriptionBody>) -> Result<(), Fault> {
        let fields = description.map(|body| body.fields().map(|field| Ok(field.name().into())).collect());
        let columns: Vec<Box<str>> = fields.transpose()?.unwrap_or_default();
        let Some(asked) = self.asked.front_mut() else {
            return Err(Fault::Strange("it describes what was not asked".to_owned()));
        };
        let columns: Columns = columns.into();
        asked.columns = Some(Arc::clone(&columns));
        if let Some(name) = asked.told.take() {
            self.known.insert(asked.sql, Known { name, columns });
        }
        if asked.idle {
            self.asked.pop_front();
        }
        Ok(())
    }

    fn is_ready(&mut self, status: u8) {
        self.owed -= 1;
        self.in_transaction = status != b'I';
    }

    /// Understands a statement without running it.
    ///
    /// # Errors
    /// When the server does not.
    pub(super) async fn understand(&mut self, sql: &'static str) -> Result<(), Failed> {
        let out = self.wire.outgoing();
        let written = frontend::parse("", sql, [], out).and_then(|()| frontend::describe(b'S', "", out));
        written.map_err(|e| (0, e.into()))?;
        self.asked.push_back(Asked { sql, told: None, columns: None, idle: true });
        self.answers().await.map(|_| ())
    }

    /// Runs the statements of a text, one after the other; the answer is the first word that any of them answers.
    ///
    /// # Errors
    /// When one of them fails: those after it have not run.
    pub(super) async fn script(&mut self, text: &str) -> Result<Option<String>, Fault> {
        frontend::query(text, self.wire.outgoing())?;
        self.owed += 1;
        self.wire.flush().await?;
        let (mut word, mut failed) = (None, None);
        loop {
            match self.receive(&mut failed).await? {
                Message::DataRow(row) if word.is_none() => {
                    let range = row.ranges().next()?.flatten();
                    let bytes = range.and_then(|range| row.buffer().get(range));
                    word = bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                }
                Message::ErrorResponse(body) => failed = Some(Fault::said(&body)),
                Message::ReadyForQuery(ready) => {
                    self.is_ready(ready.status());
                    return failed.map_or(Ok(word), Err);
                }
                _ => {}
            }
        }
    }

    /// Whether whoever comes next finds it as it should be: nothing is being answered, and no transaction is open.
    pub(super) fn is_at_rest(&self) -> bool {
        self.owed == 0 && !self.in_transaction
    }

    /// Forgets what has been asked and not been sent.
    pub(super) fn forget_unsent(&mut self) {
        if self.owed == 0 {
            self.wire.outgoing().clear();
            self.asked.clear();
        }
    }

    /// Hears the answers out that somebody has stopped waiting for, and rolls back what is open.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(super) async fn come_to_rest(&mut self) -> Result<(), Fault> {
        self.asked.clear();
        while self.owed > 0 {
            self.wire.flush().await?;
            if let Message::ReadyForQuery(ready) = self.wire.receive().await? {
                self.is_ready(ready.status());
            }
        }
        if self.in_transaction {
            self.script("ROLLBACK").await?;
        }
        Ok(())
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        frontend::terminate(self.wire.outgoing());
        let _ = timeout(std::time::Duration::from_secs(1), self.wire.flush()).await;
    }
}

/// Writes a statement down with what is bound to it; one that the server does not know by this name is told first.
fn write(
    out: &mut bytes::BytesMut,
    name: &str,
    sql: &str,
    parameters: &Parameters<'_>,
    is_new: bool,
) -> Result<(), Fault> {
    if is_new {
        frontend::parse(name, sql, parameters.iter().map(|parameter| parameter.oid()), out)?;
        frontend::describe(b'S', name, out)?;
    }
    let each = parameters.iter();
    let bound = frontend::bind("", name, [BINARY], each, |value, out| Ok(value.write(out)), [BINARY], out);
    bound.map_err(|e| match e {
        frontend::BindError::Conversion(e) => Fault::Strange(e.to_string()),
        frontend::BindError::Serialization(e) => e.into(),
    })?;
    Ok(frontend::execute("", 0, out)?)
}

impl Answer {
    /// How many rows the statement has changed.
    pub(super) fn changed(&self) -> u64 {
        self.tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    /// What was done, in the server's words.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|row| Row { row, columns: &self.columns })
    }
}

/// One row of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    row: &'a DataRowBody,
    columns: &'a [Box<str>],
}

/// Its values, from left to right.
pub(crate) struct Values<'a> {
    columns: &'a [Box<str>],
    values: Vec<Option<&'a [u8]>>,
}

impl<'a> Row<'a> {
    /// # Errors
    /// When the message is broken.
    pub(crate) fn values(&self) -> Result<Values<'a>, Fault> {
        let bytes = self.row.buffer();
        let values = self.row.ranges().map(|range| Ok(range.and_then(|range| bytes.get(range))));
        Ok(Values { columns: self.columns, values: values.collect()? })
    }
}

impl Values<'_> {
    /// The place of a column; fastest when it is at `guess`.
    pub(crate) fn place(&self, name: &str, guess: usize) -> Result<usize, Fault> {
        if self.columns.get(guess).is_some_and(|column| **column == *name) {
            return Ok(guess);
        }
        let place = self.columns.iter().position(|column| **column == *name);
        place.ok_or_else(|| Fault::Value { column: name.to_owned(), reason: "is not there" })
    }

    /// The value at a place.
    pub(crate) fn read<T: Read>(&self, place: usize) -> Result<T, Fault> {
        let value = self.values.get(place).ok_or("is not there").and_then(|value| T::read(*value));
        value.map_err(|reason| {
            let column = self.columns.get(place).map_or_else(|| place.to_string(), ToString::to_string);
            Fault::Value { column, reason }
        })
    }
}
