//! What can be done on the command line? One file a command; every rule lives in the rooms that they call.

#[macro_use]
mod output;

mod audit;
mod backup;
mod bar;
mod check;
mod client;
pub mod demo;
mod explain;
mod export;
mod grant;
mod group;
mod import;
mod import_told;
mod init;
mod input;
mod key;
mod log;
mod log_names;
mod mail;
mod operator;
mod page;
mod restore;
mod role;
mod serve;
mod session;
mod user;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use operator::Operator;

/// A standalone OpenID Connect provider with an emailed second factor.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true)]
struct Arguments {
    /// The settings [default: countersign.toml, where there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the provider, a sample app and a mail inbox here, with people to sign in as and nothing to set up.
    Demo {
        /// The provider's port; the sample app, the inbox and its mail server take the three after it.
        #[arg(long, value_name = "N", default_value_t = 8080)]
        port: u16,
        /// A folder that keeps the data; else it is gone at the end.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Write countersign.toml, make the keys and the database, add the first site administrator.
    Init(init::Init),
    /// Run the provider until SIGTERM or SIGINT.
    Serve,
    /// Examine settings, database, keys, templates and mail server.
    Check(check::Check),
    /// Bring the database schema up to date.
    Migrate,
    /// Groups.
    #[command(subcommand)]
    Group(group::Group),
    /// Roles, ranks and rights.
    #[command(subcommand)]
    Role(role::Role),
    /// Users.
    #[command(subcommand)]
    User(user::User),
    /// Relying apps.
    #[command(subcommand)]
    Client(client::Client),
    /// Sessions: who is signed in where.
    #[command(subcommand)]
    Session(session::Session),
    /// Grants: which apps have access.
    #[command(subcommand)]
    Grant(grant::Grant),
    /// What a sign-in by somebody would ask for now, and why.
    Explain(explain::Explain),
    /// Bring an organisation along: groups, roles, users and their passwords.
    #[command(subcommand)]
    Import(import::Import),
    /// Give out groups, roles, users and apps as lines of JSON, or users as a table.
    Export(export::Export),
    /// Put everything into one encrypted file, while the provider runs.
    Backup(backup::Backup),
    /// Make a provider out of a backup, also on the other kind of database; or only look whether the backup is good.
    Restore(restore::Restore),
    /// Signing keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Mail: a test message, and what became of recent ones.
    #[command(subcommand)]
    Mail(mail::Mail),
    /// The audit log.
    Audit(audit::Audit),
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs a command line. The exit status is 0, 1 with a one-line error, or 2 for wrong usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => {
            // What is wrong goes to standard error, of which nothing could be said there.
            let code = match usage.print() {
                Err(error) if !usage.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
                    output::unwritten(&error)
                }
                _ => usage.exit_code(),
            };
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    // Only `serve` has enough to do for more than one core; what hashes passwords has threads of its own.
    let mut runtime = match arguments.command {
        Command::Serve => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let done = runtime.block_on(command(arguments));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match done {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// One line, whatever went wrong.
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("countersign: {}", one_line(error));
    ExitCode::FAILURE
}

/// An error with what caused it. Some name their cause themselves; nothing is said twice.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !line.contains(&cause) {
            let colon = if line.is_empty() { "" } else { ": " };
            line = format!("{line}{colon}{cause}");
        }
    }
    line.replace(['\n', '\r'], " ")
}

async fn command(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = arguments.config;
    let operator = || Operator::open(file.as_deref());
    match arguments.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "countersign", &mut script);
            print!("{}", String::from_utf8_lossy(&script));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Demo { port, data } => Box::pin(demo::run(port, data)).await?,
        Command::Init(init) => init.run(file.as_deref()).await?,
        Command::Serve => serve::run(&operator()?, file.as_deref()).await?,
        Command::Check(check) => return check.run(file.as_deref()).await,
        Command::Migrate => serve::migrate(&operator()?).await?,
        Command::Group(group) => group.run(&operator()?).await?,
        Command::Role(role) => role.run(&operator()?).await?,
        Command::User(user) => user.run(&operator()?).await?,
        Command::Client(client) => client.run(&operator()?).await?,
        Command::Session(session) => session.run(&operator()?).await?,
        Command::Grant(grant) => grant.run(&operator()?).await?,
        Command::Explain(explain) => explain.run(&operator()?).await?,
        Command::Export(export) => export.run(&operator()?).await?,
        Command::Import(import) => import.run(&operator()?).await?,
        Command::Backup(backup) => backup.run(&operator()?).await?,
        Command::Restore(restore) => return restore.run(&operator()?).await,
        Command::Key(key) => key.run(&operator()?).await?,
        Command::Mail(mail) => mail.run(&operator()?).await?,
        Command::Audit(audit) => audit.run(&operator()?).await?,
    }
    Ok(ExitCode::SUCCESS)
}
