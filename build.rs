//! How is the program linked? With packed relocations, where the C library of this machine can read them: unpacked they are
//! 1.4 MB, all of which the start brings into memory. And a release with what `serve` runs side by side: the system brings in 64 kB
//! around each function that is called, and those that are called are a sixth of all.

use std::process::Command;

/// The first glibc that reads packed relocations (`DT_RELR`).
const READS_PACKED: (u32, u32) = (2, 36);

/// Which functions `serve` runs, as the linker is told of them; made by `benches/resident`.
const RESIDENT: &str = "resident.ld";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={RESIDENT}");
    // `sqlx::migrate!` is not told of a file that is new.
    println!("cargo::rerun-if-changed=migrations");
    let runs_here = is("HOST", &variable("TARGET"));
    if runs_here && glibc().is_some_and(|version| version >= READS_PACKED) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && !has_own_linker() {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}/{RESIDENT}", variable("CARGO_MANIFEST_DIR"));
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn is(name: &str, value: &str) -> bool {
    variable(name) == value
}

/// Whether whoever builds has chosen a linker, which may not read such scripts: mold does not.
fn has_own_linker() -> bool {
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    !variable("RUSTC_LINKER").is_empty() || flags.contains("linker") || flags.contains("fuse-ld")
}

/// The version of this machine's C library, if that is glibc.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
