//! How does a row become a struct? One way for the rows of both databases.

use rusqlite::types::FromSql;

use super::postgres::{Fault, Read, Row, Values};

/// What a column may become, on either database.
pub(crate) trait Value: FromSql + Read {}

impl<T: FromSql + Read> Value for T {}

/// A row, whose columns are taken from left to right.
pub(crate) trait Columns {
    /// What the driver says when a column is not there, or holds something else.
    type Error;

    /// The value of the column of this name; fastest when it is the next one.
    fn named<T: Value>(&mut self, name: &'static str) -> Result<T, Self::Error>;

    /// The value of the next column.
    fn next<T: Value>(&mut self) -> Result<T, Self::Error>;
}

/// What a row becomes.
pub(crate) trait FromRow: Sized {
    /// Takes the columns that it needs.
    fn from_row<C: Columns>(columns: &mut C) -> Result<Self, C::Error>;
}

/// Says of a struct that its fields are columns of the same names.
macro_rules! from_row {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::store::row::FromRow for $name {
            fn from_row<C: $crate::store::row::Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
                Ok(Self { $($field: columns.named(stringify!($field))?),+ })
            }
        }
    };
}

pub(crate) use from_row;

/// A tuple takes the columns as they come.
macro_rules! tuple {
    ($($value:ident),+) => {
        impl<$($value: Value),+> FromRow for ($($value,)+) {
            fn from_row<Row: Columns>(columns: &mut Row) -> Result<Self, Row::Error> {
                Ok(($(columns.next::<$value>()?,)+))
            }
        }
    };
}

tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);

/// A row of SQLite.
pub(super) struct SqliteColumns<'r> {
    row: &'r rusqlite::Row<'r>,
    next: usize,
}

impl<'r> SqliteColumns<'r> {
    pub(super) const fn of(row: &'r rusqlite::Row<'r>) -> Self {
        Self { row, next: 0 }
    }
}

impl Columns for SqliteColumns<'_> {
    type Error = rusqlite::Error;

    fn named<T: Value>(&mut self, name: &'static str) -> Result<T, Self::Error> {
        let statement = self.row.as_ref();
        // A search would compare name after name, for every column of every row.
        if !statement.column_name(self.next).is_ok_and(|next| next == name) {
            self.next = statement.column_index(name)?;
        }
        self.next()
    }

    fn next<T: Value>(&mut self) -> Result<T, Self::Error> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }
}

/// A row of PostgreSQL.
pub(super) struct PostgresColumns<'r> {
    values: Values<'r>,
    next: usize,
}

impl<'r> PostgresColumns<'r> {
    pub(super) fn of(row: Row<'r>) -> Result<Self, Fault> {
        Ok(Self { values: row.values()?, next: 0 })
    }
}

impl Columns for PostgresColumns<'_> {
    type Error = Fault;

    fn named<T: Value>(&mut self, name: &'static str) -> Result<T, Self::Error> {
        self.next = self.values.place(name, self.next)?;
        self.next()
    }

    fn next<T: Value>(&mut self) -> Result<T, Self::Error> {
        let place = self.next;
        self.next += 1;
        self.values.read(place)
    }
}
