//! How far a consumer has come, in its own schema.

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

/// The cursor of one consumer on one source.
#[derive(Clone)]
pub(crate) struct Cursor {
    consumer: &'static str,
    source: &'static str,
    create: String,
    read: String,
    advance: String,
}

impl Cursor {
    pub(crate) fn new(schema: &'static str, consumer: &'static str, source: &'static str) -> Self {
        Self {
            consumer,
            source,
            create: format!(
                "INSERT INTO {schema}.event_cursor (consumer, source, position) VALUES ($1, $2, 0) \
                 ON CONFLICT DO NOTHING"
            ),
            read: format!(
                "SELECT position FROM {schema}.event_cursor WHERE consumer = $1 AND source = $2"
            ),
            advance: format!(
                "UPDATE {schema}.event_cursor SET position = $3 \
                 WHERE consumer = $1 AND source = $2 AND position = $4"
            ),
        }
    }

    /// The last position that took effect, 0 for a new consumer.
    pub(crate) async fn read(&self, pool: &PgPool) -> Result<i64, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        sqlx::query(AssertSqlSafe(self.create.as_str()))
            .bind(self.consumer)
            .bind(self.source)
            .execute(&mut *connection)
            .await?;
        sqlx::query_scalar(AssertSqlSafe(self.read.as_str()))
            .bind(self.consumer)
            .bind(self.source)
            .fetch_one(&mut *connection)
            .await
    }

    /// Takes the row lock and moves on; false when another replica has been
    /// there. The lock makes replicas take turns until the transaction ends.
    pub(crate) async fn advance(
        &self,
        connection: &mut PgConnection,
        from: i64,
        to: i64,
    ) -> Result<bool, sqlx::Error> {
        let moved = sqlx::query(AssertSqlSafe(self.advance.as_str()))
            .bind(self.consumer)
            .bind(self.source)
            .bind(to)
            .bind(from)
            .execute(connection)
            .await?;
        Ok(moved.rows_affected() == 1)
    }
}
