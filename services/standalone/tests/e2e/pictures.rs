//! Pictures of users in a bucket: a server that speaks S3 and checks signatures,
//! over a folder in which the test sees what is kept.

use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use axum::{Router, error_handling::HandleError, http::StatusCode};
use reqwest::Method;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::{
    api::Api,
    world::{Mode, PATIENCE, World},
};

const ACCOUNT: &str = "pictures";
const SECRET: &str = "secret-of-the-bucket";

/// Two pictures of one pixel: red, and green.
const RED: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
const GREEN: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNg+M8AAAICAQB7CYF4AAAAAElFTkSuQmCC";

/// A server with the bucket `faces`. It runs in threads of its own, so that
/// stopping it ends its connections too.
struct S3 {
    folder: PathBuf,
    port: u16,
    running: Option<Runtime>,
}

impl S3 {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("s3_{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir_all(folder.join("faces")).unwrap();
        let mut server = Self {
            folder,
            port: 0,
            running: None,
        };
        server.run();
        server
    }

    /// Serves, after a stop on the port of before.
    fn run(&mut self) {
        let mut service = S3ServiceBuilder::new(FileSystem::new(&self.folder).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCOUNT, SECRET));
        let broken = async |_: s3s::HttpError| StatusCode::INTERNAL_SERVER_ERROR;
        let service = HandleError::new(service.build(), broken);
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Router::new().fallback_service(service)).await
        });
        self.running = Some(runtime);
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }

    /// The pictures in the bucket, below the prefix of the settings.
    fn pictures(&self) -> Vec<Vec<u8>> {
        contents(&self.folder.join("faces/users")).unwrap()
    }

    /// Waits until so many are left, when it has been long since they were let go.
    async fn until_pictures(&self, world: &World, wanted: usize) {
        let long_ago = "UPDATE identity.picture_object \
                        SET unused_since = unused_since - interval '1 hour'";
        sqlx::query(long_ago)
            .execute(&world.database)
            .await
            .unwrap();
        let began = Instant::now();
        while self.pictures().len() != wanted {
            assert!(
                began.elapsed() < PATIENCE,
                "{} pictures instead of {wanted}",
                self.pictures().len()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn settings(&self, secret: &str) -> String {
        format!(
            r#"
            [identity.pictures]
            store = "s3://faces/users"
            endpoint = "http://127.0.0.1:{}"
            region = "us-east-1"
            access_key_id = "{ACCOUNT}"
            secret_access_key = "{secret}"
            sweep_seconds = 1
            "#,
            self.port
        )
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The files of a folder, at any depth.
fn contents(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    if folder.exists() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                found.extend(contents(&path)?);
            } else {
                found.push(fs::read(path)?);
            }
        }
    }
    Ok(found)
}

fn bytes(picture: &str) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(picture).unwrap()
}

/// Uploads a picture of user 15; answers the status.
async fn upload(api: &Api, picture: &str) -> u16 {
    let pic = format!("data:image/png;base64,{picture}");
    let answer = api
        .patch("users/uploadUserPic/15", json!({"id": 15, "pic": pic}))
        .await;
    answer.status.as_u16()
}

/// What is shown of user 15 as a file: status, entity tag, content.
async fn show(api: &Api) -> (u16, String, Vec<u8>) {
    let shown = api.request(Method::GET, "users/showUserPic/15?mode=binary");
    let shown = shown.send().await.unwrap();
    let status = shown.status().as_u16();
    let tag = shown.headers().get("etag");
    let tag = tag.map_or_else(String::new, |tag| tag.to_str().unwrap().to_owned());
    (status, tag, shown.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_kept_in_a_bucket_and_survive_its_absence() {
    let mut bucket = S3::start();
    let world = World::start_configured(Mode::Together, &bucket.settings(SECRET)).await;
    let api = world.api().login("super@atencion.test").await;

    assert_eq!(upload(&api, RED).await, 200);
    assert_eq!(bucket.pictures(), [bytes(RED)]);
    let (status, red, content) = show(&api).await;
    assert_eq!((status, content), (200, bytes(RED)));
    let known = api.request(Method::GET, "users/showUserPic/15?mode=binary");
    let known = known.header("If-None-Match", &red).send().await.unwrap();
    assert_eq!(known.status(), 304);
    for (mode, field, value) in [
        ("url", "id", json!(15)),
        ("meta", "size", json!(bytes(RED).len())),
    ] {
        let path = format!("users/showUserPic/15?mode={mode}");
        let shown = api.request(Method::GET, &path).send().await.unwrap();
        let shown: serde_json::Value = serde_json::from_str(&shown.text().await.unwrap()).unwrap();
        assert_eq!(shown["data"][field], value, "{shown}");
    }

    // What is replaced is swept out of the bucket.
    assert_eq!(upload(&api, GREEN).await, 200);
    let (status, green, content) = show(&api).await;
    assert_eq!((status, content), (200, bytes(GREEN)));
    assert_ne!(red, green);
    bucket.until_pictures(&world, 1).await;
    assert_eq!(bucket.pictures(), [bytes(GREEN)]);

    // Without the server nothing is changed, and callers may try again.
    bucket.stop();
    assert_eq!(upload(&api, RED).await, 503);
    assert_eq!(show(&api).await.0, 503);
    bucket.run();
    assert_eq!(show(&api).await, (200, green, bytes(GREEN)));
    assert_eq!(upload(&api, RED).await, 200);
    assert_eq!(show(&api).await.2, bytes(RED));
    bucket.until_pictures(&world, 1).await;

    let gone = api.request(Method::DELETE, "users/deleteUserPic/15");
    assert_eq!(gone.send().await.unwrap().status(), 200);
    assert_eq!(show(&api).await.0, 404);
    bucket.until_pictures(&world, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_told_to_the_operator() {
    let bucket = S3::start();
    let world = World::start_configured(Mode::Together, &bucket.settings("wrong")).await;
    let api = world.api().login("super@atencion.test").await;
    assert_eq!(upload(&api, RED).await, 503);
    assert!(bucket.pictures().is_empty());
    assert_eq!(show(&api).await.0, 404);
    let log = fs::read_to_string(world.settings_file().with_file_name("standalone.log")).unwrap();
    assert!(log.contains("SignatureDoesNotMatch"), "{log}");
    assert!(!log.contains("\"wrong\""), "the log holds the secret");
}
