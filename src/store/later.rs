//! How does one ask without waiting for the answer?

use tokio::sync::oneshot;

use super::{Error, Result};

/// An answer that comes with the next one that is waited for, be it that of `Tx::commit`.
#[derive(Debug)]
#[must_use = "what was asked may have been in vain"]
pub struct Later<T>(oneshot::Receiver<T>);

impl<T> Later<T> {
    /// One that is to come, and where it is given.
    pub(super) fn promised() -> (oneshot::Sender<T>, Self) {
        let (give, take) = oneshot::channel();
        (give, Self(take))
    }

    /// One that is there.
    pub fn here(value: T) -> Self {
        let (give, take) = Self::promised();
        let _ = give.send(value);
        take
    }

    /// The answer.
    ///
    /// # Errors
    /// When nothing has been waited for since it was asked, or that has failed.
    pub fn answer(mut self) -> Result<T> {
        self.0.try_recv().map_err(|_| Error::Spoilt)
    }
}

impl Later<u64> {
    /// Whether the one row that it was about has been changed.
    ///
    /// # Errors
    /// As [`Later::answer`].
    pub fn happened(self) -> Result<bool> {
        Ok(self.answer()? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_there_once_it_is_given() {
        assert_eq!(Later::here(7).answer().unwrap(), 7);
        let (give, take) = Later::promised();
        give.send("x").unwrap();
        assert_eq!(take.answer().unwrap(), "x");
        assert!(matches!(Later::<i64>::promised().1.answer(), Err(Error::Spoilt)));
    }
}
