//! What `make run` relies on: a private database that nobody has to set up.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{
    api::Api,
    world::{PATIENCE, binary},
};

/// A place for data that is removed at the end.
struct Place {
    folder: PathBuf,
    port: u16,
}

impl Place {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("atencion-run-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        Self { folder, port }
    }

    /// `standalone` as somebody starts it who has configured nothing but this place.
    fn command(&self) -> Command {
        let mut command = Command::new(binary("standalone"));
        command
            .args(["demo", "--serve"])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("ATENCION_STANDALONE__DATA_DIR", self.folder.join("data"))
            .env(
                "ATENCION_PROCESS__HTTP_LISTEN",
                format!("127.0.0.1:{}", self.port),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Running {
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let child = self
            .command()
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Running(child)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn ready(&self) {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let began = Instant::now();
        let url = format!("{}/readyz", self.url());
        while !matches!(client.get(&url).send().await, Ok(answer) if answer.status() == 200) {
            let log = self.log();
            assert!(
                began.elapsed() < PATIENCE,
                "the system does not become ready:\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A started system; stopped in order at the end.
struct Running(Child);

impl Running {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn stop(&mut self) -> std::process::ExitStatus {
        if let Ok(pid) = i32::try_from(self.0.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

/// Says whether a process has ended. Where nobody collects the dead, one stays
/// listed as a zombie: state Z in `/proc/PID/stat`.
fn is_gone(process: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.starts_with(" Z"))
    })
}

/// The process of the server that keeps the data of a place.
fn postmaster(place: &Path) -> i32 {
    let file = place.join("data/postgres/data/postmaster.pid");
    let text = std::fs::read_to_string(&file).expect("a server runs");
    text.lines().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_system_finds_its_data_and_its_server_again() {
    let place = Place::new();
    let first = place.start();
    place.ready().await;
    let agent = Api::new(place.url()).login("agente1@atencion.test").await;
    let server = postmaster(&place.folder);
    first.kill();

    let mut second = place.start();
    place.ready().await;
    assert_eq!(
        postmaster(&place.folder),
        server,
        "another server was started"
    );
    // The session is in the database, so the token is still good.
    assert!(agent.chats().await.is_empty());
    assert!(second.stop().success());
    assert!(
        is_gone(server),
        "the private server outlived an orderly stop"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_copy_says_that_it_is_one() {
    let place = Place::new();
    let _first = place.start();
    place.ready().await;
    // The same command again, and one that avoids the port but not the data.
    let same = place.command().output().unwrap();
    assert!(!same.status.success());
    let said = String::from_utf8_lossy(&same.stderr);
    assert!(said.contains("another copy"), "{said}");
    let other_port = place
        .command()
        .env("ATENCION_PROCESS__HTTP_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    assert!(!other_port.status.success());
    let said = String::from_utf8_lossy(&other_port.stderr);
    assert!(said.contains("another copy"), "{said}");
    // The first one goes on.
    Api::new(place.url()).login("agente1@atencion.test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_programs_are_one_clear_sentence() {
    let place = Place::new();
    let output = place
        .command()
        .env("ATENCION_STANDALONE__POSTGRES_BIN", &place.folder)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("DATABASE_URL"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// Servers that happen to listen on the standard ports are somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn servers_on_standard_ports_are_left_alone() {
    // Where a real server listens already, nothing can be put in its place; the
    // system works beside it all the same.
    let watched: Vec<TcpListener> = [5432, 6379]
        .into_iter()
        .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
        .collect();
    let place = Place::new();
    let mut running = place.start();
    place.ready().await;
    Api::new(place.url()).login("agente1@atencion.test").await;
    assert!(running.stop().success());
    for listener in watched {
        listener.set_nonblocking(true).unwrap();
        assert!(
            listener.accept().is_err(),
            "something connected to {listener:?}"
        );
    }
}
