//! Takes up mails that were stored and that nobody waits for any more.

use std::time::Duration;

use chassis::{ErrorCode, Failure as _, Stop};
use prost::Message as _;
use proto::mail::v1::SaveMailRequest;

use super::{Intake, store};
use crate::{error::Error, mail::Mail};

/// How often it looks.
const PAUSE: Duration = Duration::from_secs(5);

/// How many mails it takes up at a look.
const BATCH: i64 = 50;

/// How often a mail is tried before it is put aside.
const MOST_TRIES: i32 = 5;

/// When a mail that could not be processed is tried again.
const RETRY: time::Duration = time::Duration::minutes(1);

impl Intake {
    /// Works until the stop.
    pub(crate) async fn work(self, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            if let Err(error) = self.take_up(&stop).await {
                tracing::warn!(%error, "stored mails wait");
            }
            stop.within(PAUSE).await;
        }
        Ok(())
    }

    /// Processes what waits. A mail that fails does not hold up the next one.
    async fn take_up(&self, stop: &Stop) -> Result<(), Error> {
        let waiting = store::waiting(&self.pool, self.clock.now(), BATCH).await?;
        for inbound in waiting {
            if stop.is_requested() {
                break;
            }
            if let Err(error) = self.again(inbound).await {
                if error.code() == ErrorCode::Unavailable {
                    return Err(error);
                }
                tracing::error!(inbound, %error, "a stored mail cannot be processed");
                let next_at = self.clock.now() + RETRY;
                let why = error.to_string();
                store::failed(&self.pool, inbound, &why, next_at, MOST_TRIES).await?;
            }
        }
        Ok(())
    }

    async fn again(&self, inbound: i64) -> Result<(), Error> {
        let raw = store::raw(&self.pool, inbound).await?;
        let request = SaveMailRequest::decode(raw.as_slice()).map_err(|_| Error::Unreadable)?;
        self.finish(inbound, Mail::read(request)?).await?;
        Ok(())
    }
}
