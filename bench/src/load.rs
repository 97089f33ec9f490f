//! A fixed number of requests over a fixed number of connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, Request};

/// What a load found.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Requests answered in a second.
    pub(crate) per_second: f64,
    /// Half of the answers took at most this long.
    pub(crate) median: Duration,
}

/// Sends `count` requests, `connections` at a time; every answer must be 200.
/// `build` makes the n-th request.
pub(crate) async fn run(
    count: usize,
    connections: usize,
    build: impl Fn(&Client, usize) -> anyhow::Result<Request> + Send + Sync + 'static,
) -> anyhow::Result<Outcome> {
    let client = Client::builder()
        .pool_max_idle_per_host(connections)
        .tcp_nodelay(true)
        .timeout(Duration::from_secs(30))
        .build()?;
    let (next, build) = (Arc::new(AtomicUsize::new(0)), Arc::new(build));
    let began = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (client, next, build) = (client.clone(), Arc::clone(&next), Arc::clone(&build));
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return anyhow::Ok(times);
                    }
                    let request = build(&client, number)?;
                    let sent = Instant::now();
                    let answer = client.execute(request).await?;
                    let status = answer.status();
                    let body = answer.bytes().await?;
                    anyhow::ensure!(
                        status == 200,
                        "{status}: {}",
                        String::from_utf8_lossy(&body)
                    );
                    times.push(sent.elapsed());
                }
            })
        })
        .collect();
    let mut times = Vec::with_capacity(count);
    for worker in workers {
        times.extend(worker.await??);
    }
    let elapsed = began.elapsed().as_secs_f64();
    times.sort();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let per_second = times.len() as f64 / elapsed;
    Ok(Outcome {
        per_second,
        median: times[times.len() / 2],
    })
}
