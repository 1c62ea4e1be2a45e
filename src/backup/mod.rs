//! How is everything put into one encrypted file while the provider runs, and how does it come out again? [`make`] reads one snapshot
//! table by table, [`restore`] fills an empty database, and [`check`] does the same in a place that is thrown away.
//!
//! ```text
//! header (in clear) · sealed parts of 64 KiB [ zlib [ a head · for each table its columns, its rows, their number · the end ] ]
//! ```

pub mod check;
mod error;
mod header;
mod lines;
pub mod make;
pub mod restore;
mod sealed;

pub use error::Error;
pub use header::{Cost, Header, Lock, Secret};
pub use lines::{Contents, Head};

/// What the rooms of this one return.
pub type Result<T> = std::result::Result<T, Error>;
