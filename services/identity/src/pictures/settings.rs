//! The `[identity.pictures]` section.

use std::path::PathBuf;

use chassis::config::Secret;
use serde::{Deserialize, Serialize};

/// Where pictures are when nobody says otherwise.
const DEFAULT: &str = ".data/pictures";

/// Where pictures of users are kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A folder, as `file:///var/lib/pictures` or its path, or `s3://bucket/prefix`.
    /// Replicas must share it. Empty means `.data/pictures`.
    pub store: String,
    /// The region of the bucket.
    pub region: String,
    /// The address of a server that speaks S3 and is not Amazon's.
    pub endpoint: String,
    /// The key of an account that may use the bucket; empty takes what the
    /// environment offers, such as the role of the machine.
    pub access_key_id: Secret,
    /// The secret of that key.
    pub secret_access_key: Secret,
    /// Seconds between two removals of what nobody shows any more.
    pub sweep_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: String::new(),
            region: String::new(),
            endpoint: String::new(),
            access_key_id: Secret::default(),
            secret_access_key: Secret::default(),
            sweep_seconds: 60,
        }
    }
}

/// What `store` says.
#[derive(Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A part of a bucket.
    Bucket { name: &'a str, prefix: &'a str },
}

impl Settings {
    /// Where the pictures are; refuses what is no such place.
    pub(crate) fn place(&self) -> anyhow::Result<Place<'_>> {
        anyhow::ensure!(
            (1..=3600).contains(&self.sweep_seconds),
            "identity.pictures.sweep_seconds must be from 1 to 3600"
        );
        let store = self.store.as_str();
        if let Some(rest) = store.strip_prefix("s3://") {
            let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            anyhow::ensure!(
                !name.is_empty(),
                "identity.pictures.store names no bucket; write s3://bucket/prefix"
            );
            anyhow::ensure!(
                self.access_key_id.is_empty() == self.secret_access_key.is_empty(),
                "identity.pictures.access_key_id and secret_access_key go together"
            );
            return Ok(Place::Bucket { name, prefix });
        }
        let path = match store.strip_prefix("file://") {
            Some(path) => {
                anyhow::ensure!(
                    path.starts_with('/'),
                    "identity.pictures.store must name a whole path, as file:///var/lib/pictures"
                );
                path
            }
            None if store.is_empty() => DEFAULT,
            None => {
                anyhow::ensure!(
                    !store.contains("://"),
                    "identity.pictures.store must be a folder or s3://bucket/prefix"
                );
                store
            }
        };
        Ok(Place::Folder(path.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(store: &str) -> Result<String, String> {
        let settings = Settings {
            store: store.to_owned(),
            ..Settings::default()
        };
        let place = settings.place().map(|place| format!("{place:?}"));
        place.map_err(|error| error.to_string())
    }

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        for (store, wanted) in [
            ("", r#"Folder(".data/pictures")"#),
            ("pictures", r#"Folder("pictures")"#),
            ("file:///var/lib/p", r#"Folder("/var/lib/p")"#),
            ("s3://faces", r#"Bucket { name: "faces", prefix: "" }"#),
            (
                "s3://faces/a/b",
                r#"Bucket { name: "faces", prefix: "a/b" }"#,
            ),
        ] {
            assert_eq!(place(store).unwrap(), wanted);
        }
        for wrong in ["s3://", "s3:///x", "file://x", "ftp://host/x"] {
            let error = place(wrong).unwrap_err();
            assert!(error.contains("identity.pictures.store"), "{error}");
        }
    }

    #[test]
    fn half_an_account_is_refused() {
        let settings = Settings {
            store: "s3://faces".to_owned(),
            access_key_id: Secret::new("key"),
            ..Settings::default()
        };
        assert!(settings.place().is_err());
    }
}
