//! What a login costs: CPU of identity for each, against one bare argon2id of the
//! same parameters; and how long the kinds of refused logins take, which must not
//! tell who is registered.

use std::time::{Duration, Instant};

use anyhow::Context;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, ContextKeys, ContextSigner,
    Credential,
};
use chassis::{Clock, Upstream, config::Secret};
use postgres::private::PrivateCluster;
use proto::identity::v1::{LoginRequest, session_service_client::SessionServiceClient};
use sqlx::PgPool;
use testing::servers::Redis;
use tokio::sync::Mutex;

use crate::{
    children::{Process, free_port, own_cpu_seconds},
    cluster,
    figure::{self, Target},
};

/// Processes that take part one after the other: which pages of memory one is given
/// makes its hashes up to 4 % dearer or cheaper, for as long as it runs.
const ROUNDS: usize = 8;
const PAIRS: usize = 40;
const WARM_UP: u32 = 20;
const REFUSED: usize = 200;

/// How long identity may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The demo user who logs in.
const AGENT: &str = "agente1@atencion.test";

/// The demo user who is switched off.
const OFF: &str = "juan@empresa.com";
const PASSWORD: &str = "Secret123";

/// Starts PostgreSQL, Redis and identity, logs in, prints the ratios.
pub(crate) async fn measure() -> anyhow::Result<()> {
    cluster::with(true, async |cluster| {
        let redis = Redis::start().await?;
        let measured = compare(cluster, &redis).await;
        redis.stop().await?;
        measured
    })
    .await
}

async fn compare(cluster: &PrivateCluster, redis: &Redis) -> anyhow::Result<()> {
    let url = cluster.url(postgres::private::NAME);
    let settings = identity::Config {
        pepper: Secret::new("a pepper for the benchmark"),
        encryption_keys: sealing::generate_key("k1")?,
        ..identity::Config::default()
    };
    let pool = PgPool::connect(&url).await?;
    postgres::migrate::apply(&pool, "identity", &identity::MIGRATOR).await?;
    identity::demo::seed(&pool, &settings).await?;
    sqlx::query("UPDATE identity.users SET active = false WHERE email = $1")
        .bind(OFF)
        .execute(&pool)
        .await?;

    let (mut reference, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (identity, edge) = start(&url, redis, &settings).await?;
        // One of each in turn, so that whatever else the machine does hits both alike. Not
        // many in a row: logins come apart, and a hash whose memory, as large as a cache,
        // was touched a moment ago is cheaper than any login can have it.
        let mut bare = Bare::new();
        for _ in 0..PAIRS {
            reference.push(bare.hash()?);
            let before = identity.cpu_seconds()?;
            edge.log_in(1).await?;
            ours.push((identity.cpu_seconds()? - before) * 1000.0);
        }
    }
    let target = Target::AtMost(1.10);
    figure::print_paired("login-cpu", &ours, &reference, "ms", target);
    let (_identity, edge) = start(&url, redis, &settings).await?;
    edge.compare_refusals().await
}

/// An identity that is warm, and its caller.
async fn start(
    url: &str,
    redis: &Redis,
    settings: &identity::Config,
) -> anyhow::Result<(Process, Edge)> {
    let (private, public) = auth::generate("bench")?;
    let port = free_port()?;
    let environment = [
        ("ATENCION_DATABASE__URL", url.to_owned()),
        ("ATENCION_REDIS__URL", redis.url()),
        ("ATENCION_PROCESS__LISTEN", format!("127.0.0.1:{port}")),
        ("ATENCION_CONTEXT__SIGNING_KEY", private.expose().to_owned()),
        ("ATENCION_CONTEXT__TRUSTED_KEYS", public.clone()),
        ("ATENCION_IDENTITY__PEPPER", settings.pepper.expose().into()),
        (
            "ATENCION_IDENTITY__ENCRYPTION_KEYS",
            settings.encryption_keys.expose().into(),
        ),
        ("ATENCION_IDENTITY__FAILURES_PER_ACCOUNT", "1000000".into()),
        ("ATENCION_IDENTITY__FAILURES_PER_NETWORK", "1000000".into()),
        ("ATENCION_LOG__FILTER", "error".into()),
    ];
    let identity = Process::start("identity", &["serve"], &environment)?;
    let edge = Edge::new(port, private, public)?;
    edge.until_it_answers().await?;
    edge.log_in(WARM_UP).await?;
    Ok((identity, edge))
}

/// One bare argon2id with the same parameters, on memory that is used again.
struct Bare {
    argon: Argon2<'static>,
    memory: Vec<Block>,
}

impl Bare {
    fn new() -> Self {
        Self {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT),
            memory: vec![Block::new(); Params::DEFAULT.block_count()],
        }
    }

    /// CPU milliseconds of one hash.
    fn hash(&mut self) -> anyhow::Result<f64> {
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        let before = own_cpu_seconds();
        self.argon
            .hash_password_into_with_memory(
                PASSWORD.as_bytes(),
                b"salt of 16 bytes",
                &mut output,
                &mut self.memory,
            )
            .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
        Ok((own_cpu_seconds() - before) * 1000.0)
    }
}

/// Calls identity as the edge does, which has one context token for many logins.
struct Edge {
    sessions: SessionServiceClient<Upstream>,
    signer: ContextSigner,
    token: Mutex<Option<(Instant, Credential)>>,
}

impl Edge {
    fn new(port: u16, signing_key: Secret, public: String) -> anyhow::Result<Self> {
        let keys = ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        };
        let upstream = Upstream::remote(&format!("http://127.0.0.1:{port}"))?;
        Ok(Self {
            sessions: SessionServiceClient::new(upstream),
            signer: ContextSigner::new(&keys, Clock::system())?,
            token: Mutex::default(),
        })
    }

    /// The token of the API client, for half of its life.
    async fn credential(&self) -> anyhow::Result<Credential> {
        let mut held = self.token.lock().await;
        if let Some((since, token)) = &*held
            && since.elapsed() < auth::LIFETIME / 2
        {
            return Ok(token.clone());
        }
        let caller = Caller {
            client: Some(ClientCaller {
                id: ClientId(1),
                authority: Authority::Platform,
                company: Some(CompanyId(3)),
                scopes: Vec::new(),
            }),
            ..Caller::service("edge")
        };
        let token = Credential::new(&self.signer.mint(&caller)?)?;
        *held = Some((Instant::now(), token.clone()));
        Ok(token)
    }

    /// Tries to log in from an address; how long it took, and whether it worked.
    async fn login(
        &self,
        email: &str,
        password: &str,
        client_ip: String,
    ) -> anyhow::Result<(Duration, Result<(), tonic::Code>)> {
        let call = Call::with(self.credential().await?, Duration::from_secs(10));
        let request = call.request(LoginRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            client_ip,
            ..LoginRequest::default()
        });
        let began = Instant::now();
        let answer = self.sessions.clone().login(request).await;
        let worked = answer.map(|_| ()).map_err(|status| status.code());
        Ok((began.elapsed(), worked))
    }

    async fn until_it_answers(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.login(AGENT, PASSWORD, home()).await?.1.is_err() {
            anyhow::ensure!(began.elapsed() < PATIENCE, "identity does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn log_in(&self, count: u32) -> anyhow::Result<()> {
        for _ in 0..count {
            let (_, worked) = self.login(AGENT, PASSWORD, home()).await?;
            anyhow::ensure!(worked.is_ok(), "a login failed: {worked:?}");
        }
        Ok(())
    }

    /// The kinds in turn, so that whatever else the machine does hits all alike.
    async fn compare_refusals(&self) -> anyhow::Result<()> {
        let kinds = [
            ("unknown", "nobody@atencion.test"),
            ("wrong-password", AGENT),
            ("switched-off", OFF),
        ];
        let mut times = kinds.map(|_| Vec::with_capacity(REFUSED));
        for number in 0..REFUSED {
            for ((_, email), times) in kinds.iter().zip(&mut times) {
                // Each from a network of its own: nobody has to wait.
                let from = format!("10.{}.{}.1", number / 256, number % 256);
                let password = if *email == OFF { PASSWORD } else { "wrong" };
                let (took, worked) = self.login(email, password, from).await?;
                anyhow::ensure!(worked == Err(tonic::Code::Unauthenticated), "{worked:?}");
                times.push(took);
            }
        }
        let mut medians = Vec::new();
        for ((kind, _), times) in kinds.iter().zip(&mut times) {
            times.sort();
            let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
            println!(
                "# refused {kind}: p10 {:.2}ms p50 {:.2}ms p90 {:.2}ms p99 {:.2}ms",
                at(10),
                at(50),
                at(90),
                at(99)
            );
            medians.push(at(50));
        }
        let greatest = medians.iter().copied().reduce(f64::max);
        let least = medians.iter().copied().reduce(f64::min);
        let (greatest, least) = greatest.zip(least).context("no refusals")?;
        let target = Target::AtMost(1.05);
        figure::print("login-refused-p50", greatest, least, "ms", target);
        Ok(())
    }
}

fn home() -> String {
    "192.0.2.1".to_owned()
}
