//! Demo data: the companies and departments that the examples of the documents
//! name.

use auth::{CompanyId, DepartmentId};
use chassis::Clock;
use sealing::Sealer;
use sqlx::{PgConnection, PgPool};
use time::{OffsetDateTime, macros::date};
use uuid::{Uuid, uuid};

use crate::{
    Config,
    companies::{self, Company, FixedCompany},
    departments::{self, Department},
    error::Error,
};

const COMPANY: CompanyId = CompanyId(3);
const OTHER_COMPANY: CompanyId = CompanyId(4);
const PLAN: i64 = 3;
const TIME_ZONE: &str = "America/Costa_Rica";

/// Adds what is missing; what is there already stays as it is.
pub async fn seed(pool: &PgPool, config: &Config) -> anyhow::Result<()> {
    let sealer = Sealer::new("tenancy.encryption_keys", &config.encryption_keys)?;
    let now = Clock::system().now();
    let mut transaction = pool.begin().await?;
    add_plan(&mut transaction, now).await?;
    companies::add_missing(&mut transaction, &sealer, now, &demo_companies()).await?;
    departments::add_missing(&mut transaction, now, &demo_departments()).await?;
    transaction.commit().await?;
    Ok(())
}

async fn add_plan(db: &mut PgConnection, now: OffsetDateTime) -> Result<(), Error> {
    let done = sqlx::query!(
        "INSERT INTO tenancy.plan
             (plan_id, name, total_dau, price_additional_dau, no_dau, plan_price, price_api,
              price_messenger, price_telegram, price_whatsapp, price_agent, max_users,
              created_at, updated_at)
         VALUES ($1, 'Basico', 1000, 0.05, 500, 49.9, 0, 0, 0, 10, 15, 20, $2, $2)
         ON CONFLICT DO NOTHING",
        PLAN,
        now
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 1 {
        sqlx::query!(
            "SELECT setval(
                 pg_get_serial_sequence('tenancy.plan', 'plan_id'),
                 (SELECT max(plan_id) FROM tenancy.plan)
             )"
        )
        .fetch_one(db)
        .await?;
    }
    Ok(())
}

fn demo_companies() -> [FixedCompany; 2] {
    let company = |id, name: &str| Company {
        id,
        name: name.to_owned(),
        active: true,
        time_zone: TIME_ZONE.to_owned(),
    };
    let pay_day = date!(2024 - 12 - 15);
    [
        FixedCompany {
            company: company(COMPANY, "Empresa Demo"),
            uuid: uuid!("8f6e2a54-6c1d-4d0b-9a58-3b0f6a5f1c03"),
            email: "demo@empresa.com",
            token: "2c359f63-95b5-4a6c-a507-7f2bfa0c3c9a",
            plan: PLAN,
            pay_day,
        },
        FixedCompany {
            company: company(OTHER_COMPANY, "Otra Empresa"),
            uuid: uuid!("1d7c9b3e-52f4-4c86-8e0a-b5d2c7a94f04"),
            email: "contacto@otra.test",
            token: "6b0d4e1f-7a92-4c35-91de-0f8a2b6c5d04",
            plan: PLAN,
            pay_day,
        },
    ]
}

fn demo_departments() -> [(Uuid, Department); 3] {
    let department = |id, company, name: &str| Department {
        id: DepartmentId(id),
        company,
        name: name.to_owned(),
        active: true,
        hours_json: String::new(),
    };
    [
        (
            uuid!("c169c38d-a790-4a6f-8da0-6f5e3c2f9c0a"),
            department(7, COMPANY, "Soporte"),
        ),
        (
            uuid!("4e8b1c70-93d5-4f2a-b6c1-2a7d5e9f8c08"),
            department(8, COMPANY, "Ventas"),
        ),
        (
            uuid!("a3f5d2c9-0b6e-4187-9d4c-7e1b8f6a5c09"),
            department(9, OTHER_COMPANY, "GENERAL"),
        ),
    ]
}
