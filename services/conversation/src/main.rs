//! The binary of the conversation service.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(conversation::spec())
}
