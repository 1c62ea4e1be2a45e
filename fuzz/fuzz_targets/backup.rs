//! See tests/fuzz/backup.rs.
#![no_main]

#[path = "../../tests/fuzz/backup.rs"]
mod backup;
#[path = "../../tests/fuzz/filled.rs"]
mod filled;

libfuzzer_sys::fuzz_target!(|data: &[u8]| backup::run(data));
