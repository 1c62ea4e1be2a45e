//! What comes of the XML that Time Tracker's export page gives?

use serde_json::json;

use crate::installation::MD5;
use crate::mover::{moved_in, read, state};

/// As the exporter writes it: not well-formed in three places.
pub fn export() -> String {
    let ned = format!(
        "<user id=\"2\" name=\"Ned O&#039;Neil\" login=\"ned\" password=\"{MD5}\" role_id=\"1\" client_id=\"\" rate=\"0.00\" quota_percent=\"100.00\" email=\"R&D <ned@acme.example>\" status=\"1\"></user>"
    );
    format!("<?xml version=\"1.0\"?>
<org schema=\"1.22.3\">
<group group_key=\"k\" name=\"Acme &amp; Sons\" description=\"\" currency=\"\" decimal_mark=\".\" lang=\"de\" date_format=\"%Y-%m-%d\" time_format=\"%H:%M\" week_start=\"0\" tracking_mode=\"1\" project_required=\"0\" record_type=\"0\" bcc_email=\"\" allow_ip=\"10.0 & \"more\"\" password_complexity=\"\" plugins=\"cl\" lock_spec=\"\" workday_minutes=\"480\" custom_logo=\"0\" config=\"allow_overlap,2fa\" custom_css=\"p &gt; a {{}}\" custom_translation=\"\">
<roles>
<role id=\"1\" name=\"User\" description=\"\" rank=\"4\" rights=\"track_own_time,manage_own_settings\" status=\"1\"></role>
<role id=\"2\" name=\"Manager\" description=\"\" rank=\"324\" rights=\"track_own_time,manage_own_settings,manage_advanced_settings\" status=\"1\"></role>
</roles>
<tasks><task id=\"1\" name=\"x\"></task></tasks>
<users>
<user id=\"1\" name=\"Ada\" login=\"ada\" password=\"{MD5}\" role_id=\"0\" client_id=\"\" rate=\"0.00\" quota_percent=\"100.00\" email=\"ada@acme.example\" status=\"1\"></user>
{ned}
<user id=\"3\" name=\"Eve\" login=\"eve\" password=\"{MD5}\" role_id=\"1\" client_id=\"\" rate=\"0.00\" quota_percent=\"100.00\" email=\"x\" role_id=\"0\" status=\"1\" status=\"1\"></user>
<user id=\"4\" name=\"Del\" login=\"del\" password=\"{MD5}\" role_id=\"1\" client_id=\"\" rate=\"0.00\" quota_percent=\"100.00\" email=\"\" status=\"\"></user>
</users>
<log_item user_id=\"2\" comment=\"&lt;user id=&quot;9&quot; login=&quot;no&quot;&gt;\"></log_item>
<group group_key=\"k\" name=\"Sub\" description=\"\" currency=\"\" decimal_mark=\".\" lang=\"de\" date_format=\"\" time_format=\"\" week_start=\"0\" tracking_mode=\"1\" project_required=\"0\" record_type=\"0\" bcc_email=\"\" allow_ip=\"\" password_complexity=\"\" plugins=\"\" lock_spec=\"\" workday_minutes=\"480\" custom_logo=\"0\" config=\"\" custom_css=\"\" custom_translation=\"\">
<roles>
<role id=\"1\" name=\"User\" description=\"\" rank=\"4\" rights=\"manage_own_settings,track_own_time\" status=\"1\"></role>
</roles>
<users>
<user id=\"1\" name=\"Off\" login=\"off\" password=\"{MD5}\" role_id=\"1\" client_id=\"\" rate=\"0.00\" quota_percent=\"100.00\" email=\"\" status=\"0\"></user>
<user id=\"2\" name=\"Odd\" login=\"odd\" password=\"{MD5}\" role_id=\"\" client_id=\"\" rate=\"0.00\" quota_percent=\"100.00\" email=\"odd@acme.example\" status=\"1\"></user>
</users>
</group>
</group>
</org>
")
}

crate::on_both_databases! {
    /// All that users of a hosted installation have.
    async fn an_export_is_read_although_no_reader_of_xml_takes_it(database) {
        let (summary, done) = moved_in(&database.db, read(export().as_bytes()).unwrap()).await;
        assert!(done.refused.is_empty() && summary.left_out.is_empty(), "{done:?} {summary:#?}");
        let found = state(&database.db).await;
        assert_eq!(found["groups"], json!([["Acme & Sons", "de", "on"], ["Acme & Sons/Sub", "de", "off"]]));
        let people: Vec<_> = found["users"].as_array().unwrap().iter()
            .map(|user| json!([user["login"], user["group"], user["role"], user["email"], user["status"], user["legacy_id"]]))
            .collect();
        let (top, sub) = ("Acme & Sons", "Acme & Sons/Sub");
        assert_eq!(people, [
            json!(["ada", top, "Top manager", "ada@acme.example", "active", null]),
            // Nobody became Top manager by what they had written as their address.
            json!(["eve", top, "User", null, "active", null]),
            json!(["ned", top, "User", null, "active", null]),
            json!(["odd", sub, "User", "odd@acme.example", "active", null]),
            json!(["off", sub, "User", null, "disabled", null]),
        ]);
        let guessed: Vec<_> = summary.notes.iter().filter(|note| note.text.contains("guessed")).map(|note| note.line).collect();
        assert_eq!(guessed, [Some(3), Some(11), Some(12)]);
    }
}

#[test]
fn an_export_that_cannot_be_read_says_where() {
    let whole = export();
    for (xml, expected) in [
        ("<html></html>".to_owned(), "line 1, column 14: this is no export of Time Tracker's"),
        (whole.replace("</org>", ""), "the file ends in the middle"),
        (
            whole.split_once("login=\"odd\"").unwrap().0.to_owned(),
            "line 22, column 25: the file ends in the middle",
        ),
        (whole.replace("</group>\n</group>", "</group>"), "a group does not end"),
        (whole.replace("rank=\"324\"", "rank=\"high\""), "line 6, column 6: the rank of a role is no number"),
    ] {
        let error = read(xml.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// Ninety characters of an address would be a Top manager, if whatever looks like an element were one.
#[test]
fn nobody_makes_another_one_by_what_they_have_written_as_their_address() {
    let made = format!("\" status=\"1\"/><user login=\"e\" password=\"{MD5}\" role_id=\"0\" email=\"");
    assert!(made.len() < 100, "it has room where an address is kept: {}", made.len());
    let xml = export().replace("email=\"ada@acme.example\"", &format!("email=\"{made}\""));
    let source = read(xml.as_bytes()).unwrap();
    let logins: Vec<&str> = source.users.iter().map(|user| user.login.as_str()).collect();
    assert_eq!(logins, ["ada", "ned", "eve", "del", "off", "odd"]);
    let told = source.notes.iter().find(|note| note.text.contains("the user e has no id")).unwrap();
    assert_eq!(told.line, Some(10), "{}", told.text);
}
