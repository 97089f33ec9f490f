//! SQL on `mail.synology_bot`.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::Bot;

/// Adds an active bot that is not answered, unless its token is known.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    name: &str,
    token_digest: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.synology_bot (name, token_digest, created_at)
         VALUES ($1, $2, $3) ON CONFLICT (token_digest) DO NOTHING",
        name,
        token_digest,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The active bots, each with the digest of its token.
pub(super) async fn active(db: &PgPool) -> Result<Vec<(Vec<u8>, Bot)>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT bot_id, token_digest, chat_base_url, chatbot_token_sealed
         FROM mail.synology_bot WHERE active"
    )
    .fetch_all(db)
    .await?;
    let bots = rows.into_iter().map(|row| {
        let bot = Bot {
            id: row.bot_id,
            answers: row.chat_base_url.zip(row.chatbot_token_sealed),
        };
        (row.token_digest, bot)
    });
    Ok(bots.collect())
}

/// Notes where the answers of a bot go.
pub(super) async fn put_answers(
    db: &mut PgConnection,
    bot: i64,
    base_url: &str,
    token_sealed: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE mail.synology_bot SET chat_base_url = $2, chatbot_token_sealed = $3
         WHERE bot_id = $1",
        bot,
        base_url,
        token_sealed
    )
    .execute(db)
    .await?;
    Ok(())
}
