//! Serving: health from the first moment, calls once the database is there.

use std::sync::Arc;

use auth::{ContextGate, ServiceTokens};
use chassis::{Clock, Lifecycle, Task, grpc};

use crate::{Host, Process, Settings, Spec, Upstreams, bus, serve_http};

/// Starts a service in `lifecycle`: binds at once, reports not ready until the
/// database answers and is migrated, then serves.
pub async fn serve_grpc<C: Send + 'static>(
    spec: Spec<C>,
    config: C,
    settings: Settings,
    lifecycle: &Lifecycle,
) -> anyhow::Result<()> {
    let stop = lifecycle.stop();
    let clock = Clock::system();
    let upstreams = Upstreams::remote(&settings.upstreams)?;
    let context = Arc::new(settings.context.clone());
    let gate = ContextGate::new(&context, clock.clone())?;
    let host = Host {
        name: spec.name,
        schema: spec.schema,
        pool: postgres::pool::pool(&settings.database, spec.name)?,
        bus: bus(&settings.redis)?,
        tokens: ServiceTokens::new(
            spec.name,
            context.service_secret.clone(),
            upstreams.identity.clone(),
            clock.clone(),
        ),
        clock,
        upstreams,
        context,
        stop: stop.clone(),
    };
    anyhow::ensure!(
        !settings.redis.url.is_empty(),
        "redis.url is empty; processes that are apart need it, set ATENCION_REDIS__URL"
    );
    let listener = grpc::bind(Process::address(&settings.process.listen, spec.port)?).await?;
    let http = match spec.http_port {
        Some(port) => {
            Some(grpc::bind(Process::address(&settings.process.http_listen, port)?).await?)
        }
        None => None,
    };
    tracing::info!(address = %listener.local_addr()?, service = spec.name, "listening");

    let (front, slot, readiness) = grpc::front().await?;
    lifecycle.spawn(Task::new(
        "grpc",
        grpc::serve(listener, front, stop.clone()),
    ));

    if !postgres::pool::wait_for_server(&host.pool, &stop).await {
        return Ok(());
    }
    postgres::migrate::apply(&host.pool, spec.schema, spec.migrator).await?;
    let service = (spec.build)(config, host).await?;
    slot.fill(grpc::stack(service.routes, gate));
    for task in service.tasks {
        lifecycle.spawn(task);
    }
    if let (Some(routes), Some(listener)) = (service.http, http) {
        lifecycle.spawn(Task::new(
            "http",
            serve_http(listener, routes, stop.clone()),
        ));
    }
    readiness.set(true).await;
    tracing::info!(service = spec.name, "ready");
    // Kubernetes stops sending calls once the process says that it stops.
    lifecycle.spawn(Task::new("readiness", async move {
        stop.requested().await;
        readiness.set(false).await;
        Ok(())
    }));
    Ok(())
}
