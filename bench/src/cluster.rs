//! A PostgreSQL of the benchmark's own.

use postgres::private::{Options, PrivateCluster};

/// Starts it, measures on it, stops it and removes its data. What measures how long
/// something takes to be safe wants it `durable`.
pub(crate) async fn with(
    durable: bool,
    measure: impl AsyncFnOnce(&PrivateCluster) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("atencion-bench-{}", std::process::id()));
    let cluster = PrivateCluster::start(Options::new(&folder).durable(durable)).await?;
    let measured = measure(&cluster).await;
    cluster.stop().await?;
    // Best effort: the folder is in the place for temporary things.
    let _ = std::fs::remove_dir_all(&folder);
    measured
}
