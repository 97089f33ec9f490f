//! What the access log costs: CPU per request of the edge with rows, with rows in a
//! spool, and without any. The rows go to an upstream that acknowledges at once.
//!
//! The difference is small against the noise of a machine, so the edges take turns
//! and the median turn of each counts.

use crate::{
    children::{Process, answers, free_port},
    edge::{cost_of, start_edge},
    figure,
};

const TURNS: usize = 9;
const REQUESTS: usize = 4_000;

/// An edge, and what its requests cost turn by turn.
struct Contestant {
    process: Process,
    url: String,
    costs: Vec<f64>,
}

impl Contestant {
    async fn start(upstream: &str, settings: &[(&'static str, String)]) -> anyhow::Result<Self> {
        let port = free_port()?;
        let process = start_edge(port, upstream, settings)?;
        answers(&format!("http://127.0.0.1:{port}/readyz")).await?;
        Ok(Self {
            process,
            url: format!("http://127.0.0.1:{port}/api/chat/list"),
            costs: Vec::new(),
        })
    }

    async fn turn(&mut self) -> anyhow::Result<()> {
        let cost = cost_of(&self.process, &self.url, REQUESTS).await?;
        self.costs.push(cost);
        Ok(())
    }

    fn median(mut self) -> f64 {
        // The first turn warms up.
        self.costs.remove(0);
        self.costs.sort_by(f64::total_cmp);
        self.costs[self.costs.len() / 2]
    }
}

/// Lets the edges take turns, prints what rows add.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("atencion-bench-spool-{}", std::process::id()));
    let port = free_port()?;
    let upstream = format!("http://127.0.0.1:{port}");
    let _upstream = Process::start("bench", &["upstream", &port.to_string()], &[])?;
    let without = [("ATENCION_EDGE__BITACORA_ROWS", "false".to_owned())];
    let spooled = [(
        "ATENCION_EDGE__BITACORA_SPOOL",
        folder.display().to_string(),
    )];
    let mut without = Contestant::start(&upstream, &without).await?;
    let mut with = Contestant::start(&upstream, &[]).await?;
    let mut spooled = Contestant::start(&upstream, &spooled).await?;
    for _ in 0..TURNS {
        without.turn().await?;
        with.turn().await?;
        spooled.turn().await?;
    }
    let (without, with, spooled) = (without.median(), with.median(), spooled.median());
    figure::print_added("bitacora-cpu-per-request", with, without, "us", 5.0);
    figure::print_added(
        "bitacora-spool-cpu-per-request",
        spooled,
        without,
        "us",
        10.0,
    );
    // Best effort: the folder is in the place for temporary things.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}
