//! Channels of companies, what providers post to us, and what we send through
//! them.
//!
//! The service owns the schema `channel`. It promises: a webhook that was
//! answered is on disk and reaches conversation, each event once, however often
//! and in whatever order it is delivered; a webhook that is not signed by the
//! channel's provider leaves no trace; a message is never lost silently and
//! never sent a second time without being shown as uncertain; no secret of a
//! channel is stored or logged in clear.

mod channels;
mod companies;
mod config;
mod error;
mod events;
mod inbox;
mod media;
mod outbound;
mod providers;
mod sending;
mod worker;

use std::{sync::Arc, time::Duration};

use ::events::LogServer;
use chassis::{Service, Task, grpc::LARGEST_MESSAGE};
use host::Host;
use idempotency::Keys;
use proto::channel::v1::{
    channel_service_server::ChannelServiceServer, media_service_server::MediaServiceServer,
    sending_service_server::SendingServiceServer, webhook_service_server::WebhookServiceServer,
};
use sealing::Sealer;
use tokio::sync::Notify;
use tonic::service::Routes;
use uuid::Uuid;

pub use config::Config;
pub use error::Error;

/// The migrations of the schema `channel`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

const NAME: &str = "channel-connector";
const SCHEMA: &str = "channel";

/// The setting of the keys that seal the secrets of channels.
const ENCRYPTION_KEYS: &str = "channel.encryption_keys";

/// The service, before it runs.
pub fn spec() -> host::Spec<Config> {
    host::Spec {
        name: NAME,
        schema: SCHEMA,
        section: "channel",
        port: 7004,
        http_port: None,
        migrator: &MIGRATOR,
        build: |config, host| Box::pin(std::future::ready(build(&config, &host))),
    }
}

/// What rings when there is something to do.
#[derive(Default)]
struct Bells {
    connected: Arc<Notify>,
    arrived: Arc<Notify>,
    exploded: Arc<Notify>,
    queued: Arc<Notify>,
    settled: Arc<Notify>,
    adopted: Arc<Notify>,
}

fn build(config: &Config, host: &Host) -> anyhow::Result<Service> {
    config.check()?;
    let timeout = Duration::from_secs(config.provider_timeout_seconds);
    let http = providers::client(timeout)?;
    let telegram = providers::TelegramApi::new(http.clone(), &config.telegram_base_url);
    let graph = providers::GraphApi::new(http, &config.graph_base_url, &config.graph_version);
    let bells = Bells::default();
    let sealer = Sealer::new(ENCRYPTION_KEYS, &config.encryption_keys)?;
    let keys = Keys::new(SCHEMA, sealer.clone());
    let channels = channels::Channels {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        keys: keys.clone(),
        sealer,
        directory: Arc::default(),
        telegram: telegram.clone(),
        companies: companies::Companies {
            owner: host.upstreams.tenancy_admin.clone(),
            tokens: host.tokens.clone(),
        },
        connected: Arc::clone(&bells.connected),
        telegram_webhook: format!("{}/api/telegram/receive", config.public_url).into(),
    };
    let inbox = inbox::Inbox::new(
        channels.clone(),
        config.meta_app_secret.clone(),
        config.meta_verify_token.clone(),
        Arc::clone(&bells.arrived),
    );
    let sender = outbound::Sender {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        channels: channels.clone(),
        graph: graph.clone(),
        telegram: telegram.clone(),
        name: Uuid::new_v4(),
        lease: time::Duration::seconds(i64::try_from(config.lease_seconds)?),
        lanes: config.lanes,
        attempts: i32::try_from(config.send_attempts)?,
        queued: Arc::clone(&bells.queued),
        settled: Arc::clone(&bells.settled),
    };
    let fetcher = media::Fetcher {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        channels: channels.clone(),
        graph,
        telegram,
        conversation: host.upstreams.conversation.clone(),
        tokens: host.tokens.clone(),
        name: sender.name,
        lease: sender.lease,
        lanes: config.lanes,
        attempts: i32::try_from(config.media_attempts)?,
        largest: config.media_largest_bytes,
    };
    let worker = worker::Worker {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        inbox: inbox.clone(),
        conversation: host.upstreams.conversation.clone(),
        tokens: host.tokens.clone(),
        lanes: config.lanes,
        attempts: i32::try_from(config.event_attempts)?,
        connected: Arc::clone(&bells.connected),
        arrived: Arc::clone(&bells.arrived),
        exploded: Arc::clone(&bells.exploded),
        adopted: Arc::clone(&bells.adopted),
    };
    let sending = sending::Sending {
        pool: host.pool.clone(),
        channels: channels.clone(),
        conversation: host.upstreams.conversation.clone(),
        tokens: host.tokens.clone(),
    };
    let routes = Routes::new(
        WebhookServiceServer::new(inbox::rpc::Rpc(inbox))
            .max_decoding_message_size(LARGEST_MESSAGE),
    )
    .add_service(ChannelServiceServer::new(channels::rpc::Rpc(channels)))
    .add_service(
        SendingServiceServer::new(sending::rpc::Rpc(sending))
            .max_decoding_message_size(LARGEST_MESSAGE),
    )
    .add_service(MediaServiceServer::new(media::rpc::Rpc(host.pool.clone())))
    .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    let mut tasks = tasks(host, worker, sender, fetcher, &bells);
    let forgetting = keys.clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    tasks.push(Task::new("old-keys", forgetting));
    Ok(Service {
        name: NAME,
        routes,
        tasks,
        http: None,
    })
}

fn tasks(
    host: &Host,
    worker: worker::Worker,
    sender: outbound::Sender,
    fetcher: media::Fetcher,
    bells: &Bells,
) -> Vec<Task> {
    let stop = || host.stop.clone();
    let reporter = outbound::Reporter {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        conversation: host.upstreams.conversation.clone(),
        tokens: host.tokens.clone(),
        settled: Arc::clone(&bells.settled),
        adopted: Arc::clone(&bells.adopted),
    };
    let requests = events::Requests {
        clock: host.clock.clone(),
        queued: Arc::clone(&bells.queued),
    };
    vec![
        host.relay(),
        host.consume("conversation", requests),
        Task::new("inbox-explode", worker.clone().explode(stop())),
        Task::new("inbox-deliver", worker.clone().deliver(stop())),
        Task::new("inbox-tidy", worker.tidy(stop())),
        Task::new("media-fetch", fetcher.run(stop())),
        Task::new("outbound-send", sender.run(stop())),
        Task::new("outbound-report", reporter.run(stop())),
    ]
}
