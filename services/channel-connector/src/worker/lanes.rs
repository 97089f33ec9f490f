//! Which lanes this process holds, so that no two replicas tell one lane at the
//! same time.

use sqlx::{Connection, PgConnection, PgPool};
use time::OffsetDateTime;

use crate::error::Result;

/// How many lanes are looked at to find some that nobody holds.
const LOOKED_AT: i64 = 512;

/// A session of the database and the lanes it has locked. They are free when it ends, also
/// when the process or its machine does.
pub(super) struct Lanes {
    session: PgConnection,
    held: Vec<String>,
}

impl Lanes {
    /// Opens a session beside the pool.
    pub(super) async fn open(pool: &PgPool) -> Result<Self> {
        let mut session = PgConnection::connect_with(&pool.connect_options()).await?;
        // Within half a minute the server notices that the machine of the session is gone.
        sqlx::raw_sql(
            "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;
             SET tcp_keepalives_count = 4",
        )
        .execute(&mut session)
        .await?;
        Ok(Self {
            session,
            held: Vec::new(),
        })
    }

    /// Takes up to `most` lanes that nobody holds and whose first event is due, the longest
    /// waiting first.
    pub(super) async fn take(&mut self, now: OffsetDateTime, most: usize) -> Result<Vec<String>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let taken = sqlx::query_scalar!(
            r#"WITH head AS MATERIALIZED (
                   SELECT lane FROM channel.inbound_event event
                   WHERE state = 'new' AND (attempts = 0 OR next_at <= $1)
                     AND lane <> ALL($2)
                     AND NOT EXISTS (
                         SELECT FROM channel.inbound_event earlier
                         WHERE earlier.lane = event.lane AND earlier.state = 'new'
                           AND earlier.seq < event.seq)
                   ORDER BY seq LIMIT $3)
               SELECT lane FROM head
               WHERE pg_try_advisory_lock(hashtextextended('channel.lane ' || lane, 0))
               LIMIT $4"#,
            now,
            &self.held,
            LOOKED_AT,
            i64::try_from(most).unwrap_or(1),
        )
        .fetch_all(&mut self.session)
        .await?;
        self.held.extend(taken.iter().cloned());
        Ok(taken)
    }

    /// Lets others have a lane.
    pub(super) async fn release(&mut self, lane: &str) -> Result<()> {
        sqlx::query!(
            "SELECT pg_advisory_unlock(hashtextextended('channel.lane ' || $1, 0))",
            lane,
        )
        .fetch_one(&mut self.session)
        .await?;
        self.held.retain(|held| held != lane);
        Ok(())
    }
}
