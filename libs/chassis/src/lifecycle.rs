//! Starting and stopping: a soft stop that lets work finish, a hard stop that
//! does not, and an exit code that says whether the process meant to end.

use std::{
    future::Future,
    pin::Pin,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A named background task. An error or a panic in it stops the process.
pub struct Task {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>,
}

impl Task {
    /// Names a future. It must return soon after the soft stop.
    pub fn new(
        name: &'static str,
        future: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> Self {
        Self {
            name,
            future: Box::pin(future),
        }
    }
}

/// The two signals a task can wait for. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Stop {
    /// Resolves when no new work shall be begun.
    pub async fn requested(&self) {
        self.soft.cancelled().await;
    }

    /// Says whether no new work shall be begun.
    pub fn is_requested(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Resolves when even work in hand shall be dropped.
    pub async fn forced(&self) {
        self.hard.cancelled().await;
    }

    /// Asks everybody to stop.
    pub fn request(&self) {
        self.soft.cancel();
    }

    /// Waits for a while, or until the stop is requested; true when it was.
    pub async fn within(&self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.requested()).await.is_ok()
    }
}

/// Runs tasks until a signal, a failure or a request, then stops them in order.
pub struct Lifecycle {
    stop: Stop,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
    grace: Duration,
}

impl Lifecycle {
    /// `grace` is the time between the soft and the hard stop.
    pub fn new(grace: Duration) -> Self {
        Self {
            stop: Stop::default(),
            tasks: TaskTracker::new(),
            failed: Arc::new(AtomicBool::new(false)),
            grace,
        }
    }

    /// The signals, to hand to tasks.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Starts a task. When it fails or panics, everything stops.
    pub fn spawn(&self, task: Task) {
        let stop = self.stop.clone();
        let failed = Arc::clone(&self.failed);
        self.tasks.spawn(async move {
            let name = task.name;
            let guarded = std::panic::AssertUnwindSafe(task.future).catch_unwind();
            let outcome = tokio::select! {
                outcome = guarded => outcome,
                () = stop.forced() => {
                    tracing::warn!(task = name, "dropped at the hard stop");
                    return;
                }
            };
            match outcome {
                Ok(Ok(())) => tracing::debug!(task = name, "task ended"),
                Ok(Err(error)) => {
                    tracing::error!(task = name, error = format!("{error:#}"), "task failed");
                    failed.store(true, Ordering::SeqCst);
                    stop.request();
                }
                Err(_) => {
                    tracing::error!(task = name, "task panicked");
                    failed.store(true, Ordering::SeqCst);
                    stop.request();
                }
            }
        });
    }

    /// Waits for SIGTERM, SIGINT, a failed task or a request to stop; then gives
    /// the tasks their grace. A second signal cuts it short. The exit code is a
    /// failure when a task caused the stop or had to be dropped.
    pub async fn run(&self) -> ExitCode {
        self.tasks.close();
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            tracing::error!("cannot listen for signals");
            return ExitCode::FAILURE;
        };
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM, stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT, stopping"),
            () = self.stop.requested() => {}
        }
        self.stop.request();
        let in_time = tokio::select! {
            () = self.tasks.wait() => true,
            () = tokio::time::sleep(self.grace) => false,
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        };
        if !in_time {
            tracing::warn!("grace is over, dropping what still runs");
            self.stop.hard.cancel();
            self.tasks.wait().await;
        }
        if in_time && !self.failed.load(Ordering::SeqCst) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failing_task_stops_the_others_and_the_exit_code_says_so() {
        let lifecycle = Lifecycle::new(Duration::from_secs(5));
        let stop = lifecycle.stop();
        lifecycle.spawn(Task::new("patient", async move {
            stop.requested().await;
            Ok(())
        }));
        lifecycle.spawn(Task::new("broken", async { anyhow::bail!("no luck") }));
        let code = lifecycle.run().await;
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    }

    #[tokio::test]
    async fn a_requested_stop_is_a_success() {
        let lifecycle = Lifecycle::new(Duration::from_secs(5));
        lifecycle.stop().request();
        let code = lifecycle.run().await;
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    }
}
