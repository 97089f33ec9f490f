//! Whose webhook it is, from memory: the accept path asks the database only for
//! what it has not seen for a few seconds, and remembers what does not exist.
//!
//! A change of a channel forgets everything in this process; other replicas learn
//! of it when their entries expire. What a stale replica takes for an orphan is
//! found again by the worker.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::{ChannelId, CompanyId};
use aws_lc_rs::{constant_time, hmac};
use chassis::config::Secret;

use crate::channels::{ChannelType, Credentials};

/// How long an entry is good.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// No memory beyond this; everything is forgotten when it is full.
const MOST_ENTRIES: usize = 20_000;

/// A channel as the accept path needs it.
pub(crate) struct Known {
    pub(crate) id: ChannelId,
    pub(crate) company: CompanyId,
    pub(crate) kind: ChannelType,
    pub(crate) app_public: String,
    pub(crate) active: bool,
    verifier: Verifier,
}

enum Verifier {
    /// Meta: HMAC-SHA256 over the body.
    Signature(Box<hmac::Key>),
    /// Telegram: the secret itself, in a header.
    Token(Secret),
    /// There is no secret, so nothing is ever genuine.
    Nothing,
}

impl Known {
    /// `shared` signs for channels of WhatsApp without a secret of their own.
    pub(crate) fn new(credentials: &Credentials, shared: &Secret) -> Self {
        let channel = &credentials.channel;
        let own = credentials.secret.as_ref().filter(|own| !own.is_empty());
        let verifier = match (channel.kind, own) {
            (ChannelType::Telegram, Some(secret)) => Verifier::Token(secret.clone()),
            (kind, Some(secret)) if kind.is_meta() => {
                Verifier::Signature(Box::new(meta_key(secret)))
            }
            (kind, None) if kind.is_whatsapp() && !shared.is_empty() => {
                Verifier::Signature(Box::new(meta_key(shared)))
            }
            _ => Verifier::Nothing,
        };
        Self {
            id: channel.id,
            company: channel.company,
            kind: channel.kind,
            app_public: channel.app_public.clone(),
            active: channel.active,
            verifier,
        }
    }

    /// Says whether the channel's provider sent this, in constant time.
    pub(crate) fn is_genuine(&self, body: &[u8], signature: &[u8]) -> bool {
        match &self.verifier {
            Verifier::Signature(key) => is_signed(key, body, signature),
            Verifier::Token(secret) => {
                constant_time::verify_slices_are_equal(secret.expose().as_bytes(), signature)
                    .is_ok()
            }
            Verifier::Nothing => false,
        }
    }
}

/// The key of an app secret.
pub(crate) fn meta_key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

/// Checks `sha256=` and 64 hexadecimal digits against the body.
pub(crate) fn is_signed(key: &hmac::Key, body: &[u8], signature: &[u8]) -> bool {
    tag(signature).is_some_and(|tag| hmac::verify(key, body, &tag).is_ok())
}

/// The bytes of a signature of Meta; none when it has not that shape.
pub(crate) fn tag(signature: &[u8]) -> Option<[u8; 32]> {
    let mut tag = [0; 32];
    let digits = signature.strip_prefix(b"sha256=")?;
    hex::decode_to_slice(digits, &mut tag).ok()?;
    Some(tag)
}

/// What to look up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// An account of Meta.
    Account(String),
    /// What an address names: uuid or id.
    Route(String),
    /// Active channels of Meta, for bodies that name none.
    OfMeta,
}

/// The channels that stand behind a key.
pub(crate) type Found = Arc<Vec<Arc<Known>>>;

/// The memory. It never holds more than [`MOST_ENTRIES`].
#[derive(Default)]
pub(crate) struct Directory(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    entries: HashMap<Key, (Instant, Found)>,
    generation: u64,
}

impl Directory {
    /// What is remembered of a key.
    pub(crate) fn get(&self, key: &Key) -> Option<Found> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, found) = memory.entries.get(key)?;
        (*until > Instant::now()).then(|| Arc::clone(found))
    }

    /// To be asked for before a look-up and given to [`Directory::remember`] after it.
    pub(crate) fn generation(&self) -> u64 {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.generation
    }

    /// Remembers a look-up, unless a channel has changed since it began.
    pub(crate) fn remember(&self, generation: u64, key: Key, found: Found) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.generation != generation {
            return;
        }
        if memory.entries.len() >= MOST_ENTRIES {
            memory.entries.clear();
        }
        memory
            .entries
            .insert(key, (Instant::now() + GOOD_FOR, found));
    }

    /// Forgets everything: a channel has changed.
    pub(crate) fn forget(&self) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.generation += 1;
        memory.entries.clear();
    }
}
