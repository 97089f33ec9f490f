//! Companies with their plans, departments and FAQs, and the access log.
//!
//! It promises that an id of the access log is never given twice, and that a record
//! of it which was acknowledged is there for as long as configured; that everybody
//! who keeps a copy of a company or a department hears of each change; that a
//! company and its administrator come to be together or not at all; and that
//! nobody sees or changes anything of a company that is not theirs.

mod bitacora;
mod companies;
mod config;
pub mod demo;
mod departments;
mod error;
mod events;
mod faqs;
mod holidays;
mod identity;
mod input;
mod paging;
mod plans;
pub mod rights;
mod security_events;

use ::events::LogServer;
use chassis::{Service, Task};
use host::{Host, Spec};
use idempotency::Keys;
use proto::tenancy::v1::{
    bitacora_service_server::BitacoraServiceServer, company_service_server::CompanyServiceServer,
    department_service_server::DepartmentServiceServer, faq_service_server::FaqServiceServer,
    plan_service_server::PlanServiceServer,
};
use sqlx::migrate::Migrator;

pub use config::Config;

/// The name in the call graph.
const NAME: &str = "tenancy-admin";

/// The schema this service owns.
const SCHEMA: &str = "tenancy";

/// The migrations of the schema.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What the service consists of.
pub fn spec() -> Spec<Config> {
    Spec {
        name: NAME,
        schema: SCHEMA,
        section: "tenancy",
        port: 7002,
        http_port: None,
        migrator: &MIGRATOR,
        build: |config, host| Box::pin(async move { build(&config, &host).await }),
    }
}

async fn build(config: &Config, host: &Host) -> anyhow::Result<Service> {
    anyhow::ensure!(
        companies::is_zone(&host.pool, &config.time_zone).await?,
        "tenancy.time_zone {:?} is no IANA name of a time zone",
        config.time_zone
    );
    let sealer = sealing::Sealer::new("tenancy.encryption_keys", &config.encryption_keys)?;
    let keys = Keys::new(SCHEMA, sealer.clone());
    let companies = companies::Companies {
        pool: host.pool.clone(),
        keys: keys.clone(),
        sealer,
        identity: identity::Identity {
            upstream: host.upstreams.identity.clone(),
            tokens: host.tokens.clone(),
        },
        clock: host.clock.clone(),
        time_zone: config.time_zone.clone(),
    };
    let finishing = companies::finish(companies.clone(), host.stop.clone());
    let departments = departments::Departments {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        keys: keys.clone(),
    };
    let faqs = faqs::Faqs {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        keys: keys.clone(),
    };
    let plans = plans::Plans {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        keys: keys.clone(),
    };
    let bitacora = bitacora::Bitacora {
        pool: host.pool.clone(),
    };
    let forgetting = keys.clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    let days = bitacora::days(host, config.bitacora.keep()?);
    let routes = tonic::service::Routes::new(BitacoraServiceServer::new(bitacora))
        .add_service(CompanyServiceServer::new(companies))
        .add_service(DepartmentServiceServer::new(departments))
        .add_service(FaqServiceServer::new(faqs))
        .add_service(PlanServiceServer::new(plans))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    Ok(Service {
        name: NAME,
        routes,
        tasks: vec![
            host.relay(),
            days,
            Task::new("unfinished-companies", finishing),
            Task::new("old-keys", forgetting),
        ],
        http: None,
    })
}
