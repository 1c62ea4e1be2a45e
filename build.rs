//! How is the program linked? With packed relocations, where the C library of this machine can read them: unpacked they are
//! 1.4 MB, all of which the start brings into memory.

use std::process::Command;

/// The first glibc that reads packed relocations (`DT_RELR`).
const READS_PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // `sqlx::migrate!` is not told of a file that is new.
    println!("cargo::rerun-if-changed=migrations");
    let runs_here = std::env::var("HOST") == std::env::var("TARGET");
    if runs_here && glibc().is_some_and(|version| version >= READS_PACKED) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's C library, if that is glibc.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
