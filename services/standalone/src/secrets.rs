//! Secrets that nobody configured: made at the first start, kept in a file that
//! only this user can read, beside the data they protect.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chassis::config::Secret;

/// The file of generated secrets, as read and as it will be saved.
pub(crate) struct Secrets {
    path: PathBuf,
    known: BTreeMap<String, String>,
    changed: bool,
}

impl Secrets {
    /// Reads the file in `folder`; a missing one is an empty one.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("secrets.toml");
        let known = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|_| anyhow::anyhow!("{} is damaged", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Ok(Self {
            path,
            known,
            changed: false,
        })
    }

    /// The secret called `name`: a key with an id for the settings that take
    /// several, else 32 random bytes in base64.
    pub(crate) fn get(&mut self, name: &str) -> anyhow::Result<Secret> {
        if let Some(known) = self.known.get(name) {
            return Ok(Secret::new(known.as_str()));
        }
        let made = if name.ends_with("encryption_keys") {
            sealing::generate_key("k1")?
        } else {
            random()?
        };
        self.known.insert(name.to_owned(), made.expose().to_owned());
        self.changed = true;
        Ok(made)
    }

    /// Writes what was added, durably: data encrypted with a lost key is lost.
    pub(crate) fn save(self) -> anyhow::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let new = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .with_context(|| new.display().to_string())?;
        file.write_all(toml::to_string(&self.known)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(folder)?.sync_all()?;
        Ok(())
    }
}

/// 32 random bytes in base64.
pub(crate) fn random() -> anyhow::Result<Secret> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ok(Secret::new(BASE64.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_stay_the_same_and_private() {
        let folder = std::env::temp_dir().join(format!("atencion-secrets-{}", std::process::id()));
        let mut first = Secrets::open(&folder).unwrap();
        let made = first.get("a").unwrap();
        first.save().unwrap();
        let again = Secrets::open(&folder).unwrap().get("a").unwrap();
        let other = Secrets::open(&folder).unwrap().get("b").unwrap();
        let permissions = fs::metadata(folder.join("secrets.toml"))
            .unwrap()
            .permissions()
            .mode();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(made.expose(), again.expose());
        assert_ne!(made.expose(), other.expose());
        assert_eq!(permissions & 0o777, 0o600);
    }
}
