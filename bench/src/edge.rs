//! What the edge costs: CPU per request of a full authenticated route, against a
//! bare axum handler that makes one gRPC call. Both talk to the same upstream, which
//! stands behind the layers of every service and answers at once; it verifies the
//! context token that the edge sends, and the bare handler sends none.
//!
//! Edge and bare handler take turns, and each turn is compared with the one beside it,
//! so that whatever else the machine does hits both alike.

pub(crate) mod bare;
pub(crate) mod upstream;

use auth::opaque::{OpaqueToken, secret};
use chassis::config::Secret;
use serde_json::json;

use crate::{
    children::{Process, answers, free_port, listens},
    figure::{self, Target},
    load,
};

const TURNS: usize = 21;
const REQUESTS: usize = 5_000;
const WARM_UP: usize = 3_000;
const CONNECTIONS: usize = 16;
const REQUESTS_ALONE: usize = 500;

/// Starts everything, loads both, prints the ratios.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let upstream = Upstream::start().await?;
    let bare_port = free_port()?;
    let arguments = ["bare", &bare_port.to_string(), &upstream.url];
    let bare = Process::start("bench", &arguments, &[])?;
    let mut bare = Contestant::of(bare, bare_port).await?;
    let mut edge = Contestant::start(&upstream, &[]).await?;
    for _ in 0..TURNS {
        bare.turn().await?;
        edge.turn().await?;
    }
    figure::print_paired(
        "edge-cpu-per-request",
        edge.costs(),
        bare.costs(),
        "us",
        Target::AtMost(1.15),
    );
    for _ in 0..TURNS {
        bare.turn_alone().await?;
        edge.turn_alone().await?;
    }
    figure::print_paired(
        "edge-p50-one-connection",
        &edge.medians,
        &bare.medians,
        "us",
        Target::AtMost(1.10),
    );
    Ok(())
}

/// The upstream of all contestants, and the key that it trusts an edge by.
pub(crate) struct Upstream {
    url: String,
    signing_key: Secret,
    _process: Process,
}

impl Upstream {
    /// Starts it, and waits until it listens.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let port = free_port()?;
        let (signing_key, public) = auth::generate("bench")?;
        let process = Process::start("bench", &["upstream", &port.to_string(), &public], &[])?;
        listens(port).await?;
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            signing_key,
            _process: process,
        })
    }
}

/// A process that answers the route, and what its requests took turn by turn.
pub(crate) struct Contestant {
    process: Process,
    url: String,
    costs: Vec<f64>,
    medians: Vec<f64>,
}

impl Contestant {
    /// An edge with settings of its own.
    pub(crate) async fn start(
        upstream: &Upstream,
        settings: &[(&'static str, String)],
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        Self::of(start_edge(port, upstream, settings)?, port).await
    }

    async fn of(process: Process, port: u16) -> anyhow::Result<Self> {
        answers(&format!("http://127.0.0.1:{port}/readyz")).await?;
        let url = format!("http://127.0.0.1:{port}/api/chat/list");
        send(&url, WARM_UP, CONNECTIONS).await?;
        Ok(Self {
            process,
            url,
            costs: Vec::new(),
            medians: Vec::new(),
        })
    }

    /// Many requests at a time, for the CPU they take.
    pub(crate) async fn turn(&mut self) -> anyhow::Result<()> {
        let before = self.process.cpu_seconds()?;
        send(&self.url, REQUESTS, CONNECTIONS).await?;
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let requests = REQUESTS as f64;
        let spent = self.process.cpu_seconds()? - before;
        self.costs.push(spent * 1e6 / requests);
        Ok(())
    }

    /// CPU microseconds of a request, turn by turn.
    pub(crate) fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// One request at a time, for how long they take.
    async fn turn_alone(&mut self) -> anyhow::Result<()> {
        let outcome = send(&self.url, REQUESTS_ALONE, 1).await?;
        self.medians.push(outcome.median.as_secs_f64() * 1e6);
        Ok(())
    }
}

/// An edge on `port` all of whose services are at `upstream`, with `more` settings.
fn start_edge(
    port: u16,
    upstream: &Upstream,
    more: &[(&'static str, String)],
) -> anyhow::Result<Process> {
    let mut environment = vec![
        ("ATENCION_PROCESS__HTTP_LISTEN", format!("127.0.0.1:{port}")),
        (
            "ATENCION_CONTEXT__SIGNING_KEY",
            upstream.signing_key.expose().to_owned(),
        ),
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
        environment.push((service, upstream.url.clone()));
    }
    environment.extend_from_slice(more);
    Process::start("edge", &["serve"], &environment)
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
