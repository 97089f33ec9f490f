//! SQL on `identity.internal_user` and `identity.internal_department`.

use sqlx::PgConnection;

use super::{Filter, InternalUser, NewInternalUser};

/// The most rows of one answer.
const CAP: i64 = 10_000;

/// The users that pass every filter, in order of id.
pub async fn find(
    db: &mut PgConnection,
    filter: &Filter,
) -> Result<Vec<InternalUser>, sqlx::Error> {
    sqlx::query_as!(
        InternalUser,
        "SELECT internal_user_id AS id, login, name, id_card, user_type, status, accesses,
                username, email, extension, ticket_access, department_id, role_id, role,
                manager, mobile, last_access_at, ip_address, systems, synology_id
         FROM identity.internal_user
         WHERE ($1::text IS NULL OR lower(login) = lower($1))
           AND ($2::text IS NULL OR lower(email) = lower($2))
           AND ($3::bigint IS NULL OR department_id = $3)
           AND ($4::bigint IS NULL OR internal_user_id = $4)
         ORDER BY internal_user_id
         LIMIT $5",
        filter.login,
        filter.email,
        filter.department,
        filter.id,
        CAP
    )
    .fetch_all(db)
    .await
}

/// What binding has to know about a user.
pub struct Locked {
    pub id: i64,
    /// Whether it has the login, rather than the Synology id alone.
    pub named: bool,
    pub status: String,
    pub synology_id: Option<i64>,
}

/// The user with a login and the one who has a Synology id, who may be the same,
/// both locked. They are locked in the order of their ids, so that two callers
/// cannot wait for each other.
pub async fn lock_for_binding(
    db: &mut PgConnection,
    login: &str,
    synology_id: i64,
) -> Result<Vec<Locked>, sqlx::Error> {
    sqlx::query_as!(
        Locked,
        r#"SELECT internal_user_id AS id, lower(login) = lower($1) AS "named!", status,
                  synology_id
           FROM identity.internal_user
           WHERE lower(login) = lower($1) OR synology_id = $2
           ORDER BY internal_user_id
           FOR UPDATE"#,
        login,
        synology_id
    )
    .fetch_all(db)
    .await
}

/// Sets or takes away the Synology id of a user; the constraint
/// `internal_user_synology_id` judges it.
pub async fn set_synology_id(
    db: &mut PgConnection,
    id: i64,
    synology_id: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.internal_user SET synology_id = $2 WHERE internal_user_id = $1",
        id,
        synology_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a department unless it is there.
pub async fn insert_department(
    db: &mut PgConnection,
    id: i64,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.internal_department (department_id, name)
         VALUES ($1, $2)
         ON CONFLICT DO NOTHING",
        id,
        name
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a user unless the id or the login is taken, and moves the sequence past
/// all ids.
pub async fn insert_with_id(
    db: &mut PgConnection,
    user: &NewInternalUser<'_>,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO identity.internal_user
             (internal_user_id, login, name, id_card, user_type, status, username, email,
              extension, department_id, role_id, role, mobile, systems, synology_id)
         VALUES ($1, $2, $3, $4, $5, $6, $2, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT DO NOTHING",
        user.id,
        user.login,
        user.name,
        user.id_card,
        user.user_type,
        user.status,
        user.email,
        user.extension,
        user.department,
        user.role_id,
        user.role,
        user.mobile,
        user.systems,
        user.synology_id
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 1 {
        sqlx::query!(
            "SELECT setval(
                 pg_get_serial_sequence('identity.internal_user', 'internal_user_id'),
                 (SELECT max(internal_user_id) FROM identity.internal_user)
             )"
        )
        .fetch_one(db)
        .await?;
    }
    Ok(())
}
