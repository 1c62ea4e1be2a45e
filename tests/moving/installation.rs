//! Who uses the Time Tracker of these stories? Its tables as far as they know of people, one that does not, and people of every kind.

/// md5 of `correct horse battery`.
pub const MD5: &str = "88e4ddd2402d92d50e1879d6ecd9ffd4";

/// `OLD_PASSWORD('correct horse battery')`.
pub const OLD: &str = "741c44bc17447865";

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";

/// Two databases: one of another program, and Time Tracker's.
pub fn statements() -> String {
    format!("{OTHER}{SCHEMA}{GROUPS}{ROLES}{}{TIME}", users())
}

const OTHER: &str = "
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE users (id int, login varchar(80), note text);
INSERT INTO users VALUES (1, 'nobody', 'INSERT INTO `tt_users` VALUES (1); -- ''quoted'' \\\\');
";

const SCHEMA: &str = "
CREATE DATABASE timetracker CHARACTER SET utf8mb4;
USE timetracker;
CREATE TABLE tt_groups (
    id int NOT NULL auto_increment PRIMARY KEY, parent_id int, org_id int, group_key varchar(32), name varchar(80),
    description varchar(255), currency varchar(7), lang varchar(10) NOT NULL DEFAULT 'en', bcc_email varchar(100),
    allow_ip varchar(255), password_complexity varchar(64), plugins varchar(255), lock_spec varchar(255),
    config text, custom_css text, created datetime, created_ip varchar(45), modified datetime, status tinyint DEFAULT 1,
    KEY by_parent (parent_id)
);
CREATE TABLE tt_roles (
    id int NOT NULL auto_increment PRIMARY KEY, group_id int NOT NULL, org_id int, name varchar(80), description varchar(255),
    `rank` int DEFAULT 0, rights text, status tinyint DEFAULT 1,
    UNIQUE KEY one_rank (group_id, `rank`, status)
);
CREATE TABLE tt_users (
    id int NOT NULL auto_increment PRIMARY KEY, login varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    password varchar(50), name varchar(80), group_id int NOT NULL, org_id int, role_id int, client_id int,
    rate float(6,2) NOT NULL DEFAULT 0, quota_percent float(6,2) NOT NULL DEFAULT 100, email varchar(100), created datetime,
    created_ip varchar(45), created_by int, modified datetime, accessed datetime, accessed_ip varchar(45), status tinyint DEFAULT 1,
    UNIQUE KEY one_login (login, status)
);
CREATE TABLE tt_log (id bigint NOT NULL auto_increment PRIMARY KEY, user_id int, comment text, picture blob);
CREATE TABLE tt_tmp_refs (created datetime, ref char(32), user_id int);
CREATE TRIGGER touched BEFORE INSERT ON tt_log FOR EACH ROW SET NEW.comment = CONCAT(NEW.comment, ';');
";

const GROUPS: &str = "
INSERT INTO tt_groups (id, parent_id, org_id, name, lang, config, status) VALUES
    (1, NULL, 1, 'Acme GmbH', 'de', 'allow_overlap,minutes_in_unit:15,2fa', 1),
    (2, 1, 1, 'R/D', 'de', '2fa', 1),
    (3, 1, 1, 'Café', 'fr', NULL, 1),
    (4, NULL, 4, 'Bolt', 'pt-br', '', 1),
    (5, NULL, 5, 'Gone', 'en', '2fa', NULL),
    (6, 5, 5, 'Gone too', 'en', '', 1);
";

const ROLES: &str = "
INSERT INTO tt_roles (id, group_id, org_id, name, `rank`, rights, status) VALUES
    (1, 0, 0, 'Site administrator', 1024, 'administer_site', 1),
    (2, 0, 0, 'Top manager', 512, 'track_own_time,manage_own_settings,view_users,manage_users,manage_basic_settings,manage_advanced_settings,manage_roles,manage_subgroups,override_2fa,delete_group', 1),
    (3, 1, 1, 'User', 4, 'track_own_time,manage_own_settings,view_users', 1),
    (4, 1, 1, 'Supervisor', 12, 'track_own_time,manage_own_settings,view_users,track_time', 0),
    (5, 1, 1, 'Co-manager', 68, 'track_own_time,manage_own_settings,view_users,manage_users', 1),
    (6, 1, 1, 'Manager', 324, 'track_own_time,manage_own_settings,view_users,manage_users,manage_advanced_settings,manage_roles', 1),
    (7, 2, 1, 'User', 4, 'view_users,track_own_time,manage_own_settings', 1),
    (8, 3, 1, 'User', 4, 'track_own_time', 1),
    (9, 4, 4, 'User', 4, 'track_own_time,manage_own_settings,view_users', 1),
    (10, 4, 4, 'Client', 16, 'view_client_reports,manage_own_settings', 1);
";

/// Each in a line: id, login, password, name, group, role, email, status.
pub fn users() -> String {
    let people = [
        "(1, 'admin', md5('secret'), 'Admin', 0, 1, '', 1)",
        "(2, 'ada', md5('correct horse battery'), 'Ada Adams', 1, 2, 'ada@acme.example', 1)",
        "(3, 'max', md5('correct horse battery'), 'Max Müller', 1, 6, 'max@acme.example', 1)",
        "(4, 'ned', md5('correct horse battery'), 'Ned O''Neil', 1, 3, 'ned@acme.example', 1)",
        "(5, 'nia', md5('correct horse battery'), 'Nia \\\\ Nash', 1, 3, '', 1)",
        "(6, 'olga@acme.example', 'OLDHASH', 'Olga', 2, 7, NULL, 1)",
        "(7, 'pär', md5('pässwörd über alles'), 'Pär', 3, 8, 'par@acme.example', 1)",
        "(8, 'lat', md5(CONVERT('pässwörd über alles' USING latin1)), 'Lat', 3, 8, 'lat@acme.example', 1)",
        "(9, 'dis', md5('correct horse battery'), 'Dis Abled', 1, 3, 'dis@acme.example', 0)",
        "(10, 'del', md5('correct horse battery'), 'Del Eted', 1, 3, 'del@acme.example', NULL)",
        "(11, 'ldap', NULL, 'Lda P', 1, 3, 'ldap@acme.example', 1)",
        "(12, 'empty', md5(''), 'Emp Ty', 1, 3, 'empty@acme.example', 1)",
        "(13, 'Ned', md5('correct horse battery'), 'Another Ned', 4, 9, 'other@bolt.example', 1)",
        "(14, 'cleo', md5('correct horse battery'), 'Cleo', 4, 10, 'not an address', 1)",
        "(15, 'orphan', md5('correct horse battery'), 'Orphan', 6, NULL, 'o@gone.example', 1)",
        "(16, 'odd', md5('correct horse battery'), 'Odd', 4, 3, 'odd@bolt.example', 1)",
        "(17, 'sup', md5('correct horse battery'), 'Sup', 1, 4, 'sup@acme.example', 1)",
    ];
    let rows = people.join(",\n    ").replace("OLDHASH", OLD);
    format!(
        "INSERT INTO tt_users (id, login, password, name, group_id, role_id, email, status) VALUES\n    {rows};\n"
    )
}

const TIME: &str = "
INSERT INTO tt_log (user_id, comment, picture) VALUES
    (4, 'It''s (1,2);\\nINSERT INTO `tt_users` VALUES (99);', 0x0027005C3B), (5, '/* -- # \"', NULL);
INSERT INTO tt_tmp_refs VALUES (NOW(), '0123456789abcdef0123456789abcdef', 4);
";
