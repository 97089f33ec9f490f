//! The whole system in one process.

fn main() -> std::process::ExitCode {
    standalone::main()
}
