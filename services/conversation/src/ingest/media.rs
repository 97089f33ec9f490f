//! The file of a message of a guest, which arrives after the message.

use auth::{ChannelId, CompanyId, MessageId};
use proto::conversation::v1::AttachMediaRequest;

use crate::{
    error::Error,
    events as announce,
    messages::{self, storable},
    wiring::Wiring,
};

/// The longest name of a file, in bytes.
const LONGEST_NAME: usize = 191;

/// A file that has arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    company: CompanyId,
    channel: ChannelId,
    external_key: String,
    filename: String,
}

/// Reads what the connector tells.
pub(super) fn decode(request: &AttachMediaRequest) -> Result<Arrived, Error> {
    let filename = storable(&request.media_filename);
    if filename.is_empty() || filename.len() > LONGEST_NAME {
        let description = format!("the name of a file has 1 to {LONGEST_NAME} bytes");
        return Err(Error::field("media_filename", "INVALID", description));
    }
    Ok(Arrived {
        company: CompanyId(request.company_id),
        channel: ChannelId(request.channel_id),
        external_key: storable(&request.external_key),
        filename,
    })
}

/// Gives the message its file and announces that, unless it has one.
pub(super) async fn attach(wiring: &Wiring, arrived: &Arrived) -> Result<MessageId, Error> {
    let mut tx = wiring.begin().await?;
    let message = messages::inbound_of_event(
        &mut tx,
        arrived.company,
        arrived.channel,
        &arrived.external_key,
    )
    .await?
    .ok_or(Error::MessageUnknown)?;
    if messages::set_media(&mut tx, message.id, &arrived.filename).await? {
        let now = wiring.clock.now();
        announce::media_attached(&mut tx, &wiring.outbox, now, &message, &arrived.filename).await?;
    }
    tx.commit().await?;
    Ok(message.id)
}
