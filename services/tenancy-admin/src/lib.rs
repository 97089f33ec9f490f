//! Companies with their plans, departments and FAQs, and the access log.
//!
//! It promises that an id of the access log is never given twice, that a record of
//! it which was acknowledged is there for as long as configured, and that everybody
//! who keeps a copy of a company or a department hears of each change.

mod bitacora;
mod companies;
mod config;
pub mod demo;
mod departments;
mod error;
mod events;

use ::events::LogServer;
use chassis::Service;
use host::{Host, Spec};
use proto::tenancy::v1::{
    bitacora_service_server::BitacoraServiceServer, company_service_server::CompanyServiceServer,
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
        build: |config, host| Box::pin(async move { build(&config, &host) }),
    }
}

fn build(config: &Config, host: &Host) -> anyhow::Result<Service> {
    let companies = companies::Companies {
        pool: host.pool.clone(),
        sealer: sealing::Sealer::new("tenancy.encryption_keys", &config.encryption_keys)?,
    };
    let bitacora = bitacora::Bitacora {
        pool: host.pool.clone(),
    };
    let days = bitacora::days(host, config.bitacora.keep()?);
    let routes = tonic::service::Routes::new(BitacoraServiceServer::new(bitacora))
        .add_service(CompanyServiceServer::new(companies))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    Ok(Service {
        name: NAME,
        routes,
        tasks: vec![host.relay(), days],
        http: None,
    })
}
