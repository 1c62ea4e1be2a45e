//! What does `countersign demo` offer to whoever tries it? The real program on ports of the test's own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// A running demo; it ends with this value.
#[derive(Debug)]
pub struct Demo {
    program: Child,
    port: u16,
}

impl Demo {
    /// Starts one, and waits until it says that everything is there.
    pub fn start() -> Self {
        let port = four_free_ports();
        let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["demo", "--port", &port.to_string()])
            // A proxy that is not there: the demo needs nobody but itself.
            .env("http_proxy", "http://127.0.0.1:9")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(program.stdout.take().expect("a pipe"));
        let mut said = String::new();
        // The last line tells how to stop it.
        while !said.contains("Ctrl-C") {
            let read = out.read_line(&mut said).expect("the demo's words");
            assert!(read > 0, "the demo has ended:\n{said}");
        }
        // Whatever it says later is read, so that it never waits for us.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Self { program, port }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// The provider's address.
    pub fn provider(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The sample app's address.
    pub fn time_tracker(&self) -> String {
        format!("http://localhost:{}", self.port + 1)
    }

    /// The inbox, without the refreshing that would pull a page away from under a test.
    pub fn inbox(&self) -> String {
        format!("http://localhost:{}/?still", self.port + 2)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The first of four neighbours that were free a moment ago, below the range that systems hand out by themselves.
/// Tests of one process never get the same ones, and those of two hardly.
fn four_free_ports() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first_choice = 10_000 + u16::try_from(std::process::id() % 4_000).expect("less than 4000") * 4;
    (0..500)
        .map(|_| first_choice + 4 * TAKEN.fetch_add(1, Ordering::SeqCst))
        .find(|first| (*first..first + 4).all(is_free))
        .expect("four free ports")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("0.0.0.0", port)).is_ok()
}
