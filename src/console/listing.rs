//! How is a table sorted, searched and paged? By links, each of which keeps what the others have chosen.
//!
//! Template: `{% with table=page.table %}{% include "console/table_head.html" %}` in the `<table>`, `{% include "console/pager.html" %}`
//! below it.

use serde::Serialize;

use super::Visit;

/// Rows of a page.
pub const PAGE: usize = 40;

/// The longest search, and the longest cursor: a login and a name, in characters.
const LONGEST: usize = 200;
const LONGEST_CURSOR: usize = 500;

/// What somebody wants to see of a list, read from the address: `?q=`, `?filter=`, `?sort=`, `?after=`.
#[derive(Clone, Debug)]
pub struct Listing {
    path: String,
    /// What is searched for; empty for everything.
    pub q: String,
    /// Which of the page's filters is chosen; empty for none.
    pub filter: String,
    /// The column that it is sorted by, if one was asked for.
    pub sort: Option<&'static str>,
    /// Whether the other way round.
    pub descending: bool,
    /// What the page before ended with; empty for the first page.
    pub after: String,
    /// What else of the address every link keeps: names and values.
    pub kept: Vec<(&'static str, String)>,
}

/// A table's head and what is around it.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// The key of its caption, for whoever cannot see it.
    pub caption: &'static str,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The first page; none where it is this one.
    pub first: Option<String>,
    /// The next page; none where this is the last.
    pub next: Option<String>,
}

/// One column.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// The key of its name.
    pub label: &'static str,
    /// Where its name leads: sorted by it, or the other way round.
    pub link: Option<String>,
    /// How the table is sorted by it: `ascending`, `descending`.
    pub sorted: Option<&'static str>,
    /// Whether it holds numbers.
    pub number: bool,
}

/// A column as its page declares it.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// Its word in `?sort=`; none where nothing is sorted by it.
    pub sort: Option<&'static str>,
    /// The key of its name.
    pub label: &'static str,
    /// Whether it holds numbers.
    pub number: bool,
}

impl Listing {
    /// What this visit asks to see of a list with these columns. Whatever the list does not know is as if it were not there.
    #[must_use]
    pub fn of(visit: &Visit, columns: &[Declared]) -> Self {
        let cut = |name, most| visit.query.field(name).trim().chars().take(most).collect::<String>();
        let text = |name| cut(name, LONGEST);
        let asked = visit.query.field("sort");
        let (word, descending) = asked.strip_prefix('-').map_or((asked, false), |word| (word, true));
        let sort = columns.iter().filter_map(|column| column.sort).find(|known| *known == word);
        let path = visit.address.split('?').next().unwrap_or_default().to_owned();
        Self {
            path,
            q: text("q"),
            filter: text("filter"),
            sort,
            descending: descending && sort.is_some(),
            after: cut("after", LONGEST_CURSOR),
            kept: Vec::new(),
        }
    }

    /// The same on the page of this path, where it is drawn again in answer to a form.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The same, whose links keep one more part of the address.
    #[must_use]
    pub fn keeping(mut self, name: &'static str, value: &str) -> Self {
        self.kept.push((name, value.to_owned()));
        self
    }

    /// What a form of this page sends along to stay where one is: names and values.
    #[must_use]
    pub fn hidden(&self) -> Vec<(&'static str, String)> {
        let sort = self.sort.map(|word| format!("{}{word}", if self.descending { "-" } else { "" }));
        let own = [("filter", self.filter.clone()), ("sort", sort.unwrap_or_default())];
        own.into_iter().chain(self.kept.clone()).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The table's head; `next` is what the next page comes after, if there is one.
    #[must_use]
    pub fn table(&self, caption: &'static str, columns: &[Declared], next: Option<&str>) -> Table {
        let columns = columns.iter().map(|column| {
            let by_this = column.sort.is_some() && column.sort == self.sort;
            let sorted = by_this.then_some(if self.descending { "descending" } else { "ascending" });
            let link = column.sort.map(|word| self.link(Some((word, by_this && !self.descending)), ""));
            Column { label: column.label, link, sorted, number: column.number }
        });
        let sort = self.sort.map(|word| (word, self.descending));
        Table {
            caption,
            columns: columns.collect(),
            first: (!self.after.is_empty()).then(|| self.link(sort, "")),
            next: next.map(|after| self.link(sort, after)),
        }
    }

    /// The same without a search.
    #[must_use]
    pub fn everything(&self) -> Self {
        Self { q: String::new(), ..self.clone() }
    }

    /// The address with another filter, from its first page on.
    #[must_use]
    pub fn with_filter(&self, filter: &str) -> String {
        let sort = self.sort.map(|word| (word, self.descending));
        Self { filter: filter.to_owned(), ..self.clone() }.link(sort, "")
    }

    fn link(&self, sort: Option<(&str, bool)>, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let sort = sort.map(|(word, descending)| format!("{}{word}", if descending { "-" } else { "" }));
        let kept = self.kept.iter().map(|(name, value)| (*name, value.as_str()));
        let own = [
            ("q", self.q.as_str()),
            ("filter", &self.filter),
            ("sort", sort.as_deref().unwrap_or_default()),
            ("after", after),
        ];
        for (name, value) in kept.chain(own) {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_keeps_what_the_others_have_chosen() {
        let columns = [
            Declared { sort: Some("login"), label: "login-label", number: false },
            Declared { sort: Some("name"), label: "name-label", number: false },
            Declared { sort: None, label: "role-label", number: false },
        ];
        let listing = Listing {
            path: "/console/users".to_owned(),
            q: "a&b".to_owned(),
            filter: "stopped".to_owned(),
            sort: Some("login"),
            descending: false,
            after: "ned".to_owned(),
            kept: Vec::new(),
        };
        let table = listing.table("users", &columns, Some("zoë"));
        let links: Vec<_> = table.columns.iter().map(|column| column.link.as_deref()).collect();
        assert_eq!(
            links,
            [
                Some("/console/users?q=a%26b&filter=stopped&sort=-login"),
                Some("/console/users?q=a%26b&filter=stopped&sort=name"),
                None
            ]
        );
        assert_eq!(table.columns[0].sorted, Some("ascending"));
        assert_eq!(table.first.as_deref(), Some("/console/users?q=a%26b&filter=stopped&sort=login"));
        assert_eq!(
            table.next.as_deref(),
            Some("/console/users?q=a%26b&filter=stopped&sort=login&after=zo%C3%AB")
        );
        assert_eq!(listing.with_filter(""), "/console/users?q=a%26b&sort=login");
        let below = listing.keeping("group", "g1");
        assert_eq!(below.with_filter(""), "/console/users?group=g1&q=a%26b&sort=login");
        let hidden = below.hidden();
        let hidden: Vec<_> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(hidden, [("filter", "stopped"), ("sort", "login"), ("group", "g1")]);
    }
}
