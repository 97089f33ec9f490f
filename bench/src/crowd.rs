//! What a crowd that logs in at once does to everybody else: 200 logins in one
//! moment against the whole system in one process, while somebody who is in already
//! goes on working.

use std::time::{Duration, Instant};

use anyhow::Context;
use postgres::private::PrivateCluster;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    children::{Process, answers, free_port},
    cluster,
    figure::{self, Target},
};

const CROWD: usize = 200;
const ALONE: usize = 300;

/// The longest a login may wait for a thread that hashes, in milliseconds.
const LONGEST_WAIT: f64 = 1000.0;

/// Starts the system, lets the crowd in, prints the figures.
pub(crate) async fn measure() -> anyhow::Result<()> {
    cluster::with(true, compare).await
}

async fn compare(cluster: &PrivateCluster) -> anyhow::Result<()> {
    let port = free_port()?;
    let data = std::env::temp_dir().join(format!("atencion-bench-data-{}", std::process::id()));
    let environment = [
        ("DATABASE_URL", cluster.url(postgres::private::NAME)),
        ("ATENCION_PROCESS__HTTP_LISTEN", format!("127.0.0.1:{port}")),
        ("ATENCION_STANDALONE__DATA_DIR", data.display().to_string()),
        ("ATENCION_LOG__FILTER", "error".to_owned()),
    ];
    let system = Process::start("standalone", &["demo", "--serve"], &environment)?;
    let site = Site {
        client: Client::builder().timeout(Duration::from_secs(30)).build()?,
        url: format!("http://127.0.0.1:{port}"),
    };
    answers(&format!("{}/readyz", site.url)).await?;
    let (_, login) = site.log_in().await?;
    let token = login["data"]["token"].as_str().context("no token")?;
    site.list(token).await?;

    let mut alone = Vec::with_capacity(ALONE);
    for _ in 0..ALONE {
        alone.push(site.list(token).await?);
    }
    let before = system.peak_memory_mib()?;
    let crowd = site.crowd(token).await?;
    let after = system.peak_memory_mib()?;

    println!(
        "# {} served, {} sent away, {} lists meanwhile: p99 {:.1}ms, alone {:.1}ms",
        crowd.served,
        CROWD - crowd.served,
        crowd.lists.len(),
        at(&mut crowd.lists.clone(), 99),
        at(&mut alone, 99),
    );
    let target = Target::AtMost(1.25);
    figure::print(
        "crowd-slowest-login",
        crowd.slowest,
        LONGEST_WAIT,
        "ms",
        target,
    );
    let target = Target::AtMost(10.0);
    let (during, idle) = (at(&mut crowd.lists.clone(), 50), at(&mut alone, 50));
    figure::print("crowd-others-p50", during, idle, "ms", target);
    figure::print_added("crowd-memory", after, before, "MiB", 64.0);
    Ok(())
}

/// What came of the crowd; times in milliseconds.
struct Crowd {
    served: usize,
    slowest: f64,
    lists: Vec<f64>,
}

/// The system at its address.
#[derive(Clone)]
struct Site {
    client: Client,
    url: String,
}

impl Site {
    fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.client
            .post(format!("{}/api/{path}", self.url))
            .header("X-User-Consumo", "UsuarioPrueba")
            .header("X-User-Secret", "strDasdakdmsadsakming")
            .json(body)
    }

    async fn log_in(&self) -> anyhow::Result<(StatusCode, Value)> {
        let who = json!({"email": "agente1@atencion.test", "password": "Secret123"});
        let answer = self.post("auth/login", &who).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    /// The milliseconds of one list of chats.
    async fn list(&self, token: &str) -> anyhow::Result<f64> {
        let began = Instant::now();
        let asked = self.post("chat/list", &json!({"paginate": "N"}));
        let answer = asked.bearer_auth(token).send().await?;
        anyhow::ensure!(answer.status() == 200, "{}", answer.status());
        answer.bytes().await?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }

    async fn crowd(&self, token: &str) -> anyhow::Result<Crowd> {
        let mut logins = JoinSet::new();
        for _ in 0..CROWD {
            let site = self.clone();
            logins.spawn(async move {
                let began = Instant::now();
                let (status, _) = site.log_in().await?;
                anyhow::Ok((status, began.elapsed().as_secs_f64() * 1e3))
            });
        }
        let mut crowd = Crowd {
            served: 0,
            slowest: 0.0,
            lists: Vec::new(),
        };
        while !logins.is_empty() {
            crowd.lists.push(self.list(token).await?);
            while let Some(login) = logins.try_join_next() {
                let (status, took) = login??;
                let known = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE];
                anyhow::ensure!(known.contains(&status), "a login answered {status}");
                crowd.served += usize::from(status == StatusCode::OK);
                crowd.slowest = crowd.slowest.max(took);
            }
        }
        Ok(crowd)
    }
}

fn at(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() - 1) * percent / 100]
}
