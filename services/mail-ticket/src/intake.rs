//! Taking mails in: stored first, then made a ticket or added to one.
//!
//! A mail that was stored is processed even if this process dies: whoever handed
//! it in hears the result by handing it in again, and a worker takes up what
//! nobody waits for.

mod identity;
mod process;
pub(crate) mod rpc;
mod store;
pub(crate) mod worker;

use std::{collections::BTreeMap, sync::Arc};

use auth::{Caller, TenantScope};
use chassis::{Clock, FieldViolation, crash};
use idempotency::{Asked, Claim, Keys, Slot};
use prost::Message as _;
use proto::mail::v1::{SaveMailRequest, SaveMailResponse};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::{
    config::System,
    error::Error,
    mail::{Content, Mail},
    mailboxes,
    notices::Told,
};

/// How long a worker leaves a mail to whoever handed it in.
const GRACE: time::Duration = time::Duration::seconds(15);

/// What became of a mail; stored with it, and answered ever after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// 0 when there is none, as everywhere here.
    pub(crate) ticket: i64,
    pub(crate) detail: i64,
    pub(crate) department: i64,
    pub(crate) user: i64,
    pub(crate) told: Told,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It made a ticket.
    Created,
    /// It was added to one.
    Appended,
    /// It is automatic and belongs to no ticket, or is one of ours.
    Ignored,
}

impl Answer {
    fn ignored() -> Self {
        Self {
            outcome: Outcome::Ignored,
            ticket: 0,
            detail: 0,
            department: 0,
            user: 0,
            told: Told::default(),
        }
    }
}

/// What a mail found.
enum Kept {
    /// Its request was answered before.
    Answered(SaveMailResponse),
    /// It is stored, and the key it came with is taken.
    Stored(store::Stored, Slot),
}

/// Takes mails in. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) systems: Arc<BTreeMap<String, System>>,
    pub(crate) keys: Keys,
}

impl Intake {
    /// Stores a mail and says what became of it, and whether that is the answer of
    /// an earlier call.
    async fn save(
        &self,
        caller: &Caller,
        mut request: SaveMailRequest,
    ) -> Result<SaveMailResponse, Error> {
        let key = std::mem::take(&mut request.idempotency_key);
        let keyed = Asked::new(caller, "SaveMail", &key, &request)?;
        let raw = request.encode_to_vec();
        let mail = Mail::read(request)?;
        let scope = caller.scope();
        let (company, mailbox) = self.destination(caller, scope, &mail).await?;
        let new = store::NewInbound {
            company,
            mailbox,
            identity: identity::of(&mail),
            raw: &raw,
            received_at: self.clock.now(),
            mail: &mail,
        };
        let (stored, slot) = match self.store(&new, keyed).await? {
            Kept::Answered(answer) => return Ok(answer),
            Kept::Stored(stored, slot) => (stored, slot),
        };
        let (answer, repeated) = if let Some(answer) = stored.answer {
            (answer, true)
        } else {
            crash::point("mail.stored");
            self.finish(stored.id, mail).await?
        };
        let answer = rpc::encode(answer, repeated);
        let mut db = self.pool.acquire().await?;
        self.keys.settle(&mut db, &slot, &answer).await?;
        Ok(answer)
    }

    /// The company and the mailbox it came to: of the addresses it was sent to, the
    /// first one that is an active mailbox within reach; without one, the company
    /// of whoever hands it in.
    async fn destination(
        &self,
        caller: &Caller,
        scope: TenantScope,
        mail: &Mail,
    ) -> Result<(i64, Option<i64>), Error> {
        let mut addresses = Vec::new();
        for recipient in mail.recipients() {
            addresses.push(recipient.email.clone());
            addresses.extend(recipient.untagged().map(|(base, _)| base));
        }
        if let Some(found) = mailboxes::receiving(&self.pool, scope, &addresses).await? {
            return Ok((found.company, Some(found.id)));
        }
        let system = self.systems.get(&mail.system).map(|system| system.company);
        let system = system.filter(|company| scope.contains(auth::CompanyId(*company)));
        let home = caller.home_company();
        let home = home.filter(|company| scope.contains(*company));
        let company = system.or(home.map(|company| company.0));
        let company = company.ok_or_else(|| {
            Error::Invalid(FieldViolation {
                field: "to",
                reason: "NOT_REGISTERED",
                description: "is no mailbox, and the caller has no company".to_owned(),
            })
        })?;
        Ok((company, None))
    }

    /// Stores a mail together with the key it came with, unless it is there already.
    async fn store(
        &self,
        new: &store::NewInbound<'_>,
        keyed: Option<Asked>,
    ) -> Result<Kept, Error> {
        let mut transaction = self.pool.begin().await?;
        let claim = self.keys.claim(&mut transaction, new.received_at, keyed);
        let slot = match claim.await? {
            Claim::Answered(answer) => return Ok(Kept::Answered(answer)),
            Claim::Taken(slot) => slot,
        };
        let stored = match store::find(&mut transaction, new).await? {
            Some(stored) => stored,
            None => store::insert(&mut transaction, new, new.received_at + GRACE).await?,
        };
        transaction.commit().await?;
        Ok(Kept::Stored(stored, slot))
    }

    /// Makes the best of a stored mail, once: a twin waits and answers the same.
    /// Says whether somebody else was faster.
    async fn finish(&self, inbound: i64, mail: Mail) -> Result<(Answer, bool), Error> {
        let (mail, content) = prepare(mail).await?;
        let mut transaction = self.pool.begin().await?;
        let locked = store::lock(&mut transaction, inbound).await?;
        if let Some(answer) = locked.answer {
            return Ok((answer, true));
        }
        let work = process::Work {
            now: self.clock.now(),
            systems: &self.systems,
            inbound: &locked,
            mail: &mail,
            content: &content,
        };
        let answer = work.run(&mut transaction).await?;
        store::finish(&mut transaction, inbound, &answer).await?;
        transaction.commit().await?;
        crash::point("mail.ticketed");
        Ok((answer, false))
    }
}

/// Does the slow part of reading a mail where it holds up nobody.
async fn prepare(mail: Mail) -> Result<(Mail, Content), Error> {
    let reading = tokio::task::spawn_blocking(move || {
        let content = mail.content();
        (mail, content)
    });
    reading.await.map_err(|_| Error::Unreadable)
}
