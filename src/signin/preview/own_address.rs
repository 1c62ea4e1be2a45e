//! Does the mail server take a message to whoever makes the change? What it has just said counts as if a message had been refused: they
//! would be sent a code next, and it would not arrive.

use super::{Affected, Lot, MailCheck, NAMED_AT_MOST, Obstacle, Preview, lot};
use crate::directory::people::{self, Need};
use crate::directory::{Error, Status, TwoFactor, login};
use crate::store::Conn;
use crate::store::groups::GroupRow;

impl MailCheck {
    /// What the mail server says against the address of whoever makes the change for good (RFC 5321 §4.2.1): the next message fares no better.
    fn refuses_own_for_good(&self) -> Option<&str> {
        self.against_own.as_deref().filter(|answer| answer.starts_with('5'))
    }
}

impl Preview {
    /// What keeps a code from whoever makes the change, as far as the mail server has just said so; none where codes keep nobody out, or
    /// something else keeps them out already.
    pub(super) fn own_refusal(&self) -> Option<&str> {
        let heeded = self.to == TwoFactor::On && self.actor.is_none();
        self.mail.as_ref().filter(|_| heeded).and_then(MailCheck::refuses_own_for_good)
    }

    /// The preview with them among the locked out, if they would be asked for a code.
    pub(super) async fn heeding_own_refusal(
        mut self,
        conn: &mut Conn,
        group: &GroupRow,
        actor_id: Option<&str>,
    ) -> Result<Self, Error> {
        let (Some(answer), Some(id)) = (self.own_refusal().map(str::to_owned), actor_id) else {
            return Ok(self);
        };
        let Some(person) = people::find(conn, id).await? else { return Ok(self) };
        let need = Need { undelivered: Some(answer), ..people::need(conn, &person).await? };
        let is_here = need.group_id.as_ref() == Some(&group.id) && need.status == Status::Active;
        if is_here && lot(&need, self.to, need.overrides) == Lot::LockedOut(Obstacle::Undelivered) {
            self.keep_out(need);
        }
        Ok(self)
    }

    /// Takes somebody from those who are asked to those whom mail does not reach.
    fn keep_out(&mut self, need: Need) {
        self.asked.count -= 1;
        if let Some(at) = self.asked.ids.iter().position(|id| *id == need.id) {
            self.asked.ids.remove(at);
            self.asked.names.remove(at);
        }
        let some = &mut self.undelivered;
        let at = some.names.iter().position(|name| login::fold(name) > need.key).unwrap_or(some.names.len());
        some.ids.insert(at, need.id.clone());
        some.names.insert(at, need.login.clone());
        let most = usize::try_from(NAMED_AT_MOST).unwrap_or_default();
        some.ids.truncate(most);
        some.names.truncate(most);
        some.count += 1;
        self.kept_out.add(need.id.clone());
        self.actor = Some(Obstacle::Undelivered);
        self.refused_now = Some(Affected::kept_out(need, Obstacle::Undelivered));
    }
}
