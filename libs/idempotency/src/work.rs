//! Work that is done once: its transaction holds the key, the effect and the answer.

use prost::Message;
use sqlx::{PgConnection, PgPool, PgTransaction};
use time::OffsetDateTime;

use crate::{Asked, Claim, Error, Keys, Slot};

/// What a request found under its key.
pub enum Begun<A> {
    /// It was answered before, with this.
    Answered(A),
    /// Nobody has done it, and nobody else will while this stands.
    Work(Work),
}

/// An open transaction that holds the key of a request. Dropping it undoes
/// everything and leaves the key free.
pub struct Work {
    transaction: PgTransaction<'static>,
    slot: Slot,
    keys: Keys,
}

impl Keys {
    /// Opens the transaction of a request, or finds its answer.
    pub async fn begin<A: Message + Default>(
        &self,
        pool: &PgPool,
        now: OffsetDateTime,
        asked: Option<Asked>,
    ) -> Result<Begun<A>, Error> {
        let mut transaction = pool.begin().await?;
        Ok(match self.claim(&mut transaction, now, asked).await? {
            Claim::Answered(answer) => Begun::Answered(answer),
            Claim::Taken(slot) => Begun::Work(Work {
                transaction,
                slot,
                keys: self.clone(),
            }),
        })
    }
}

impl Work {
    /// The connection on which the effect has to happen.
    pub fn db(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Commits the effect together with its answer.
    pub async fn commit(mut self, answer: &impl Message) -> Result<(), Error> {
        self.keys
            .settle(&mut self.transaction, &self.slot, answer)
            .await?;
        Ok(self.transaction.commit().await?)
    }
}
