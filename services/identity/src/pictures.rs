//! Pictures of users. What a picture is stands in the database, its bytes in a
//! store of objects, named after their owner and their digest.
//!
//! An object is written before the row that shows it and removed long after the
//! row that let it go, so a picture that can be seen is always there, and a process
//! that dies in between leaves nothing but an object that the sweep removes.

mod format;
mod intake;
mod objects;
pub mod rpc;
mod settings;
mod store;
mod sweep;

use std::sync::Arc;

use auth::{Caller, CompanyId, UserId};
use aws_lc_rs::digest;
use bytes::Bytes;
use chassis::{Clock, crash};
use futures_util::stream::BoxStream;
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use crate::{
    access::{self, Action},
    error::Error,
    security_events::{self, Kind, SecurityEvent},
    users,
};
use format::{Flaw, Kind as Format};
use objects::Objects;

pub use settings::Settings;
pub use sweep::sweep;

/// The largest picture, in bytes.
pub const LARGEST: usize = 2 * 1024 * 1024;

/// The largest piece of a stream, in bytes.
pub const PIECE: usize = 64 * 1024;

/// How long a picture waits for its user.
const STAGED: Duration = Duration::minutes(10);

/// How many pictures are taken in at once; each is held in memory until it is
/// stored.
const AT_ONCE: usize = 16;

/// What is known about a picture.
#[derive(Clone, Debug)]
pub struct Picture {
    pub mime: String,
    pub size: i64,
    pub sha256: Vec<u8>,
    pub updated_at: OffsetDateTime,
}

/// The pictures of all users.
#[derive(Clone)]
pub struct Pictures {
    pool: PgPool,
    objects: Objects,
    clock: Clock,
    room: Arc<Semaphore>,
}

/// An object that is in the store and that nobody shows yet.
struct Stored {
    key: String,
    picture: Picture,
}

impl Pictures {
    /// Opens the store of the settings.
    pub fn open(settings: &Settings, pool: PgPool, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            pool,
            objects: Objects::open(settings)?,
            clock,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Room to hold one picture in memory.
    async fn room(&self) -> Result<SemaphorePermit<'_>, Error> {
        let room = self.room.acquire().await;
        room.map_err(|_| Error::Crypto("waiting for room"))
    }

    /// Judges whether somebody may stage a picture for a user of a company.
    fn admit_staging(caller: &Caller, company: CompanyId) -> Result<(), Error> {
        access::admit(caller, Action::Create)?;
        if caller.scope().contains(company) {
            Ok(())
        } else {
            Err(Error::field("company", "NOT_REGISTERED", "unknown company"))
        }
    }

    /// Keeps a picture for a user who does not exist yet; answers its name.
    async fn stage(&self, company: CompanyId, content: Bytes) -> Result<(Uuid, Picture), Error> {
        let id = Uuid::new_v4();
        let kinds = &[Format::Jpeg, Format::Png, Format::Webp, Format::Avif];
        let stored = self.put(&format!("staged/{id}"), content, kinds).await?;
        let mut transaction = self.pool.begin().await?;
        store::take(&mut transaction, &stored.key).await?;
        store::insert_staged(&mut transaction, id, company, &stored).await?;
        transaction.commit().await?;
        Ok((id, stored.picture))
    }

    /// Judges whether somebody may change the picture of a user.
    async fn admit_change(&self, caller: &Caller, user: UserId) -> Result<(), Error> {
        access::admit(caller, Action::ChangePicture)?;
        let mut connection = self.pool.acquire().await?;
        let found = users::find(&mut connection, caller.scope(), user).await?;
        let account = found.ok_or(Error::NoSuchUser)?;
        access::judge(caller, Action::ChangePicture, account.target())?;
        Ok(())
    }

    /// Replaces the picture of a user.
    async fn replace(
        &self,
        caller: &Caller,
        user: UserId,
        content: Bytes,
    ) -> Result<Picture, Error> {
        let kinds = &[Format::Jpeg, Format::Png, Format::Webp];
        let stored = self.put(&format!("users/{user}"), content, kinds).await?;
        crash::point("picture.stored");
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let account = users::lock(&mut transaction, caller.scope(), user)
            .await?
            .ok_or(Error::NoSuchUser)?;
        access::judge(caller, Action::ChangePicture, account.target())?;
        if let Some(old) = store::remove(&mut transaction, user).await? {
            store::let_go(&mut transaction, &old, now).await?;
        }
        store::take(&mut transaction, &stored.key).await?;
        store::insert(&mut transaction, user, &stored.key, &stored.picture).await?;
        let event = SecurityEvent::of_user(Kind::PictureChanged, account.user.company, user);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok(stored.picture)
    }

    /// Removes the picture of a user; says whether there was one.
    async fn remove(&self, caller: &Caller, user: UserId) -> Result<bool, Error> {
        access::admit(caller, Action::ChangePicture)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let account = users::lock(&mut transaction, caller.scope(), user)
            .await?
            .ok_or(Error::NoSuchUser)?;
        access::judge(caller, Action::ChangePicture, account.target())?;
        let Some(old) = store::remove(&mut transaction, user).await? else {
            return Ok(false);
        };
        store::let_go(&mut transaction, &old, now).await?;
        let event = SecurityEvent::of_user(Kind::PictureChanged, account.user.company, user);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The picture of a user and, unless only that is asked for, its content.
    async fn show(
        &self,
        caller: &Caller,
        user: UserId,
        info_only: bool,
    ) -> Result<(Picture, BoxStream<'static, Result<Bytes, Error>>), Error> {
        access::admit(caller, Action::SeePicture)?;
        let mut connection = self.pool.acquire().await?;
        let found = users::find(&mut connection, caller.scope(), user).await?;
        let account = found.ok_or(Error::NoSuchUser)?;
        access::judge(caller, Action::SeePicture, account.target())?;
        let found = store::find(&mut connection, user).await?;
        drop(connection);
        let (key, picture) = found.ok_or(Error::NoPicture)?;
        let content: BoxStream<'static, _> = if info_only {
            Box::pin(futures_util::stream::empty())
        } else {
            self.objects.read(&key).await?
        };
        Ok((picture, content))
    }

    /// Puts a picture, cleaned, into the store. The row of the object is committed
    /// first, so that the sweep finds what never gets any further.
    async fn put(
        &self,
        owner: &str,
        content: Bytes,
        kinds: &'static [Format],
    ) -> Result<Stored, Error> {
        let made = tokio::task::spawn_blocking(move || {
            let clean = format::clean(&content, kinds)?;
            let sha256 = digest::digest(&digest::SHA256, &clean.content);
            Ok((clean, sha256.as_ref().to_vec()))
        });
        let made: Result<_, Flaw> = made.await.map_err(|_| Error::Crypto("reading a picture"))?;
        let (clean, sha256) = made.map_err(refused)?;
        let key = format!("{owner}/{}", hex::encode(&sha256));
        let now = self.clock.now();
        store::announce(&self.pool, &key, now).await?;
        let size = i64::try_from(clean.content.len()).unwrap_or(i64::MAX);
        self.objects.write(&key, clean.content.into()).await?;
        let picture = Picture {
            mime: clean.kind.mime().to_owned(),
            size,
            sha256,
            updated_at: now,
        };
        Ok(Stored { key, picture })
    }
}

/// What is in a staged picture, as text; empty when it is gone.
pub async fn fingerprint(db: &mut PgConnection, staged: Uuid) -> Result<String, Error> {
    let digest = store::digest_of_staged(db, staged).await?;
    Ok(digest.map(hex::encode).unwrap_or_default())
}

/// Gives a new user the picture that was staged for it, in the transaction of the
/// creation.
pub async fn adopt(
    db: &mut PgConnection,
    now: OffsetDateTime,
    staged: Uuid,
    company: CompanyId,
    user: UserId,
) -> Result<(), Error> {
    let found = store::take_staged(db, staged, company, now - STAGED).await?;
    let (key, picture) =
        found.ok_or_else(|| Error::field("pic", "NOT_STAGED", "the staged picture is gone"))?;
    store::insert(db, user, &key, &picture).await?;
    Ok(())
}

fn refused(flaw: Flaw) -> Error {
    let (reason, description) = match flaw {
        Flaw::Unknown => ("TYPE_UNKNOWN", "is of no kind that is taken"),
        Flaw::Broken => ("BROKEN", "is broken or not whole"),
        Flaw::TooManyPixels => ("TOO_MANY_PIXELS", "has more than 50 million pixels"),
    };
    Error::field("pic", reason, description)
}
