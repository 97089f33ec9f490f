//! Ends in the background what a crash, or an identity that did not answer, left
//! half-way: companies without an administrator, and deleted ones whose users
//! still have tokens.

use std::time::Duration;

use auth::{Caller, CompanyId};
use chassis::Stop;

use super::{Companies, creation::Attempt, store};
use crate::{
    NAME,
    error::Error,
    security_events::{self, Kind, SecurityEvent},
};

/// How long a creation may stand still before it is finished or removed: far
/// longer than identity may work on a call that nobody waits for any more.
const PATIENCE: time::Duration = time::Duration::minutes(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// A company that is neither here nor gone.
pub(super) enum Unfinished {
    Creation(Attempt),
    Deletion(CompanyId),
}

/// Looks for such companies until the stop.
pub async fn finish(companies: Companies, stop: Stop) -> anyhow::Result<()> {
    loop {
        if let Err(error) = companies.finish_all().await {
            tracing::warn!(%error, "unfinished companies cannot be looked for");
        }
        if stop.within(PAUSE).await {
            return Ok(());
        }
    }
}

impl Companies {
    async fn finish_all(&self) -> Result<(), Error> {
        let before = self.clock.now() - PATIENCE;
        for unfinished in store::unfinished(&self.pool, before).await? {
            if let Err(error) = self.finish_one(unfinished).await {
                tracing::warn!(%error, "a company stays unfinished for now");
            }
        }
        Ok(())
    }

    async fn finish_one(&self, unfinished: Unfinished) -> Result<(), Error> {
        let caller = Caller::service(NAME);
        match unfinished {
            Unfinished::Deletion(id) => self.revoke(&caller, id).await,
            Unfinished::Creation(attempt) => {
                match self.identity.created_under(attempt.uuid).await? {
                    Some(_) => self.activate(&caller, attempt).await,
                    None => self.abandon(&caller, attempt, None).await,
                }
            }
        }
    }

    /// Has the tokens of a deleted company voided, and notes that they are.
    pub(super) async fn revoke(&self, caller: &Caller, id: CompanyId) -> Result<(), Error> {
        self.identity.revoke_company(id).await?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if store::mark_revoked(&mut transaction, now, id).await? {
            let event = SecurityEvent::of_company(Kind::CompanyRevoked, id);
            security_events::record(&mut transaction, now, caller, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
