//! Realtime apps: the key and secret of a company.

mod store;

use auth::CompanyId;
use aws_lc_rs::rand;
use chassis::config::Secret;
use sealing::Sealer;
use sqlx::{PgConnection, PgPool};

use crate::Error;

/// The app of a company, with its secret in clear.
#[derive(Clone, Debug)]
pub struct App {
    /// The id.
    pub id: i64,
    /// The company.
    pub company: CompanyId,
    /// What clients name it by; public.
    pub key: String,
    /// What subscriptions are signed with.
    pub secret: Secret,
    /// Whether sockets are served.
    pub enabled: bool,
    /// The most connections on one replica.
    pub max_connections: usize,
    /// The most users in one presence room.
    pub max_members: i64,
}

/// The apps of all companies. Cloning shares the key.
#[derive(Clone)]
pub struct Apps {
    pool: PgPool,
    sealer: Sealer,
}

impl Apps {
    /// The apps in a database, whose secrets are sealed by `sealer`.
    pub fn new(pool: PgPool, sealer: Sealer) -> Self {
        Self { pool, sealer }
    }

    /// The app that a client names, switched on or off.
    pub async fn with_key(&self, key: &str) -> Result<Option<App>, Error> {
        let row = store::with_key(&self.pool, key).await?;
        row.map(|row| self.open(row)).transpose()
    }

    /// The app of a company; an error when it has none, or none that is switched
    /// on.
    pub async fn of_company(&self, company: CompanyId) -> Result<App, Error> {
        let row = store::of_company(&self.pool, company.0).await?;
        let app = row.map(|row| self.open(row)).transpose()?;
        app.filter(|app| app.enabled).ok_or(Error::NoApp)
    }

    /// The id of the app of a company, which is made if there is none.
    pub async fn ensure(&self, db: &mut PgConnection, company: CompanyId) -> anyhow::Result<i64> {
        if let Some(id) = store::id_of_company(db, company.0).await? {
            return Ok(id);
        }
        let sealed = self
            .sealer
            .seal(&place(company.0), random_hex::<32>()?.as_bytes())?;
        store::insert(db, company.0, &random_hex::<10>()?, &sealed).await?;
        let id = store::id_of_company(db, company.0).await?;
        id.ok_or_else(|| anyhow::anyhow!("the app of company {company} vanished"))
    }

    /// Switches the app of a company on or off. Answers whether that changed it.
    pub async fn switch(&self, db: &mut PgConnection, app: i64, on: bool) -> anyhow::Result<bool> {
        Ok(store::switch(db, app, on).await?)
    }

    /// Gives the app of a company a fixed key and secret, making it if needed.
    pub async fn fix(&self, company: CompanyId, key: &str, secret: &str) -> anyhow::Result<()> {
        let sealed = self.sealer.seal(&place(company.0), secret.as_bytes())?;
        store::fix(&self.pool, company.0, key, &sealed).await?;
        Ok(())
    }

    fn open(&self, row: store::Row) -> Result<App, Error> {
        let secret = self
            .sealer
            .open_text(&place(row.company_id), &row.secret_sealed)
            .map_err(|_| Error::Sealed(row.id))?;
        Ok(App {
            id: row.id,
            company: CompanyId(row.company_id),
            key: row.key,
            secret,
            enabled: row.enabled,
            max_connections: usize::try_from(row.max_connections).unwrap_or(0),
            max_members: i64::from(row.max_members),
        })
    }
}

/// Where the secret of a company's app is stored.
fn place(company: i64) -> String {
    format!("realtime|app|{company}|secret")
}

fn random_hex<const N: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no randomness"))?;
    Ok(hex::encode(bytes))
}
