//! The binary of the tenancy-admin service.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(tenancy_admin::spec())
}
