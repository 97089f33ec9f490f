//! Strangers on a real socket.

use axum::{
    extract::ws::{Message, WebSocketUpgrade},
    http::StatusCode,
    routing::{any, get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};

use super::*;

/// The longest a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    stop: Stop,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Stop::default();
        let echo = async |mut socket: axum::extract::ws::WebSocket| {
            while let Some(Ok(Message::Text(text))) = socket.recv().await {
                socket.send(Message::Text(text)).await.unwrap();
            }
        };
        let routes = Router::new()
            .route("/", get(async || "hello"))
            .route("/echo", post(async |body: String| body))
            .route("/refuse", post(async || StatusCode::PAYLOAD_TOO_LARGE))
            .route(
                "/peer",
                get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()),
            )
            .route(
                "/socket",
                any(async move |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
            );
        let serving = tokio::spawn(serve(listener, routes, stop.clone(), bounds));
        Self {
            address,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

fn patient() -> Bounds {
    Bounds {
        head: PATIENCE,
        connections: 100,
    }
}

fn hasty() -> Bounds {
    Bounds {
        head: Duration::from_millis(100),
        ..patient()
    }
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// What comes until `end` came.
async fn hear(stream: &mut TcpStream, end: &str) -> String {
    let mut heard = Vec::new();
    let listening = async {
        while !heard.ends_with(end.as_bytes()) {
            let byte = stream.read_u8().await.unwrap();
            heard.push(byte);
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

/// What comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard))
        .await
        .expect("the server does not close")
        .unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn who_does_not_finish_a_head_is_closed() {
    let server = Server::start(hasty()).await;
    for said in ["", "P", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = server.connect().await;
        say(&mut stream, said).await;
        assert_eq!(rest(&mut stream).await, "", "{said:?}");
    }
    // One that was answered and then says nothing is no different.
    let mut stream = server.connect().await;
    say(&mut stream, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(rest(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn a_body_may_take_longer_than_a_head() {
    let server = Server::start(hasty()).await;
    let mut stream = server.connect().await;
    say(
        &mut stream,
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n",
    )
    .await;
    for _ in 0..5 {
        tokio::time::sleep(hasty().head / 2).await;
        say(&mut stream, "ab").await;
    }
    assert!(hear(&mut stream, "ababababab").await.contains("200 OK"));
}

#[tokio::test]
async fn who_is_refused_while_sending_learns_of_the_refusal() {
    let server = Server::start(patient()).await;
    let mut stream = server.connect().await;
    let body = "x".repeat(8 * 1024 * 1024);
    let length = body.len();
    let head = format!("POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    say(&mut stream, &head).await;
    // It reads nothing before all is said, as plain clients do.
    say(&mut stream, &body).await;
    assert!(hear(&mut stream, "\r\n\r\n").await.contains(" 413 "));
    // And the connection is as good as before.
    say(&mut stream, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    hear(&mut stream, "hello").await;
}

#[tokio::test]
async fn who_waits_to_be_invited_is_refused_without_the_body() {
    let server = Server::start(patient()).await;
    let mut stream = server.connect().await;
    say(
        &mut stream,
        "POST /refuse HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n",
    )
    .await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_head_has_a_largest_size() {
    let server = Server::start(patient()).await;
    let mut stream = server.connect().await;
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(70_000));
    say(&mut stream, &head).await;
    assert!(hear(&mut stream, "\r\n\r\n").await.contains(" 431 "));
}

#[tokio::test]
async fn beyond_the_bound_connections_wait_for_a_place() {
    let server = Server::start(Bounds {
        connections: 1,
        ..patient()
    })
    .await;
    let mut first = server.connect().await;
    say(&mut first, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    hear(&mut first, "hello").await;
    let mut second = server.connect().await;
    say(&mut second, "GET /peer HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // The first is still served while the second waits.
    say(&mut first, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    hear(&mut first, "hello").await;
    assert!(second.try_read(&mut [0; 1]).is_err());
    drop(first);
    let own = second.local_addr().unwrap().to_string();
    hear(&mut second, &own).await;
}

#[tokio::test]
async fn a_socket_outlives_the_bounds_and_counts_for_none() {
    let server = Server::start(Bounds {
        connections: 1,
        ..hasty()
    })
    .await;
    let mut socket = server.connect().await;
    say(
        &mut socket,
        "GET /socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await;
    assert!(hear(&mut socket, "\r\n\r\n").await.contains(" 101 "));
    let mut other = server.connect().await;
    assert_eq!(rest(&mut other).await, "", "its head did not come in time");
    // A masked text frame whose mask is zero.
    socket
        .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
        .await
        .unwrap();
    hear(&mut socket, "hi").await;
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_closes_the_idle() {
    let server = Server::start(patient()).await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    say(&mut idle, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    hear(&mut idle, "hello").await;
    let mut busy = server.connect().await;
    say(
        &mut busy,
        "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
    )
    .await;
    // Its handler runs: it asked for the body.
    hear(&mut busy, "100 Continue\r\n\r\n").await;
    server.stop.request();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
    say(&mut busy, "last").await;
    assert!(rest(&mut busy).await.ends_with("last"));
    tokio::time::timeout(PATIENCE, server.serving)
        .await
        .unwrap()
        .unwrap();
}
