//! Counters in Redis, shared by all replicas. One script does everything, so that
//! what is read and what is written belong together.

use std::time::Duration;

use redis::{
    Client, FromRedisValue, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::OnceCell;

use super::{Attempt, Limits, Missing, Outcome, Verdict, local::MOST_MISSING};

const SCRIPT: &str = include_str!("counters.lua");

/// How long an answer may take; a login does not wait for longer.
const PATIENCE: Duration = Duration::from_millis(250);

/// In front of every key.
const PREFIX: &str = "atencion:guess";

/// The counters of all replicas.
pub struct Shared {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    limits: Limits,
}

impl Shared {
    /// Connects when it is used.
    pub fn new(client: Client, limits: Limits) -> Self {
        Self {
            client,
            connection: OnceCell::new(),
            limits,
        }
    }

    /// Judges an attempt and counts it.
    pub async fn admit(&self, attempt: &Attempt, now: i64) -> Result<Verdict, RedisError> {
        let flags = [attempt.known_network, attempt.known_device];
        let arguments = flags.map(|flag| u8::from(flag).to_string());
        let (verdict, wait): (u8, u64) = self.run("admit", &keys(attempt), now, &arguments).await?;
        Ok(match verdict {
            0 => Verdict::Admitted,
            1 => Verdict::Wait(Duration::from_millis(wait)),
            2 => Verdict::Pretended,
            _ => Verdict::Crowded,
        })
    }

    /// Notes what became of an attempt.
    pub async fn settle(
        &self,
        attempt: &Attempt,
        outcome: Outcome,
        now: i64,
    ) -> Result<(), RedisError> {
        let operation = match outcome {
            Outcome::Right => "right",
            Outcome::Wrong => "wrong",
            Outcome::Unjudged => "unjudged",
        };
        self.run::<i64>(operation, &keys(attempt), now, &[]).await?;
        Ok(())
    }

    /// Takes one out of each bucket, or answers the time until that is possible.
    pub async fn spend(
        &self,
        buckets: &[(String, u32)],
        now: i64,
    ) -> Result<Option<Duration>, RedisError> {
        let (keys, hourly): (Vec<_>, Vec<_>) = buckets
            .iter()
            .map(|(bucket, hourly)| (format!("{PREFIX}:bucket:{bucket}"), hourly.to_string()))
            .unzip();
        let wait: u64 = self.run("spend", &keys, now, &hourly).await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }

    /// Notes that somebody asked for an address that nobody has.
    pub async fn missing(
        &self,
        asker: &str,
        address: &str,
        now: i64,
    ) -> Result<Missing, RedisError> {
        let keys = ["missing", "hidden"].map(|kind| format!("{PREFIX}:{kind}:{asker}"));
        let arguments = [address.to_owned(), MOST_MISSING.to_string()];
        let answer: u8 = self.run("missing", &keys, now, &arguments).await?;
        Ok(match answer {
            0 => Missing::Told,
            answer => Missing::Hidden { newly: answer == 1 },
        })
    }

    async fn run<T: FromRedisValue>(
        &self,
        operation: &str,
        keys: &[String],
        now: i64,
        arguments: &[String],
    ) -> Result<T, RedisError> {
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("EVAL");
        command.arg(SCRIPT).arg(keys.len()).arg(keys);
        command.arg(operation).arg(now);
        command.arg(self.limits.free);
        command.arg(self.limits.per_account);
        command.arg(self.limits.per_network);
        command.arg(arguments).query_async(&mut connection).await
    }

    async fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let patience = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connect = || ConnectionManager::new_with_config(self.client.clone(), patience);
        Ok(self.connection.get_or_try_init(connect).await?.clone())
    }
}

fn keys(attempt: &Attempt) -> [String; 3] {
    let Attempt {
        account, network, ..
    } = attempt;
    [
        format!("{PREFIX}:pair:{account}:{network}"),
        format!("{PREFIX}:account:{account}"),
        format!("{PREFIX}:network:{network}"),
    ]
}
