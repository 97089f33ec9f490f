//! What the access log costs: CPU per request of the edge with rows, with rows in a
//! spool, and without any. The rows go to an upstream that acknowledges at once.
//!
//! The difference is small against the noise of a machine, so the edges take turns, and
//! each turn is compared with the one beside it.

use crate::{
    edge::{Contestant, Upstream},
    figure,
};

const TURNS: usize = 21;

/// Lets the edges take turns, prints what rows add.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("atencion-bench-spool-{}", std::process::id()));
    let upstream = Upstream::start().await?;
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
    let without = without.costs();
    figure::print_added_paired("bitacora-cpu-per-request", with.costs(), without, "us", 5.0);
    let spooled = spooled.costs();
    figure::print_added_paired(
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
