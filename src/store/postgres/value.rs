//! How does a value travel to PostgreSQL and back? In its binary form, of the four types that we keep.

use bytes::{BufMut as _, BytesMut};
use postgres_protocol::{IsNull, Oid};

const BOOL: Oid = 16;
const BYTEA: Oid = 17;
const INT8: Oid = 20;
const TEXT: Oid = 25;

/// What may be bound to a statement's `$1`, `$2`, …
pub(crate) trait Bind: Sync {
    /// The type as which it is bound, be it there or not.
    fn oid(&self) -> Oid;

    /// Writes it.
    fn write(&self, out: &mut BytesMut) -> IsNull;
}

/// A value of one type.
pub(crate) trait Typed: Sync {
    const OID: Oid;

    fn put(&self, out: &mut BytesMut);
}

impl Typed for bool {
    const OID: Oid = BOOL;

    fn put(&self, out: &mut BytesMut) {
        out.put_u8(u8::from(*self));
    }
}

impl Typed for i64 {
    const OID: Oid = INT8;

    fn put(&self, out: &mut BytesMut) {
        out.put_i64(*self);
    }
}

impl Typed for str {
    const OID: Oid = TEXT;

    fn put(&self, out: &mut BytesMut) {
        out.put_slice(self.as_bytes());
    }
}

impl Typed for String {
    const OID: Oid = TEXT;

    fn put(&self, out: &mut BytesMut) {
        self.as_str().put(out);
    }
}

impl Typed for [u8] {
    const OID: Oid = BYTEA;

    fn put(&self, out: &mut BytesMut) {
        out.put_slice(self);
    }
}

impl<T: Typed + ?Sized> Typed for &T {
    const OID: Oid = T::OID;

    fn put(&self, out: &mut BytesMut) {
        (*self).put(out);
    }
}

impl<T: Typed> Bind for T {
    fn oid(&self) -> Oid {
        T::OID
    }

    fn write(&self, out: &mut BytesMut) -> IsNull {
        self.put(out);
        IsNull::No
    }
}

impl<T: Typed> Bind for Option<T> {
    fn oid(&self) -> Oid {
        T::OID
    }

    fn write(&self, out: &mut BytesMut) -> IsNull {
        match self {
            Some(value) => value.write(out),
            None => IsNull::Yes,
        }
    }
}

impl<T: Typed> Bind for &Option<T> {
    fn oid(&self) -> Oid {
        T::OID
    }

    fn write(&self, out: &mut BytesMut) -> IsNull {
        (*self).write(out)
    }
}

/// What a column may become.
pub(crate) trait Read: Sized {
    /// Reads it; there is nothing to read where it is NULL.
    fn read(bytes: Option<&[u8]>) -> Result<Self, &'static str>;
}

/// What is said of a NULL that nobody expected.
const NULL: &str = "is NULL";

/// What is said of another type.
const OTHER: &str = "is of another type";

impl Read for bool {
    fn read(bytes: Option<&[u8]>) -> Result<Self, &'static str> {
        match bytes.ok_or(NULL)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(OTHER),
        }
    }
}

impl Read for i64 {
    fn read(bytes: Option<&[u8]>) -> Result<Self, &'static str> {
        bytes.ok_or(NULL)?.try_into().map(Self::from_be_bytes).map_err(|_| OTHER)
    }
}

impl Read for String {
    fn read(bytes: Option<&[u8]>) -> Result<Self, &'static str> {
        Self::from_utf8(bytes.ok_or(NULL)?.to_vec()).map_err(|_| "is no UTF-8")
    }
}

impl Read for Vec<u8> {
    fn read(bytes: Option<&[u8]>) -> Result<Self, &'static str> {
        bytes.map(<[u8]>::to_vec).ok_or(NULL)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(bytes: Option<&[u8]>) -> Result<Self, &'static str> {
        if bytes.is_none() { Ok(None) } else { T::read(bytes).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, and of which type; none is NULL.
    fn written(value: &dyn Bind) -> (Oid, Option<Vec<u8>>) {
        let mut out = BytesMut::new();
        let is_null = matches!(value.write(&mut out), IsNull::Yes);
        (value.oid(), (!is_null).then(|| out.to_vec()))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let there = |value: &dyn Bind| written(value).1.unwrap();
        for n in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(i64::read(Some(&there(&n))), Ok(n));
        }
        for flag in [true, false] {
            assert_eq!(bool::read(Some(&there(&flag))), Ok(flag));
        }
        assert_eq!(String::read(Some(&there(&"Zoë"))), Ok("Zoë".to_owned()));
        assert_eq!(Vec::<u8>::read(Some(&there(&[0_u8, 255].as_slice()))), Ok(vec![0, 255]));
        assert_eq!(Option::<i64>::read(Some(&there(&Some(7_i64)))), Ok(Some(7)));
    }

    #[test]
    fn what_is_not_there_has_a_type_all_the_same() {
        assert_eq!(written(&None::<&str>), (TEXT, None));
        assert_eq!(written(&&None::<i64>), (INT8, None));
        assert_eq!(Option::<String>::read(None), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert_eq!(i64::read(None), Err(NULL));
        assert_eq!(i64::read(Some(&[0, 0, 0, 1])), Err(OTHER));
        assert_eq!(bool::read(Some(b"t!")), Err(OTHER));
        assert!(String::read(Some(&[0xff])).is_err());
    }
}
