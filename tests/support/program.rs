//! What does an operator do? Runs the real program, as one would in a shell.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::Database;
use super::admin::{PASSWORD, REDIRECT_URI};
use super::relying_app::{Proof, RelyingApp};
use super::smtp::Smtp;

/// A folder, and the program in it; which database and mail server it uses comes from the environment.
#[derive(Debug)]
pub struct Program {
    /// Its address once it serves.
    pub url: Url,
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
    /// What its command line begins with, when another program is to run it.
    runner: Vec<String>,
    /// The database of this folder.
    pub database: Database,
}

/// A program that serves; it ends with this value.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    log: Arc<(Mutex<String>, Condvar)>,
    reader: Option<JoinHandle<()>>,
    /// The log, where nobody reads it.
    unread: Option<BufReader<ChildStderr>>,
}

impl Program {
    /// An empty folder; `init` comes next.
    pub fn new(database: Database, smtp: &Smtp) -> Self {
        let environment = vec![
            ("COUNTERSIGN_DATABASE__URL", database.url.clone()),
            ("COUNTERSIGN_MAIL__HOST", "127.0.0.1".to_owned()),
            ("COUNTERSIGN_MAIL__PORT", smtp.port.to_string()),
            ("COUNTERSIGN_MAIL__ENCRYPTION", "none".to_owned()),
        ];
        let url = Url::parse(&format!("http://127.0.0.1:{}/", free_port())).expect("an address");
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { url, folder, environment, runner: Vec::new(), database }
    }

    /// Lets another program run it: these words come before its own.
    pub fn run_by(&mut self, runner: Vec<String>) {
        self.runner = runner;
    }

    /// Makes the settings, the keys, the schema and the administrator `root`.
    pub fn init(&self) {
        let (issuer, listen) = (self.url.origin().ascii_serialization(), super::site::address(&self.url));
        let arguments =
            ["init", "--admin", "root", "--issuer", &issuer, "--listen", &listen, "--password-stdin"];
        self.must(&arguments, &format!("{PASSWORD}\n"));
    }

    /// An app that is registered there, whose secret goes by Basic.
    pub fn add_app(&self) -> RelyingApp {
        let added = self.must_json(&["client", "add", "App", "--redirect-uri", REDIRECT_URI, "--json"]);
        let text = |name: &str| added[name].as_str().expect("an app").to_owned();
        RelyingApp {
            issuer: self.url.clone(),
            client_id: text("client_id"),
            client_secret: Some(text("client_secret")),
            redirect_uri: REDIRECT_URI.to_owned(),
            proof: Proof::Basic,
        }
    }

    /// Runs a command to its end, with this on its standard input.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("the program starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        // A command that reads nothing may be gone already.
        let _ = pipe.write_all(stdin.as_bytes());
        drop(pipe);
        child.wait_with_output().expect("the program ends")
    }

    /// Starts a command that may not come to its end.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdin(Stdio::null()).spawn().expect("the program starts")
    }

    /// The same for a command that is to succeed; the answer is what it printed.
    pub fn must(&self, arguments: &[&str], stdin: &str) -> String {
        let output = self.run(arguments, stdin);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {}\n{out}{err}", output.status);
        out
    }

    /// The same for a command that prints JSON.
    pub fn must_json(&self, arguments: &[&str]) -> Value {
        let printed = self.must(arguments, "");
        serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {printed}"))
    }

    /// Runs a command whose standard output nobody reads any more.
    pub fn run_unread(&self, arguments: &[&str]) -> Output {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        self.command(arguments).stdin(Stdio::null()).stdout(writer).output().expect("the program ends")
    }

    /// Runs a command whose standard output there is no room for.
    pub fn run_into_a_full_disk(&self, arguments: &[&str]) -> Output {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is full");
        self.command(arguments).stdin(Stdio::null()).stdout(full).output().expect("the program ends")
    }

    /// The path of a file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Serves, and waits until the program says that it does.
    pub fn serve(&self) -> Serving {
        self.serve_unread().read()
    }

    /// The same once more, as a second node with the same settings; answers where.
    pub fn serve_elsewhere(&self) -> (Url, Serving) {
        let url = Url::parse(&format!("http://127.0.0.1:{}/", free_port())).expect("an address");
        let serving = self.serve_at(&url);
        (url, serving)
    }

    /// The same at an address that one knows.
    pub fn serve_at(&self, url: &Url) -> Serving {
        let mut command = self.command(&["serve"]);
        command.env("COUNTERSIGN_LISTEN", super::site::address(url));
        Serving::start(command, url.port().expect("a port")).read()
    }

    /// The same, but nobody reads what it says after that.
    pub fn serve_unread(&self) -> Serving {
        Serving::start(self.command(&["serve"]), self.url.port().expect("a port"))
    }

    /// Sets a variable of the environment for what comes.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.runner.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_countersign")]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // What the tests tell themselves is no setting of the program.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COUNTERSIGN_"))
        {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Serving {
    /// Starts it, and waits until it says that it serves.
    fn start(mut command: Command, port: u16) -> Self {
        let mut child = command.stdin(Stdio::null()).spawn().expect("the program starts");
        let port = port.to_string();
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        while !said.lines().any(|line| line.contains("serving") && line.contains(&port)) {
            let read = log.read_line(&mut said).expect("a log");
            assert!(read > 0, "`serve` has ended:\n{said}");
        }
        let said = Arc::new((Mutex::new(said), Condvar::new()));
        Self { child, log: said, reader: None, unread: Some(log) }
    }

    /// Reads whatever it says later, so that it never waits for us.
    fn read(mut self) -> Self {
        let (mut log, kept) = (self.unread.take().expect("a log"), Arc::clone(&self.log));
        self.reader = Some(std::thread::spawn(move || {
            let mut line = Vec::new();
            while log.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                kept.0.lock().expect("a log").push_str(&text(&line));
                kept.1.notify_all();
                line.clear();
            }
        }));
        self
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        self.log.0.lock().expect("a log").clone()
    }

    /// Everything that it has said once it has ended.
    pub fn whole_log(&mut self) -> String {
        let reader = self.reader.take().expect("somebody reads it");
        reader.join().expect("the reader");
        self.log()
    }

    /// Waits until it has said this.
    pub fn says(&self, what: &str) -> String {
        let (log, more) = &*self.log;
        let patience = std::time::Duration::from_secs(20);
        let waits = |log: &mut String| !log.contains(what);
        let (log, _) = more.wait_timeout_while(log.lock().expect("a log"), patience, waits).expect("a log");
        assert!(log.contains(what), "it has not said {what:?}:\n{log}");
        log.clone()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(sent.expect("kill").success(), "{name}");
    }

    /// How it ends, for whoever has a limit to that.
    pub async fn ends(&mut self) -> std::process::ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// How it ends.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Whether it runs still.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a process").is_none()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("what `serve` has said:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
