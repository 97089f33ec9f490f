//! The binary of the mail-ticket service.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(mail_ticket::spec())
}
