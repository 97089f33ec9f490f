//! A Graph that lies: about sizes, about where files are, about what they are.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use channel_connector::MIGRATOR;
use serde_json::json;
use sqlx::PgPool;
use testing::graph::message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::START;
use crate::rig::{GUEST, Rig, TOKEN};

/// How it answers.
#[derive(Clone)]
enum Lie {
    /// Names this link.
    Link(String),
    /// Says that the file is small, and sends without end.
    Endless,
    /// Has the file's address lead on to this one.
    Redirect(String),
    /// Promises another digest.
    Digest,
}

/// A running liar, and how many bytes of files were taken from it.
struct Liar {
    base_url: String,
    taken: Arc<AtomicU64>,
}

impl Liar {
    async fn start(lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(AtomicU64::new(0));
        let (counter, own) = (Arc::clone(&taken), base_url.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answering = answer(stream, lie.clone(), own.clone(), Arc::clone(&counter));
                tokio::spawn(answering);
            }
        });
        Self { base_url, taken }
    }
}

async fn answer(mut stream: TcpStream, lie: Lie, own: String, taken: Arc<AtomicU64>) -> Option<()> {
    let mut request = Vec::new();
    let mut buffer = [0_u8; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream
            .read(&mut buffer)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
    let is_file = request.starts_with(b"GET /file");
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
    match (&lie, is_file) {
        (Lie::Endless, true) => {
            let head = format!("{head}content-type: image/jpeg\r\n\r\n");
            stream.write_all(head.as_bytes()).await.ok()?;
            loop {
                stream.write_all(&buffer).await.ok()?;
                taken.fetch_add(4096, Ordering::Relaxed);
            }
        }
        (Lie::Redirect(to), true) => {
            let moved =
                format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\nconnection: close\r\n\r\n");
            stream.write_all(moved.as_bytes()).await.ok()
        }
        (_, true) => {
            let file = format!("{head}content-length: 4\r\n\r\nfile");
            stream.write_all(file.as_bytes()).await.ok()
        }
        _ => {
            let link = match lie {
                Lie::Link(link) => link,
                _ => format!("{own}/file"),
            };
            let described = json!({
                "url": link, "mime_type": "image/jpeg", "file_size": 4, "id": "1",
                "sha256": "00".repeat(32),
            });
            let described = described.to_string();
            let length = described.len();
            let answer = format!("{head}content-length: {length}\r\n\r\n{described}");
            stream.write_all(answer.as_bytes()).await.ok()
        }
    }
}

/// A guest's picture is fetched from a liar.
async fn deceived(pool: PgPool, lie: Lie) -> (Rig, Liar) {
    let liar = Liar::start(lie).await;
    let rig = Rig::start_with(pool, |config| {
        config.graph_base_url.clone_from(&liar.base_url);
        config.media_largest_bytes = 1_000_000;
    })
    .await;
    rig.whatsapp().await;
    let content = json!({"id": "1", "mime_type": "image/jpeg"});
    rig.post_message(message(GUEST, "wamid.1", "image", content, START))
        .await;
    (rig, liar)
}

/// A listener that nobody may connect to.
async fn forbidden() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    (listener, url)
}

/// Says whether somebody has connected.
async fn is_reached(listener: &TcpListener) -> bool {
    let waiting = std::future::poll_fn(|context| {
        std::task::Poll::Ready(listener.poll_accept(context).is_ready())
    });
    waiting.await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn reading_ends_at_the_limit_whatever_was_announced(pool: PgPool) {
    let (rig, liar) = deceived(pool, Lie::Endless).await;
    let (attempts, why) = rig.until_fetching("failed").await;
    assert_eq!(attempts, 1);
    assert!(why.contains("larger than 1000000 bytes"), "{why}");
    // What the sockets hold is sent besides.
    assert!(liar.taken.load(Ordering::Relaxed) < 40_000_000);
    assert_eq!(
        (rig.count("content").await, rig.count("media").await),
        (0, 0)
    );
    assert_eq!(rig.messages().len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn links_to_other_places_are_not_followed(pool: PgPool) {
    let (listener, url) = forbidden().await;
    let (rig, _liar) = deceived(pool, Lie::Link(url)).await;
    let why = rig.until_tried(1).await;
    assert!(why.contains("does not lead to Meta"), "{why}");
    assert!(!is_reached(&listener).await);
    assert!(!why.contains(TOKEN));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn redirects_are_not_followed(pool: PgPool) {
    let (listener, url) = forbidden().await;
    let (rig, _liar) = deceived(pool, Lie::Redirect(url)).await;
    let why = rig.until_tried(1).await;
    assert!(why.contains("302"), "{why}");
    assert!(!is_reached(&listener).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn another_file_than_was_promised_is_not_taken(pool: PgPool) {
    let (rig, _liar) = deceived(pool, Lie::Digest).await;
    let why = rig.until_tried(1).await;
    assert!(why.contains("another file"), "{why}");
    assert_eq!(
        (rig.count("content").await, rig.count("media").await),
        (0, 0)
    );
}
