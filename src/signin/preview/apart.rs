//! What takes longest to find out for a preview, and how is it read at once? A count of almost everybody, and those who are looked at one by
//! one: each is a piece of its own. Who holds a connection reads one after the other, and who holds none has all of them read side by side.

use tokio::task::JoinSet;

use super::LOOKED_AT;
use crate::directory::people::Need;
use crate::directory::unreached::{self, Doubt};
use crate::directory::{Error, Status, TwoFactor};
use crate::store::groups::GroupRow;
use crate::store::{Conn, Db, needs};
use crate::trace;

/// The pieces that were read; none of those that were not.
#[derive(Debug, Default)]
pub(super) struct Apart {
    needing: Option<i64>,
    stopped: Option<Vec<Need>>,
    refused: Option<Vec<Need>>,
}

/// One of them.
enum Piece {
    Needing(i64),
    InDoubt(Doubt, Vec<Need>),
}

impl Apart {
    /// Reads all of them at once, each on a connection of its own: on as many cores as there are. Where a group has few people, there is nothing
    /// to be gained, and nothing is read.
    pub(super) async fn read(
        db: &Db,
        group: &GroupRow,
        to: TwoFactor,
        is_small: bool,
    ) -> Result<Self, Error> {
        let mut apart = Self::default();
        if to == TwoFactor::Off || is_small {
            return Ok(apart);
        }
        let mut reading = JoinSet::<Result<Piece, Error>>::new();
        for &doubt in doubts(to).iter().rev() {
            let (db, group) = (db.clone(), group.clone());
            reading.spawn(trace::carried(async move {
                Ok(Piece::InDoubt(doubt, in_doubt(&mut db.read().await?, &group, doubt).await?))
            }));
        }
        let (db, group) = (db.clone(), group.clone());
        reading.spawn(trace::carried(async move {
            Ok(Piece::Needing(needing(&mut db.read().await?, &group).await?))
        }));
        while let Some(read) = reading.join_next().await {
            // A piece that broke off is read once more, by whoever wants it.
            match read {
                Ok(piece) => match piece? {
                    Piece::Needing(n) => apart.needing = Some(n),
                    Piece::InDoubt(Doubt::Stopped, needs) => apart.stopped = Some(needs),
                    Piece::InDoubt(Doubt::Refused, needs) => apart.refused = Some(needs),
                },
                Err(error) => tracing::error!(%error, "a piece of a preview broke off"),
            }
        }
        Ok(apart)
    }

    /// How many of a group have chosen a password and no `override_2fa`.
    pub(super) async fn needing(&mut self, conn: &mut Conn, group: &GroupRow) -> Result<i64, Error> {
        match self.needing.take() {
            Some(n) => Ok(n),
            None => needing(conn, group).await,
        }
    }

    /// Those of a group of many who are in this doubt.
    pub(super) async fn in_doubt(
        &mut self,
        conn: &mut Conn,
        group: &GroupRow,
        doubt: Doubt,
    ) -> Result<Vec<Need>, Error> {
        let read = match doubt {
            Doubt::Stopped => self.stopped.take(),
            Doubt::Refused => self.refused.take(),
        };
        match read {
            Some(needs) => Ok(needs),
            None => in_doubt(conn, group, doubt).await,
        }
    }
}

/// What may keep somebody out. Whoever may go on without a code is asked for one all the same, whatever became of the last.
pub(super) const fn doubts(to: TwoFactor) -> &'static [Doubt] {
    match to {
        TwoFactor::On => &[Doubt::Stopped, Doubt::Refused],
        TwoFactor::Off | TwoFactor::Rehearse => &[Doubt::Stopped],
    }
}

async fn needing(conn: &mut Conn, group: &GroupRow) -> Result<i64, Error> {
    Ok(needs::count_needing(conn, &group.id, Status::Active.name()).await?)
}

async fn in_doubt(conn: &mut Conn, group: &GroupRow, doubt: Doubt) -> Result<Vec<Need>, Error> {
    let (mut all, mut from) = (Vec::new(), Some(String::new()));
    while let Some(after) = from {
        let (needs, next) = unreached::in_one_doubt(conn, group, doubt, &after, LOOKED_AT).await?;
        all.extend(needs);
        from = next;
    }
    Ok(all)
}
