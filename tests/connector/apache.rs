//! What does a real server do otherwise than PHP's own? Apache hands pages to PHP-FPM, whose processes share nothing but files and an
//! opcache; TLS ends before it, at another Apache (here the same one's other door), and the tracker is below a path.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::support::Database;
use crate::support::ca::authority;
use crate::tracker::{Tracker, free_port};
use crate::world::World;

const APACHE: &str = "/usr/sbin/apache2";
const NEEDED: &str = "Apache or PHP-FPM is not installed: run `apt-get install apache2-bin php-fpm php-curl php-mbstring php-sqlite3 smarty4`";

/// What each module is in Apache's settings; its file has the same name.
const MODULES: [&str; 9] =
    ["mpm_event", "authz_core", "alias", "dir", "headers", "proxy", "proxy_http", "proxy_fcgi", "ssl"];

impl Tracker {
    /// One at `https://localhost:PORT/timetracker/`.
    async fn behind_apache() -> Self {
        let (door, inside) = (free_port(), free_port());
        let url = format!("https://localhost:{door}/timetracker/").parse().unwrap();
        let start = |folder: &Path| vec![start_fpm(folder), start_apache(folder, door, inside)];
        let tracker = Self::served(url, start);
        tracker.is_reached(door).await;
        tracker
    }
}

/// PHP-FPM, whichever version of PHP Debian has.
fn start_fpm(folder: &Path) -> Child {
    let programs = fs::read_dir("/usr/sbin").unwrap().map(|entry| entry.unwrap().path());
    let is_fpm = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("php-fpm");
    let program = programs.filter(is_fpm).max().expect(NEEDED);
    let at = folder.display();
    // Root's rights are set aside by Apache alone: what FPM writes has to be readable to the test.
    let settings = format!(
        "[global]
error_log = {at}/fpm.log
[www]
user = root
group = root
listen = {at}/fpm.sock
listen.mode = 0666
pm = static
pm.max_children = 3
php_value[session.save_path] = {at}/sessions
php_admin_flag[log_errors] = on
php_admin_value[error_log] = {at}/php.log
"
    );
    fs::write(folder.join("fpm.conf"), settings).unwrap();
    let mut fpm = Command::new(program);
    fpm.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]).arg(folder.join("fpm.conf"));
    fpm.stderr(fs::File::create(folder.join("fpm.err")).unwrap()).spawn().unwrap()
}

fn start_apache(folder: &Path, door: u16, inside: u16) -> Child {
    assert!(Path::new(APACHE).exists(), "{NEEDED}");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let (certificate, key) = authority().issue("localhost");
    fs::write(folder.join("door.pem"), certificate).unwrap();
    fs::write(folder.join("door.key"), key).unwrap();
    let modules: String = MODULES
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let at = folder.display();
    let settings = format!(
        r#"{modules}
ServerName localhost
Listen 127.0.0.1:{door}
Listen 127.0.0.1:{inside}
User www-data
Group www-data
PidFile {at}/apache.pid
ErrorLog {at}/apache.log
DefaultRuntimeDir {at}
DocumentRoot {at}/sessions
<VirtualHost 127.0.0.1:{door}>
  SSLEngine on
  SSLCertificateFile {at}/door.pem
  SSLCertificateKeyFile {at}/door.key
  RequestHeader set X-Forwarded-Proto https
  ProxyPreserveHost On
  ProxyPass / http://127.0.0.1:{inside}/
</VirtualHost>
<VirtualHost 127.0.0.1:{inside}>
  Alias /timetracker {at}/app
  DirectoryIndex index.php
  <FilesMatch \.php$>
    SetHandler "proxy:unix:{at}/fpm.sock|fcgi://localhost"
  </FilesMatch>
  <Directory {at}/app/WEB-INF>
    Require all denied
  </Directory>
</VirtualHost>
"#
    );
    fs::write(folder.join("apache.conf"), settings).unwrap();
    Command::new(APACHE).arg("-f").arg(folder.join("apache.conf")).arg("-DFOREGROUND").spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_and_below_a_path_people_come_in_by_nothing_but_a_sign_in_and_go_out_again() {
    let world = World::with(Database::sqlite().await, Tracker::behind_apache().await).await;
    let browser = world.tracker.browser();
    for page in [
        "login.php",
        "login.php/index.php",
        "password_change.php/x?ref=1",
        "register.php",
        "password_reset.php",
    ] {
        let led = browser.clone().open(page).await.page().clone();
        assert!(led.left && led.url.as_str().contains("/authorize?"), "{page}: {}", led.url);
    }
    assert_eq!(browser.clone().open("WEB-INF/config.php").await.status(), 403);

    let mut ned = world.signed_in("ned").await;
    let cookie = ned.session_cookie();
    let flags = (cookie.secure(), cookie.http_only(), cookie.same_site());
    assert_eq!(flags, (Some(true), Some(true), Some(cookie::SameSite::Lax)));
    // Each goes to whichever of the processes is free.
    for _ in 0..6 {
        assert_eq!(world.seen(&mut ned).await["user"]["login"], "ned");
    }
    let out = ned.at_tracker.open("logout.php").await.arrived();
    ned.at_provider.open(out.as_str()).await;
    ned.come_back().await;
    assert_eq!(ned.told(), "You have signed out of Time Tracker.");
    assert!(world.tracker.seen_by(&mut ned.at_tracker).await.is_none());

    let mut pia = world.signed_in("pia").await;
    pia.at_provider.open("logout").await.submit().await;
    world.is_out_soon(&mut pia).await;
}
