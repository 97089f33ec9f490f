//! From the log and the bus to the sockets of this process.

use std::{sync::Arc, time::Duration};

use chassis::Stop;
use events::{Bus, Event, Listener, Signal};
use prost::Message;
use proto::events::v1::{AppDisabled, FramePublished, UserTerminated};

use tokio::sync::SetOnce;

use crate::{
    frames::{
        self, APP_DISABLED, EPHEMERAL_CHANNEL, FRAME_PUBLISHED, Publisher, REPLICA_STARTED,
        USER_TERMINATED,
    },
    hub::{Class, Close, Hub},
};

/// How long until a replica looks again for its own sign of life.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Whether this replica hears the log. Until it does, a socket would miss events,
/// so none is served. Cloning shares it.
#[derive(Clone, Default)]
pub struct Live(Arc<SetOnce<()>>);

impl Live {
    /// Resolves once the log is heard.
    pub async fn begun(&self) {
        self.0.wait().await;
    }

    fn begin(&self) {
        // A second sign of life changes nothing.
        let _ = self.0.set(());
    }
}

/// Writes signs of life of this replica into the log until it hears one. A log
/// that is followed from now on tells of nothing that was written before.
pub async fn begin(live: Live, publisher: Publisher, node: i64, stop: Stop) -> anyhow::Result<()> {
    while !stop.is_requested() {
        if let Err(error) = publisher.announce_replica(node).await {
            tracing::warn!(%error, "this replica does not deliver yet");
        }
        tokio::select! {
            () = live.begun() => return Ok(()),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = stop.requested() => {}
        }
    }
    Ok(())
}

/// Hears our own log and does what it says to the sockets here.
pub struct Delivery {
    /// The sockets.
    pub hub: Arc<Hub>,
    /// Set with the first sign of life of this replica.
    pub live: Live,
    /// The id under which this replica started.
    pub node: i64,
}

impl Delivery {
    fn take(&self, event: &Event) -> Result<(), prost::DecodeError> {
        let data = event.data.clone();
        match event.r#type.as_str() {
            FRAME_PUBLISHED => self
                .hub
                .deliver(&FramePublished::decode(data)?, Class::Durable),
            USER_TERMINATED => {
                let UserTerminated { app_id, user_id } = UserTerminated::decode(data)?;
                self.hub.close_user(app_id, &user_id);
            }
            APP_DISABLED => self.hub.close_app(AppDisabled::decode(data)?.app_id),
            REPLICA_STARTED if event.subject == frames::replica_subject(self.node) => {
                self.live.begin();
            }
            // Of another replica, or of a newer release.
            _ => {}
        }
        Ok(())
    }
}

impl Listener for Delivery {
    fn hear(&self, event: &Event) {
        if let Err(error) = self.take(event) {
            tracing::error!(%error, position = event.position, "an event cannot be read");
        }
    }

    fn missed(&self, from: i64, to: i64) {
        tracing::error!(from, to, "frames were trimmed before they were delivered");
        // Whoever reconnects reloads; staying would hide the gap.
        for socket in self.hub.sockets() {
            socket.mailbox.close(Close::DRAIN);
        }
    }
}

/// Delivers ephemeral frames until the stop.
pub async fn whispers(hub: Arc<Hub>, bus: Bus, stop: Stop) -> anyhow::Result<()> {
    let mut subscription = bus.subscribe(EPHEMERAL_CHANNEL);
    loop {
        let signal = tokio::select! {
            signal = subscription.next() => signal,
            () = stop.requested() => return Ok(()),
        };
        match signal {
            Some(Signal::Payload(payload)) => {
                if let Ok(frame) = FramePublished::decode(payload) {
                    hub.deliver(&frame, Class::Ephemeral);
                }
            }
            Some(Signal::Gap) => {}
            None => anyhow::bail!("the bus ended"),
        }
    }
}
