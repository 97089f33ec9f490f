//! The channel-connector process.

fn main() -> std::process::ExitCode {
    host::main(channel_connector::spec())
}
