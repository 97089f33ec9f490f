//! What API clients have been handed out of the messages of a bot.

use auth::{ChannelId, ClientId};
use prost::Message;
use proto::conversation::v1::{InboundEvent, inbound_event};
use sqlx::PgPool;

use super::HandedOut;
use crate::error::{Error, Result};

/// The next messages of a bot for a client; they count as handed out when this returns.
pub(super) async fn hand_out(
    pool: &PgPool,
    client: ClientId,
    bot: ChannelId,
    limit: i64,
) -> Result<Vec<HandedOut>> {
    let mut transaction = pool.begin().await?;
    sqlx::query!(
        "INSERT INTO channel.telegram_reader (client_id, channel_id, seq) VALUES ($1, $2, 0)
         ON CONFLICT DO NOTHING",
        client.0,
        bot.0,
    )
    .execute(&mut *transaction)
    .await?;
    let from = sqlx::query_scalar!(
        "SELECT seq FROM channel.telegram_reader WHERE client_id = $1 AND channel_id = $2
         FOR UPDATE",
        client.0,
        bot.0,
    )
    .fetch_one(&mut *transaction)
    .await?;
    let rows = sqlx::query!(
        "SELECT seq, event FROM channel.inbound_event
         WHERE channel_id = $1 AND kind = 'message' AND seq > $2 ORDER BY seq LIMIT $3",
        bot.0,
        from,
        limit,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let Some(last) = rows.last().map(|row| row.seq) else {
        return Ok(Vec::new());
    };
    sqlx::query!(
        "UPDATE channel.telegram_reader SET seq = $3 WHERE client_id = $1 AND channel_id = $2",
        client.0,
        bot.0,
        last,
    )
    .execute(&mut *transaction)
    .await?;
    let handed_out = rows
        .iter()
        .map(|row| message(&row.event))
        .collect::<Result<_>>()?;
    transaction.commit().await?;
    Ok(handed_out)
}

fn message(stored: &[u8]) -> Result<HandedOut> {
    let event = InboundEvent::decode(stored)
        .map_err(|_| Error::Defect("a stored event cannot be decoded".into()))?;
    let Some(inbound_event::Event::Message(message)) = event.event else {
        return Err(Error::Defect("a stored message is none".into()));
    };
    let chat = message.identities.into_iter().next().unwrap_or_default();
    Ok(HandedOut {
        chat: chat.value,
        text: message.text,
    })
}
