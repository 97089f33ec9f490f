//! The threads that hash. Who would wait for longer than a second is turned away
//! instead, and a place is held by the work itself: a caller that goes away does
//! not let another hash begin beside its own.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
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
    jobs: Sender<Job>,
    waiting: Semaphore,
    free: Arc<Semaphore>,
}

impl HashThreads {
    /// Starts `count` threads; they end when this is dropped.
    pub fn start(count: usize) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(&queue))?;
        }
        Ok(Self {
            jobs,
            waiting: Semaphore::new(count * WAITING_PER_THREAD),
            free: Arc::new(Semaphore::new(count)),
        })
    }

    /// Runs `job` on one of the threads.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.waiting.try_acquire().map_err(|_| Error::Busy)?;
        let thread = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.free).acquire_owned())
            .await
            .map_err(|_| Error::Busy)?
            .map_err(|_| Error::Busy)?;
        drop(place);
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Nobody may be waiting any more.
            let _ = answer.send(job(memory));
            drop(thread);
        });
        self.jobs.send(job).map_err(|_| Error::Busy)?;
        answered.await.map_err(|_| Error::Crypto("a hash thread"))
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    let mut memory = vec![Block::new(); phc::blocks()];
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(&mut memory),
            Err(_) => return,
        }
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
}
