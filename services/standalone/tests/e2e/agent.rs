//! An agent connected by the real pusher-js and laravel-echo.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    api::Api,
    world::{PATIENCE, World},
};

/// A connected agent; ends with the test.
pub struct Agent {
    _process: Child,
    orders: ChildStdin,
    reports: Lines<BufReader<ChildStdout>>,
    heard: Vec<Value>,
}

impl Agent {
    /// Connects as the user of `api` and waits until the connection stands.
    pub async fn connect(world: &World, api: &Api) -> Self {
        Self::connect_to(world, world.socket_port(), api).await
    }

    /// Connects to one of the replicas.
    pub async fn connect_to(world: &World, port: u16, api: &Api) -> Self {
        let script = testing::js::install().join("agent.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .arg(port.to_string())
            .arg(format!("{}/broadcasting/auth", world.url()))
            .arg(api.token())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let mut agent = Self {
            orders: process.stdin.take().unwrap(),
            reports: BufReader::new(process.stdout.take().unwrap()).lines(),
            _process: process,
            heard: Vec::new(),
        };
        agent.until(|report| report["state"] == "connected").await;
        agent
    }

    /// Subscribes to a channel, such as `private privateuser.7`, and waits until
    /// the server has agreed.
    pub async fn subscribe(&mut self, channel: &str) {
        let name = channel.split_once(' ').unwrap().1.to_owned();
        self.order(channel).await;
        self.until(move |report| {
            assert!(
                report["error"].is_null() || report["channel"] != name,
                "{name} was refused: {report}"
            );
            report["channel"] == name && (report["subscribed"] == true || report["here"].is_array())
        })
        .await;
    }

    /// Subscribes to a channel that must be refused.
    pub async fn refused(&mut self, channel: &str) {
        let name = channel.split_once(' ').unwrap().1.to_owned();
        self.order(channel).await;
        self.until(move |report| report["channel"] == name && !report["error"].is_null())
            .await;
    }

    /// Waits for an event on a channel whose data satisfies `wanted`.
    pub async fn event(
        &mut self,
        channel: &str,
        event: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.until(|report| {
            report["channel"] == channel
                && report["event"]
                    .as_str()
                    .is_some_and(|name| name.trim_start_matches('.') == event)
                && wanted(&report["data"])
        })
        .await
    }

    /// Waits for somebody to enter or leave a room, as `joining` or `leaving`.
    pub async fn movement(&mut self, room: &str, direction: &str) -> Value {
        self.until(|report| report["channel"] == room && !report[direction].is_null())
            .await[direction]
            .take()
    }

    /// Who was in a room when this agent entered it.
    pub async fn present(&mut self, room: &str) -> Value {
        self.until(|report| report["channel"] == room && report["here"].is_array())
            .await["here"]
            .take()
    }

    /// How many of the events heard so far satisfy `wanted`.
    pub fn count(&self, wanted: impl Fn(&Value) -> bool) -> usize {
        self.heard.iter().filter(|report| wanted(report)).count()
    }

    async fn order(&mut self, line: &str) {
        self.orders
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    /// Reads reports until one satisfies `wanted`; those read before count too.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(report) = self.heard.iter().find(|report| wanted(report)) {
            return report.clone();
        }
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let wait = tokio::time::timeout(Duration::from_secs(1), self.reports.next_line());
            let Ok(line) = wait.await else { continue };
            let line = line.unwrap().expect("the agent's process ended");
            let report: Value = serde_json::from_str(&line).expect("a report");
            self.heard.push(report.clone());
            if wanted(&report) {
                return report;
            }
        }
        panic!("never heard; heard instead: {:#?}", self.heard);
    }
}
