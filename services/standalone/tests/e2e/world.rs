//! Starts the system as processes, on a database of its own and free ports.

mod settings;

use std::{
    collections::HashMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use testing::{FakeGraph, FakeTelegram, servers::Redis, telegram::TelegramOptions};
use uuid::Uuid;

use crate::api::Api;

/// The longest anything may take before a test says that it does not happen.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What signs the webhooks of Meta in these tests.
pub const META_SECRET: &str = "meta-app-secret-of-the-tests";

/// How the system is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One process with the bus in memory.
    Together,
    /// A process for each service and the edge, Redis and gRPC between them.
    Apart,
    /// The same with a second replica of the edge, between which clients choose in
    /// turn, and a Redis of its own, which may go away.
    Replicated,
}

impl Mode {
    /// The process that does the work of `service`.
    pub fn process_of(self, service: &'static str) -> &'static str {
        match self {
            Self::Together => "standalone",
            Self::Apart | Self::Replicated => service,
        }
    }
}

/// The services; sockets are served by two replicas.
const SERVICES: [&str; 7] = [
    "identity",
    "tenancy-admin",
    "conversation",
    "channel-connector",
    "realtime-broadcast",
    "mail-ticket",
    SECOND_REPLICA,
];

const SECOND_REPLICA: &str = "realtime-broadcast-2";

/// The replicas of the edge; the second one is there in replicated mode alone.
const EDGES: [&str; 2] = ["edge", "edge-2"];

/// A running system with strict doubles of its providers.
pub struct World {
    pub mode: Mode,
    pub graph: FakeGraph,
    pub telegram: FakeTelegram,
    pub database: PgPool,
    database_url: String,
    folder: PathBuf,
    ports: HashMap<&'static str, u16>,
    processes: HashMap<&'static str, Child>,
    redis: Option<Redis>,
}

impl World {
    /// Starts everything with the demonstration data.
    pub async fn start(mode: Mode) -> Self {
        Self::start_with(mode, &[]).await
    }

    /// Starts everything; `crash` names processes and the points they die at.
    pub async fn start_with(mode: Mode, crash: &[(&'static str, &str)]) -> Self {
        Self::launch(mode, crash, "").await
    }

    /// Starts everything with more settings, in which `{folder}` stands for a
    /// folder of this system.
    pub async fn start_configured(mode: Mode, settings: &str) -> Self {
        Self::launch(mode, &[], settings).await
    }

    async fn launch(mode: Mode, crash: &[(&'static str, &str)], settings: &str) -> Self {
        let name = format!("e2e_{}", Uuid::now_v7().simple());
        let server = testing::database_url();
        let mut admin = PgConnection::connect(&server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let database_url = with_database(&server, &name);
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir_all(&folder).unwrap();
        let mut world = Self {
            mode,
            graph: FakeGraph::start().await,
            telegram: FakeTelegram::start_with(any_webhook_url()).await,
            database: PgPool::connect_lazy(&database_url).unwrap(),
            database_url,
            folder,
            ports: HashMap::new(),
            processes: HashMap::new(),
            redis: match mode {
                Mode::Replicated => Some(Redis::start().await.unwrap()),
                Mode::Together | Mode::Apart => None,
            },
        };
        world.choose_ports();
        world.write_settings(settings);
        world.create_demo_data();
        for process in world.names() {
            let point = crash
                .iter()
                .find(|(name, _)| *name == process)
                .map(|(_, point)| *point);
            world.run(process, point);
        }
        world.ready().await;
        world
    }

    /// The processes of this mode.
    pub fn names(&self) -> Vec<&'static str> {
        match self.mode {
            Mode::Together => vec!["standalone"],
            Mode::Apart => SERVICES.into_iter().chain(["edge"]).collect(),
            Mode::Replicated => SERVICES.into_iter().chain(EDGES).collect(),
        }
    }

    /// The address of the REST interface.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports["http"])
    }

    /// The addresses of all replicas of the edge.
    fn urls(&self) -> Vec<String> {
        let mut urls = vec![self.url()];
        if self.mode == Mode::Replicated {
            urls.push(format!("http://127.0.0.1:{}", self.ports["other http"]));
        }
        urls
    }

    /// The port that serves sockets.
    pub fn socket_port(&self) -> u16 {
        match self.mode {
            Mode::Together => self.ports["http"],
            Mode::Apart | Mode::Replicated => self.ports["sockets"],
        }
    }

    /// The port where another replica serves sockets, if there is one.
    pub fn other_socket_port(&self) -> u16 {
        match self.mode {
            Mode::Together => self.ports["http"],
            Mode::Apart | Mode::Replicated => self.ports["other sockets"],
        }
    }

    /// The port of a service's gRPC, when processes are apart.
    pub fn grpc_port(&self, service: &str) -> u16 {
        self.ports[service]
    }

    /// The settings file of all processes.
    pub fn settings_file(&self) -> PathBuf {
        self.folder.join("settings.toml")
    }

    /// The REST interface with the demonstration client, at every replica in turn.
    pub fn api(&self) -> Api {
        Api::in_turn(self.urls())
    }

    /// The same at each replica of the edge.
    pub fn apis(&self) -> Vec<Api> {
        self.urls().into_iter().map(Api::new).collect()
    }

    /// Takes the Redis of this system away.
    pub async fn stop_redis(&mut self) {
        let redis = self.redis.take().expect("a Redis of its own");
        redis.stop().await.unwrap();
    }

    /// Starts a process, to die at `crash_point` if one is named.
    pub fn run(&mut self, process: &'static str, crash_point: Option<&str>) {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{process}.log")))
            .unwrap();
        let service = process.trim_end_matches("-2");
        let mut command = Command::new(binary(service));
        command
            .env_clear()
            .env("ATENCION_CONFIG", self.settings_file())
            .stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        if let Some(port) = self.ports.get(process) {
            command.env("ATENCION_PROCESS__LISTEN", format!("127.0.0.1:{port}"));
        }
        let listener = match process {
            "realtime-broadcast" => Some("sockets"),
            SECOND_REPLICA => Some("other sockets"),
            "edge-2" => Some("other http"),
            _ => None,
        };
        if let Some(name) = listener {
            let address = format!("127.0.0.1:{}", self.ports[name]);
            command.env("ATENCION_PROCESS__HTTP_LISTEN", address);
        }
        if self.mode != Mode::Together {
            command.env(
                "ATENCION_CONTEXT__SERVICE_SECRET",
                format!("secret-of-{service}"),
            );
            let key = self.folder.join(format!("{service}.key"));
            if key.exists() {
                command.env("ATENCION_CONTEXT__SIGNING_KEY_FILE", key);
            }
        }
        if let Some(point) = crash_point {
            command.env("ATENCION_CRASH_AT", point);
        }
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{process}: {error}"));
        self.processes.insert(process, child);
    }

    /// Waits until a process that was told to crash has died, by SIGKILL.
    pub async fn died(&mut self, process: &'static str) {
        use std::os::unix::process::ExitStatusExt;
        let child = self.processes.get_mut(process).unwrap();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{process} never reached its crash point"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(
            status.signal(),
            Some(9),
            "{process} ended otherwise: {status}"
        );
    }

    /// The most memory that a process has held so far, in KiB: `VmHWM` of proc(5).
    pub fn peak_memory_kib(&self, process: &'static str) -> u64 {
        let path = format!("/proc/{}/status", self.processes[process].id());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.expect("a peak").trim().trim_end_matches(" kB");
        size.parse().unwrap()
    }

    /// Kills a process at once.
    pub fn kill(&mut self, process: &'static str) {
        let child = self.processes.get_mut(process).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops a process where it is, as a machine without time for it does, or lets it
    /// go on.
    pub fn hold(&self, process: &'static str, held: bool) {
        let id = rustix::process::Pid::from_child(&self.processes[process]);
        let signal = if held { Signal::STOP } else { Signal::CONT };
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Asks a process to end, and waits until it has.
    pub async fn terminate(&mut self, process: &'static str) -> ExitStatus {
        let child = self.processes.get_mut(process).unwrap();
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, Signal::TERM).unwrap();
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "{process} does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until every process says that it is ready.
    pub async fn ready(&mut self) {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let began = Instant::now();
        loop {
            for (name, child) in &mut self.processes {
                if let Some(status) = child.try_wait().unwrap() {
                    let log = fs::read_to_string(self.folder.join(format!("{name}.log")));
                    panic!("{name} ended with {status}:\n{}", log.unwrap_or_default());
                }
            }
            if self.edges_ready(&client).await
                && self.services_ready().await
                && self.agents_are_known().await
            {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the system does not become ready"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn edges_ready(&self, client: &reqwest::Client) -> bool {
        for url in self.urls() {
            let answer = client.get(format!("{url}/readyz")).send().await;
            if !answer.is_ok_and(|answer| answer.status() == 200) {
                return false;
            }
        }
        true
    }

    async fn services_ready(&self) -> bool {
        if self.mode == Mode::Together {
            return true;
        }
        for service in SERVICES {
            let address = ([127, 0, 0, 1], self.ports[service]).into();
            if host::health(address).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Chats are assigned to agents that conversation has heard of; at the very
    /// first start that takes a moment.
    async fn agents_are_known(&self) -> bool {
        let known = "SELECT count(*) >= 5 FROM conversation.agent";
        sqlx::query_scalar(known)
            .fetch_one(&self.database)
            .await
            .unwrap_or(false)
    }

    fn choose_ports(&mut self) {
        // All are held at once, so that no two are the same. They lie below those
        // that the system hands out to connections, which could take one of them
        // before its process listens.
        let (random, _) = Uuid::new_v4().as_u64_pair();
        let start = 10_240 + u16::try_from(random % 20_000).unwrap();
        let held: Vec<TcpListener> = (start..32_768)
            .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
            .take(11)
            .collect();
        let names = SERVICES
            .into_iter()
            .chain(["http", "sockets", "other sockets", "other http"]);
        for (name, listener) in names.zip(&held) {
            self.ports
                .insert(name, listener.local_addr().unwrap().port());
        }
    }

    fn create_demo_data(&self) {
        let output = Command::new(binary("standalone"))
            .arg("demo")
            .env_clear()
            .env("ATENCION_CONFIG", self.settings_file())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the logs are in {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The doubles post to this machine, which no real provider would.
fn any_webhook_url() -> TelegramOptions {
    TelegramOptions {
        allow_any_webhook_url: true,
        ..TelegramOptions::default()
    }
}

/// A binary of the workspace; those of other packages lie beside ours.
pub fn binary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_standalone")).with_file_name(name)
}

/// The same server, another database: `postgres://host/old?x` or `postgres:///old?x`.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').map_or((url, ""), |(a, o)| (a, o));
    let (server, _) = address.rsplit_once('/').unwrap();
    if options.is_empty() {
        format!("{server}/{name}")
    } else {
        format!("{server}/{name}?{options}")
    }
}
