//! See tests/fuzz/settings.rs.
#![no_main]

#[path = "../../tests/fuzz/settings.rs"]
mod settings;

libfuzzer_sys::fuzz_target!(|data: &[u8]| settings::run(data));
