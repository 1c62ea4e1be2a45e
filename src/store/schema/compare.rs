//! Is the schema in the database one that this program can use? The rule, over plain facts.

use crate::store::row::from_row;

/// The first line of a migration that leaves everything as programs before it expect it: they may serve on the schema that it makes.
const GENTLE: &str = "-- Programs before this one run on.";

/// How the schema that is in the database relates to the one that this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// There is nothing of ours in the database.
    Empty,
    /// This many migrations are still to run.
    Behind(usize),
    /// The two are the same.
    Current,
    /// A newer program has changed the schema up to this version, in ways that this one can run on.
    Ahead(i64),
}

/// A schema that this program has not made, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A newer version of the program has already changed the schema, in a way that this one cannot run on.
    #[error(
        "the database has schema version {found}, made by {maker}, on which this program cannot run: it knows {known}; run the newer countersign, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The newest version that is in the database.
        found: i64,
        /// The newest version that this program can make.
        known: i64,
        /// The program that made it, as far as the database tells.
        maker: String,
    },
    /// A migration is another one than the one of this number here.
    #[error(
        "migration {version} ({description}) of the database is not the one of this program: run the countersign that made the database, or restore a backup"
    )]
    Changed {
        /// Its number.
        version: i64,
        /// Its name in the database.
        description: String,
    },
    /// A migration was begun and not finished.
    #[error(
        "migration {version} ({description}) of the database was begun and not finished: restore the backup made before it"
    )]
    HalfDone {
        /// Its number.
        version: i64,
        /// Its name in the database.
        description: String,
    },
    /// The database has gone another way than this program.
    #[error(
        "the database has migrations that this program does not know ({unknown}) and lacks others ({lacking}): it belongs to another countersign; run that one, or restore a backup"
    )]
    Foreign {
        /// The numbers of those that only the database has.
        unknown: Numbers,
        /// The numbers of those that only the program has.
        lacking: Numbers,
    },
}

/// Numbers of migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(pub Vec<i64>);

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(if words.is_empty() { "none".to_owned() } else { words.join(", ") }.as_str())
    }
}

/// A migration that has run, as the database remembers it.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) version: i64,
    description: String,
    success: bool,
    pub(super) checksum: Vec<u8>,
}

from_row!(Applied { version, description, success, checksum });

impl From<&super::Migrated> for Applied {
    fn from(one: &super::Migrated) -> Self {
        let description = format!("of the backup, {}", one.version);
        Self { version: one.version, description, success: true, checksum: one.checksum.clone() }
    }
}

/// A migration of this program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'m> {
    pub(super) version: i64,
    pub(super) checksum: &'m [u8],
    pub(super) text: &'m str,
}

impl Known<'_> {
    /// Whether programs that do not know it may run on the schema that it makes.
    pub(super) fn is_gentle(&self) -> bool {
        self.text.lines().next() == Some(GENTLE)
    }
}

/// A schema that this program can use, perhaps after some work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Usable {
    /// These migrations are still to run.
    Lacks(Vec<i64>),
    /// It has all of ours, and gentle ones beyond them, up to this version.
    Ahead(i64),
}

/// Which migrations are still to run. `gentle` are those of which the program that made the schema has said so.
pub(super) fn compare(
    known: &[Known<'_>],
    applied: &[Applied],
    gentle: &[i64],
) -> std::result::Result<Usable, Mismatch> {
    if let Some(half) = applied.iter().find(|a| !a.success) {
        return Err(Mismatch::HalfDone { version: half.version, description: half.description.clone() });
    }
    let of = |version: i64| known.iter().find(|known| known.version == version);
    let changed = |a: &&Applied| of(a.version).is_some_and(|known| known.checksum != a.checksum);
    if let Some(changed) = applied.iter().find(changed) {
        return Err(Mismatch::Changed { version: changed.version, description: changed.description.clone() });
    }
    let unknown: Vec<i64> =
        applied.iter().map(|a| a.version).filter(|version| of(*version).is_none()).collect();
    let ours = known.iter().map(|known| known.version);
    let lacking: Vec<i64> =
        ours.clone().filter(|version| !applied.iter().any(|a| a.version == *version)).collect();
    let newest = ours.max().unwrap_or_default();
    match unknown.iter().max() {
        None => Ok(Usable::Lacks(lacking)),
        Some(found) if lacking.is_empty() && unknown.iter().all(|version| gentle.contains(version)) => {
            Ok(Usable::Ahead(*found))
        }
        Some(found) if lacking.is_empty() && unknown.iter().all(|version| *version > newest) => {
            let maker = "a newer program".to_owned();
            Err(Mismatch::Newer { found: *found, known: newest, maker })
        }
        Some(_) => Err(Mismatch::Foreign { unknown: Numbers(unknown), lacking: Numbers(lacking) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(i64, &str); 3] = [(1, "one"), (2, "two"), (4, "four")];

    fn known() -> Vec<Known<'static>> {
        TEXTS.map(|(version, text)| Known { version, checksum: text.as_bytes(), text }).to_vec()
    }

    fn applied(migrations: &[(i64, &str)]) -> Vec<Applied> {
        let row = |(version, checksum): &(i64, &str)| Applied {
            version: *version,
            description: format!("migration {version}"),
            success: true,
            checksum: checksum.as_bytes().to_vec(),
        };
        migrations.iter().map(row).collect()
    }

    #[test]
    fn sets_and_checksums_are_compared_and_not_their_number() {
        let compared = |there: &[(i64, &str)]| compare(&known(), &applied(there), &[]);
        assert_eq!(compared(&[]), Ok(Usable::Lacks(vec![1, 2, 4])));
        assert_eq!(compared(&TEXTS), Ok(Usable::Lacks(vec![])));
        assert_eq!(compared(&TEXTS[..1]), Ok(Usable::Lacks(vec![2, 4])));
        assert_eq!(compared(&[TEXTS[0], TEXTS[2]]), Ok(Usable::Lacks(vec![2])), "one that was merged later");
        let told = |there: &[(i64, &str)]| compared(there).unwrap_err().to_string();
        for (there, expected) in [
            (&[(1, "one"), (2, "owt"), (4, "four")][..], "migration 2 (migration 2)"),
            (&[(1, "one"), (2, "two"), (4, "four"), (5, "five")], "schema version 5"),
            (&[(1, "one"), (2, "two"), (3, "three")], "does not know (3) and lacks others (4)"),
            (&[(1, "one"), (2, "two"), (5, "five")], "does not know (5) and lacks others (4)"),
            (&[(1, "one"), (2, "two"), (3, "x"), (4, "four")], "(3) and lacks others (none)"),
        ] {
            let told = told(there);
            assert!(told.contains(expected), "{told}");
        }
        let mut half = applied(&TEXTS);
        half[1].success = false;
        assert!(matches!(compare(&known(), &half, &[]), Err(Mismatch::HalfDone { version: 2, .. })));
    }

    #[test]
    fn a_program_runs_on_a_schema_that_has_all_of_its_own_and_gentle_ones_beyond() {
        let (three, five, six) = ((3, "three"), (5, "five"), (6, "six"));
        for (there, gentle, ahead) in [
            ([&TEXTS[..], &[five]].concat(), &[5][..], Some(5)),
            ([&TEXTS[..], &[five, six]].concat(), &[5, 6], Some(6)),
            ([&TEXTS[..], &[three]].concat(), &[3], Some(3)),
            ([&TEXTS[..], &[five, six]].concat(), &[6], None),
            ([&TEXTS[..], &[five]].concat(), &[6], None),
            ([&TEXTS[..], &[five]].concat(), &[], None),
            ([&TEXTS[..2], &[five]].concat(), &[5], None),
        ] {
            let found = compare(&known(), &applied(&there), gentle);
            assert_eq!(found.as_ref().ok(), ahead.map(Usable::Ahead).as_ref(), "{there:?}, {gentle:?}");
        }
    }

    #[test]
    fn a_migration_says_in_its_first_line_that_it_is_gentle() {
        let gentle = |text| Known { version: 1, checksum: b"", text }.is_gentle();
        assert!(gentle("-- Programs before this one run on.\n-- Why.\nCREATE TABLE x (id TEXT);\n"));
        assert!(!gentle("-- Why.\n-- Programs before this one run on.\nDROP TABLE x;\n"));
        assert!(!gentle("CREATE TABLE x (id TEXT);\n"));
    }
}
