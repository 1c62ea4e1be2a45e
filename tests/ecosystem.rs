//! Do relying parties that others have written sign in here, with nothing made to measure? Against the real program over https,
//! set up by `conformance-site` as docs/conformance.md says.
#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

mod support;

use support::browser::Browser;

/// A provider that serves, in a folder of its own; it ends with this value.
struct Provider {
    folder: TempDir,
    site: Value,
    serving: Child,
}

impl Provider {
    fn start(callbacks: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().to_string();
        set_up(folder.path(), &port, callbacks);
        let site = serde_json::from_slice(&fs::read(folder.path().join("site.json")).unwrap()).unwrap();
        let mut serving = built("countersign")
            .arg("--config")
            .arg(folder.path().join("countersign.toml"))
            .arg("serve")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(serving.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("serving") {
            assert!(log.read_line(&mut said).unwrap() > 0, "`serve` has ended:\n{said}");
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { folder, site, serving }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, pointer: &str) -> &str {
        self.site.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}"))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

/// What the suite of the OpenID Foundation asks of its clients, plan by plan, beside what every plan asks.
#[test]
fn a_run_of_the_suite_finds_the_clients_that_its_plans_need() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("suite.pem"), support::ca::authority().pem()).unwrap();
    set_up(folder.path(), "9443", &[]);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let registered = |plan: &str, client: &str| -> Value {
        let plan: Value = serde_json::from_str(&read(plan)).unwrap();
        let id = plan[client]["client_id"].as_str().unwrap().to_owned();
        let mut show = built("countersign");
        show.arg("--config").arg(folder.path().join("countersign.toml"));
        let shown = show.args(["client", "show", &id, "--json"]).output().unwrap();
        serde_json::from_str(&succeeded("client show", &shown)).unwrap()
    };
    let at = |page: &str| format!("https://localhost.emobix.co.uk:8443/test/a/countersign/{page}");
    for client in ["client", "client2", "client_secret_post"] {
        let shown = registered("oidcc-implicit.json", client);
        assert_eq!(shown["response_types"].as_array().unwrap().len(), 6, "{client}: {shown}");
    }
    let told = registered("oidcc-backchannel.json", "client");
    assert_eq!(told["backchannel_logout_uri"], at("backchannel_logout").as_str(), "{told}");
    assert_eq!(told["post_logout_redirect_uris"][0], at("post_logout_redirect").as_str(), "{told}");
    let framed = registered("oidcc-frontchannel.json", "client");
    assert_eq!(framed["frontchannel_logout_uri"], at("frontchannel_logout").as_str(), "{framed}");
    for plan in ["fapi2.json", "fapi2-signed.json"] {
        let plan: Value = serde_json::from_str(&read(plan)).unwrap();
        assert!(plan["client"]["scope"].as_str().unwrap().ends_with(" offline_access"), "{plan}");
    }
    let settings = read("countersign.toml");
    assert!(settings.contains(r#"extra_ca = ["ca.pem", "suite.pem"]"#), "{settings}");
}

/// npm's openid-client: each of its stories is a line of its output.
#[test]
fn openid_client_finds_everything_that_it_knows() {
    let ecosystem = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ecosystem");
    let node = ecosystem.join("node_modules/.bin/node");
    assert!(node.exists(), "openid-client is not installed: run `npm ci --prefix tests/ecosystem`");
    let provider = Provider::start(&["https://app.example.org/callback"]);
    let output = Command::new(node)
        .arg(ecosystem.join("openid-client.mjs"))
        .arg(provider.path("site.json"))
        .env("NODE_EXTRA_CA_CERTS", provider.path("ca.pem"))
        .output()
        .unwrap();
    let said = succeeded("openid-client", &output);
    assert!(said.lines().filter(|line| line.starts_with("ok ")).count() >= 9, "{said}");
}

/// Debian's Apache module: a page that only those may see who have signed in, and that is told who they are.
#[tokio::test(flavor = "multi_thread")]
async fn apache_lets_in_whom_the_provider_names() {
    let port = free_port();
    let at = format!("http://localhost:{port}/secure/");
    let callback = format!("{at}callback");
    let provider = Provider::start(&["https://app.example.org/callback", &callback]);
    let apache = Apache::start(&provider, port, &callback).await;
    let ca = reqwest::Certificate::from_pem(&fs::read(provider.path("ca.pem")).unwrap()).unwrap();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let http = http.tls_built_in_root_certs(false).add_root_certificate(ca).build().unwrap();
    let jar = |url: &str| Browser::with_client(http.clone(), &Url::parse(url).unwrap());
    let (mut at_apache, mut at_provider) = (jar(&at), jar(provider.text("/issuer")));

    let request = at_apache.open(&at).await.arrived();
    at_provider.open(request.as_str()).await;
    at_provider.fill("login", provider.text("/user/login"));
    let answer = at_provider.fill("password", provider.text("/user/password")).submit().await.arrived();
    at_apache.open(answer.as_str()).await;

    assert_eq!(at_apache.status(), 200, "{}", at_apache.text());
    assert!(at_apache.text().contains("only for those who have signed in"));
    assert_eq!(at_apache.header("x-user").as_deref(), Some("casey"));
    assert_eq!(at_apache.header("x-name").as_deref(), Some("Casey Conway"));
    drop(apache);
}

/// Apache with its OpenID Connect module, on a port of its own; it ends with this value.
struct Apache(Child);

impl Apache {
    async fn start(provider: &Provider, port: u16, callback: &str) -> Self {
        let folder = provider.path("apache");
        fs::create_dir_all(folder.join("pages/secure")).unwrap();
        fs::write(folder.join("pages/secure/index.html"), "only for those who have signed in").unwrap();
        // Apache leaves root's rights before it reads pages.
        let open = ["/", "apache", "apache/pages", "apache/pages/secure"];
        for name in open.map(|name| provider.path(name.trim_start_matches('/'))) {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(name, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let file = folder.join("apache.conf");
        fs::write(&file, settings(provider, &folder, port, callback)).unwrap();
        let program = Path::new("/usr/sbin/apache2");
        let module = Path::new("/usr/lib/apache2/modules/mod_auth_openidc.so");
        assert!(
            program.exists() && module.exists(),
            "Apache's module is not installed: run `apt-get install apache2-bin libapache2-mod-auth-openidc`"
        );
        let child = Command::new(program).arg("-f").arg(&file).arg("-DFOREGROUND").spawn().unwrap();
        let apache = Self(child);
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return apache;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        panic!("Apache does not listen:\n{log}");
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        // Apache's children end with it only if it is asked, not if it is killed.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn settings(provider: &Provider, folder: &Path, port: u16, callback: &str) -> String {
    let modules = [
        ("mpm_event", "mod_mpm_event"),
        ("authz_core", "mod_authz_core"),
        ("authz_user", "mod_authz_user"),
        ("authn_core", "mod_authn_core"),
        ("dir", "mod_dir"),
        ("headers", "mod_headers"),
        ("auth_openidc", "mod_auth_openidc"),
    ];
    let modules: String = modules
        .map(|(name, file)| format!("LoadModule {name}_module /usr/lib/apache2/modules/{file}.so\n"))
        .concat();
    let (folder, ca) = (folder.display(), provider.path("ca.pem").display().to_string());
    let (issuer, id) = (provider.text("/issuer"), provider.text("/clients/basic/client_id"));
    let secret = provider.text("/clients/basic/client_secret");
    format!(
        r#"{modules}
ServerName localhost
Listen 127.0.0.1:{port}
User www-data
Group www-data
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
DefaultRuntimeDir {folder}
DocumentRoot {folder}/pages
DirectoryIndex index.html
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {id}
OIDCClientSecret {secret}
OIDCRedirectURI {callback}
OIDCScope "openid profile"
OIDCPKCEMethod S256
OIDCCryptoPassphrase only-for-this-test
OIDCCABundlePath {ca}
OIDCRemoteUserClaim preferred_username
<Location /secure/>
  AuthType openid-connect
  Require valid-user
  Header set X-User "expr=%{{REMOTE_USER}}"
  Header set X-Name "%{{OIDC_CLAIM_name}}e"
</Location>
"#
    )
}

fn set_up(folder: &Path, port: &str, callbacks: &[&str]) {
    let mut setting_up = built("examples/conformance-site");
    setting_up.arg(folder).arg(port).args(callbacks);
    succeeded("conformance-site", &setting_up.output().unwrap());
}

/// A program of this build, whichever its profile. What the tests tell themselves is no setting of it.
fn built(name: &str) -> Command {
    let file = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap().join(name);
    assert!(
        file.exists(),
        "{} is missing: `cargo test` builds it, `cargo test --test` does not",
        file.display()
    );
    let mut command = Command::new(file);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    command
}

fn succeeded(what: &str, output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}{err}", output.status);
    out
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
