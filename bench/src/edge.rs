//! What the edge costs: CPU per request of a full authenticated route, against a
//! bare axum handler that makes one gRPC call. Both talk to the same upstream,
//! which answers at once.

pub(crate) mod bare;
pub(crate) mod upstream;

use auth::opaque::{OpaqueToken, secret};
use serde_json::json;

use crate::{
    children::{Process, answers, free_port},
    figure::{self, Target},
    load,
};

const REQUESTS: usize = 20_000;
const WARM_UP: usize = 2_000;
const CONNECTIONS: usize = 16;

/// Starts everything, loads both, prints the ratios.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let (upstream_port, bare_port, edge_port) = (free_port()?, free_port()?, free_port()?);
    let upstream_url = format!("http://127.0.0.1:{upstream_port}");
    let _upstream = Process::start("bench", &["upstream", &upstream_port.to_string()], &[])?;
    let bare = Process::start(
        "bench",
        &["bare", &bare_port.to_string(), &upstream_url],
        &[],
    )?;
    let edge = start_edge(edge_port, &upstream_url, &[])?;
    let bare_url = format!("http://127.0.0.1:{bare_port}/api/chat/list");
    let edge_url = format!("http://127.0.0.1:{edge_port}/api/chat/list");
    answers(&format!("http://127.0.0.1:{bare_port}/readyz")).await?;
    answers(&format!("http://127.0.0.1:{edge_port}/readyz")).await?;

    let reference = cost(&bare, &bare_url).await?;
    let ours = cost(&edge, &edge_url).await?;
    figure::print(
        "edge-cpu-per-request",
        ours,
        reference,
        "us",
        Target::AtMost(1.15),
    );

    let reference = median_alone(&bare_url).await?;
    let ours = median_alone(&edge_url).await?;
    figure::print(
        "edge-p50-one-connection",
        ours,
        reference,
        "us",
        Target::AtMost(1.10),
    );
    Ok(())
}

/// An edge on `port` all of whose services are at `upstream`, with `more` settings.
pub(crate) fn start_edge(
    port: u16,
    upstream: &str,
    more: &[(&'static str, String)],
) -> anyhow::Result<Process> {
    let (private, public) = auth::generate("bench")?;
    let mut environment = vec![
        ("ATENCION_PROCESS__HTTP_LISTEN", format!("127.0.0.1:{port}")),
        ("ATENCION_CONTEXT__SIGNING_KEY", private.expose().to_owned()),
        ("ATENCION_CONTEXT__TRUSTED_KEYS", public),
        ("ATENCION_LOG__FILTER", "warn".to_owned()),
    ];
    for service in [
        "ATENCION_UPSTREAMS__IDENTITY",
        "ATENCION_UPSTREAMS__TENANCY_ADMIN",
        "ATENCION_UPSTREAMS__CONVERSATION",
        "ATENCION_UPSTREAMS__CHANNEL_CONNECTOR",
        "ATENCION_UPSTREAMS__REALTIME_BROADCAST",
        "ATENCION_UPSTREAMS__MAIL_TICKET",
    ] {
        environment.push((service, upstream.to_owned()));
    }
    environment.extend_from_slice(more);
    Process::start("edge", &["serve"], &environment)
}

async fn cost(process: &Process, url: &str) -> anyhow::Result<f64> {
    send(url, WARM_UP, CONNECTIONS).await?;
    cost_of(process, url, REQUESTS).await
}

/// CPU microseconds of `process` for each of so many requests.
pub(crate) async fn cost_of(process: &Process, url: &str, requests: usize) -> anyhow::Result<f64> {
    let before = process.cpu_seconds()?;
    send(url, requests, CONNECTIONS).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let requests = requests as f64;
    Ok((process.cpu_seconds()? - before) * 1e6 / requests)
}

/// Microseconds of the median answer with one request at a time.
async fn median_alone(url: &str) -> anyhow::Result<f64> {
    Ok(send(url, WARM_UP, 1).await?.median.as_secs_f64() * 1e6)
}

async fn send(url: &str, count: usize, connections: usize) -> anyhow::Result<load::Outcome> {
    let url = url.to_owned();
    load::run(count, connections, move |client, _| {
        Ok(client
            .post(&url)
            .header("X-User-Consumo", "UsuarioPrueba")
            .header("X-User-Secret", "strDasdakdmsadsakming")
            .bearer_auth(OpaqueToken::write(7, 1, &secret([0; 32])))
            .json(&json!({"paginate": "N"}))
            .build()?)
    })
    .await
}
