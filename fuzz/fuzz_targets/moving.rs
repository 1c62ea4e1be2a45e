//! See tests/fuzz/moving.rs.
#![no_main]

#[path = "../../tests/fuzz/moving.rs"]
mod moving;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    moving::run(data);
});
