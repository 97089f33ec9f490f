//! The binary of the identity service.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(identity::spec())
}
