//! What durability of a webhook costs: signed webhooks accepted a second (HTTP at
//! the edge, gRPC, signature, commit in channel-connector), against bare durable
//! INSERTs of the same bytes on the same PostgreSQL with as many connections.
//!
//! Measured twice: with edge and connector alone, which is what accepting costs;
//! and with the whole system in one process, which works every message off (guest,
//! chat, message, events, frames) on the same two cores while it accepts more.

use std::sync::Arc;

use anyhow::Context;
use postgres::private::PrivateCluster;
use serde_json::json;
use sqlx::{PgPool, postgres::PgPoolOptions};
use testing::{graph, servers::Redis};

use crate::{
    children::{Process, answers, free_port},
    cluster,
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
    cluster::with(true, compare).await
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

    let settings = Settings::new(url)?;
    let whole = {
        let _system = Process::start("standalone", &["demo", "--serve"], &settings.0)?;
        answers(&settings.url("/readyz")).await?;
        add_channel(&settings).await?;
        load(&settings, 0).await?
    };
    let accept = {
        // Processes that are apart need a bus, though accepting does not use it.
        let redis = Redis::start().await?;
        let mut environment = settings.0.clone();
        environment.push(("ATENCION_REDIS__URL", redis.url()));
        let _connector = Process::start("channel-connector", &["serve"], &environment)?;
        let _edge = Process::start("edge", &["serve"], &environment)?;
        answers(&settings.url("/healthz")).await?;
        let outcome = load(&settings, WARM_UP + WEBHOOKS).await?;
        redis.stop().await?;
        outcome
    };
    println!("# p50 with {CONNECTIONS} connections: {accept:?} alone, {whole:?} with everything");
    let target = Target::AtLeast(0.5);
    figure::print("webhook-accept", accept.per_second, reference, "/s", target);
    let target = Target::AtLeast(0.1);
    figure::print("webhook-whole", whole.per_second, reference, "/s", target);
    Ok(())
}

/// The environment of the processes.
struct Settings(Vec<(&'static str, String)>, u16);

impl Settings {
    fn new(database_url: String) -> anyhow::Result<Self> {
        let port = free_port()?;
        let (private, public) = auth::generate("bench")?;
        let folder =
            std::env::temp_dir().join(format!("atencion-bench-data-{}", std::process::id()));
        let variables = vec![
            ("DATABASE_URL", database_url.clone()),
            ("ATENCION_DATABASE__URL", database_url),
            ("ATENCION_PROCESS__HTTP_LISTEN", format!("127.0.0.1:{port}")),
            ("ATENCION_PROCESS__LISTEN", "127.0.0.1:7004".to_owned()),
            ("ATENCION_CONTEXT__SIGNING_KEY", private.expose().to_owned()),
            ("ATENCION_CONTEXT__TRUSTED_KEYS", public),
            ("ATENCION_CHANNEL__META_APP_SECRET", SECRET.to_owned()),
            (
                "ATENCION_CHANNEL__ENCRYPTION_KEYS",
                sealing::generate_key("k1")?.expose().to_owned(),
            ),
            (
                "ATENCION_STANDALONE__DATA_DIR",
                folder.display().to_string(),
            ),
            ("ATENCION_LOG__FILTER", "error".to_owned()),
        ];
        Ok(Self(variables, port))
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.1)
    }
}

async fn load(settings: &Settings, from: usize) -> anyhow::Result<load::Outcome> {
    post(settings, from, WARM_UP).await?;
    post(settings, from + WARM_UP, WEBHOOKS).await
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

async fn add_channel(settings: &Settings) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().build()?;
    let answer = client
        .post(settings.url("/api/admin/channels/store"))
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

async fn post(settings: &Settings, from: usize, count: usize) -> anyhow::Result<load::Outcome> {
    let url = settings.url("/api/meta/readMessagesWAP");
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
