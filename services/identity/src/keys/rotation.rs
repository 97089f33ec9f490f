//! Replacing the signing key in time. The next one is published long before its
//! first use, so that every cache has it by then; the old one stays until its last
//! token has expired.

use std::{sync::Arc, time::Duration};

use auth::Caller;
use chassis::Stop;

use super::{KeyRing, MAX_AGE, generate, store};
use crate::{
    error::Error,
    security_events::{self, Kind, SecurityEvent},
};

/// How often a replica looks at the keys. One that was not told of the new key
/// signs with the old one for so long.
const EVERY: Duration = Duration::from_secs(30);

/// How long the next key is published before it is used, at least.
const AHEAD: Duration = Duration::from_hours(1);

/// How long a key is kept beyond the longest session: for replicas that were late
/// to stop using it.
const SLACK: Duration = Duration::from_mins(10);

/// How long signing with a key may go on, and how long its tokens last.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// From the first use to the first use of the next one; none is for ever.
    pub every: Option<time::Duration>,
    /// Of the longest session.
    pub longest: time::Duration,
}

/// Keeps the keys of `ring` up to date and replaces them by the schedule, until
/// the stop. Replicas that do so at the same time wait for one another.
pub async fn rotate(ring: Arc<KeyRing>, schedule: Schedule, stop: Stop) -> anyhow::Result<()> {
    loop {
        let done = match advance(&ring, schedule).await {
            Ok(()) => ring.refresh().await,
            error => error,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the signing keys were not looked after");
        }
        if stop.within(EVERY).await {
            return Ok(());
        }
    }
}

/// Publishes the next key, or begins to use it, when it is time.
async fn advance(ring: &KeyRing, schedule: Schedule) -> Result<(), Error> {
    let Some(every) = schedule.every else {
        return Ok(());
    };
    let now = ring.clock.now();
    let mut transaction = ring.pool.begin().await?;
    // Replicas queue here; whoever comes second sees what the first has done.
    let Some(active) = store::lock_active(&mut transaction, &ring.issuer).await? else {
        return Ok(());
    };
    match store::next(&mut transaction, &ring.issuer).await? {
        None if now >= active.not_before + every - AHEAD => {
            let first_use = (active.not_before + every).max(now + 2 * MAX_AGE);
            let key = generate(&ring.issuer, &ring.sealer, first_use)?;
            store::insert_next(&mut transaction, &key).await?;
            let by = Caller::service(crate::NAME);
            let event = SecurityEvent::of(Kind::SigningKeyMade).with(
                serde_json::json!({"kid": key.kid, "not_before": first_use.unix_timestamp()}),
            );
            security_events::record(&mut transaction, now, &by, event).await?;
        }
        Some(next) if now >= next.not_before => {
            let last = now + schedule.longest + SLACK;
            store::replace(&mut transaction, &active.kid, last, &next.kid).await?;
        }
        _ => return Ok(()),
    }
    transaction.commit().await?;
    Ok(())
}
