//! See tests/fuzz/request/mod.rs.
#![no_main]

#[path = "../../tests/fuzz/request/mod.rs"]
mod request;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drop(request::run(data)));
