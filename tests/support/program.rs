//! What does an operator do? Runs the real program, as one would in a shell.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::Database;
use super::admin::PASSWORD;
use super::smtp::Smtp;

/// A folder, and the program in it; which database and mail server it uses comes from the environment.
#[derive(Debug)]
pub struct Program {
    /// Its address once it serves.
    pub url: Url,
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
    /// The database of this folder.
    pub database: Database,
}

/// A program that serves; it ends with this value.
#[derive(Debug)]
pub struct Serving(Child);

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
        Self { url, folder, environment, database }
    }

    /// Makes the settings, the keys, the schema and the administrator `root`.
    pub fn init(&self) {
        let (issuer, listen) = (self.url.origin().ascii_serialization(), super::site::address(&self.url));
        let arguments =
            ["init", "--admin", "root", "--issuer", &issuer, "--listen", &listen, "--password-stdin"];
        self.must(&arguments, &format!("{PASSWORD}\n"));
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

    /// The path of a file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Serves, and waits until the program says that it does.
    pub fn serve(&self) -> Serving {
        let mut child = self.command(&["serve"]).stdin(Stdio::null()).spawn().expect("the program starts");
        let port = self.url.port().expect("a port").to_string();
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        while !said.lines().any(|line| line.contains("serving") && line.contains(&port)) {
            let read = log.read_line(&mut said).expect("a log");
            assert!(read > 0, "`serve` has ended:\n{said}");
        }
        // Whatever it says later is read, so that it never waits for us.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Serving(child)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
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
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
