//! Is any table or column forgotten? Each table comes along or is left for a reason, and of those that come every column does.

use std::collections::BTreeSet;

use countersign::store::copy::{self, Fate, Kind, TABLES};

crate::on_both_databases! {
    /// Whoever adds a table has to say here what becomes of it.
    async fn every_table_comes_along_or_is_left_for_a_reason(database) {
        let mut conn = database.db.read().await.unwrap();
        let there: Vec<_> = copy::tables(&mut conn).await.unwrap();
        let names: BTreeSet<&str> = there.iter().map(|table| table.name.as_str()).collect();
        let mut told: BTreeSet<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(told.len(), TABLES.len(), "no table is named twice");
        // Which migrations have run is in the head of a backup.
        told.insert("_sqlx_migrations");
        assert_eq!(told, names, "src/store/copy.rs says of each table what becomes of it, and of no other");
        assert!(TABLES.is_sorted_by_key(|(name, _)| *name));
        for (name, fate) in TABLES {
            if let Fate::Left(reason) = fate {
                assert!(reason.contains(' '), "{name} is left without a reason");
                continue;
            }
            // All columns come, whatever they are called; so none may be of a kind that only one of the databases has.
            let table = there.iter().find(|table| table.name == name).unwrap();
            for column in &table.columns {
                assert_ne!(column.kind, Kind::Foreign, "{name}.{}: TEXT, BIGINT or BOOLEAN", column.name);
            }
        }
    }
}
