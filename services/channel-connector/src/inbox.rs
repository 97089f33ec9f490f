//! Taking in what providers post: check the signature over the raw body, store
//! the body, answer. Nothing is understood here; the worker does that.
//!
//! A body of Meta may hold several phone numbers, and one app secret signs the
//! whole of it. The secret of every channel that the body names is tried; the
//! body is genuine for those channels whose secret verifies it, and the worker
//! takes the events of these alone. Nobody can thus speak for a channel of
//! another company by naming it next to a channel of his own.
//!
//! A body whose accounts belong to no channel cannot be checked against a secret
//! of a channel. With a `meta_app_secret` it must verify against that one.
//! Without, it is kept as an orphan within bounds of size and rate, so that a
//! channel that is connected a moment later gets what it missed. Updates of
//! Telegram for a bot that nobody has connected are answered and kept too, but
//! nothing can ever prove them: they have a small budget of their own.

mod directory;
mod origin;
mod rate;
pub(crate) mod rpc;
mod scan;
mod store;

use std::sync::Arc;

use bytes::Bytes;
use chassis::{Clock, config::Secret, crash};
use serde::de::IgnoredAny;
use sqlx::PgPool;
use tokio::sync::Notify;
use uuid::Uuid;

pub(crate) use self::directory::{Directory, Key, Known};
use self::{origin::Origin, rate::Strangers, scan::Accounts};
use crate::{
    channels::{ChannelType, Channels},
    error::{Error, Result},
};

/// The largest body of any provider; the edge has the same limit.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// The longest header and route key kept.
const LONGEST_TEXT: usize = 512;

/// Whose format a body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Meta,
    Telegram,
}

impl Source {
    /// As it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Telegram => "telegram",
        }
    }

    fn has(self, kind: ChannelType) -> bool {
        match self {
            Self::Meta => kind.is_meta(),
            Self::Telegram => kind == ChannelType::Telegram,
        }
    }
}

/// A posted webhook.
pub(crate) struct Arrival {
    pub(crate) source: Source,
    pub(crate) route_key: String,
    pub(crate) body: Bytes,
    pub(crate) signature: Bytes,
    pub(crate) content_type: String,
    pub(crate) user_agent: String,
}

/// How a body was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    Stored,
    Dead,
    Orphan,
}

/// The inbox of this installation. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Inbox {
    pool: PgPool,
    clock: Clock,
    channels: Channels,
    app_secret: Secret,
    verify_token: Secret,
    strangers: Arc<Strangers>,
    /// Rung after every body that waits for the worker.
    arrived: Arc<Notify>,
}

impl Inbox {
    pub(crate) fn new(
        channels: Channels,
        app_secret: Secret,
        verify_token: Secret,
        arrived: Arc<Notify>,
    ) -> Self {
        Self {
            pool: channels.pool.clone(),
            clock: channels.clock.clone(),
            channels,
            app_secret,
            verify_token,
            strangers: Arc::default(),
            arrived,
        }
    }

    /// Checks a body and stores it; answers its id, 0 when no row was made. It is on disk when
    /// this returns.
    pub(crate) async fn accept(&self, arrival: Arrival) -> Result<(i64, Disposition)> {
        if arrival.body.len() > LARGEST_BODY {
            return Err(Error::TooLarge(LARGEST_BODY));
        }
        let arrival = Arrival {
            route_key: kept(&arrival.route_key),
            content_type: kept(&arrival.content_type),
            user_agent: kept(&arrival.user_agent),
            ..arrival
        };
        let accounts = match arrival.source {
            Source::Meta => scan::accounts(&arrival.body),
            Source::Telegram => Accounts::default(),
        };
        let origin = self.origin(&arrival, &accounts).await?;
        let arrival = match arrival.source {
            Source::Meta => arrival,
            // Telegram's proof is the secret itself, which is stored sealed and nowhere else.
            Source::Telegram => Arrival {
                signature: Bytes::new(),
                ..arrival
            },
        };
        let route_key = match arrival.route_key.as_str() {
            "" => accounts.first().to_owned(),
            named => named.to_owned(),
        };
        match origin {
            Origin::Channels(known) => self.store(&arrival, &route_key, &known).await,
            Origin::Vouched => self.store_orphan(&arrival, &route_key, true).await,
            Origin::Unknown => {
                if !self.strangers.admit(arrival.source, arrival.body.len()) {
                    // Strangers must not fill the log either.
                    tracing::debug!(
                        source = arrival.source.name(),
                        bytes = arrival.body.len(),
                        "an orphan is not kept: too large, or too many of them"
                    );
                    return Ok((0, Disposition::Orphan));
                }
                self.store_orphan(&arrival, &route_key, false).await
            }
        }
    }

    /// Says whether Meta may use this address: with the token of the deployment, or at the
    /// address of a channel also with its uuid.
    pub(crate) async fn verify(&self, route_key: &str, mode: &str, token: &str) -> Result<()> {
        let same = |expected: &str| {
            !expected.is_empty()
                && aws_lc_rs::constant_time::verify_slices_are_equal(
                    expected.as_bytes(),
                    token.as_bytes(),
                )
                .is_ok()
        };
        if mode != "subscribe" {
            return Err(Error::VerifyToken);
        }
        if !route_key.is_empty() {
            let found = self.look_up(Key::Route(kept(route_key))).await?;
            let of_meta = found.iter().any(|known| known.kind.is_meta());
            let is_uuid = Uuid::parse_str(route_key).is_ok();
            if !of_meta {
                return Err(Error::VerifyToken);
            }
            if is_uuid && same(route_key) {
                return Ok(());
            }
        }
        if same(self.verify_token.expose()) {
            Ok(())
        } else {
            Err(Error::VerifyToken)
        }
    }

    async fn store(
        &self,
        arrival: &Arrival,
        route_key: &str,
        known: &[Arc<Known>],
    ) -> Result<(i64, Disposition)> {
        let verified: Vec<i64> = known.iter().map(|known| known.id.0).collect();
        let readable = serde_json::from_slice::<IgnoredAny>(&arrival.body).is_ok();
        let (state, error, disposition) = if !readable {
            ("dead", "signed, but no JSON", Disposition::Dead)
        } else if known.iter().any(|known| known.active) {
            ("new", "", Disposition::Stored)
        } else {
            ("done", "dropped: the channel is off", Disposition::Stored)
        };
        let raw = store::NewRaw {
            arrival,
            route_key,
            verified: &verified,
            vouched: true,
            state,
            error,
        };
        crash::point("inbound.before_commit");
        let id = store::insert(&self.pool, raw, self.clock.now()).await?;
        crash::point("inbound.committed");
        self.arrived.notify_one();
        Ok((id, disposition))
    }

    async fn store_orphan(
        &self,
        arrival: &Arrival,
        route_key: &str,
        vouched: bool,
    ) -> Result<(i64, Disposition)> {
        let raw = store::NewRaw {
            arrival,
            route_key,
            verified: &[],
            vouched,
            state: "orphan",
            error: "no channel has this account",
        };
        let id = store::insert(&self.pool, raw, self.clock.now()).await?;
        tracing::warn!(
            id,
            source = arrival.source.name(),
            route_key,
            "an orphan was kept"
        );
        Ok((id, Disposition::Orphan))
    }
}

/// A text as it can be stored.
fn kept(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_TEXT)
        .collect()
}
