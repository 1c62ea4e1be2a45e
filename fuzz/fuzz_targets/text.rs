//! See tests/fuzz/text.rs.
#![no_main]

#[path = "../../tests/fuzz/text.rs"]
mod text;

libfuzzer_sys::fuzz_target!(|data: &[u8]| text::run(data));
