//! The `countersign` program; see the library for what it does.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Gives back what a crowd has needed, which glibc's keeps; `.cargo/config.toml` says how.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    countersign::cli::run(std::env::args_os())
}
