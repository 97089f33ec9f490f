//! The running server: taken over or launched, waited for, stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};

use super::place::Place;
use super::postmaster::{self, PORT, Postmaster};
use super::programs::{Programs, last_words};
use super::{Error, NAME, Options};

/// Starting may take this long: after a crash the server first replays its log.
const START_LIMIT: Duration = Duration::from_mins(2);
/// A server found running that nobody can talk to is replaced after this time.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);
/// How long leftovers of a killed server may keep the next one from starting.
const LEFTOVER_LIMIT: Duration = Duration::from_secs(20);
/// A server that stops in order writes its memory to disk first.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// One that stops at once has nothing to do.
const QUIT_LIMIT: Duration = Duration::from_secs(10);
/// One attempt to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks at something that is about to happen.
const PAUSE: Duration = Duration::from_millis(5);
/// Before another attempt to start.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A server process that is ours to stop.
#[derive(Debug)]
pub(super) struct Server {
    pid: Pid,
    data: PathBuf,
    socket_dir: PathBuf,
    /// None for one that another launcher started.
    child: Option<Child>,
    stopped: bool,
}

/// What became of a server that was waited for.
enum Outcome {
    Ready,
    Gone,
}

/// What a server says to a new connection.
enum Answer {
    Welcome,
    /// It runs, without our database.
    NoDatabase,
    /// It is starting or stopping.
    Busy,
    /// Nobody listens.
    Silence,
}

impl Server {
    /// Takes over the live server of the data folder or launches one, and waits
    /// until it answers.
    pub(super) async fn run(
        programs: &Programs,
        place: &Place,
        options: &Options,
    ) -> Result<Self, Error> {
        let start = Instant::now();
        loop {
            let mut server = match Postmaster::find(&place.data)? {
                Some(found) => Self::adopt(found, place)?,
                None => Self::launch(programs, place, options)?,
            };
            match server.until_ready(place, start + START_LIMIT).await? {
                Outcome::Ready => return Ok(server),
                // It was on its way out when it was found.
                Outcome::Gone if server.child.is_none() => {}
                Outcome::Gone => {
                    let log = fs::read_to_string(place.log()).unwrap_or_default();
                    let detail = last_words(&log);
                    if !is_leftover(&detail) || start.elapsed() > LEFTOVER_LIMIT {
                        return Err(Error::Start {
                            detail,
                            log: place.log(),
                        });
                    }
                    tracing::info!("PostgreSQL waits for what a killed server left: {detail}");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    fn adopt(found: Postmaster, place: &Place) -> Result<Self, Error> {
        let pid = found.pid.as_raw_pid();
        tracing::info!("taking over the PostgreSQL server with process id {pid}");
        let socket_dir = match found.socket_dir {
            Some(dir) => dir,
            None => place.create_socket_dir()?,
        };
        let data = place.data.clone();
        Ok(Self {
            pid: found.pid,
            data,
            socket_dir,
            child: None,
            stopped: false,
        })
    }

    fn launch(programs: &Programs, place: &Place, options: &Options) -> Result<Self, Error> {
        let socket_dir = place.create_socket_dir()?;
        postmaster::remove_stale_locks(&place.data, &socket_dir)?;
        let log = place.open_log()?;
        let also_log = log.try_clone().map_err(Error::file(&place.log()))?;
        let mut command = programs.command("postgres", &place.account);
        command
            .arg("-D")
            .arg(&place.data)
            .arg("-k")
            .arg(&socket_dir);
        for (name, value) in settings(options) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.stdin(Stdio::null()).stdout(log).stderr(also_log);
        let program = PathBuf::from(command.get_program());
        let child = command.spawn().map_err(|error| Error::Program {
            program,
            detail: error.to_string(),
        })?;
        let pid = Pid::from_child(&child);
        let data = place.data.clone();
        Ok(Self {
            pid,
            data,
            socket_dir,
            child: Some(child),
            stopped: false,
        })
    }

    /// Waits until the server welcomes a connection to our database, which is
    /// created when it is missing, or until it is gone.
    async fn until_ready(&mut self, place: &Place, deadline: Instant) -> Result<Outcome, Error> {
        let mut silent_since = Instant::now();
        while Instant::now() < deadline {
            if self.is_gone() {
                self.clean_up();
                return Ok(Outcome::Gone);
            }
            match self.ask(NAME).await? {
                Answer::Welcome => return Ok(Outcome::Ready),
                Answer::NoDatabase => {
                    self.create_database().await?;
                    return Ok(Outcome::Ready);
                }
                Answer::Busy => silent_since = Instant::now(),
                Answer::Silence
                    if self.child.is_none() && silent_since.elapsed() > SILENCE_LIMIT =>
                {
                    tracing::warn!("the server found running does not answer: replacing it");
                    self.stop().await?;
                    return Ok(Outcome::Gone);
                }
                Answer::Silence => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::Slow {
            seconds: START_LIMIT.as_secs(),
            log: place.log(),
        })
    }

    /// Tries a connection to a database.
    async fn ask(&self, database: &str) -> Result<Answer, Error> {
        let error = match self.connect(database).await {
            Ok(connection) => {
                // It has served its purpose; how it ends does not matter.
                let _ = connection.close().await;
                return Ok(Answer::Welcome);
            }
            Err(error) => error,
        };
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        match (code.as_deref(), &error) {
            (Some("3D000"), _) => Ok(Answer::NoDatabase),
            // Starting, recovering or shutting down; all its connections in use.
            (Some("57P03" | "53300"), _) => Ok(Answer::Busy),
            (None, sqlx::Error::Io(_)) => Ok(Answer::Silence),
            _ => Err(Error::Refused(error)),
        }
    }

    async fn create_database(&self) -> Result<(), Error> {
        let mut connection = self.connect("postgres").await.map_err(Error::Refused)?;
        let create = AssertSqlSafe(format!("CREATE DATABASE {NAME}"));
        sqlx::raw_sql(create)
            .execute(&mut connection)
            .await
            .map_err(Error::Refused)?;
        connection.close().await.map_err(Error::Refused)
    }

    async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        let options: PgConnectOptions = self.url(database).parse()?;
        let connecting = PgConnection::connect_with(&options);
        match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(result) => result,
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }

    /// Everything that the environment could change (`PGPORT`, `PGSSLMODE`, …) is
    /// in it.
    pub(super) fn url(&self, database: &str) -> String {
        let database = escape(database.as_bytes());
        let socket_dir = escape(self.socket_dir.as_os_str().as_encoded_bytes());
        format!("postgres:///{database}?host={socket_dir}&port={PORT}&user={NAME}&sslmode=disable")
    }

    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Asks the server to stop in order, then to leave at once, and waits for both.
    pub(super) async fn stop(&mut self) -> Result<(), Error> {
        for (signal, limit) in [(Signal::INT, STOP_LIMIT), (Signal::QUIT, QUIT_LIMIT)] {
            self.signal(signal);
            let deadline = Instant::now() + limit;
            while Instant::now() < deadline {
                if self.is_gone() {
                    self.clean_up();
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(Error::WillNotStop(self.pid()))
    }

    fn signal(&mut self, signal: Signal) {
        if !self.is_gone()
            && let Err(error) = kill_process(self.pid, signal)
        {
            tracing::warn!(
                "cannot signal the PostgreSQL server {}: {error}",
                self.pid()
            );
        }
    }

    /// Notes that the server is gone and removes the folder of its socket, which is
    /// empty by now unless the server was killed or somebody keeps something there.
    fn clean_up(&mut self) {
        self.stopped = true;
        let _ = fs::remove_dir(&self.socket_dir);
    }

    fn is_gone(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => !postmaster::serves(self.pid, &self.data),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.stopped {
            self.signal(Signal::INT);
        }
    }
}

/// What differs from PostgreSQL's own defaults, each for a machine that has other
/// things to do.
fn settings(options: &Options) -> [(&'static str, String); 12] {
    let durable = if options.durable { "on" } else { "off" };
    [
        ("listen_addresses", String::new()),
        ("port", PORT.to_string()),
        ("cluster_name", NAME.to_owned()),
        ("max_connections", options.max_connections.to_string()),
        ("shared_buffers", "64MB".to_owned()),
        ("fsync", durable.to_owned()),
        ("synchronous_commit", durable.to_owned()),
        ("full_page_writes", durable.to_owned()),
        // The same everywhere, whatever the machine is set to.
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        // Errors are recognised by their English text.
        ("lc_messages", "C".to_owned()),
        ("log_line_prefix", "%m [%p] ".to_owned()),
    ]
}

/// Whether a start failed only because something of a killed server is still there:
/// its process until it is reaped, or its workers until they notice.
fn is_leftover(complaint: &str) -> bool {
    let lock = complaint.contains("lock file") && complaint.contains("already exists");
    lock || complaint.contains("is still in use")
}

/// Percent-encodes everything that could mean something in a connection string.
fn escape(text: &[u8]) -> String {
    let escape = |&byte: &u8| match char::from(byte) {
        plain if plain.is_ascii_alphanumeric() || "-_.~".contains(plain) => plain.to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.iter().map(escape).collect()
}
