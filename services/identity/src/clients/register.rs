//! The register of API clients: who is in it, and how they come, get another
//! secret, and go.

use auth::{Caller, ClientId};
use chassis::{Clock, FieldViolation, config::Secret};
use postgres::Page;
use serde_json::json;
use sqlx::PgPool;
use time::Duration;

use super::{ApiClient, NewClient, SecretMac, generate_secret, rights, store};
use crate::{
    Config,
    error::Error,
    revocations::{self, Subject},
    security_events::{self, Kind, SecurityEvent},
};

/// The longest time for which a secret outlives its successor.
const LONGEST_GRACE: Duration = Duration::days(30);

/// The API clients. What changes one answers when no replica goes on as before.
pub struct ClientRegister {
    pool: PgPool,
    macs: SecretMac,
    /// How long a token may be good that was opened through a client.
    longest_session: Duration,
    clock: Clock,
}

/// Which clients to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection {
    /// This one alone.
    pub id: Option<ClientId>,
    /// Those of a company.
    pub company: Option<i64>,
    /// Those in a state.
    pub active: Option<bool>,
}

/// A client and a secret of it, which nobody can read later.
pub struct Made {
    pub client: ApiClient,
    pub secret: Secret,
}

impl ClientRegister {
    /// The register in `pool`.
    pub fn new(pool: PgPool, config: &Config, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            pool,
            macs: SecretMac::new(&config.pepper)?,
            longest_session: config.lifetimes().device.total,
            clock,
        })
    }

    /// Adds a client.
    pub async fn create(&self, by: &Caller, new: &NewClient) -> Result<Made, Error> {
        let row = new.row()?;
        rights::may_give(by, &new.scopes)?;
        let secret = generate_secret()?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let id = store::insert(&mut transaction, now, &row).await?;
        store::put_secret(&mut transaction, id, 1, &self.macs.of(&secret), now).await?;
        let event = SecurityEvent::of_client(Kind::ClientCreated, new.company, id).with(json!({
            "authority": row.authority,
            "scopes": row.scopes,
        }));
        security_events::record(&mut transaction, now, by, event).await?;
        transaction.commit().await?;
        let client = self.get(id).await?;
        Ok(Made { client, secret })
    }

    /// One client.
    pub async fn get(&self, id: ClientId) -> Result<ApiClient, Error> {
        let selection = Selection {
            id: Some(id),
            ..Selection::default()
        };
        let one = Page { number: 1, rows: 1 };
        let found = store::select(&self.pool, selection, one, self.clock.now()).await?;
        found.into_iter().next().ok_or(Error::NoSuchClient)
    }

    /// A page of clients in order of id, and how many there are.
    pub async fn list(
        &self,
        selection: Selection,
        page: Page,
    ) -> Result<(Vec<ApiClient>, u64), Error> {
        let clients = store::select(&self.pool, selection, page, self.clock.now()).await?;
        let total = store::count(&self.pool, selection).await?;
        Ok((clients, u64::try_from(total).unwrap_or(0)))
    }

    /// The id behind a public name.
    pub async fn id_of(&self, consumo: &str) -> Result<ClientId, Error> {
        let id = store::id_of(&self.pool, consumo).await?;
        id.ok_or(Error::NoSuchClient)
    }

    /// Gives a client a new secret. The newest of the present ones stays good for
    /// `grace`, an older one ends.
    pub async fn rotate(&self, by: &Caller, id: ClientId, grace: Duration) -> Result<Made, Error> {
        if grace > LONGEST_GRACE {
            return Err(Error::Invalid(vec![FieldViolation {
                field: "grace_seconds",
                reason: "TOO_LONG",
                description: "must be at most 30 days".into(),
            }]));
        }
        let secret = generate_secret()?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let locked = store::lock(&mut transaction, id)
            .await?
            .filter(|client| client.active)
            .ok_or(Error::NoSuchClient)?;
        rights::may_give(by, &locked.scopes)?;
        let newest = store::newest_slot(&mut transaction, id).await?.unwrap_or(2);
        store::end_secret(&mut transaction, id, newest, now + grace).await?;
        let other = if newest == 1 { 2 } else { 1 };
        store::put_secret(&mut transaction, id, other, &self.macs.of(&secret), now).await?;
        let event = SecurityEvent::of_client(Kind::ClientRotated, locked.company, id)
            .with(json!({"grace_seconds": grace.whole_seconds()}));
        security_events::record(&mut transaction, now, by, event).await?;
        let forget_at = Some(now + self.longest_session);
        let subject = Subject::ChangedClient(id);
        let sequence = revocations::record(&mut transaction, now, subject, forget_at).await?;
        transaction.commit().await?;
        revocations::settled(&self.pool, sequence).await?;
        let client = self.get(id).await?;
        Ok(Made { client, secret })
    }

    /// Ends a client, its secrets and the sessions opened through it for good; says
    /// whether it was active.
    pub async fn disable(&self, by: &Caller, id: ClientId) -> Result<(ApiClient, bool), Error> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let locked = store::lock(&mut transaction, id)
            .await?
            .ok_or(Error::NoSuchClient)?;
        if !locked.active {
            transaction.rollback().await?;
            return Ok((self.get(id).await?, false));
        }
        store::disable(&mut transaction, id).await?;
        store::end_sessions(&mut transaction, id, now).await?;
        let event = SecurityEvent::of_client(Kind::ClientDisabled, locked.company, id);
        security_events::record(&mut transaction, now, by, event).await?;
        let forget_at = Some(now + self.longest_session);
        let subject = Subject::Client(id);
        let sequence = revocations::record(&mut transaction, now, subject, forget_at).await?;
        transaction.commit().await?;
        revocations::settled(&self.pool, sequence).await?;
        Ok((self.get(id).await?, true))
    }
}
