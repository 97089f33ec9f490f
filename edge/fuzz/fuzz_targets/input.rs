//! Feeds the reader of requests and its rules with whatever the fuzzer invents.

#![no_main]

libfuzzer_sys::fuzz_target!(|request: &[u8]| edge::exercise(request));
