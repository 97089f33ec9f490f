//! Delivers rows to tenancy-admin, in batches that are acknowledged.
//!
//! What is not acknowledged is sent again; tenancy-admin knows what it has. Every
//! stream is short, so that it holds up nobody's stop and its token stays fresh.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chassis::Upstream;
use futures_util::stream;
use proto::tenancy::v1::{
    AccessRecord, AppendRequest, bitacora_service_client::BitacoraServiceClient,
};
use tokio::time::{Instant, timeout};
use tonic::Status;

use super::{
    BATCH, Shared,
    record::{Record, timestamp},
    spool::{Chunk, Reader, Spool},
};
use crate::{bitacora::Bitacora, tokens::Tokens};

/// The most batches of one stream.
const BATCHES: usize = 16;

/// How long rows wait for company.
const LINGER: Duration = Duration::from_millis(200);

/// How long a stream may take.
const STREAM_TIMEOUT: Duration = Duration::from_secs(10);

/// How long it waits after a failure; longer after each, up to the second one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How long delivery goes on when no more rows come.
const FLUSH: Duration = Duration::from_secs(10);

/// How often claims that are no ids are told of at most.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// The deliverer.
pub struct Writer {
    shared: Arc<Shared>,
    tokens: Arc<Tokens>,
    tenancy: Upstream,
    ids: Bitacora,
    /// Reads what is spooled.
    reader: Option<Reader>,
    /// Taken out of the ring and not acknowledged.
    held: VecDeque<Record>,
    /// Says how many rows were lost.
    confession: Option<AccessRecord>,
    told_at: Option<Instant>,
}

/// Where the batches of a stream came from.
enum Source {
    /// The spool: what was read of it.
    Spool(Vec<Chunk>),
    /// The ring: what is held.
    Ring,
}

impl Writer {
    /// Delivers what `shared` collects, and first what `reader` finds.
    pub fn new(
        shared: Arc<Shared>,
        reader: Option<Reader>,
        tokens: Arc<Tokens>,
        tenancy: Upstream,
        ids: Bitacora,
    ) -> Self {
        Self {
            shared,
            tokens,
            tenancy,
            ids,
            reader,
            held: VecDeque::new(),
            confession: None,
            told_at: None,
        }
    }

    /// Delivers until no more rows come and all are acknowledged, or there is no
    /// more time.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let shared = Arc::clone(&self.shared);
        let out_of_time = async {
            shared.closed.requested().await;
            tokio::time::sleep(FLUSH).await;
        };
        tokio::select! {
            () = self.deliver() => {
                if let Some(spool) = &shared.spool {
                    spool.clear();
                }
            }
            () = out_of_time => self.give_up(),
        }
        Ok(())
    }

    async fn deliver(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut backlog = self.reader.is_some();
        let mut pause = PAUSES.0;
        loop {
            if !backlog {
                self.gather().await;
            }
            let closed = shared.closed.is_requested();
            self.tell_of_odd_claims();
            match self.send_some().await {
                Ok(0) if closed => return,
                Ok(sent) => {
                    self.set_flowing(true);
                    // With a spool, what is in the ring is there for want of room.
                    let stranded = shared.spool.is_some() && !shared.ring().is_empty();
                    backlog = sent >= BATCH || stranded;
                    pause = PAUSES.0;
                }
                Err(status) => {
                    if self.set_flowing(false) || pause == PAUSES.0 {
                        let (code, reason) = (status.code(), status.message());
                        tracing::warn!(?code, reason, "the access log waits");
                    }
                    self.rest(pause, closed).await;
                    backlog = true;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// Waits for a batch, or for some rows and a little longer.
    async fn gather(&self) {
        let shared = &self.shared;
        let fresh = || shared.fresh.load(Ordering::SeqCst);
        let closed = || shared.closed.is_requested();
        while fresh() == 0 && !closed() {
            tokio::select! {
                () = shared.wake.notified() => {}
                () = shared.closed.requested() => {}
            }
        }
        let enough = Instant::now() + LINGER;
        while fresh() < BATCH && !closed() {
            tokio::select! {
                () = shared.wake.notified() => {}
                () = shared.closed.requested() => {}
                () = tokio::time::sleep_until(enough) => return,
            }
        }
    }

    async fn rest(&self, pause: Duration, closed: bool) {
        if closed {
            tokio::time::sleep(pause).await;
        } else {
            self.shared.closed.within(pause).await;
        }
    }

    /// Sends what there is, within the bounds of one stream, the spool first;
    /// answers how many rows were acknowledged.
    async fn send_some(&mut self) -> Result<usize, Status> {
        self.shared.fresh.store(0, Ordering::SeqCst);
        let (source, batches) = self.collect().await?;
        if batches.is_empty() {
            return Ok(0);
        }
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        let (acknowledged, outcome) = self.send(batches).await;
        match source {
            Source::Spool(chunks) => self.release_spooled(&chunks, acknowledged),
            Source::Ring => self.release_held(&sizes, acknowledged),
        }
        outcome.map(|()| sizes.iter().sum())
    }

    async fn collect(&mut self) -> Result<(Source, Vec<Vec<AccessRecord>>), Status> {
        let mut chunks = match self.read_spool().await {
            Err(status) if !self.held.is_empty() || !self.shared.ring().is_empty() => {
                tracing::warn!(reason = status.message(), "only the ring is delivered");
                Vec::new()
            }
            read => read?,
        };
        if !chunks.is_empty() {
            let batches = chunks
                .iter_mut()
                .map(|chunk| mem::take(&mut chunk.records))
                .collect();
            return Ok((Source::Spool(chunks), batches));
        }
        self.confess().await;
        self.hold();
        let held = self.held.make_contiguous().chunks(BATCH);
        let mut batches: Vec<Vec<_>> = held
            .map(|records| records.iter().map(Record::wire).collect())
            .collect();
        batches.extend(self.confession.clone().map(|row| vec![row]));
        Ok((Source::Ring, batches))
    }

    /// Reads off the threads that answer requests.
    async fn read_spool(&mut self) -> Result<Vec<Chunk>, Status> {
        let Some(mut reader) = self.reader.take() else {
            return Ok(Vec::new());
        };
        let shared = Arc::clone(&self.shared);
        let reading = tokio::task::spawn_blocking(move || {
            let start = reader.position();
            let read = shared
                .spool
                .as_ref()
                .map_or(Ok(Vec::new()), |spool| read_chunks(&mut reader, spool));
            if read.is_err() {
                reader.rewind(start);
            }
            (reader, read)
        });
        let (reader, read) = reading
            .await
            .map_err(|_| Status::internal("reading the spool panicked"))?;
        self.reader = Some(reader);
        read.map_err(|error| Status::internal(format!("the spool cannot be read: {error}")))
    }

    /// Takes rows out of the ring.
    fn hold(&mut self) {
        let mut ring = self.shared.ring();
        let taken = (BATCH * BATCHES - self.held.len()).min(ring.len());
        self.held.extend(ring.drain(..taken));
        drop(ring);
        if taken > 0 {
            self.shared.room.notify_waiters();
        }
    }

    /// Puts the rows that found no place into a row of their own.
    async fn confess(&mut self) {
        if self.confession.is_some() {
            return;
        }
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        tracing::error!(
            monotonic_counter.bitacora_lost_total = lost,
            "rows of the access log found no place"
        );
        let nanos = self.shared.clock.now().unix_timestamp_nanos();
        self.confession = Some(AccessRecord {
            bitacora_id: self.ids.next().await,
            occurred_at: Some(timestamp(i64::try_from(nanos / 1000).unwrap_or(0))),
            error_code: format!("{lost} records lost"),
            ..AccessRecord::default()
        });
    }

    /// Sends batches on one stream; answers how many of them were acknowledged, and
    /// why not all.
    async fn send(&self, batches: Vec<Vec<AccessRecord>>) -> (usize, Result<(), Status>) {
        let count = batches.len();
        let mut acknowledged = 0;
        let requests: Vec<_> = (1..)
            .zip(batches)
            .map(|(sequence, records)| AppendRequest { sequence, records })
            .collect();
        let sending = async {
            let call = self
                .tokens
                .own_call(STREAM_TIMEOUT)
                .map_err(|_| Status::internal("no context token"))?;
            let mut answers = BitacoraServiceClient::new(self.tenancy.clone())
                .append(call.request(stream::iter(requests)))
                .await?
                .into_inner();
            while let Some(answer) = answers.message().await? {
                let upto = usize::try_from(answer.acknowledged).unwrap_or(count);
                acknowledged = upto.clamp(acknowledged, count);
            }
            Ok(())
        };
        let outcome = timeout(STREAM_TIMEOUT, sending)
            .await
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("no acknowledgement in time")));
        match outcome {
            Ok(()) if acknowledged < count => {
                let ended = Status::unavailable("the stream ended before all was acknowledged");
                (acknowledged, Err(ended))
            }
            outcome => (acknowledged, outcome),
        }
    }

    /// Lets go of chunks that were acknowledged, and reads the others again.
    fn release_spooled(&mut self, chunks: &[Chunk], acknowledged: usize) {
        let (Some(reader), Some(spool)) = (&mut self.reader, &self.shared.spool) else {
            return;
        };
        if let Some(done) = acknowledged
            .checked_sub(1)
            .and_then(|last| chunks.get(last))
        {
            spool.release(done.end);
        }
        if let Some(next) = chunks.get(acknowledged) {
            reader.rewind(next.start);
        }
    }

    /// Lets go of batches that were acknowledged; the last one may be the
    /// confession.
    fn release_held(&mut self, sizes: &[usize], acknowledged: usize) {
        let rows: usize = sizes[..acknowledged].iter().sum();
        if rows > self.held.len() {
            self.confession = None;
        }
        self.held.drain(..rows.min(self.held.len()));
    }

    /// Notes whether rows are delivered; says whether that is new.
    fn set_flowing(&self, flowing: bool) -> bool {
        self.shared.flowing.swap(flowing, Ordering::Relaxed) != flowing
    }

    fn tell_of_odd_claims(&mut self) {
        if self.told_at.is_some_and(|at| at.elapsed() < TELL_EVERY) {
            return;
        }
        let odd = self.shared.odd_claims.swap(0, Ordering::Relaxed);
        if odd > 0 {
            self.told_at = Some(Instant::now());
            tracing::info!(
                monotonic_counter.bitacora_odd_claims_total = odd,
                "values of id_bitacora_log are no ids and were ignored"
            );
        }
    }

    /// Tells what is left when there is no more time.
    fn give_up(&self) {
        let lost = self.shared.ring().len() + self.held.len();
        if lost > 0 {
            tracing::error!(
                monotonic_counter.bitacora_lost_total = lost,
                "rows of the access log were not delivered before the end"
            );
        }
        if self.shared.spool.is_some() {
            tracing::warn!("rows of the access log wait in the spool for the next start");
        }
    }
}

fn read_chunks(reader: &mut Reader, spool: &Spool) -> std::io::Result<Vec<Chunk>> {
    let written = spool.written();
    let mut chunks = Vec::new();
    while chunks.len() < BATCHES
        && let Some(chunk) = reader.read(BATCH, written)?
    {
        chunks.push(chunk);
    }
    Ok(chunks)
}
