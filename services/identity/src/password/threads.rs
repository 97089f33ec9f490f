//! The threads that hash. Who would wait for longer than a second is turned away
//! instead, and a place is held by the work itself: a caller that goes away does
//! not let another hash begin beside its own.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use argon2::Block;
use tokio::sync::{Semaphore, oneshot};

use super::phc;
use crate::error::Error;

/// How long work may wait for a thread.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How many may wait for each thread: about what it does in that time.
const WAITING_PER_THREAD: usize = 64;

type Job = Box<dyn FnOnce(&mut [Block]) + Send>;

/// A fixed set of threads, each with the memory of one hash.
pub struct HashThreads {
    threads: Vec<Sender<Job>>,
    /// The threads without work. The one that worked last is taken first: the caches
    /// of its processor may still hold its memory, which is as large as many of them.
    idle: Arc<Mutex<Vec<usize>>>,
    waiting: Semaphore,
    free: Arc<Semaphore>,
    count: usize,
    /// Microseconds that work takes at present.
    pace: Arc<AtomicU64>,
}

impl HashThreads {
    /// Starts `count` threads; they end when this is dropped.
    pub fn start(count: usize) -> std::io::Result<Self> {
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let (jobs, queue) = channel();
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(&queue))?;
            threads.push(jobs);
        }
        Ok(Self {
            threads,
            idle: Arc::new(Mutex::new((0..count).collect())),
            waiting: Semaphore::new(count * WAITING_PER_THREAD),
            free: Arc::new(Semaphore::new(count)),
            count,
            pace: Arc::default(),
        })
    }

    /// Runs `job` on one of the threads.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.waiting.try_acquire().map_err(|_| Error::Busy)?;
        // Whoever would wait in vain hears so at once.
        if self.expected_wait() > LONGEST_WAIT {
            return Err(Error::Busy);
        }
        let thread = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.free).acquire_owned())
            .await
            .map_err(|_| Error::Busy)?
            .map_err(|_| Error::Busy)?;
        drop(place);
        let (answer, answered) = oneshot::channel();
        let (measured, idle) = (Arc::clone(&self.pace), Arc::clone(&self.idle));
        // There is one for every permit.
        let number = lock(&idle).pop().ok_or(Error::Busy)?;
        let job: Job = Box::new(move |memory| {
            let began = Instant::now();
            // Nobody may be waiting any more.
            let _ = answer.send(job(memory));
            note(&measured, began.elapsed());
            lock(&idle).push(number);
            drop(thread);
        });
        self.threads[number].send(job).map_err(|_| Error::Busy)?;
        answered.await.map_err(|_| Error::Crypto("a hash thread"))
    }

    /// How long the last one in the queue waits if work goes on at its pace.
    fn expected_wait(&self) -> Duration {
        let free = self.waiting.available_permits();
        let ahead = (self.count * WAITING_PER_THREAD).saturating_sub(free + 1) / self.count;
        let pace = Duration::from_micros(self.pace.load(Ordering::Relaxed));
        pace.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX))
    }
}

/// Moves the pace an eighth of the way to the latest time.
fn note(pace: &AtomicU64, took: Duration) {
    let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let before = pace.load(Ordering::Relaxed);
    pace.store(before - before / 8 + took / 8, Ordering::Relaxed);
}

fn lock(idle: &Mutex<Vec<usize>>) -> MutexGuard<'_, Vec<usize>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(queue: &Receiver<Job>) {
    let mut memory = vec![Block::new(); phc::blocks()];
    while let Ok(job) = queue.recv() {
        job(&mut memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_would_wait_too_long_is_turned_away() {
        let threads = HashThreads::start(1).unwrap();
        let (release, held) = channel::<()>();
        let slow = threads.run(move |_| held.recv().is_ok());
        let late = async {
            let late = threads.run(|_| ()).await;
            release.send(()).unwrap();
            late
        };
        let (slow, late) = tokio::join!(slow, late);
        assert!(slow.unwrap());
        assert!(matches!(late, Err(Error::Busy)));
        assert!(threads.run(|_| ()).await.is_ok());
    }

    #[tokio::test]
    async fn a_wave_finds_a_bounded_queue() {
        let threads = Arc::new(HashThreads::start(1).unwrap());
        let (release, held) = channel::<()>();
        let mut waiting = tokio::task::JoinSet::new();
        let first = Arc::clone(&threads);
        waiting.spawn(async move { first.run(move |_| held.recv().is_ok()).await });
        while threads.free.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..200 {
            let threads = Arc::clone(&threads);
            waiting.spawn(async move { threads.run(|_| true).await });
        }
        // Nothing moves, and yet most of them have their answer.
        for _ in 0..200 - WAITING_PER_THREAD {
            let answer = waiting.join_next().await.unwrap().unwrap();
            assert!(matches!(answer, Err(Error::Busy)));
        }
        release.send(()).unwrap();
        while let Some(answer) = waiting.join_next().await {
            assert!(matches!(answer.unwrap(), Ok(true) | Err(Error::Busy)));
        }
    }

    #[tokio::test]
    async fn a_slow_pace_shortens_the_queue() {
        let threads = HashThreads::start(1).unwrap();
        threads.pace.store(600_000, Ordering::Relaxed);
        let one = threads.waiting.try_acquire().unwrap();
        assert!(threads.run(|_| ()).await.is_ok());
        threads.pace.store(600_000, Ordering::Relaxed);
        let two = threads.waiting.try_acquire().unwrap();
        assert!(matches!(threads.run(|_| ()).await, Err(Error::Busy)));
        drop((one, two));
        assert!(threads.run(|_| ()).await.is_ok());
    }
}
