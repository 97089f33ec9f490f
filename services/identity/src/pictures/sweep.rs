//! Removing the objects of pictures that nobody shows any more.

use std::time::Duration;

use chassis::Stop;

use super::{Pictures, STAGED, store};
use crate::error::Error;

/// How long an object stays after it was let go: longer than any call that may
/// still read or write it.
const GRACE: time::Duration = time::Duration::minutes(10);

/// Removes what nobody has had for a while, again and again until the stop.
pub async fn sweep(pictures: Pictures, every: Duration, stop: Stop) -> anyhow::Result<()> {
    loop {
        match once(&pictures).await {
            // There may be more.
            Ok(removed) if removed > 0 && !stop.is_requested() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "unused pictures were not removed"),
        }
        if stop.within(every).await {
            return Ok(());
        }
    }
}

/// Removes some objects; answers how many. The rows stay locked meanwhile, so that
/// nobody writes an object of the same name.
async fn once(pictures: &Pictures) -> Result<usize, Error> {
    let now = pictures.clock.now();
    store::forget_staged(&pictures.pool, now - STAGED, now).await?;
    let mut transaction = pictures.pool.begin().await?;
    let unused = store::lock_unused(&mut transaction, now - GRACE).await?;
    let mut removed = 0;
    for key in &unused {
        if let Err(error) = pictures.objects.remove(key).await {
            tracing::warn!(%error, "an unused picture was not removed");
            // It shall not keep the others from their turn.
            store::let_go(&mut transaction, key, now).await?;
            break;
        }
        store::forget(&mut transaction, key).await?;
        removed += 1;
    }
    transaction.commit().await?;
    Ok(removed)
}
