//! Services that die, hang and come back behind two replicas of the edge: what
//! needs them is answered as documented, all else goes on, and nobody restarts
//! anything but what died.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    api::{Answer, Api},
    world::{Mode, PATIENCE, World},
};

/// How long the edge waits for a service here, in seconds.
const QUICK: &str = "
[edge]
request_seconds = 2
";

async fn chats(agent: &Api) -> Answer {
    agent.post("chat/list", json!({"paginate": "N"})).await
}

/// The shape of every refusal that the server itself is to blame for.
fn documented(answer: &Answer, code: u16) {
    let shape = json!({
        "data": [], "status": "error", "message": answer.json["message"], "code": code,
        "id_bitacora_log": answer.json["id_bitacora_log"],
    });
    assert_eq!(answer.json, shape);
    assert!(answer.json["message"].is_string(), "{}", answer.json);
    assert!(answer.json["id_bitacora_log"].is_u64(), "{}", answer.json);
}

/// Asks each replica until it answers `code` for a dead or slow service.
async fn until(agents: &[Api], code: u16) {
    for agent in agents {
        let began = Instant::now();
        loop {
            let answer = chats(agent).await;
            if answer.status == code {
                if code != 200 {
                    documented(&answer, code);
                }
                break;
            }
            let passing = [200, 503, 504].contains(&answer.status.as_u16());
            assert!(passing, "{}: {}", answer.status, answer.json);
            assert!(began.elapsed() < PATIENCE, "never {code}: {}", answer.json);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What needs no chats goes on at every replica.
async fn others_work(agents: &[Api]) {
    for agent in agents {
        let found: Value = agent
            .post("admin/departments/search", json!({"id_department": 7}))
            .await
            .ok();
        assert_eq!(found["data"]["id_department"], 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_dies_hangs_or_comes_back() {
    let mut world = World::start_configured(Mode::Replicated, QUICK).await;
    let token = world.api().login("agente1@atencion.test").await;
    let agents: Vec<Api> = world
        .apis()
        .iter()
        .map(|api| api.bearing(token.token()))
        .collect();
    until(&agents, 200).await;

    world.kill("conversation");
    until(&agents, 503).await;
    others_work(&agents).await;
    world.run("conversation", None);
    until(&agents, 200).await;

    world.hold("conversation", true);
    until(&agents, 504).await;
    others_work(&agents).await;
    world.hold("conversation", false);
    until(&agents, 200).await;

    // A rolling restart: it ends by itself and another one takes its place.
    let ended = world.terminate("conversation").await;
    assert!(ended.success(), "{ended}");
    world.run("conversation", None);
    until(&agents, 200).await;
}

/// A replica that is told to end takes nothing new, and answers what it has half.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_the_edge_ends_in_order() {
    let mut world = World::start(Mode::Replicated).await;
    let agent = world.api().login("agente1@atencion.test").await;
    let others = world.apis().remove(1).bearing(agent.token());
    let address = world.url().trim_start_matches("http://").to_owned();
    let mut half = TcpStream::connect(&address).await.unwrap();
    let body = r#"{"paginate": "N"}"#;
    let head = format!(
        "POST /api/chat/list HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\
         X-User-Consumo: UsuarioPrueba\r\nX-User-Secret: strDasdakdmsadsakming\r\n\
         Authorization: Bearer {}\r\nExpect: 100-continue\r\n\r\n",
        body.len(),
        agent.token()
    );
    half.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    until_said(&mut half, &mut answer, "100 Continue").await;

    let ending = world.terminate("edge");
    let finishing = async {
        let began = Instant::now();
        while TcpStream::connect(&address).await.is_ok() {
            assert!(began.elapsed() < PATIENCE, "it still takes connections");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        half.write_all(body.as_bytes()).await.unwrap();
        until_said(&mut half, &mut answer, r#""code":200"#).await;
    };
    let (ended, ()) = tokio::join!(ending, finishing);
    assert!(ended.success(), "{ended}");
    assert_eq!(chats(&others).await.status, 200);
}

/// Reads until the server has said `words`.
async fn until_said(from: &mut TcpStream, said: &mut Vec<u8>, words: &str) {
    while !String::from_utf8_lossy(said).contains(words) {
        let more = tokio::time::timeout(PATIENCE, from.read_buf(said)).await;
        let more = more.expect("an answer in time").unwrap();
        assert_ne!(more, 0, "it said {}", String::from_utf8_lossy(said));
    }
}
