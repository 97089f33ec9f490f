//! SQL on `realtime.presence_member`, `realtime.node` and the versions of rooms.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, PgPool, postgres::types::PgInterval};

use crate::{presence::Seat, protocol::Member};

/// An app and the name of a channel.
type Room<'a> = (i64, &'a str);

/// Locks the room until the transaction ends and answers its version.
pub(super) async fn lock(db: &mut PgConnection, (app, wire): Room<'_>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "INSERT INTO realtime.channel AS c (app_id, wire_name) VALUES ($1, $2)
         ON CONFLICT (app_id, wire_name) DO UPDATE SET members_version = c.members_version
         RETURNING members_version",
        app,
        wire
    )
    .fetch_one(db)
    .await
}

pub(super) async fn next_version(
    db: &mut PgConnection,
    (app, wire): Room<'_>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "UPDATE realtime.channel SET members_version = members_version + 1
         WHERE app_id = $1 AND wire_name = $2 RETURNING members_version",
        app,
        wire
    )
    .fetch_one(db)
    .await
}

pub(super) async fn is_present(
    db: &mut PgConnection,
    (app, wire): Room<'_>,
    user: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM realtime.presence_member
               WHERE app_id = $1 AND wire_name = $2 AND user_id = $3
           ) AS "present!""#,
        app,
        wire,
        user
    )
    .fetch_one(db)
    .await
}

pub(super) async fn count_users(
    db: &mut PgConnection,
    (app, wire): Room<'_>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(DISTINCT user_id) AS "count!" FROM realtime.presence_member
           WHERE app_id = $1 AND wire_name = $2"#,
        app,
        wire
    )
    .fetch_one(db)
    .await
}

pub(super) async fn insert(
    db: &mut PgConnection,
    seat: &Seat,
    member: &Member,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO realtime.presence_member
             (app_id, wire_name, node_id, socket_id, user_id, info_json)
         VALUES ($1, $2, $3, $4, $5, $6)",
        seat.app,
        seat.wire.as_str(),
        seat.node,
        seat.socket,
        member.user_id,
        member.info_json
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Each user once, with what one socket said about the user; always the same one.
pub(super) async fn members(
    db: impl PgExecutor<'_>,
    (app, wire): Room<'_>,
) -> Result<Vec<Member>, sqlx::Error> {
    sqlx::query_as!(
        Member,
        "SELECT DISTINCT ON (user_id) user_id, info_json FROM realtime.presence_member
         WHERE app_id = $1 AND wire_name = $2
         ORDER BY user_id, node_id, socket_id",
        app,
        wire
    )
    .fetch_all(db)
    .await
}

/// Answers the user whose socket it was.
pub(super) async fn remove(db: &mut PgConnection, seat: &Seat) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "DELETE FROM realtime.presence_member
         WHERE app_id = $1 AND wire_name = $2 AND node_id = $3 AND socket_id = $4
         RETURNING user_id",
        seat.app,
        seat.wire.as_str(),
        seat.node,
        seat.socket
    )
    .fetch_all(db)
    .await
}

/// Answers the users whose sockets they were.
pub(super) async fn remove_all_of_node(
    db: &mut PgConnection,
    (app, wire): Room<'_>,
    node: i64,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "DELETE FROM realtime.presence_member
         WHERE app_id = $1 AND wire_name = $2 AND node_id = $3
         RETURNING user_id",
        app,
        wire,
        node
    )
    .fetch_all(db)
    .await
}

/// App, company and channel of the rooms in which a replica has sockets.
pub(super) async fn rooms_of_node(
    pool: &PgPool,
    node: i64,
) -> Result<Vec<(i64, i64, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT DISTINCT m.app_id, a.company_id, m.wire_name
         FROM realtime.presence_member m JOIN realtime.app a ON a.id = m.app_id
         WHERE m.node_id = $1
         ORDER BY m.app_id, m.wire_name LIMIT 1000",
        node
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.app_id, row.company_id, row.wire_name))
        .collect())
}

/// Answers the id of a new replica.
pub(super) async fn register_node(pool: &PgPool, lease: Duration) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "INSERT INTO realtime.node (lease_until) VALUES (now() + $1) RETURNING id",
        interval(lease)
    )
    .fetch_one(pool)
    .await
}

/// False when the replica is held for dead.
pub(super) async fn renew_node(
    pool: &PgPool,
    node: i64,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let renewed = sqlx::query!(
        "UPDATE realtime.node SET lease_until = now() + $2 WHERE id = $1 AND NOT dead",
        node,
        interval(lease)
    )
    .execute(pool)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Declares the replicas dead whose leases are over; answers all that are.
pub(super) async fn bury_nodes(pool: &PgPool) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "UPDATE realtime.node SET dead = true WHERE dead OR lease_until < now() RETURNING id"
    )
    .fetch_all(pool)
    .await
}

/// Forgets a dead replica that has no members left.
pub(super) async fn forget_node(pool: &PgPool, node: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM realtime.node n WHERE n.id = $1 AND n.dead
         AND NOT EXISTS (SELECT FROM realtime.presence_member m WHERE m.node_id = n.id)",
        node
    )
    .execute(pool)
    .await?;
    Ok(())
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
    }
}
