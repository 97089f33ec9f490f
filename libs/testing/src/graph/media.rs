//! The files that Graph holds: uploaded by the business, or sent to it by a customer.

use std::{collections::HashMap, sync::Mutex};

use aws_lc_rs::digest;
use axum::extract::Multipart;
use bytes::Bytes;
use serde_json::{Value, json};

use super::error::GraphError;
use crate::{opaque, recorder::lock};

/// The largest upload of any kind, a document, in bytes.
pub(super) const LARGEST: usize = 100 << 20;

/// The types Meta takes, each with its limit in bytes.
const TYPES: [(&str, usize); 19] = [
    ("audio/aac", 16 << 20),
    ("audio/mp4", 16 << 20),
    ("audio/mpeg", 16 << 20),
    ("audio/amr", 16 << 20),
    ("audio/ogg", 16 << 20),
    ("audio/opus", 16 << 20),
    ("application/vnd.ms-powerpoint", LARGEST),
    ("application/msword", LARGEST),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        LARGEST,
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        LARGEST,
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        LARGEST,
    ),
    ("application/pdf", LARGEST),
    ("text/plain", LARGEST),
    ("application/vnd.ms-excel", LARGEST),
    ("image/jpeg", 5 << 20),
    ("image/png", 5 << 20),
    ("image/webp", 500 << 10),
    ("video/mp4", 16 << 20),
    ("video/3gpp", 16 << 20),
];

/// A file that Graph holds, as a webhook about it names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMedia {
    /// What `GET /{media_id}` takes.
    pub id: String,
    /// The type it was stored with.
    pub mime_type: String,
    /// Hex of the SHA-256 of the content.
    pub sha256: String,
    /// Length of the content in bytes.
    pub file_size: usize,
}

/// A file and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) phone_number_id: String,
    pub(super) media: StoredMedia,
    pub(super) content: Bytes,
}

/// All files, and the download links given out for them.
#[derive(Debug, Default)]
pub(super) struct MediaStore {
    held: Mutex<HashMap<String, Held>>,
    links: Mutex<HashMap<String, String>>,
}

impl MediaStore {
    pub(super) fn store(&self, phone_number_id: &str, upload: Upload) -> StoredMedia {
        let media = StoredMedia {
            id: opaque::number().to_string(),
            mime_type: upload.mime_type,
            sha256: hex::encode(digest::digest(&digest::SHA256, &upload.content)),
            file_size: upload.content.len(),
        };
        let held = Held {
            phone_number_id: phone_number_id.to_owned(),
            media: media.clone(),
            content: upload.content,
        };
        lock(&self.held).insert(media.id.clone(), held);
        media
    }

    pub(super) fn find(&self, id: &str) -> Option<Held> {
        lock(&self.held).get(id).cloned()
    }

    pub(super) fn belongs(&self, id: &str, phone_number_id: &str) -> bool {
        self.find(id)
            .is_some_and(|held| held.phone_number_id == phone_number_id)
    }

    /// The answer to `GET /{media_id}`: a fresh link on `base_url`.
    pub(super) fn describe(&self, held: &Held, base_url: &str) -> Value {
        let StoredMedia {
            id,
            mime_type,
            sha256,
            file_size,
        } = &held.media;
        let hash = opaque::word();
        lock(&self.links).insert(hash.clone(), id.clone());
        json!({
            "messaging_product": "whatsapp",
            "url": format!("{base_url}/whatsapp_business/attachments/?mid={id}&hash={hash}"),
            "mime_type": mime_type,
            "sha256": sha256,
            "file_size": file_size,
            "id": id,
        })
    }

    /// The file behind a link that is still good.
    pub(super) fn follow(&self, media_id: &str, hash: &str) -> Option<Held> {
        let linked = lock(&self.links).get(hash).is_some_and(|id| id == media_id);
        if linked { self.find(media_id) } else { None }
    }

    pub(super) fn expire_links(&self) {
        lock(&self.links).clear();
    }

    pub(super) fn forget(&self, media_id: &str) {
        lock(&self.held).remove(media_id);
    }
}

/// The file part of an upload.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) mime_type: String,
    pub(super) content: Bytes,
}

impl Upload {
    /// Reads and checks the body of `POST /{phone_number_id}/media`.
    pub(super) async fn read(mut parts: Multipart) -> Result<Self, GraphError> {
        let mut product = None;
        let mut file = None;
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            match part.name() {
                Some("messaging_product") => product = Some(part.text().await.map_err(unreadable)?),
                Some("file") => {
                    let mime_type = part.content_type().unwrap_or("application/octet-stream");
                    let mime_type = mime_type.to_owned();
                    let content = part.bytes().await.map_err(unreadable)?;
                    file = Some(Self { mime_type, content });
                }
                _ => {}
            }
        }
        if product.as_deref() != Some("whatsapp") {
            return Err(GraphError::missing("messaging_product"));
        }
        let file = file.ok_or_else(|| GraphError::missing("file"))?;
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), GraphError> {
        let essence = self.mime_type.split(';').next().unwrap_or_default().trim();
        let Some((_, limit)) = TYPES.iter().find(|(known, _)| *known == essence) else {
            let known: Vec<&str> = TYPES.iter().map(|(known, _)| *known).collect();
            return Err(GraphError::parameter(&format!(
                "Param file must be a file with one of the following types: {}. Received file of \
                 type '{essence}'.",
                known.join(", ")
            )));
        };
        if self.content.is_empty() {
            return Err(GraphError::upload("The file is empty"));
        }
        if self.content.len() > *limit {
            return Err(GraphError::upload(format!(
                "Media file size too big. Max file size we currently support: {limit}"
            )));
        }
        Ok(())
    }
}

fn unreadable(error: impl std::fmt::Display) -> GraphError {
    GraphError::upload(format!("The multipart body cannot be read: {error}"))
}
