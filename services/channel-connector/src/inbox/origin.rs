//! Who a body is from, as far as its signature says.

use std::sync::Arc;

use super::{
    Arrival, Inbox, Source,
    directory::{self, Found, Key, Known, is_signed, meta_key},
    scan::Accounts,
};
use crate::error::{Error, Result};

/// How many bytes may be hashed to find out who signed a body that names no channel.
const HASH_BUDGET: usize = 8 * 1024 * 1024;

/// How many secrets may be tried for it.
const MOST_SECRETS: i64 = 64;

/// Who a body is from, as far as its signature says.
pub(super) enum Origin {
    /// It is genuine for these channels.
    Channels(Vec<Arc<Known>>),
    /// No channel is named, but the deployment's app secret signed it.
    Vouched,
    /// No channel is named, and nobody can say who signed it.
    Unknown,
}

impl Inbox {
    /// Finds out who a body is from; one that is forged is refused.
    pub(super) async fn origin(&self, arrival: &Arrival, accounts: &Accounts) -> Result<Origin> {
        if !arrival.route_key.is_empty() {
            let named = self.look_up(Key::Route(arrival.route_key.clone())).await?;
            let named = named
                .iter()
                .find(|known| arrival.source.has(known.kind))
                .cloned();
            return match named {
                Some(known) if known.is_genuine(&arrival.body, &arrival.signature) => {
                    let mut genuine = self.genuine_of(arrival, &accounts.all()).await?.0;
                    genuine.retain(|mate| mate.id != known.id);
                    genuine.insert(0, known);
                    Ok(Origin::Channels(genuine))
                }
                Some(_) => Err(Error::Signature),
                None => self.stranger(arrival),
            };
        }
        if arrival.source == Source::Telegram {
            return self.stranger(arrival);
        }
        let (genuine, named) = self.genuine_of(arrival, &accounts.all()).await?;
        if !genuine.is_empty() {
            let numbers = &accounts.phone_numbers;
            let ours = |known: &Arc<Known>| numbers.contains(&known.app_public);
            // Signed by a business we know, for a number of it that nobody has connected yet.
            let orphan = !numbers.is_empty() && !genuine.iter().any(ours);
            return Ok(if orphan {
                Origin::Vouched
            } else {
                Origin::Channels(genuine)
            });
        }
        if named {
            return Err(Error::Signature);
        }
        if accounts.phone_numbers.is_empty()
            && let Some(signer) = self.signer(arrival).await?
        {
            return Ok(Origin::Channels(vec![signer]));
        }
        if accounts.first().is_empty() && !self.is_vouched(arrival) {
            return Err(Error::Signature);
        }
        self.stranger(arrival)
    }

    /// The channels of these accounts for which the body is genuine, and whether there are
    /// channels of these accounts at all.
    async fn genuine_of(
        &self,
        arrival: &Arrival,
        accounts: &[String],
    ) -> Result<(Vec<Arc<Known>>, bool)> {
        if arrival.source != Source::Meta {
            return Ok((Vec::new(), false));
        }
        let mut genuine: Vec<Arc<Known>> = Vec::new();
        let mut named = false;
        for known in self.look_up_accounts(accounts).await? {
            named = true;
            if !genuine.iter().any(|other| other.id == known.id)
                && known.is_genuine(&arrival.body, &arrival.signature)
            {
                genuine.push(known);
            }
        }
        Ok((genuine, named))
    }

    /// A body for an account or address that no channel has.
    fn stranger(&self, arrival: &Arrival) -> Result<Origin> {
        match arrival.source {
            // Telegram proves itself with a secret that only the channel knows.
            Source::Telegram => Ok(Origin::Unknown),
            Source::Meta if directory::tag(&arrival.signature).is_none() => Err(Error::Signature),
            Source::Meta if self.app_secret.is_empty() => Ok(Origin::Unknown),
            Source::Meta if self.is_vouched(arrival) => Ok(Origin::Vouched),
            Source::Meta => Err(Error::Signature),
        }
    }

    /// Who signed a body that names no number, garbage or news of a business account for
    /// instance: looked for among the secrets we know, within a budget.
    async fn signer(&self, arrival: &Arrival) -> Result<Option<Arc<Known>>> {
        if directory::tag(&arrival.signature).is_none() {
            return Ok(None);
        }
        let tries = HASH_BUDGET / arrival.body.len().max(1024);
        let found = self.look_up(Key::OfMeta).await?;
        let signer = found
            .iter()
            .take(tries)
            .find(|known| known.is_genuine(&arrival.body, &arrival.signature));
        Ok(signer.cloned())
    }

    fn is_vouched(&self, arrival: &Arrival) -> bool {
        !self.app_secret.is_empty()
            && is_signed(
                &meta_key(&self.app_secret),
                &arrival.body,
                &arrival.signature,
            )
    }

    /// The channels behind a key: from memory, else from the database.
    pub(crate) async fn look_up(&self, key: Key) -> Result<Found> {
        if let Some(found) = self.channels.directory.get(&key) {
            return Ok(found);
        }
        let generation = self.channels.directory.generation();
        let credentials = match &key {
            Key::Account(account) => {
                self.channels
                    .by_accounts(std::slice::from_ref(account))
                    .await?
            }
            Key::Route(route) => self.channels.by_route(route).await?.into_iter().collect(),
            Key::OfMeta => self.channels.of_meta(MOST_SECRETS).await?,
        };
        let known = credentials
            .iter()
            .map(|credentials| Arc::new(Known::new(credentials, &self.app_secret)));
        let found: Found = Arc::new(known.collect());
        self.channels
            .directory
            .remember(generation, key, Arc::clone(&found));
        Ok(found)
    }

    /// The channels of some accounts: from memory, and the others with one query.
    pub(crate) async fn look_up_accounts(&self, accounts: &[String]) -> Result<Vec<Arc<Known>>> {
        let directory = &self.channels.directory;
        let mut channels = Vec::new();
        let mut missing = Vec::new();
        for account in accounts {
            match directory.get(&Key::Account(account.clone())) {
                Some(found) => channels.extend(found.iter().cloned()),
                None => missing.push(account.clone()),
            }
        }
        if missing.is_empty() {
            return Ok(channels);
        }
        let generation = directory.generation();
        let credentials = self.channels.by_accounts(&missing).await?;
        for account in missing {
            let known: Vec<Arc<Known>> = credentials
                .iter()
                .filter(|held| {
                    let channel = &held.channel;
                    channel.app_public == account || channel.additional_app_id == account
                })
                .map(|held| Arc::new(Known::new(held, &self.app_secret)))
                .collect();
            channels.extend(known.iter().cloned());
            directory.remember(generation, Key::Account(account), Arc::new(known));
        }
        Ok(channels)
    }
}
