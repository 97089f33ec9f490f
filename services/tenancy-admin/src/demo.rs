//! Demo data: the companies, departments, plans and FAQs that the examples of the
//! documents name.

use auth::{CompanyId, DepartmentId};
use chassis::Clock;
use sealing::Sealer;
use sqlx::PgPool;
use time::macros::date;
use uuid::uuid;

use crate::{
    Config,
    companies::{self, FixedCompany},
    departments::{self, FixedDepartment},
    faqs::{self, FixedFaq},
    plans::{self, Plan},
};

const COMPANY: CompanyId = CompanyId(3);
const OTHER_COMPANY: CompanyId = CompanyId(4);
const PLAN: i64 = 3;

/// Adds what is missing; what is there already stays as it is.
pub async fn seed(pool: &PgPool, config: &Config) -> anyhow::Result<()> {
    let sealer = Sealer::new("tenancy.encryption_keys", &config.encryption_keys)?;
    let now = Clock::system().now();
    let mut transaction = pool.begin().await?;
    plans::add_missing(&mut transaction, now, &demo_plans()).await?;
    let companies = demo_companies(&config.time_zone);
    companies::add_missing(&mut transaction, &sealer, now, &companies).await?;
    departments::add_missing(&mut transaction, now, &demo_departments()).await?;
    faqs::add_missing(&mut transaction, now, &demo_faqs()).await?;
    transaction.commit().await?;
    Ok(())
}

fn demo_plans() -> [Plan; 3] {
    let plan = |id, name: &str, price: &str, max_users| Plan {
        id,
        name: name.to_owned(),
        total_dau: "1000".to_owned(),
        price_additional_dau: "0.05".to_owned(),
        no_dau: "500".to_owned(),
        price: price.to_owned(),
        price_chatbot: "0".to_owned(),
        price_api: "0".to_owned(),
        price_messenger: "0".to_owned(),
        price_telegram: "0".to_owned(),
        price_whatsapp: "10".to_owned(),
        price_agent: "15".to_owned(),
        max_users,
        active: true,
    };
    [
        plan(1, "Inicial", "19.9", 5),
        plan(2, "Profesional", "99.9", 100),
        plan(PLAN, "Basico", "49.9", 20),
    ]
}

fn demo_companies(time_zone: &str) -> [FixedCompany<'_>; 2] {
    let pay_day = date!(2024 - 12 - 15);
    [
        FixedCompany {
            id: COMPANY,
            uuid: uuid!("8f6e2a54-6c1d-4d0b-9a58-3b0f6a5f1c03"),
            name: "Empresa Demo",
            email: "demo@empresa.com",
            token: "2c359f63-95b5-4a6c-a507-7f2bfa0c3c9a",
            plan: PLAN,
            pay_day,
            time_zone,
        },
        FixedCompany {
            id: OTHER_COMPANY,
            uuid: uuid!("1d7c9b3e-52f4-4c86-8e0a-b5d2c7a94f04"),
            name: "Otra Empresa",
            email: "contacto@otra.test",
            token: "6b0d4e1f-7a92-4c35-91de-0f8a2b6c5d04",
            plan: PLAN,
            pay_day,
            time_zone,
        },
    ]
}

fn demo_departments() -> [FixedDepartment; 3] {
    [
        FixedDepartment {
            id: DepartmentId(7),
            uuid: uuid!("c169c38d-a790-4a6f-8da0-6f5e3c2f9c0a"),
            company: COMPANY,
            name: "Soporte",
            hours: r#"{"lunes_apertura":"08:00","lunes_cierre":"17:00"}"#,
        },
        FixedDepartment {
            id: DepartmentId(8),
            uuid: uuid!("4e8b1c70-93d5-4f2a-b6c1-2a7d5e9f8c08"),
            company: COMPANY,
            name: "Ventas",
            hours: "",
        },
        FixedDepartment {
            id: DepartmentId(9),
            uuid: uuid!("a3f5d2c9-0b6e-4187-9d4c-7e1b8f6a5c09"),
            company: OTHER_COMPANY,
            name: "GENERAL",
            hours: "",
        },
    ]
}

fn demo_faqs() -> [FixedFaq; 2] {
    [
        FixedFaq {
            id: 5,
            company: COMPANY,
            reply: "Hola, esta es la respuesta.",
            departments: &[faqs::ALL_DEPARTMENTS, 7],
        },
        FixedFaq {
            id: 6,
            company: OTHER_COMPANY,
            reply: "Hola, somos Otra Empresa.",
            departments: &[faqs::ALL_DEPARTMENTS],
        },
    ]
}
