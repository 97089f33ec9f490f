//! Replicas: each holds a lease as long as it lives, and clears up after those
//! whose lease is over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chassis::Stop;
use sqlx::PgPool;

use crate::{
    hub::{Close, Hub},
    presence::{Presence, store},
};

/// This replica among the others.
pub struct Nodes {
    pool: PgPool,
    presence: Presence,
    hub: Arc<Hub>,
    lease: Duration,
    current: AtomicI64,
}

impl Nodes {
    /// Registers this replica, whose lease is `lease` unless renewed.
    pub async fn register(
        pool: PgPool,
        presence: Presence,
        hub: Arc<Hub>,
        lease: Duration,
    ) -> Result<Self, sqlx::Error> {
        let id = store::register_node(&pool, lease).await?;
        Ok(Self {
            pool,
            presence,
            hub,
            lease,
            current: AtomicI64::new(id),
        })
    }

    /// The id of this replica at the moment.
    pub fn current(&self) -> i64 {
        self.current.load(Ordering::Acquire)
    }

    /// Renews the lease until the stop, then leaves what members there are to the
    /// other replicas, for whom they count for `farewell` longer: a client that
    /// comes back to one of them has never been away.
    pub async fn run(&self, farewell: Duration, stop: Stop) -> anyhow::Result<()> {
        // After an outage of the database every lease looks expired. Whoever has
        // just come back gives the others the time to renew theirs.
        let mut steady = false;
        loop {
            match self.keep_alive(steady).await {
                Ok(()) => steady = true,
                Err(error) => {
                    tracing::warn!(%error, "the lease of this replica waits");
                    steady = false;
                }
            }
            if stop.within(self.lease / 3).await {
                break;
            }
        }
        if let Err(error) = store::renew_node(&self.pool, self.current(), farewell).await {
            tracing::warn!(%error, "members stay present until the lease is over");
        }
        Ok(())
    }

    async fn keep_alive(&self, clear_up: bool) -> Result<(), sqlx::Error> {
        let current = self.current();
        if !store::renew_node(&self.pool, current, self.lease).await? {
            tracing::warn!(
                node = current,
                "this replica was held for dead and begins anew"
            );
            let id = store::register_node(&self.pool, self.lease).await?;
            self.current.store(id, Ordering::Release);
            self.hub.close_node(current, Close::DRAIN);
        }
        if clear_up {
            for node in store::bury_nodes(&self.pool).await? {
                tracing::info!(node, "clearing up after a replica");
                self.presence.clear_node(node).await?;
                store::forget_node(&self.pool, node).await?;
            }
        }
        Ok(())
    }
}
