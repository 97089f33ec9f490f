//! Processes that a benchmark starts, and what they cost.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};

/// The longest a process may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process of this benchmark; killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a binary that lies beside this one.
    pub(crate) fn start(
        binary: &str,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let child = Command::new(beside_us(binary)?)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{binary} does not start; is it built?"))?;
        Ok(Self(child))
    }

    /// CPU time of the process so far, user and system, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.0.id())
    }

    /// The most memory it has held so far: `VmHWM` of proc(5).
    pub(crate) fn peak_memory_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.context("no peak")?.trim().trim_end_matches(" kB");
        Ok(size.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// CPU time of this process so far, user and system, in seconds.
///
/// Asked of the clock, since a thread that runs is behind in `schedstat` by up to one
/// tick of the scheduler.
pub(crate) fn own_cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        spent.tv_sec.unsigned_abs(),
        spent.tv_nsec.try_into().unwrap_or(0),
    )
    .as_secs_f64()
}

/// Source: the first field of `/proc/PID/task/TID/schedstat` (Documentation/scheduler
/// of Linux), nanoseconds on a CPU. A thread that ended counts no longer; those of
/// the runtimes do not.
fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let mut total = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end while it is looked at.
        let Ok(stat) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let field = stat.split_whitespace().next().context("no schedstat")?;
        total += field.parse::<f64>()? / 1e9;
    }
    Ok(total)
}

fn beside_us(binary: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(binary))
}

/// A port that is free now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until something listens on a port of this machine.
pub(crate) async fn listens(port: u16) -> anyhow::Result<()> {
    let began = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_err()
    {
        anyhow::ensure!(began.elapsed() < PATIENCE, "nothing listens on {port}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until `url` answers 200.
pub(crate) async fn answers(url: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let began = Instant::now();
    while !matches!(client.get(url).send().await, Ok(answer) if answer.status() == 200) {
        anyhow::ensure!(began.elapsed() < PATIENCE, "{url} does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
