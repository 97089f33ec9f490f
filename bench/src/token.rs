//! What checking a bearer token costs the edge in CPU: a signed one that it sees for
//! the first time, and one that it knows. The reference is what each may cost;
//! nothing is asked over the network in either case.

use std::time::{Duration, Instant};

use anyhow::Context;
use auth::{ACCESS_TYPE, AccessClaims};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chassis::{Clock, Lifecycle, Upstream};
use edge::Guard;
use host::Upstreams;
use serde_json::json;
use uuid::Uuid;

use crate::{
    children::own_cpu_seconds,
    edge::upstream::{self, ACCESS_KEY},
    figure::{self, Target},
};

const TOKENS: usize = 5_000;
const REPEATED: usize = 200_000;

/// What a check may cost, in microseconds.
const FIRST_SIGHT: f64 = 60.0;
const AGAIN: f64 = 2.0;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Builds an edge in this process and measures its checks.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let broken = |_| anyhow::anyhow!("no key can be made");
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(broken)?;
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref())
        .map_err(|_| anyhow::anyhow!("no key can be made"))?;
    ACCESS_KEY.get_or_init(|| pair.public_key().as_ref().to_vec());
    let lifecycle = Lifecycle::new(Duration::from_secs(1));
    let guard = start(&lifecycle)?;
    let tokens = (0..TOKENS)
        .map(|_| token(&pair))
        .collect::<anyhow::Result<Vec<_>>>()?;
    ready(&guard, &token(&pair)?).await?;

    let first = time(&guard, tokens.iter()).await?;
    let again = time(&guard, tokens.iter().cycle().take(REPEATED)).await?;
    let (target, unit) = (Target::AtMost(1.0), "us");
    figure::print("token-first-sight", first, FIRST_SIGHT, unit, target);
    figure::print("token-repeated", again, AGAIN, unit, target);
    lifecycle.stop().request();
    Ok(())
}

fn start(lifecycle: &Lifecycle) -> anyhow::Result<std::sync::Arc<Guard>> {
    let (identity, slot) = Upstream::local();
    slot.fill(upstream::routes().prepare().into_axum_router());
    let away = || Upstream::local().0;
    let upstreams = Upstreams {
        identity,
        tenancy_admin: away(),
        conversation: away(),
        channel_connector: away(),
        realtime_broadcast: away(),
        mail_ticket: away(),
    };
    let (signing_key, _) = auth::generate("bench")?;
    let context = auth::ContextKeys {
        signing_key,
        ..auth::ContextKeys::default()
    };
    let (config, stop) = (edge::Config::default(), lifecycle.stop());
    let edge = edge::build(config, upstreams, &context, Clock::system(), &stop)?;
    for task in edge.tasks {
        lifecycle.spawn(task);
    }
    Ok(edge.guard)
}

/// Waits until the edge checks by itself: it keeps nothing before.
async fn ready(guard: &Guard, token: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    while !guard.is_live() {
        anyhow::ensure!(Instant::now() < deadline, "the edge got no lease");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::ensure!(
        guard.admits(token, TIMEOUT).await,
        "a good token is refused"
    );
    Ok(())
}

/// CPU microseconds for each check.
async fn time<'a>(guard: &Guard, tokens: impl Iterator<Item = &'a String>) -> anyhow::Result<f64> {
    let before = own_cpu_seconds();
    let mut count = 0_u32;
    for token in tokens {
        anyhow::ensure!(
            guard.admits(token, TIMEOUT).await,
            "a good token is refused"
        );
        count += 1;
    }
    anyhow::ensure!(count > 0, "nothing was measured");
    Ok((own_cpu_seconds() - before) * 1e6 / f64::from(count))
}

/// A token of a session of its own.
fn token(pair: &Ed25519KeyPair) -> anyhow::Result<String> {
    let now = Clock::system().unix_seconds();
    let claims = AccessClaims {
        iss: "bench".into(),
        aud: edge::Config::default().audience,
        sub: "7".into(),
        sid: Uuid::new_v4(),
        family: None,
        generation: 1,
        epoch: 0,
        client: 1,
        company: 3,
        department: Some(7),
        role: 3,
        iat: now,
        exp: now + 3600,
        jti: Uuid::new_v4(),
    };
    let header = json!({"typ": ACCESS_TYPE, "alg": "EdDSA", "kid": "bench"});
    let claims = serde_json::to_string(&claims).context("claims do not serialize")?;
    let text = format!(
        "{}.{}",
        BASE64URL.encode(header.to_string()),
        BASE64URL.encode(claims)
    );
    let signature = pair.sign(text.as_bytes());
    Ok(format!("{text}.{}", BASE64URL.encode(signature)))
}
