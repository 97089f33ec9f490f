//! The files a bot may use: those it sent, and those it was sent.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    answer::{Done, Refused},
    params::{FilePart, Params},
};
use crate::opaque;

/// A bot may send larger files than it may fetch.
const LARGEST_DOWNLOAD: usize = 20 << 20;
const LARGEST_PHOTO: usize = 10 << 20;

/// A kind of file, each of which has its own method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Photo,
    Document,
    Audio,
    Voice,
    Video,
}

impl Kind {
    /// What `send…`, in lower case, sends.
    pub(super) fn sent_by(method: &str) -> Option<Self> {
        match method {
            "sendphoto" => Some(Self::Photo),
            "senddocument" => Some(Self::Document),
            "sendaudio" => Some(Self::Audio),
            "sendvoice" => Some(Self::Voice),
            "sendvideo" => Some(Self::Video),
            _ => None,
        }
    }

    /// The name of the parameter, and of the field in a message.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Document => "document",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Video => "video",
        }
    }

    /// Ids of Telegram open with four characters that depend on the kind.
    fn id_prefix(self) -> &'static str {
        match self {
            Self::Photo => "AgAC",
            Self::Document => "BQAC",
            Self::Audio => "CQAC",
            Self::Voice => "AwAC",
            Self::Video => "BAAC",
        }
    }
}

/// A file and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct HeldFile {
    pub(super) id: String,
    unique_id: String,
    kind: Kind,
    pub(super) name: String,
    pub(super) mime_type: String,
    pub(super) content: Bytes,
}

impl HeldFile {
    pub(super) fn new(kind: Kind, part: &FilePart) -> Self {
        Self {
            id: format!("{}{}", kind.id_prefix(), opaque::word()),
            unique_id: format!("AQAD{}", opaque::hex20()),
            kind,
            name: part.name.clone(),
            mime_type: part.mime_type.clone(),
            content: part.content.clone(),
        }
    }

    /// How a message shows it.
    pub(super) fn in_message(&self) -> Value {
        let mut file = self.described();
        match self.kind {
            Kind::Photo => {
                add_size(&mut file);
                return json!([file]);
            }
            Kind::Document => file["file_name"] = self.name.clone().into(),
            Kind::Audio | Kind::Voice => file["duration"] = 1.into(),
            Kind::Video => {
                add_size(&mut file);
                file["duration"] = 1.into();
            }
        }
        file["mime_type"] = self.mime_type.clone().into();
        file
    }

    fn described(&self) -> Value {
        json!({
            "file_id": self.id,
            "file_unique_id": self.unique_id,
            "file_size": self.content.len(),
        })
    }

    /// The folder tells the kind; of the original name only the extension is left.
    fn path(&self, number: usize) -> String {
        let folder = match self.kind {
            Kind::Photo => "photos",
            Kind::Document => "documents",
            Kind::Audio => "music",
            Kind::Voice => "voice",
            Kind::Video => "videos",
        };
        let extension = self
            .name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension);
        let dot = if extension.is_empty() { "" } else { "." };
        format!("{folder}/file_{number}{dot}{extension}")
    }
}

/// All files of one bot.
#[derive(Debug, Default)]
pub(super) struct Files {
    held: HashMap<String, HeldFile>,
    /// The file of every path given out.
    paths: HashMap<String, String>,
}

impl Files {
    pub(super) fn hold(&mut self, file: HeldFile) -> String {
        let id = file.id.clone();
        self.held.insert(id.clone(), file);
        id
    }

    /// The `getFile` method.
    pub(super) fn locate(&mut self, file_id: Option<&str>) -> Result<Done, Refused> {
        let Some(file) = file_id.and_then(|id| self.held.get(id)) else {
            return Err(Refused::bad_request("invalid file_id"));
        };
        if file.content.len() > LARGEST_DOWNLOAD {
            return Err(Refused::bad_request("file is too big"));
        }
        let path = file.path(self.paths.len());
        let mut answer = file.described();
        answer["file_path"] = path.clone().into();
        self.paths.insert(path, file.id.clone());
        Ok(Done::with(answer))
    }

    /// What a path given out before leads to.
    pub(super) fn fetch(&self, path: &str) -> Option<Bytes> {
        let id = self.paths.get(path)?;
        self.held.get(id).map(|file| file.content.clone())
    }

    pub(super) fn expire_paths(&mut self) {
        self.paths.clear();
    }

    /// The file that a `send…` call brings with it or names by id.
    pub(super) fn given(&self, kind: Kind, params: &Params) -> Result<HeldFile, Refused> {
        let field = kind.field();
        if let Some(part) = params.file(field) {
            return uploaded(kind, part);
        }
        let Some(value) = params.text(field) else {
            return Err(Refused::bad_request(&format!(
                "there is no {field} in the request"
            )));
        };
        if let Some(part) = value
            .strip_prefix("attach://")
            .and_then(|name| params.file(name))
        {
            return uploaded(kind, part);
        }
        if value.starts_with("http://") || value.starts_with("https://") {
            // Nothing is fetched from here, so no address has content.
            return Err(Refused::bad_request("failed to get HTTP URL content"));
        }
        self.held
            .get(&value)
            .filter(|file| file.kind == kind)
            .cloned()
            .ok_or_else(|| Refused::bad_request("wrong file identifier/HTTP URL specified"))
    }
}

/// Pictures have a size in every message; what it really is nobody looks at here.
fn add_size(file: &mut Value) {
    file["width"] = 90.into();
    file["height"] = 90.into();
}

fn uploaded(kind: Kind, part: &FilePart) -> Result<HeldFile, Refused> {
    let size = part.content.len();
    if size == 0 {
        return Err(Refused::bad_request("file must be non-empty"));
    }
    if kind == Kind::Photo {
        if size > LARGEST_PHOTO {
            return Err(Refused::bad_request(&format!(
                "file of size {size} bytes is too big for a photo; the maximum size is \
                 {LARGEST_PHOTO} bytes"
            )));
        }
        if !infer::is_image(&part.content) {
            return Err(Refused::bad_request("IMAGE_PROCESS_FAILED"));
        }
    }
    Ok(HeldFile::new(kind, part))
}
