//! Fetching the files of guests.
//!
//! The event that names a file also makes the job; once conversation has taken
//! the event, one replica leases the job, stores the file and only then tells
//! conversation, which shows it. A message is never held up by its file. What
//! fails is tried again after growing waits, and marked when that cannot help.

mod store;

use std::{future::Future, time::Duration};

use auth::{ChannelId, CompanyId, ServiceTokens};
use chassis::{Clock, Stop, Upstream, crash};
use futures_util::{StreamExt, stream::FuturesUnordered};
use proto::conversation::v1::{AttachMediaRequest, ingest_service_client::IngestServiceClient};
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use self::store::Job;
use super::{content, intake, naming, store as files};
use crate::{
    channels::{ChannelType, Channels, Credentials, own_scope},
    error::Result,
    outbound::jittered,
    providers::{Download, GraphApi, Missed, TelegramApi},
};

/// How often new jobs, and jobs of the dead, are looked for.
const POLL: Duration = Duration::from_millis(500);

/// How long conversation has for one call.
const CALL: Duration = Duration::from_secs(10);

/// The waits between attempts double from the first to the longest; 24 of them are about three
/// days, and Meta keeps files for seven.
const FIRST_WAIT: time::Duration = time::Duration::seconds(5);
const LONGEST_WAIT: time::Duration = time::Duration::hours(6);

/// How long a file waits for conversation to be back.
const AWAY: time::Duration = time::Duration::seconds(5);

/// After so many refusals conversation is taken to know the message no more.
const MOST_REFUSALS: i32 = 8;

/// The fetcher.
pub(crate) struct Fetcher {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) channels: Channels,
    pub(crate) graph: GraphApi,
    pub(crate) telegram: TelegramApi,
    pub(crate) conversation: Upstream,
    pub(crate) tokens: ServiceTokens,
    /// Who holds the leases of this process.
    pub(crate) name: Uuid,
    pub(crate) lease: time::Duration,
    pub(crate) lanes: usize,
    pub(crate) attempts: i32,
    /// The most bytes of a file.
    pub(crate) largest: u64,
}

impl Fetcher {
    /// Fetches until the stop; what is in hand then is left to whoever comes next.
    pub(crate) async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let mut running = FuturesUnordered::new();
        while !(stop.is_requested() && running.is_empty()) {
            let free = self.lanes.saturating_sub(running.len());
            let mut claimed = 0;
            if free > 0 && !stop.is_requested() {
                match self.claim(free).await {
                    Ok(jobs) => {
                        claimed = jobs.len();
                        running.extend(jobs.into_iter().map(|job| self.look_after(job, &stop)));
                    }
                    Err(error) => tracing::warn!(%error, "files of guests wait"),
                }
            }
            tokio::select! {
                Some(()) = running.next() => {}
                () = tokio::time::sleep(POLL), if claimed < free => {}
                () = stop.requested(), if running.is_empty() => {}
            }
        }
        Ok(())
    }

    async fn claim(&self, free: usize) -> Result<Vec<Job>> {
        let now = self.clock.now();
        let limit = i64::try_from(free).unwrap_or(1);
        store::claim(&self.pool, self.name, now, now + self.lease, limit).await
    }

    async fn look_after(&self, job: Job, stop: &Stop) {
        let noted = tokio::select! {
            noted = self.advance(&job) => noted,
            () = stop.requested() => store::release(&self.pool, &job, self.name).await,
        };
        if let Err(error) = noted {
            // The lease runs out, and the job is found as it was.
            tracing::warn!(%error, channel = job.channel_id, "a file of a guest waits");
        }
    }

    async fn advance(&self, job: &Job) -> Result<()> {
        let fetched = match &job.filename {
            Some(filename) => Ok(filename.clone()),
            None => match self.holding(job, self.fetch(job)).await? {
                Some(fetched) => fetched,
                // Somebody else has taken it over.
                None => return Ok(()),
            },
        };
        match fetched {
            Ok(filename) => self.tell(job, &filename).await,
            Err(missed) => self.put_off(job, &missed).await,
        }
    }

    /// Does work while the lease is renewed; none when the lease is lost.
    async fn holding<T>(&self, job: &Job, work: impl Future<Output = T>) -> Result<Option<T>> {
        let mut work = std::pin::pin!(work);
        let beat = self.lease.unsigned_abs() / 3;
        loop {
            tokio::select! {
                done = &mut work => return Ok(Some(done)),
                () = tokio::time::sleep(beat) => {
                    let until = self.clock.now() + self.lease;
                    if !store::renew(&self.pool, job, self.name, until).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Stores the file under a name of ours, which is answered.
    async fn fetch(&self, job: &Job) -> std::result::Result<String, Missed> {
        let channel = ChannelId(job.channel_id);
        let via = self.channels.credentials(own_scope(), channel).await?;
        let download = match self.open(&via, job).await {
            Err(Missed::Unauthorized(detail)) => return Err(self.refused(&via, detail).await),
            opened => opened?,
        };
        let company = CompanyId(job.company_id);
        let now = self.clock.now();
        let received = intake::receive(&self.pool, company, download, self.largest, now).await?;
        let look = naming::look(&job.kind, &job.name, &received.head);
        let filename = naming::unguessable(look.word, look.extension)?;
        let stored = async {
            let mut transaction = self.pool.begin().await?;
            let content = content::finish(
                &mut transaction,
                received.content,
                company,
                &received.sha256,
                received.size,
            )
            .await?;
            let file = files::NewFile {
                company,
                channel,
                idempotency_key: "",
                filename: &filename,
                mime: look.mime,
                sha256: &received.sha256,
                content,
                used: true,
            };
            files::insert(&mut transaction, &file, now).await?;
            let held = store::stored(&mut transaction, job, self.name, &filename).await?;
            if held {
                transaction.commit().await?;
            }
            Ok::<bool, crate::error::Error>(held)
        };
        if !stored.await? {
            return Err(Missed::later("the lease was lost"));
        }
        crash::point("media.stored");
        Ok(filename)
    }

    async fn open(&self, via: &Credentials, job: &Job) -> std::result::Result<Download, Missed> {
        let id = &job.provider_file_id;
        match via.channel.kind {
            ChannelType::Telegram => self.telegram.open_file(via, id, self.largest).await,
            kind if kind.is_whatsapp() => self.graph.open_file(via, id, self.largest).await,
            _ => Err(Missed::Gone(
                "nothing fetches from this type of channel".into(),
            )),
        }
    }

    /// Notes on the channel that its credentials are refused; the file waits for better ones.
    async fn refused(&self, used: &Credentials, detail: String) -> Missed {
        let channel = used.channel.id.0;
        match self.channels.needs_reauth(used, &detail).await {
            Ok(true) => tracing::error!(channel, detail, "the channel must be authorized anew"),
            Ok(false) => {}
            // The next refusal is another chance.
            Err(error) => tracing::warn!(%error, channel, "a refused token is not noted"),
        }
        Missed::later(detail)
    }

    async fn put_off(&self, job: &Job, missed: &Missed) -> Result<()> {
        let attempts = job.attempts + 1;
        let wait = match missed {
            Missed::Gone(_) | Missed::TooLarge(_) => None,
            Missed::Later { wait, .. } => Some(*wait),
            Missed::Unauthorized(_) => Some(None),
        };
        let next_at = wait
            .filter(|_| attempts < self.attempts)
            .map(|asked| self.clock.now() + next_wait(job.attempts, asked));
        tracing::warn!(
            channel = job.channel_id, event = job.ext_key, attempts, given_up = next_at.is_none(),
            %missed, "a file of a guest does not come"
        );
        let why = missed.to_string().replace('\0', "");
        store::put_off(&self.pool, job, self.name, attempts, next_at, &why).await
    }

    /// Tells conversation which file the message carries.
    async fn tell(&self, job: &Job, filename: &str) -> Result<()> {
        let now = self.clock.now();
        // Fetching has counted for itself.
        let refusals = if job.filename.is_some() {
            job.attempts
        } else {
            0
        };
        let Err(status) = self.call(job, filename).await else {
            crash::point("media.told");
            return store::done(&self.pool, job, self.name).await;
        };
        let why = format!("{:?}: {}", status.code(), status.message()).replace('\0', "");
        tracing::warn!(
            channel = job.channel_id,
            event = job.ext_key,
            why,
            "a file is not shown"
        );
        if !is_about_the_message(status.code()) {
            let next_at = Some(now + jittered(AWAY));
            return store::put_off(&self.pool, job, self.name, refusals, next_at, &why).await;
        }
        let refusals = refusals + 1;
        if refusals < MOST_REFUSALS {
            let next_at = Some(now + next_wait(refusals, None));
            return store::put_off(&self.pool, job, self.name, refusals, next_at, &why).await;
        }
        store::put_off(&self.pool, job, self.name, refusals, None, &why).await?;
        let mut connection = self.pool.acquire().await?;
        files::note_no_use(&mut connection, CompanyId(job.company_id), filename).await
    }

    async fn call(&self, job: &Job, filename: &str) -> std::result::Result<(), Status> {
        let call = self.tokens.call(CALL).await.map_err(|status| {
            // Whatever identity says, it is not about the message.
            Status::unavailable(status.message())
        })?;
        let request = AttachMediaRequest {
            company_id: job.company_id,
            channel_id: job.channel_id,
            external_key: job.ext_key.clone(),
            media_filename: filename.to_owned(),
        };
        IngestServiceClient::new(self.conversation.clone())
            .attach_media(call.request(request))
            .await
            .map(|_| ())
    }
}

/// Says whether a refusal is about the message, and not about who tells of it or when.
fn is_about_the_message(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Internal
            | Code::DataLoss
    )
}

/// 5, 10, 20 … seconds up to six hours, or what the provider asks for if that is longer.
fn next_wait(attempts: i32, asked: Option<Duration>) -> time::Duration {
    let doubled = FIRST_WAIT * (1_i32 << attempts.clamp(0, 13));
    let asked = asked.and_then(|asked| time::Duration::try_from(asked).ok());
    let wait = doubled.max(asked.unwrap_or_default());
    jittered(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        assert!(next_wait(0, None) < time::Duration::seconds(7));
        assert!(next_wait(3, None) >= time::Duration::seconds(40));
        let minute = Some(Duration::from_mins(1));
        assert!(next_wait(0, minute) >= time::Duration::MINUTE);
        for (attempts, asked) in [(i32::MAX, None), (0, Some(Duration::MAX)), (30, None)] {
            assert!(next_wait(attempts, asked) <= LONGEST_WAIT * 5 / 4);
        }
    }
}
