//! The bus between processes: Redis pub/sub.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use redis::{AsyncCommands, Client, aio::ConnectionManager, aio::ConnectionManagerConfig};
use tokio::sync::{OnceCell, mpsc};

use crate::bus::{BusError, SUBSCRIBER_BOUND, Signal, Subscription};

const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_LONGEST: Duration = Duration::from_secs(3);

/// How long a publish may take before the log has to do.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Redis pub/sub. Cloning shares the publishing connection.
#[derive(Clone)]
pub struct RedisBus(Arc<Inner>);

struct Inner {
    client: Client,
    publisher: OnceCell<ConnectionManager>,
}

impl RedisBus {
    /// A bus at `url`, such as `redis://host:6379`. Connects when it is used.
    pub fn new(url: &str) -> Result<Self, BusError> {
        Ok(Self(Arc::new(Inner {
            client: Client::open(url)?,
            publisher: OnceCell::new(),
        })))
    }

    pub(crate) fn client(&self) -> Client {
        self.0.client.clone()
    }

    async fn publisher(&self) -> Result<ConnectionManager, BusError> {
        let limits = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(PUBLISH_TIMEOUT))
            .set_response_timeout(Some(PUBLISH_TIMEOUT));
        let manager = self
            .0
            .publisher
            .get_or_try_init(|| ConnectionManager::new_with_config(self.0.client.clone(), limits))
            .await?;
        Ok(manager.clone())
    }

    pub(crate) async fn publish(&self, channel: &str, payload: &Bytes) -> Result<(), BusError> {
        let mut connection = self.publisher().await?;
        let _: i64 = connection.publish(channel, &payload[..]).await?;
        Ok(())
    }

    pub(crate) fn subscribe(&self, channel: &str) -> Subscription {
        let (signals, receiver) = mpsc::channel(SUBSCRIBER_BOUND);
        let (client, channel) = (self.0.client.clone(), channel.to_owned());
        tokio::spawn(async move {
            let mut wait = RECONNECT_FIRST;
            while !signals.is_closed() {
                match listen(&client, &channel, &signals).await {
                    Ok(()) => wait = RECONNECT_FIRST,
                    Err(error) => {
                        tracing::warn!(%error, channel, "subscription lost, reconnecting");
                        wait = (wait * 2).min(RECONNECT_LONGEST);
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = signals.closed() => return,
                }
            }
        });
        Subscription(receiver)
    }
}

/// Passes on what Redis says until the connection or the subscriber is gone.
async fn listen(
    client: &Client,
    channel: &str,
    signals: &mpsc::Sender<Signal>,
) -> Result<(), redis::RedisError> {
    let mut pubsub = client.get_async_pubsub().await?;
    pubsub.subscribe(channel).await?;
    if signals.send(Signal::Gap).await.is_err() {
        return Ok(());
    }
    let mut messages = pubsub.on_message();
    let mut behind = false;
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            () = signals.closed() => return Ok(()),
        };
        let Some(message) = message else {
            return Ok(());
        };
        // A subscriber that falls behind must not make Redis buffer for it: it is
        // told of a gap once there is room again.
        let signal = if behind {
            Signal::Gap
        } else {
            Signal::Payload(Bytes::copy_from_slice(message.get_payload_bytes()))
        };
        behind = signals.try_send(signal).is_err();
    }
}
