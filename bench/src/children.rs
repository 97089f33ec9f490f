//! Processes that a benchmark starts, and what they cost.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

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
pub(crate) fn own_cpu_seconds() -> anyhow::Result<f64> {
    cpu_seconds(std::process::id())
}

/// Source: fields 14 and 15 of `/proc/PID/stat` (proc(5)), in ticks of which Linux
/// has 100 a second on every architecture we serve.
fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, after_name) = stat.rsplit_once(')').context("no stat line")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |field: usize| -> anyhow::Result<f64> { Ok(fields[field].parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn beside_us(binary: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(binary))
}

/// A port that is free now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
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
