//! A shop whose purchases may be repeated.

use auth::{
    Authority, Caller, ClientCaller, ClientId, CompanyId, Role, SessionId, UserCaller, UserId,
};
use chassis::Clock;
use idempotency::{Asked, Begun, Error, Keys};
use sealing::Sealer;
use sqlx::{AssertSqlSafe, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

/// The migrations of the schema `shop`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("tests/migrations");

/// A shop on a database of its own.
#[derive(Clone)]
pub struct Shop {
    pub pool: PgPool,
    pub keys: Keys,
    pub clock: Clock,
}

/// A user of an API client, as the edge presents them.
pub fn caller(client: i64, user: i64) -> Caller {
    Caller {
        client: Some(ClientCaller {
            id: ClientId(client),
            authority: Authority::Platform,
            company: None,
            scopes: Vec::new(),
        }),
        user: Some(UserCaller {
            id: UserId(user),
            name: "Ana".to_owned(),
            role: Role::Admin,
            company: CompanyId(3),
            department: None,
            session: SessionId(Uuid::nil()),
        }),
        ..Caller::service("edge")
    }
}

impl Shop {
    pub fn new(pool: PgPool) -> Self {
        let key = sealing::generate_key("k1").unwrap();
        let sealer = Sealer::new("shop.encryption_keys", &key).unwrap();
        Self {
            pool,
            keys: Keys::new("shop", sealer),
            clock: Clock::set_to(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000)),
        }
    }

    /// Sells something; the answer names the purchase.
    pub async fn sell(&self, caller: &Caller, key: &str, item: &str) -> Result<String, Error> {
        let asked = Asked::new(caller, "sell", key, &item.to_owned())?;
        let now = self.clock.now();
        let mut work = match self.keys.begin(&self.pool, now, asked).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let insert = "INSERT INTO shop.purchase (item) VALUES ($1) RETURNING id";
        let id: i64 = sqlx::query_scalar(insert)
            .bind(item)
            .fetch_one(work.db())
            .await?;
        let answer = format!("{item} {id}");
        work.commit(&answer).await?;
        Ok(answer)
    }

    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM shop.{table}");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}
