//! What is a role now, after somebody else has changed it while this form was open? Told beside each field that differs.

use std::collections::BTreeSet;

use super::Visit;
use super::field::{Said, Wrong, errors};
use super::role::{RolePage, spoken};
use crate::store::roles::RoleRow;

impl RolePage {
    /// With what the role is now beside each field in which something else was typed.
    pub(super) fn beside_what_is_so(mut self, visit: &Visit, now: &RoleRow, wrong: &Wrong) -> Self {
        let own = self.rights.iter().filter(|right| right.held).map(|right| right.word);
        let typed: BTreeSet<&str> = own.chain(self.words.value.split_whitespace()).collect();
        let is: BTreeSet<&str> = now.rights.split_whitespace().collect();
        let said = |now: &str| {
            Some(Said::new(if now.is_empty() { "apps-now-empty" } else { "apps-now" }).about(now))
        };
        if typed != is {
            let spoken: Vec<String> = is.into_iter().map(|word| spoken(visit, word)).collect();
            self.words.error = said(&spoken.join(", "));
        }
        for field in &mut self.fields {
            let now = if field.name == "rank" { now.rank.to_string() } else { now.name.clone() };
            if field.editable && field.value.trim() != now {
                field.error = said(&now);
            }
        }
        self.errors = errors(self.fields.iter().chain([&self.words]), Some(wrong));
        self
    }
}
