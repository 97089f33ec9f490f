//! Channels: the accounts of companies with providers, and their secrets.
//!
//! Super users and clients of the platform look after all channels, admins after
//! those of their company; agents may only see that they exist. Secrets are
//! sealed before they reach the database and leave this crate only towards the
//! provider they belong to.

pub(crate) mod connect;
mod input;
mod kinds;
mod place;
pub(crate) mod rpc;
mod store;

use std::sync::Arc;

use auth::{Caller, ChannelId, CompanyId, TenantScope};
use chassis::{Clock, config::Secret};
use idempotency::Keys;
use sealing::Sealer;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use self::input::Checked;
pub(crate) use self::{
    kinds::{Channel, ChannelType, Credentials},
    place::{Column, place},
};
use crate::{
    companies::Companies,
    error::{Error, Result},
    inbox::Directory,
    providers::{self, TelegramApi},
};

/// Which channels to list; empty and `None` keep all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) company: Option<CompanyId>,
    pub(crate) name: String,
    pub(crate) kind: Option<ChannelType>,
    pub(crate) uuid: Option<Uuid>,
    pub(crate) app_id: String,
    pub(crate) active_only: bool,
}

/// A channel to add.
#[derive(Clone, Debug)]
pub(crate) struct NewChannel {
    pub(crate) company: CompanyId,
    pub(crate) name: String,
    pub(crate) kind: ChannelType,
    pub(crate) app: Secret,
    pub(crate) token: Secret,
    pub(crate) secret: Secret,
    pub(crate) additional_app_id: String,
}

/// What to change of a channel; `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) app: Option<Secret>,
    pub(crate) kind: Option<ChannelType>,
    pub(crate) token: Option<Secret>,
    pub(crate) secret: Option<Secret>,
    pub(crate) additional_app_id: Option<String>,
}

/// The channels of this installation. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Channels {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) sealer: Sealer,
    /// The requests that may be repeated.
    pub(crate) keys: Keys,
    pub(crate) directory: Arc<Directory>,
    pub(crate) telegram: TelegramApi,
    pub(crate) companies: Companies,
    /// Rung when a channel was added or got another account.
    pub(crate) connected: Arc<Notify>,
    /// Where Telegram posts updates, without the uuid.
    pub(crate) telegram_webhook: Arc<str>,
}

/// The scope of this service when it works through its own queues.
pub(crate) fn own_scope() -> TenantScope {
    Caller::service("channel-connector").scope()
}

/// Refuses callers who may not change channels.
pub(crate) fn may_write(caller: &Caller) -> Result<()> {
    let allowed = match (&caller.user, &caller.client) {
        (Some(user), _) => user.role != auth::Role::Chat,
        (None, Some(client)) => client.authority != auth::Authority::Delegated,
        (None, None) => &*caller.service != "edge",
    };
    if allowed {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}

impl Channels {
    /// The channels that pass the filter, in order of id, and how many there are.
    pub(crate) async fn list(
        &self,
        scope: TenantScope,
        filter: &Filter,
        page: postgres::Page,
    ) -> Result<(Vec<Channel>, u64)> {
        store::list(&self.pool, scope, filter, page).await
    }

    /// One channel of the scope.
    pub(crate) async fn get(&self, scope: TenantScope, id: ChannelId) -> Result<Channel> {
        let row = store::find(&self.pool, scope, id).await?;
        row.ok_or(Error::UnknownChannel)?.channel()
    }

    /// One channel of the scope with its secrets.
    pub(crate) async fn credentials(
        &self,
        scope: TenantScope,
        id: ChannelId,
    ) -> Result<Credentials> {
        let row = store::find(&self.pool, scope, id).await?;
        self.open(row.ok_or(Error::UnknownChannel)?)
    }

    /// The bots of a company, with their tokens; those of the scope when no company is named.
    pub(crate) async fn bots(
        &self,
        scope: TenantScope,
        company: Option<CompanyId>,
        bot_id: Option<&str>,
    ) -> Result<Vec<Credentials>> {
        let rows = store::bots(&self.pool, scope, company, bot_id).await?;
        rows.into_iter().map(|row| self.open(row)).collect()
    }

    /// Refuses callers who may not add such a channel to a company.
    pub(crate) async fn may_create(&self, caller: &Caller, new: &NewChannel) -> Result<()> {
        may_write(caller)?;
        self.companies
            .check(caller, new.company, new.kind, "id_company")
            .await
    }

    /// Adds an active channel on the connection of an open transaction.
    pub(crate) async fn create(&self, db: &mut PgConnection, new: &NewChannel) -> Result<Channel> {
        let checked = input::check_new(new)?;
        let row = self.seal_new(new, &checked)?;
        store::insert(db, &row, self.clock.now()).await?.channel()
    }

    /// Makes a channel known that was added.
    pub(crate) fn created(&self) {
        self.directory.forget();
        self.connected.notify_one();
    }

    /// Changes a channel. A new token also ends the wait for authorization.
    pub(crate) async fn update(
        &self,
        caller: &Caller,
        id: ChannelId,
        company: CompanyId,
        change: Change,
    ) -> Result<Channel> {
        may_write(caller)?;
        if let Some(kind) = change.kind {
            let held = self.get(caller.scope(), id).await?;
            if held.kind != kind && held.company == company {
                self.companies
                    .check(caller, company, kind, "id_company")
                    .await?;
            }
        }
        let mut transaction = self.pool.begin().await?;
        let row = store::lock(&mut transaction, caller.scope(), id)
            .await?
            .filter(|row| row.company_id == company.0)
            .ok_or(Error::UnknownChannel)?;
        let held = self.open(row)?;
        let reauthorized = change.token.is_some() || change.app.is_some();
        let changed = input::apply(&held, change)?;
        let row = self.seal_changed(&held, &changed)?;
        let channel = store::update(&mut transaction, &row, reauthorized, self.clock.now())
            .await?
            .channel()?;
        transaction.commit().await?;
        self.directory.forget();
        self.connected.notify_one();
        Ok(channel)
    }

    /// Switches a channel; says whether anything changed. A bot's webhook is withdrawn or set
    /// again where Telegram can be reached; where not, what it keeps posting is dropped.
    pub(crate) async fn set_active(
        &self,
        caller: &Caller,
        id: ChannelId,
        active: bool,
    ) -> Result<(Channel, bool)> {
        may_write(caller)?;
        let before = self.credentials(caller.scope(), id).await?;
        if active && !before.channel.active {
            let channel = &before.channel;
            self.companies
                .check(caller, channel.company, channel.kind, "id_company")
                .await?;
        }
        let now = self.clock.now();
        let changed = store::set_active(&self.pool, caller.scope(), id, active, now).await?;
        self.directory.forget();
        if changed && before.channel.kind == ChannelType::Telegram {
            connect::follow_status(self, &before, active).await;
        }
        Ok((self.get(caller.scope(), id).await?, changed))
    }

    /// The channels whose webhooks may come from any of these accounts of Meta.
    pub(crate) async fn by_accounts(&self, accounts: &[String]) -> Result<Vec<Credentials>> {
        let rows = store::by_accounts(&self.pool, own_scope(), accounts).await?;
        rows.into_iter().map(|row| self.open(row)).collect()
    }

    /// The channel that a webhook address names by uuid or id.
    pub(crate) async fn by_route(&self, route_key: &str) -> Result<Option<Credentials>> {
        let row = if let Ok(uuid) = Uuid::parse_str(route_key) {
            store::by_uuid(&self.pool, own_scope(), uuid).await?
        } else if let Ok(id) = route_key.parse() {
            store::find(&self.pool, own_scope(), ChannelId(id)).await?
        } else {
            None
        };
        row.map(|row| self.open(row)).transpose()
    }

    /// Active channels of Meta, for a body that names none; as many as are worth trying, without
    /// those whose secrets do not open.
    pub(crate) async fn of_meta(&self, limit: i64) -> Result<Vec<Credentials>> {
        let rows = store::of_meta(&self.pool, own_scope(), limit).await?;
        let opened = rows.into_iter().filter_map(|row| match self.open(row) {
            Err(error @ Error::Sealed(_)) => {
                tracing::error!(%error, "a channel is out of order");
                None
            }
            other => Some(other),
        });
        opened.collect()
    }

    /// Notes that the provider does not accept these credentials any more; false when the
    /// channel has got others meanwhile.
    pub(crate) async fn needs_reauth(&self, used: &Credentials, complaint: &str) -> Result<bool> {
        let id = used.channel.id;
        let mut transaction = self.pool.begin().await?;
        let Some(row) = store::lock(&mut transaction, own_scope(), id).await? else {
            return Ok(false);
        };
        let held = self.open(row)?;
        let same = |one: &Option<Secret>, other: &Option<Secret>| {
            one.as_ref().map(Secret::expose) == other.as_ref().map(Secret::expose)
        };
        if !(same(&held.app, &used.app) && same(&held.token, &used.token)) {
            return Ok(false);
        }
        store::needs_reauth(&mut transaction, id, complaint, self.clock.now()).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Sends nothing through a channel for a while, because its provider said so.
    pub(crate) async fn pause(&self, id: ChannelId, until: OffsetDateTime) -> Result<()> {
        store::pause(&self.pool, id, until).await
    }

    fn seal(
        &self,
        company: CompanyId,
        uuid: Uuid,
        column: Column,
        plain: &Secret,
    ) -> Result<Option<Vec<u8>>> {
        if plain.is_empty() {
            return Ok(None);
        }
        self.sealer
            .seal(&place(company, uuid, column), plain.expose().as_bytes())
            .map(Some)
            .map_err(|error| Error::Defect(error.to_string()))
    }

    fn seal_new(&self, new: &NewChannel, checked: &Checked) -> Result<store::Row> {
        let uuid = Uuid::new_v4();
        let secret = match new.kind {
            // Without it nobody could tell Telegram's updates from forged ones.
            ChannelType::Telegram => providers::random_secret()?,
            _ => new.secret.clone(),
        };
        Ok(store::Row {
            id: 0,
            uuid,
            company_id: new.company.0,
            kind: new.kind.name().to_owned(),
            name: new.name.trim().to_owned(),
            app_public: checked.app_public.clone(),
            app_sealed: self.seal(new.company, uuid, Column::App, &checked.bot_token)?,
            token_sealed: self.seal(new.company, uuid, Column::Token, &new.token)?,
            secret_sealed: self.seal(new.company, uuid, Column::Secret, &secret)?,
            additional_app_id: new.additional_app_id.clone(),
            active: true,
            health: "ok".to_owned(),
            paused_until: None,
        })
    }

    fn seal_changed(&self, held: &Credentials, changed: &input::Changed) -> Result<store::Row> {
        let channel = &held.channel;
        let seal = |column, secret: &Option<Secret>| match secret {
            Some(plain) => self.seal(channel.company, channel.uuid, column, plain),
            None => Ok(None),
        };
        Ok(store::Row {
            id: channel.id.0,
            uuid: channel.uuid,
            company_id: channel.company.0,
            kind: changed.kind.name().to_owned(),
            name: changed.name.clone(),
            app_public: changed.app_public.clone(),
            app_sealed: seal(Column::App, &changed.app)?,
            token_sealed: seal(Column::Token, &changed.token)?,
            secret_sealed: seal(Column::Secret, &changed.secret)?,
            additional_app_id: changed.additional_app_id.clone(),
            active: channel.active,
            health: String::new(),
            paused_until: channel.paused_until,
        })
    }

    fn open(&self, row: store::Row) -> Result<Credentials> {
        let open = |column, sealed: &Option<Vec<u8>>| {
            let place = place(CompanyId(row.company_id), row.uuid, column);
            sealed
                .as_deref()
                .map(|sealed| self.sealer.open_text(&place, sealed))
                .transpose()
                .map_err(|_| Error::Sealed(row.id))
        };
        let app = open(Column::App, &row.app_sealed)?;
        let token = open(Column::Token, &row.token_sealed)?;
        let secret = open(Column::Secret, &row.secret_sealed)?;
        Ok(Credentials {
            channel: row.channel()?,
            app,
            token,
            secret,
        })
    }
}
