//! See tests/fuzz/jose.rs.
#![no_main]

#[path = "../../tests/fuzz/jose.rs"]
mod jose;

libfuzzer_sys::fuzz_target!(|data: &[u8]| jose::run(data));
