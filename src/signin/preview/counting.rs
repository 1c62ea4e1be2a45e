//! How does a preview count whom a setting would keep out? Whoever is not hard to reach is sent a code, unless they override it: so the others
//! alone are looked at; one by one but for those who are alike in all that decides.

use std::collections::{BTreeMap, BTreeSet};

use super::apart::{self, Apart};
use super::{
    Affected, LISTED_AT_MOST, LOOKED_AT, LOOKED_AT_FOR_NAMES, LockedOut, Lot, NAMED_AT_MOST, Named, Obstacle,
    Preview, affected, lot, switchers_without_override,
};
use crate::directory::people::{self, Need};
use crate::directory::unreached::{self, Alike, Doubt, Place, Whose};
use crate::directory::{Error, Status, TwoFactor, groups};
use crate::store::groups::GroupRow;
use crate::store::{Conn, needs, users};

/// A preview to which what is read apart is still to come.
#[derive(Debug)]
pub(super) struct Begun<'a> {
    preview: Preview,
    /// Whoever would make the change.
    actor_id: Option<&'a str>,
    first: First,
    /// The first of those who would be sent a code, if anybody would.
    first_asked: Vec<Affected>,
    /// Whether there are others in doubt, who have an address.
    others: bool,
}

impl<'a> Begun<'a> {
    /// Everything but that.
    pub(super) async fn of(
        conn: &mut Conn,
        group: &GroupRow,
        to: TwoFactor,
        actor_id: Option<&'a str>,
        is_small: bool,
    ) -> Result<Self, Error> {
        let (count, overriders) = users::overriders(conn, &group.top_id, NAMED_AT_MOST).await?;
        let (off, disabled) =
            needs::with_status(conn, &group.id, Status::Disabled.name(), NAMED_AT_MOST).await?;
        let preview = Preview {
            path: groups::path(conn, &group.id).await?,
            from: TwoFactor::of(group)?,
            to,
            asked: Named::default(),
            no_address: Named::default(),
            undelivered: Named::default(),
            codes_stopped: Named::default(),
            invited: Named::default(),
            disabled: Named::of(disabled, off),
            released: Named::default(),
            overriders: Named::of(overriders, count),
            switchers_without_override: switchers_without_override(conn, group).await?,
            actor: None,
            mail: None,
            kept_out: LockedOut::default(),
            first_locked_out: Vec::new(),
            refused_now: None,
        };
        let mut begun =
            Self { preview, actor_id, first: First::default(), first_asked: Vec::new(), others: false };
        if to != TwoFactor::Off {
            begun.count(conn, group, is_small).await?;
        }
        Ok(begun)
    }

    /// The whole of it; what was not read apart is read now.
    pub(super) async fn finished(
        mut self,
        conn: &mut Conn,
        group: &GroupRow,
        mut apart: Apart,
    ) -> Result<Preview, Error> {
        if self.preview.to == TwoFactor::Off {
            if self.preview.from != TwoFactor::Off {
                let (count, status) = (apart.needing(conn, group).await?, Status::Active.name());
                let first = needs::needing(conn, &group.id, status, NAMED_AT_MOST).await?;
                self.preview.released = Named::of(first, count);
            }
            return Ok(self.preview);
        }
        self.preview.asked.count += apart.needing(conn, group).await?;
        if self.others {
            self.count_the_doubtful(conn, group, &mut apart).await?;
        }
        let Self { mut preview, first, first_asked, .. } = self;
        let [undelivered, codes_stopped] = first.0.map(|first| first.into_values().collect());
        preview.undelivered = Named::of(undelivered, preview.undelivered.count);
        preview.codes_stopped = Named::of(codes_stopped, preview.codes_stopped.count);
        // Somebody may have come in between.
        preview.asked.count = preview.asked.count.max(0);
        let named = usize::try_from(preview.asked.count).unwrap_or(usize::MAX);
        (preview.asked.ids, preview.asked.names) =
            first_asked.into_iter().take(named).map(|one| (one.id, one.login)).unzip();
        Ok(preview)
    }

    /// Counts those who have no address, and all who are hard to reach where those are few.
    async fn count(&mut self, conn: &mut Conn, group: &GroupRow, is_small: bool) -> Result<(), Error> {
        let status = Status::Invited.name();
        let count = needs::count_needing(conn, &group.id, status).await?;
        let invited = needs::needing(conn, &group.id, status, NAMED_AT_MOST).await?;
        self.preview.invited = Named::of(invited, count);
        for (need, who) in unreached::alike(conn, group, is_small).await? {
            self.add_alike(&need, who);
        }
        if !is_small {
            self.look_for_the_actor(conn, group).await?;
        }
        let (whose, mut from) = (Whose::GroupButAlike { id: &group.id, is_small }, Some(Place::default()));
        while let Some(place) = from {
            if place == Place::others() {
                self.others = true;
                break;
            }
            let batch = unreached::batch(conn, whose, &place, LOOKED_AT).await?;
            for (need, _) in batch.needs.into_iter().filter(|(need, _)| need.status == Status::Active) {
                self.add(need);
            }
            from = batch.next;
        }
        if self.preview.no_address.count > 0 {
            self.preview.name_those_without_address(conn, group, is_small).await?;
        }
        let named = usize::try_from(NAMED_AT_MOST).unwrap_or_default();
        (self.first_asked, _) = affected(conn, group, self.preview.to, false, "", named).await?;
        Ok(())
    }

    /// Those of many who have an address and may not be reached all the same. Whoever is in two doubts is known by the first.
    async fn count_the_doubtful(
        &mut self,
        conn: &mut Conn,
        group: &GroupRow,
        apart: &mut Apart,
    ) -> Result<(), Error> {
        let mut stopped = BTreeSet::new();
        for &doubt in apart::doubts(self.preview.to) {
            for need in apart.in_doubt(conn, group, doubt).await? {
                let is_known = match doubt {
                    Doubt::Stopped => !stopped.insert(need.id.clone()),
                    Doubt::Refused => stopped.contains(&need.id),
                };
                if !is_known {
                    self.add(need);
                }
            }
        }
        Ok(())
    }

    /// Those who have no address and are alike in all else that decides.
    fn add_alike(&mut self, need: &Need, who: Alike) {
        let preview = &mut self.preview;
        let (lot, n) = (lot(need, preview.to, need.overrides), who.count());
        if !need.overrides && lot != Lot::Asked {
            preview.asked.count -= n;
        }
        match lot {
            Lot::LockedOut(obstacle) => {
                if let Alike::Each(ids) = &who
                    && ids.iter().any(|id| self.actor_id == Some(id))
                {
                    preview.actor = Some(obstacle);
                }
                preview.named(obstacle).count += n;
                preview.kept_out.add_alike(who);
            }
            Lot::GoesOn(obstacle) => preview.named(obstacle).count += n,
            Lot::Asked | Lot::LetIn => {}
        }
    }

    /// Whoever makes the change may be among those who are alike and many, of whom nobody is named.
    async fn look_for_the_actor(&mut self, conn: &mut Conn, group: &GroupRow) -> Result<(), Error> {
        let Some(id) = self.actor_id else { return Ok(()) };
        let Some(person) = people::find(conn, id).await? else { return Ok(()) };
        let is_of_it = person.group.as_ref().is_some_and(|own| own.id == group.id);
        if !is_of_it || person.status != Status::Active || person.deliverable_address().is_some() {
            return Ok(());
        }
        let need = people::need(conn, &person).await?;
        if let Lot::LockedOut(obstacle) = lot(&need, self.preview.to, need.overrides) {
            self.preview.actor = Some(obstacle);
        }
        Ok(())
    }

    /// Somebody who is hard to reach.
    fn add(&mut self, need: Need) {
        let preview = &mut self.preview;
        let lot = lot(&need, preview.to, need.overrides);
        if !need.overrides && lot != Lot::Asked {
            preview.asked.count -= 1;
        }
        let (Lot::LockedOut(obstacle) | Lot::GoesOn(obstacle)) = lot else { return };
        preview.named(obstacle).count += 1;
        self.first.add(obstacle, need.key, (need.id.clone(), need.login));
        if lot == Lot::GoesOn(obstacle) {
            return;
        }
        if self.actor_id == Some(need.id.as_str()) {
            preview.actor = Some(obstacle);
        }
        preview.kept_out.add(need.id);
    }
}

impl Preview {
    /// Those whom this keeps out.
    const fn named(&mut self, obstacle: Obstacle) -> &mut Named {
        match obstacle {
            Obstacle::NoAddress => &mut self.no_address,
            Obstacle::Undelivered => &mut self.undelivered,
            Obstacle::CodesStopped => &mut self.codes_stopped,
        }
    }

    /// Names the first of those who have no address, and lists whoever is met there that is kept out.
    async fn name_those_without_address(
        &mut self,
        conn: &mut Conn,
        group: &GroupRow,
        is_small: bool,
    ) -> Result<(), Error> {
        let most = usize::try_from(NAMED_AT_MOST).unwrap_or_default();
        let (mut people, mut from) = (Vec::new(), Some(Place::default()));
        while let Some(place) = from.filter(|place| *place != Place::others()) {
            let whose = Whose::Group { id: &group.id, is_small };
            let batch = unreached::batch(conn, whose, &place, LOOKED_AT_FOR_NAMES).await?;
            for (need, _) in batch.needs.into_iter().filter(|(need, _)| need.status == Status::Active) {
                let (Lot::LockedOut(obstacle) | Lot::GoesOn(obstacle)) = lot(&need, self.to, need.overrides)
                else {
                    continue;
                };
                if obstacle == Obstacle::NoAddress && people.len() < most {
                    people.push((need.id.clone(), need.login.clone()));
                }
                // One more says that there are others.
                if self.first_locked_out.len() <= LISTED_AT_MOST {
                    self.first_locked_out.push(Affected::kept_out(need, obstacle));
                }
            }
            from = batch.next.filter(|_| people.len() < most);
        }
        self.no_address = Named::of(people, self.no_address.count);
        Ok(())
    }
}

/// The first of those who have an address, of each obstacle: ids and logins, by what they are compared by, since people are not found in that
/// order.
#[derive(Debug, Default)]
struct First([BTreeMap<String, (String, String)>; 2]);

impl First {
    fn add(&mut self, obstacle: Obstacle, key: String, person: (String, String)) {
        let [undelivered, stopped] = &mut self.0;
        let first = match obstacle {
            Obstacle::NoAddress => return,
            Obstacle::Undelivered => undelivered,
            Obstacle::CodesStopped => stopped,
        };
        let full = i64::try_from(first.len()).is_ok_and(|n| n >= NAMED_AT_MOST);
        if full && first.last_key_value().is_some_and(|(last, _)| *last < key) {
            return;
        }
        first.insert(key, person);
        if full {
            first.pop_last();
        }
    }
}
