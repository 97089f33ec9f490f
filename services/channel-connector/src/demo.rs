//! The demo channels of company 3, with the ids and accounts of the documents'
//! examples. Their credentials are made up: no provider knows them.

use auth::CompanyId;
use chassis::config::Secret;
use sealing::Sealer;
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use crate::{
    ENCRYPTION_KEYS,
    channels::{Column, place},
};

const COMPANY: CompanyId = CompanyId(3);

struct Demo {
    id: i64,
    uuid: Uuid,
    kind: &'static str,
    name: &'static str,
    app_public: &'static str,
    app: Option<&'static str>,
    token: Option<&'static str>,
    secret: Option<&'static str>,
}

const CHANNELS: [Demo; 3] = [
    Demo {
        id: 9,
        uuid: uuid!("c169c38d-a790-4a6f-8da0-6f5e3c2f9c0a"),
        kind: "whatsapp",
        name: "WhatsApp Principal",
        app_public: "whatsapp-business",
        app: None,
        token: Some("demo-token"),
        secret: None,
    },
    Demo {
        id: 12,
        uuid: uuid!("5f0c3f57-6f0e-4d3b-9a4f-3d1f5f6f2c12"),
        kind: "whatsappfb",
        name: "WhatsApp Meta",
        app_public: "106540352242922",
        app: None,
        token: Some("demo-token"),
        secret: Some("demo-app-secret"),
    },
    Demo {
        id: 13,
        uuid: uuid!("a3f7a1de-8e0b-4a3c-8a60-51b9d6a0f713"),
        kind: "telegram",
        name: "Bot soporte",
        app_public: "12345",
        app: Some("12345:ABC"),
        token: None,
        secret: Some("demo-telegram-secret"),
    },
];

/// Adds the demo channels where they are missing, sealed with the keys of the setting
/// `encryption_keys`. Doing it again changes nothing.
pub async fn seed(
    pool: &PgPool,
    encryption_keys: &Secret,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    let sealer = Sealer::new(ENCRYPTION_KEYS, encryption_keys)?;
    let mut transaction = pool.begin().await?;
    for demo in &CHANNELS {
        let seal = |column, plain: Option<&str>| {
            plain
                .map(|plain| sealer.seal(&place(COMPANY, demo.uuid, column), plain.as_bytes()))
                .transpose()
        };
        sqlx::query!(
            "INSERT INTO channel.channel
                 (id, uuid, company_id, type, name, app_public, app_sealed, token_sealed,
                  secret_sealed, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
             ON CONFLICT DO NOTHING",
            demo.id,
            demo.uuid,
            COMPANY.0,
            demo.kind,
            demo.name,
            demo.app_public,
            seal(Column::App, demo.app)?,
            seal(Column::Token, demo.token)?,
            seal(Column::Secret, demo.secret)?,
            now,
        )
        .execute(&mut *transaction)
        .await?;
    }
    sqlx::query!(
        r#"SELECT setval(pg_get_serial_sequence('channel.channel', 'id'),
                         GREATEST((SELECT max(id) FROM channel.channel), 100)) AS "last!""#,
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}
