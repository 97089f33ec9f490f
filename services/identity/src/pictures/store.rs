//! SQL on `identity.picture_object`, `user_picture` and `staged_picture`.

use auth::{CompanyId, UserId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Picture, Stored};

/// Notes an object that is about to be written; one that somebody has stays as it
/// is. It waits while the sweep removes an object of that name.
pub async fn announce(db: &PgPool, key: &str, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.picture_object AS object (object_key, unused_since)
         VALUES ($1, $2)
         ON CONFLICT (object_key) DO UPDATE SET unused_since =
             CASE WHEN object.unused_since IS NOT NULL THEN excluded.unused_since END",
        key,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that somebody has an object.
pub async fn take(db: &mut PgConnection, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.picture_object SET unused_since = NULL WHERE object_key = $1",
        key
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that nobody has an object any more.
pub async fn let_go(
    db: &mut PgConnection,
    key: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.picture_object SET unused_since = $2 WHERE object_key = $1",
        key,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The picture of a user and the name of its object.
pub async fn find(
    db: &mut PgConnection,
    user: UserId,
) -> Result<Option<(String, Picture)>, sqlx::Error> {
    let row = sqlx::query!(
        "SELECT object_key, mime, size, sha256, updated_at
         FROM identity.user_picture WHERE user_id = $1",
        user.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let picture = Picture {
            mime: row.mime,
            size: row.size,
            sha256: row.sha256,
            updated_at: row.updated_at,
        };
        (row.object_key, picture)
    }))
}

/// Gives a user who has none a picture.
pub async fn insert(
    db: &mut PgConnection,
    user: UserId,
    key: &str,
    picture: &Picture,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.user_picture (user_id, object_key, mime, size, sha256, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        user.0,
        key,
        picture.mime,
        picture.size,
        picture.sha256,
        picture.updated_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a user's picture away; answers the name of its object.
pub async fn remove(db: &mut PgConnection, user: UserId) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "DELETE FROM identity.user_picture WHERE user_id = $1 RETURNING object_key",
        user.0
    )
    .fetch_optional(db)
    .await
}

/// Keeps a picture for a user to come.
pub async fn insert_staged(
    db: &mut PgConnection,
    id: Uuid,
    company: CompanyId,
    stored: &Stored,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.staged_picture
             (staged_picture_id, company_id, object_key, mime, size, sha256, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        company.0,
        stored.key,
        stored.picture.mime,
        stored.picture.size,
        stored.picture.sha256,
        stored.picture.updated_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The digest of a picture that was staged.
pub async fn digest_of_staged(
    db: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT sha256 FROM identity.staged_picture WHERE staged_picture_id = $1",
        id
    )
    .fetch_optional(db)
    .await
}

/// Takes a picture that was staged for a company and not before a time.
pub async fn take_staged(
    db: &mut PgConnection,
    id: Uuid,
    company: CompanyId,
    not_before: OffsetDateTime,
) -> Result<Option<(String, Picture)>, sqlx::Error> {
    let row = sqlx::query!(
        "DELETE FROM identity.staged_picture
         WHERE staged_picture_id = $1 AND company_id = $2 AND created_at >= $3
         RETURNING object_key, mime, size, sha256, created_at",
        id,
        company.0,
        not_before
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let picture = Picture {
            mime: row.mime,
            size: row.size,
            sha256: row.sha256,
            updated_at: row.created_at,
        };
        (row.object_key, picture)
    }))
}

/// Forgets pictures that were staged before a time, and lets their objects go.
pub async fn forget_staged(
    db: &PgPool,
    before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH forgotten AS (
             DELETE FROM identity.staged_picture WHERE created_at < $1 RETURNING object_key
         )
         UPDATE identity.picture_object SET unused_since = $2
         WHERE object_key IN (SELECT object_key FROM forgotten)",
        before,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Some objects that nobody has had since before a time, locked until the commit.
pub async fn lock_unused(
    db: &mut PgConnection,
    before: OffsetDateTime,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT object_key FROM identity.picture_object
         WHERE unused_since < $1 ORDER BY unused_since LIMIT 20
         FOR UPDATE SKIP LOCKED",
        before
    )
    .fetch_all(db)
    .await
}

/// Forgets an object that was removed.
pub async fn forget(db: &mut PgConnection, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM identity.picture_object WHERE object_key = $1",
        key
    )
    .execute(db)
    .await?;
    Ok(())
}
