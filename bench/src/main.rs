//! Benchmarks: each measures ours and a reference in the same run on the same
//! machine and prints `name ours reference ratio target ok|short`.
//!
//! `make bench-bitacora`, `bench-crowd`, `bench-edge`, `bench-list`, `bench-login`,
//! `bench-token`, `bench-webhook`. Loads go to loopback only, with a
//! fixed number of requests.

mod bitacora;
mod children;
mod cluster;
mod crowd;
mod edge;
mod figure;
mod list;
mod load;
mod login;
mod token;
mod webhook;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["bitacora"] => bitacora::measure().await,
        ["crowd"] => crowd::measure().await,
        ["edge"] => edge::measure().await,
        ["list"] => list::measure().await,
        ["login"] => login::measure().await,
        ["token"] => token::measure().await,
        ["webhook"] => webhook::measure().await,
        // The parts of a benchmark that run in processes of their own.
        ["upstream", port, key] => edge::upstream::serve(port.parse()?, key).await,
        ["bare", port, upstream] => edge::bare::serve(port.parse()?, upstream).await,
        _ => {
            anyhow::bail!("bench bitacora | crowd | edge | list | login | token | webhook")
        }
    }
}
