//! What durability of a webhook costs: signed webhooks accepted a second through
//! the whole way (HTTP, signature, gRPC in process, commit), against bare durable
//! INSERTs of the same bytes on the same PostgreSQL with as many connections.

use std::sync::Arc;

use anyhow::Context;
use postgres::private::{Options, PrivateCluster};
use serde_json::json;
use sqlx::{PgPool, postgres::PgPoolOptions};
use testing::graph;

use crate::{
    children::{Process, answers, free_port},
    figure::{self, Target},
    load,
};

const WEBHOOKS: usize = 6_000;
const WARM_UP: usize = 500;
const CONNECTIONS: usize = 8;
const NUMBER: &str = "106540352242922";
const SECRET: &str = "bench-app-secret";

/// Starts a durable PostgreSQL and the system, loads both, prints the ratio.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("atencion-bench-{}", std::process::id()));
    let cluster = PrivateCluster::start(Options::new(&folder)).await?;
    let measured = compare(&cluster).await;
    cluster.stop().await?;
    // Best effort: the folder is in the place for temporary things.
    let _ = std::fs::remove_dir_all(&folder);
    measured
}

async fn compare(cluster: &PrivateCluster) -> anyhow::Result<()> {
    let url = cluster.url(postgres::private::NAME);
    let pool = PgPoolOptions::new()
        .max_connections(u32::try_from(CONNECTIONS)?)
        .connect(&url)
        .await?;
    sqlx::raw_sql(
        "CREATE SCHEMA bench;
         CREATE TABLE bench.raw (
             id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             body bytea NOT NULL,
             received_at timestamptz NOT NULL DEFAULT now()
         )",
    )
    .execute(&pool)
    .await?;
    insert(&pool, WARM_UP).await?;
    let reference = insert(&pool, WEBHOOKS).await?;

    let port = free_port()?;
    let environment = [
        ("DATABASE_URL", url),
        ("ATENCION_PROCESS__HTTP_LISTEN", format!("127.0.0.1:{port}")),
        ("ATENCION_CHANNEL__META_APP_SECRET", SECRET.to_owned()),
        (
            "ATENCION_STANDALONE__DATA_DIR",
            cluster.dir().join("bench").display().to_string(),
        ),
        ("ATENCION_LOG__FILTER", "warn".to_owned()),
    ];
    let _system = Process::start("standalone", &["demo", "--serve"], &environment)?;
    let api = format!("http://127.0.0.1:{port}");
    answers(&format!("{api}/readyz")).await?;
    add_channel(&api).await?;
    post(&api, 0, WARM_UP).await?;
    let ours = post(&api, WARM_UP, WEBHOOKS).await?;
    println!(
        "# webhook p50 with {CONNECTIONS} connections: {:?}",
        ours.median
    );
    figure::print(
        "webhook-accept",
        ours.per_second,
        reference,
        "/s",
        Target::AtLeast(0.5),
    );
    Ok(())
}

/// Bare inserts a second.
async fn insert(pool: &PgPool, count: usize) -> anyhow::Result<f64> {
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let began = std::time::Instant::now();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (pool, next) = (pool.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= count {
                        return anyhow::Ok(());
                    }
                    sqlx::query("INSERT INTO bench.raw (body) VALUES ($1)")
                        .bind(webhook(number))
                        .execute(&pool)
                        .await?;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = count as f64;
    Ok(count / began.elapsed().as_secs_f64())
}

async fn add_channel(api: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().build()?;
    let answer = client
        .post(format!("{api}/api/admin/channels/store"))
        .header("X-User-Consumo", "UsuarioPrueba")
        .header("X-User-Secret", "strDasdakdmsadsakming")
        .json(&json!({
            "id_company": 3, "name": "bench", "app": NUMBER, "type": "whatsappfb", "token": "t",
        }))
        .send()
        .await?;
    answer
        .error_for_status()
        .context("the channel is not accepted")?;
    Ok(())
}

async fn post(api: &str, from: usize, count: usize) -> anyhow::Result<load::Outcome> {
    let url = format!("{api}/api/meta/readMessagesWAP");
    load::run(count, CONNECTIONS, move |client, number| {
        let body = webhook(from + number);
        Ok(client
            .post(&url)
            .header("Content-Type", "application/json")
            .header("X-Hub-Signature-256", graph::sign(SECRET, &body))
            .body(body)
            .build()?)
    })
    .await
}

/// A text of one of a thousand customers.
fn webhook(number: usize) -> Vec<u8> {
    let from = format!("5068{:07}", number % 1000);
    let at = chassis::Clock::system().unix_seconds().unsigned_abs();
    graph::text_webhook(
        NUMBER,
        &from,
        &format!("wamid.bench.{number}"),
        "Hola, necesito ayuda",
        at,
    )
}
