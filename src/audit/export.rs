//! How are events written out for other programs: as JSON lines, or as a table for a spreadsheet in which no cell is a formula?

use serde_json::Value;

use crate::clock::timestamp;
use crate::store::audit::EventRow;

/// The first line of the table.
pub const CSV_HEAD: &str = "time,event,actor,actor_login,user,user_login,group,client,network,details,id\r\n";

/// One event as one JSON object, without the end of the line.
#[must_use]
pub fn json(event: &EventRow) -> String {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        let details = serde_json::from_str(&event.details).unwrap_or(Value::String(event.details.clone()));
        map.insert("details".to_owned(), details);
    }
    value.to_string()
}

/// One event as one line of the table (RFC 4180).
#[must_use]
pub fn csv(event: &EventRow) -> String {
    let time = timestamp(event.at_ms / 1000);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let cells = [
        time,
        event.event.clone(),
        event.actor.clone(),
        text(&event.actor_login),
        text(&event.user_id),
        text(&event.user_login),
        text(&event.group_id),
        text(&event.client_id),
        text(&event.network),
        event.details.clone(),
        event.id.clone(),
    ];
    let mut line = cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A cell. What spreadsheets take for a formula gets an apostrophe before it, which they show as text.
#[must_use]
pub fn quoted(cell: &str) -> String {
    let defused = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{defused}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_out_of_its_quotes() {
        for (cell, expected) in [
            ("plain", "\"plain\""),
            ("a,b\nc", "\"a,b\nc\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+49", "\"'+49\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\"=1", "\"\"\"=1\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }
}
