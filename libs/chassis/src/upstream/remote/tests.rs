//! Calls over real connections, to a server that echoes, is silent, ends or is gone.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::post};
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    runtime::Runtime,
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::*;
use crate::Stop;

/// A server with threads of its own, so that it can end as a killed process does.
struct Server(Option<Runtime>);

impl Server {
    async fn on(listener: TcpListener, routes: Router) -> Self {
        let runtime = Runtime::new().unwrap();
        // A listener belongs to the runtime that it is made in.
        let listener = listener.into_std().unwrap();
        runtime
            .spawn(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::spawn(grpc::serve(listener, routes, Stop::default()));
            })
            .await
            .unwrap();
        Self(Some(runtime))
    }

    fn kill(mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn echo() -> Router {
    Router::new().route(
        "/echo",
        post(|request: axum::extract::Request| async { request.into_body() }),
    )
}

async fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn remote(address: SocketAddr) -> Remote {
    Remote::at(&format!("http://{address}")).unwrap()
}

fn request(path: &str, body: Body) -> Request<Body> {
    Request::post(path).body(body).unwrap()
}

fn whole(text: &'static str) -> Body {
    Body::new(http_body_util::Full::from(text))
}

async fn call(remote: &Remote, path: &str, body: Body) -> Response<Body> {
    remote.clone().call(request(path, body)).await.unwrap()
}

/// What an echo says, or what the refusal means.
async fn told(answer: Response<Body>) -> Result<Vec<u8>, Code> {
    if let Some(status) = Status::from_header_map(answer.headers()) {
        return Err(status.code());
    }
    let read = answer.into_body().collect().await;
    read.map(|all| all.to_bytes().to_vec())
        .map_err(|status| status.code())
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let (listener, address) = listening().await;
    drop(listener);
    let remote = remote(address);
    let calls = (0..8).map(|_| async { told(call(&remote, "/echo", whole("hola")).await).await });
    for outcome in futures_util::future::join_all(calls).await {
        assert_eq!(outcome, Err(Code::Unavailable));
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_by_the_next_call() {
    let (listener, address) = listening().await;
    let first = Server::on(listener, echo()).await;
    let remote = remote(address);
    assert_eq!(
        told(call(&remote, "/echo", whole("uno")).await).await,
        Ok(b"uno".to_vec())
    );
    first.kill();
    let began = Instant::now();
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(10), "{error}"),
        }
        sleep(Duration::from_millis(10)).await;
    };
    let _second = Server::on(listener, echo()).await;
    // A call that was under way when the connection broke may have been carried out,
    // so that one is refused; the next one is a new call.
    loop {
        match told(call(&remote, "/echo", whole("dos")).await).await {
            Ok(text) => break assert_eq!(text, b"dos"),
            Err(code) => assert_eq!(code, Code::Unavailable),
        }
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_end_the_attempt_to_connect() {
    let (listener, address) = listening().await;
    let call = remote(address).call(request("/echo", whole("hola")));
    assert!(call.now_or_never().is_none());
    let (mut accepted, _) = listener.accept().await.unwrap();
    let mut begun = [0; 14];
    accepted.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"PRI * HTTP/2.0");
}

#[tokio::test]
async fn large_messages_wait_for_room_in_both_directions() {
    let (listener, address) = listening().await;
    let _server = Server::on(listener, echo()).await;
    let chunk = |number: u8| Ok::<_, Status>(http_body::Frame::data(vec![number; 1 << 20].into()));
    let body = Body::new(StreamBody::new(stream::iter((0..12).map(chunk))));
    let answer = told(call(&remote(address), "/echo", body).await)
        .await
        .unwrap();
    assert_eq!(answer.len(), 12 << 20);
    let in_order = answer.chunks(1 << 20).zip(0..);
    assert!(
        in_order
            .into_iter()
            .all(|(part, number)| part.iter().all(|byte| *byte == number))
    );
}

#[tokio::test]
async fn both_sides_may_speak_in_turn() {
    let (listener, address) = listening().await;
    let _server = Server::on(listener, echo()).await;
    let (say, said) = mpsc::channel::<Result<http_body::Frame<Bytes>, Status>>(1);
    let body = Body::new(StreamBody::new(ReceiverStream::new(said)));
    let answer = call(&remote(address), "/echo", body).await;
    let mut heard = answer.into_body().into_data_stream();
    for word in ["uno", "dos", "tres"] {
        say.send(Ok(http_body::Frame::data(word.into())))
            .await
            .unwrap();
        assert_eq!(heard.next().await.unwrap().unwrap(), word);
    }
    drop(say);
    while let Some(rest) = heard.next().await {
        assert!(rest.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_silent_service_costs_no_more_than_the_deadline_and_is_told_to_stop() {
    let (listener, address) = listening().await;
    let (given_up, mut was_given_up) = mpsc::channel(1);
    let never = post(move || {
        let leaves = Leaves(given_up.clone());
        async move {
            std::future::pending::<()>().await;
            drop(leaves);
        }
    });
    let _server = Server::on(listener, Router::new().route("/never", never)).await;
    let mut request = request("/never", whole("hola"));
    let deadline = http::HeaderValue::from_static("50m");
    request.headers_mut().insert("grpc-timeout", deadline);
    let answer = remote(address).call(request).await.unwrap();
    assert_eq!(told(answer).await, Err(Code::DeadlineExceeded));
    assert_eq!(was_given_up.recv().await, Some(()));
}

/// Tells when it is dropped.
struct Leaves(mpsc::Sender<()>);

impl Drop for Leaves {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}
