//! All SQL on channel.inbound_raw that the accept path needs.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::Arrival;
use crate::error::Result;

/// How a body is stored.
pub(super) struct NewRaw<'a> {
    pub(super) arrival: &'a Arrival,
    pub(super) route_key: &'a str,
    pub(super) verified: &'a [i64],
    pub(super) vouched: bool,
    pub(super) state: &'a str,
    pub(super) error: &'a str,
}

/// Stores a body durably with one statement; answers its id.
pub(super) async fn insert(pool: &PgPool, raw: NewRaw<'_>, now: OffsetDateTime) -> Result<i64> {
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &raw.arrival.body);
    Ok(sqlx::query_scalar!(
        r#"INSERT INTO channel.inbound_raw
               (source, route_key, channel_id, verified_channels, body, body_sha256, signature,
                content_type, user_agent, received_at, state, next_at, error, vouched)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $12, $13)
           RETURNING id"#,
        raw.arrival.source.name(),
        raw.route_key,
        raw.verified.first().copied(),
        raw.verified,
        &raw.arrival.body[..],
        sha256.as_ref(),
        &raw.arrival.signature[..],
        raw.arrival.content_type,
        raw.arrival.user_agent,
        now,
        raw.state,
        raw.error,
        raw.vouched,
    )
    .fetch_one(pool)
    .await?)
}
