//! Writes the machine-readable descriptions of the API from the table of
//! operations and the documents: `openapi` prints OpenAPI 3.1, `openapi postman`
//! a Postman collection. `make openapi` keeps the checked-in files up to date and
//! a test holds them against this.

mod contract;
mod document;
mod postman;
mod schema;

use std::{io::Write, process::ExitCode};

use contract::Contract;

fn main() -> ExitCode {
    let contract = Contract::read();
    let wanted = std::env::args().nth(1);
    let text = match wanted.as_deref() {
        None => document::of(&contract),
        Some("postman") => postman::of(&contract),
        Some(other) => {
            eprintln!("postman or nothing, not {other}");
            return ExitCode::from(64);
        }
    };
    match writeln!(std::io::stdout(), "{text:#}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
