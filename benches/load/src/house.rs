//! How is a Countersign set up to be loaded? As an operator would: `init`, groups, people and clients by its own command line, then
//! `serve`.

use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::http::{Ask, Connection};
use super::origin::Origin;
use super::profile::Profile;

const PASSWORD: &str = "seven lamps on a quiet pier";
const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// An API that the access tokens of the RS256 client name (RFC 9068 §2.1 expects RS256 there).
const API: &str = "https://api.example.org";

/// Commands that run at a time.
const HANDS: usize = 4;

/// How it is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program.
    pub binary: PathBuf,
    /// What the table calls it.
    pub name: String,
    /// The address of a PostgreSQL database; SQLite without.
    pub postgres: Option<String>,
    /// The file that holds the number of its server's first process.
    pub postgres_pid: Option<PathBuf>,
    /// The port of the mail server.
    pub mail_port: u16,
    /// How many people sign in with a password alone.
    pub people: usize,
    /// How many are sent codes.
    pub coded: usize,
}

/// A Countersign that serves; it ends, and its folder goes, with this value.
#[derive(Debug)]
pub struct House {
    plan: Plan,
    folder: TempDir,
    issuer: String,
    profile: String,
    serving: Vec<Child>,
}

impl House {
    /// Sets everything up, and does not serve yet.
    ///
    /// # Errors
    /// When a command fails.
    pub fn furnish(plan: Plan) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("countersign-load.").tempdir()?;
        let issuer = format!("http://127.0.0.1:{}", free_port()?);
        let binary =
            std::fs::canonicalize(&plan.binary).with_context(|| plan.binary.display().to_string())?;
        let mut house = Self {
            plan: Plan { binary, ..plan },
            folder,
            issuer,
            profile: String::new(),
            serving: Vec::new(),
        };
        house.init()?;
        house.settle()?;
        house.profile = house.register()?;
        Ok(house)
    }

    /// Serves; the answer is how long it took from the start to the first answer.
    ///
    /// # Errors
    /// When it ends instead.
    pub async fn serve(&mut self) -> anyhow::Result<Duration> {
        self.stop();
        let (origin, _) = Origin::split(&self.issuer)?;
        self.serve_at(origin).await
    }

    /// So many nodes serve on the same database; the answer is at which ports. Nobody listens at the issuer's yet.
    ///
    /// # Errors
    /// When one ends instead.
    pub async fn serve_behind(&mut self, nodes: usize) -> anyhow::Result<Vec<u16>> {
        self.stop();
        let mut ports = Vec::new();
        for _ in 0..nodes {
            let port = free_port()?;
            let (origin, _) = Origin::split(&format!("http://127.0.0.1:{port}"))?;
            self.serve_at(origin).await?;
            ports.push(port);
        }
        Ok(ports)
    }

    /// The port that the issuer names.
    ///
    /// # Errors
    /// When it names none.
    pub fn port(&self) -> anyhow::Result<u16> {
        Ok(Origin::split(&self.issuer)?.0.port)
    }

    async fn serve_at(&mut self, origin: Origin) -> anyhow::Result<Duration> {
        let log_file = self.folder.path().join(format!("serve-{}.log", origin.port));
        let log = File::create(&log_file)?;
        let since = Instant::now();
        let mut command = self.command(&["serve"]);
        command.env("COUNTERSIGN_LISTEN", &origin.authority);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let ask = Ask::get("/.well-known/openid-configuration");
        loop {
            if let Ok(answer) = Connection::new(origin.clone(), None).send(&ask).await {
                answer.json(&ask.path)?;
                self.serving.push(child);
                return Ok(since.elapsed());
            }
            if let Some(status) = child.try_wait()? {
                let log = std::fs::read_to_string(&log_file)?;
                bail!("serve has ended: {status} {log}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The process that serves, or the first of them.
    ///
    /// # Errors
    /// When none does.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.serving.first().map(Child::id).context("it does not serve")
    }

    /// The profile by which it is loaded, as a file would hold it.
    ///
    /// # Errors
    /// When it does not serve.
    pub fn profile_text(&self) -> anyhow::Result<String> {
        self.id()?;
        let ids: Vec<u32> = self.serving.iter().map(Child::id).collect();
        Ok(format!("server = {{ pids = {ids:?} }}\n{}", self.profile))
    }

    /// The profile by which it is loaded.
    ///
    /// # Errors
    /// When it does not serve.
    pub fn profile(&self) -> anyhow::Result<Profile> {
        Profile::parse(&self.profile_text()?)
    }

    /// Its settings, keys and database.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends what serves, as an operator would, and waits for it.
    pub fn stop(&mut self) {
        for child in &self.serving {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
        }
        for mut child in self.serving.drain(..) {
            let _ = child.wait();
        }
    }

    fn init(&self) -> anyhow::Result<()> {
        let listen = self.issuer.trim_start_matches("http://");
        let arguments =
            ["init", "--admin", "root", "--issuer", &self.issuer, "--listen", listen, "--password-stdin"];
        self.run(&arguments, PASSWORD).map(drop)
    }

    /// Two groups, one with two-factor on, and their people.
    fn settle(&self) -> anyhow::Result<()> {
        for group in ["Load", "Coded"] {
            self.run(&["group", "add", group], "")?;
        }
        let load = (1..=self.plan.people).map(|n| (format!("load{n}"), "Load", None));
        let address = |n| Some(format!("coded{n}@example.org"));
        let coded = (1..=self.plan.coded).map(|n| (format!("coded{n}"), "Coded", address(n)));
        let people: Vec<_> = load.chain(coded).collect();
        for some in people.chunks(HANDS) {
            let mut adding = Vec::new();
            for (login, group, address) in some {
                let mut arguments =
                    vec!["user", "add", login, "--group", group, "--role", "User", "--password-stdin"];
                arguments.extend(address.iter().flat_map(|address| ["--email", address]));
                adding.push(self.begin(&arguments, PASSWORD)?);
            }
            for (child, what) in adding {
                finished(child, &what)?;
            }
        }
        self.run(&["group", "set", "Coded", "--two-factor", "on", "--yes"], "").map(drop)
    }

    /// The clients; the answer is the profile.
    fn register(&self) -> anyhow::Result<String> {
        let grants = ["--grant-type", "authorization_code", "--grant-type", "refresh_token"];
        let app = self.client(&[&["App", "--redirect-uri", REDIRECT_URI], &grants[..]].concat())?;
        let machine = ["--grant-type", "client_credentials"];
        let rs256 =
            self.client(&[&["Machine that names an API", "--resource", API], &machine[..]].concat())?;
        let es256 = self.client(&[&["Machine"], &machine[..]].concat())?;
        let Plan { name, people, coded, mail_port, postgres_pid, .. } = &self.plan;
        let database =
            postgres_pid.as_ref().map(|file| format!("database = {{ pid_file = \"{}\" }}\n", file.display()));
        let database = database.unwrap_or_default();
        Ok(format!(
            r#"{database}name = {name:?}
issuer = {issuer:?}
redirect_uri = {REDIRECT_URI:?}
scope = "openid profile email offline_access"
spread = true
mail = "127.0.0.1:{mail_port}"
[app]
{app}
[rs256]
{rs256}
parameters = {{ resource = {API:?} }}
[es256]
{es256}
[[step]]
fields = {{ login = "{{login}}", password = "{{password}}" }}
[[step]]
fields = {{ code = "{{code}}", password = "{{password}}" }}
[people]
login = "load{{n}}"
password = {PASSWORD:?}
count = {people}
[coded]
login = "coded{{n}}"
address = "coded{{n}}@example.org"
password = {PASSWORD:?}
count = {coded}
"#,
            issuer = self.issuer
        ))
    }

    fn client(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let printed = self.run(&[&["client", "add"], arguments, &["--json"]].concat(), "")?;
        let client: serde_json::Value = serde_json::from_str(&printed).with_context(|| printed.clone())?;
        let member = |name: &str| {
            client.get(name).and_then(|v| v.as_str()).context("id and secret").map(str::to_owned)
        };
        Ok(format!("id = {:?}\nsecret = {:?}", member("client_id")?, member("client_secret")?))
    }

    /// Runs a command to its end, with this line on its standard input; the answer is what it printed.
    ///
    /// # Errors
    /// When it fails: what it said.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> anyhow::Result<String> {
        let (child, what) = self.begin(arguments, stdin)?;
        finished(child, &what)
    }

    fn begin(&self, arguments: &[&str], stdin: &str) -> anyhow::Result<(Child, String)> {
        let what = arguments.join(" ");
        let mut command = self.command(arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().with_context(|| what.clone())?;
        if let Some(mut pipe) = child.stdin.take() {
            // A command that reads nothing may be gone already.
            let _ = writeln!(pipe, "{stdin}");
        }
        Ok((child, what))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.plan.binary);
        // What the environment says to tests and benches is no setting of the program.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COUNTERSIGN_"))
        {
            command.env_remove(name);
        }
        if let Some(url) = &self.plan.postgres {
            command.env("COUNTERSIGN_DATABASE__URL", url);
        }
        command.env("COUNTERSIGN_MAIL__HOST", "127.0.0.1");
        command.env("COUNTERSIGN_MAIL__PORT", self.plan.mail_port.to_string());
        command.env("COUNTERSIGN_MAIL__ENCRYPTION", "none");
        command.current_dir(self.folder.path()).args(arguments);
        command
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop();
    }
}

fn finished(child: Child, what: &str) -> anyhow::Result<String> {
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        bail!("{what}: {} {}{}", output.status, text(&output.stdout), text(&output.stderr));
    }
    Ok(text(&output.stdout))
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
