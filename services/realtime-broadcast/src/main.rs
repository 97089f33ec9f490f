//! The binary of the realtime service.

fn main() -> std::process::ExitCode {
    host::main(realtime_broadcast::spec())
}
