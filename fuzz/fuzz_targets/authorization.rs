//! See tests/fuzz/authorization.rs.
#![no_main]

#[path = "../../tests/fuzz/authorization.rs"]
mod authorization;

libfuzzer_sys::fuzz_target!(|data: &[u8]| authorization::run(data));
