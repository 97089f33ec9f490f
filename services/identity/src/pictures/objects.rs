//! The store of objects: a folder, or a bucket of S3.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path, prefix::PrefixStore,
};

use super::{
    PIECE,
    settings::{Place, Settings},
};
use crate::error::Error;

/// How long one request to S3 may take, and all its repetitions together: less than
/// callers wait, so that they hear what it is that does not answer.
const LONGEST: Duration = Duration::from_secs(5);

/// Where the bytes of pictures are.
#[derive(Clone)]
pub struct Objects(Arc<dyn ObjectStore>);

impl Objects {
    /// Opens the store of the settings; a folder is created where it is missing.
    pub fn open(settings: &Settings) -> anyhow::Result<Self> {
        match settings.place()? {
            Place::Folder(folder) => {
                let fails = |error: &dyn std::fmt::Display| {
                    let folder = folder.display();
                    anyhow::anyhow!("identity.pictures.store: {folder} cannot be used: {error}")
                };
                std::fs::create_dir_all(&folder).map_err(|error| fails(&error))?;
                let store =
                    LocalFileSystem::new_with_prefix(&folder).map_err(|error| fails(&error))?;
                let store = store.with_fsync(true).with_automatic_cleanup(true);
                Ok(Self(Arc::new(store)))
            }
            Place::Bucket { name, prefix } => {
                let store = bucket(settings, name)?;
                Ok(Self(Arc::new(PrefixStore::new(store, prefix))))
            }
        }
    }

    /// Writes an object, wholly or not at all.
    pub async fn write(&self, key: &str, content: Bytes) -> Result<(), Error> {
        self.0.put(&Path::from(key), content.into()).await?;
        Ok(())
    }

    /// The content of an object, in pieces of at most 64 KiB.
    pub async fn read(&self, key: &str) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let content = self.0.get(&Path::from(key)).await?.into_stream();
        let pieces = content.map_ok(|mut bytes| {
            let count = bytes.len().div_ceil(PIECE);
            let split = move |_| Ok(bytes.split_to(bytes.len().min(PIECE)));
            futures_util::stream::iter((0..count).map(split))
        });
        Ok(pieces.try_flatten().map_err(Error::Store).boxed())
    }

    /// Removes an object; that there is none is fine.
    pub async fn remove(&self, key: &str) -> Result<(), Error> {
        match self.0.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn bucket(settings: &Settings, name: &str) -> anyhow::Result<impl ObjectStore> {
    // Without keys of its own, the usual variables and the role of the machine.
    let mut builder = if settings.access_key_id.is_empty() {
        AmazonS3Builder::from_env()
    } else {
        AmazonS3Builder::new()
            .with_access_key_id(settings.access_key_id.expose())
            .with_secret_access_key(settings.secret_access_key.expose())
    };
    if !settings.region.is_empty() {
        builder = builder.with_region(&settings.region);
    }
    if !settings.endpoint.is_empty() {
        builder = builder.with_endpoint(&settings.endpoint);
    }
    // These take the place of all that the builder was told of the client before.
    let client = ClientOptions::new()
        .with_timeout(LONGEST)
        .with_allow_http(settings.endpoint.starts_with("http://"));
    builder
        .with_bucket_name(name)
        .with_client_options(client)
        .with_retry(RetryConfig {
            retry_timeout: LONGEST,
            ..RetryConfig::default()
        })
        .build()
        .map_err(|error| anyhow::anyhow!("identity.pictures: {error}"))
}
