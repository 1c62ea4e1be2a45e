//! What does every page show around its own: the navigation with what this person may see, who they are, whether changes can be made,
//! what has just been done?

use serde::Serialize;

use super::Visit;
use super::guard::may;
use super::routes::{self, Menu};
use super::saved::Saved;
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::By;
use crate::web::{Language, Page};

/// The frame, and the page within it.
#[derive(Debug, Serialize)]
pub(super) struct Framed<'p, P> {
    pub(super) frame: Frame,
    #[serde(flatten)]
    pub(super) page: &'p P,
}

impl<P: ConsolePage> Page for Framed<'_, P> {
    const TEMPLATE: &'static str = P::TEMPLATE;
}

/// What is around every page.
#[derive(Debug, Serialize)]
pub(super) struct Frame {
    pub(super) menu: Vec<Item>,
    /// Who reads.
    pub(super) who: String,
    /// Their group's path of names is on the pages; this is its name, none for a site administrator.
    pub(super) group: Option<String>,
    /// Until when changes can be made without a fresh proof.
    pub(super) unlocked_until: Option<Moment>,
    /// Where to prove afresh who one is, and come back.
    pub(super) unlock: String,
    /// The languages there are: tag, name in itself, whether it is this one's. Empty where there is one alone.
    pub(super) languages: Vec<(&'static str, &'static str, bool)>,
    /// This page's address, to come back to.
    pub(super) here: String,
    /// What has just been done.
    pub(super) saved: Option<Saved>,
}

/// A line of the navigation.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
    /// Whether this is where one is: `page` for the page itself, `true` for one below it.
    pub(super) current: Option<&'static str>,
}

/// The frame of a visit.
pub(super) fn frame(visit: &Visit, saved: Option<Saved>) -> Frame {
    let here = visit.address.as_str();
    let encoded = percent_encoding::utf8_percent_encode(here, percent_encoding::NON_ALPHANUMERIC);
    Frame {
        menu: menu(&visit.by, visit.route.path),
        who: visit.person.display_name().to_owned(),
        group: visit.person.group.as_ref().map(|group| group.name.clone()),
        unlocked_until: visit.unlocked_until.map(|until| visit.moment(until)),
        unlock: format!("/console/unlock?to={encoded}"),
        languages: languages(visit.language),
        here: here.to_owned(),
        saved,
    }
}

/// What somebody sees of the navigation on the page of a row.
pub(super) fn menu(by: &By, here: &str) -> Vec<Item> {
    let shown = routes::all().filter(|route| may(by, route.needs));
    let mut found: Vec<(Menu, &'static str)> =
        shown.filter_map(|route| Some((route.menu?, route.path))).collect();
    found.sort_by_key(|(menu, _)| menu.order);
    let item =
        |(menu, path): (Menu, &'static str)| Item { label: menu.label, path, current: current(path, here) };
    found.into_iter().map(item).collect()
}

fn current(path: &str, here: &str) -> Option<&'static str> {
    if path == here {
        return Some("page");
    }
    let below = path != "/console" && here.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    below.then_some("true")
}

/// The languages to choose from; none where there is no choice.
pub(super) fn languages(chosen: Language) -> Vec<(&'static str, &'static str, bool)> {
    let all: Vec<_> =
        Language::all().map(|language| (language.tag(), language.name(), language == chosen)).collect();
    if all.len() < 2 { Vec::new() } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_navigation_says_where_one_is() {
        for (path, here, expected) in [
            ("/console", "/console", Some("page")),
            ("/console", "/console/users", None),
            ("/console/users", "/console/users", Some("page")),
            ("/console/users", "/console/users/{id}", Some("true")),
            ("/console/users", "/console/users-and-more", None),
        ] {
            assert_eq!(current(path, here), expected, "{path} on {here}");
        }
    }
}
