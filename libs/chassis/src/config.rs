//! Configuration: defaults in code, then a TOML file, then the environment.
//!
//! Every binary reads its own sections of one shared file. A variable
//! `ATENCION_<SECTION>__<KEY>` overrides a value, `__` steps into a table, and
//! `<KEY>_FILE` (or `key_file` in the file) reads a secret from a file. Unknown
//! keys and values of the wrong type are refused with a sentence that names them.

use std::{fmt, fs, path::Path};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use toml::{Table, Value};

/// Every section that some binary of the system reads. A file may hold all of
/// them; a name that is not here is a mistake.
const SECTIONS: &[&str] = &[
    "process",
    "log",
    "database",
    "redis",
    "context",
    "upstreams",
    "edge",
    "identity",
    "tenancy",
    "conversation",
    "channel",
    "realtime",
    "mail",
    "standalone",
];

const PREFIX: &str = "ATENCION_";

/// A configuration that cannot be used; the text names the key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// A secret in a configuration: read like a string, printed as stars.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself. Never log it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Says whether nothing was configured.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() {
            "Secret(empty)"
        } else {
            "Secret(****)"
        })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { "****" })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Where sections are read from: the file and the environment, each part of it
/// known to belong to some section.
pub struct Source {
    file: Table,
    environment: Vec<(String, Vec<String>, String)>,
}

impl Source {
    /// Takes the text of the TOML file, if there is one, and the variables to
    /// consider. Variables that do not start with `ATENCION_`, or name no section,
    /// are not configuration.
    pub fn new(
        file: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let file: Table = file
            .unwrap_or_default()
            .parse()
            .map_err(|error| ConfigError(format!("the configuration file is not TOML: {error}")))?;
        if let Some(section) = file
            .keys()
            .find(|section| !SECTIONS.contains(&section.as_str()))
        {
            return Err(ConfigError(format!("unknown section [{section}]")));
        }
        let mut variables = Vec::new();
        for (name, value) in environment {
            let Some(path) = name.strip_prefix(PREFIX).filter(|path| path.contains("__")) else {
                continue;
            };
            let path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
            if !SECTIONS.contains(&path[0].as_str()) {
                return Err(ConfigError(format!("{name}: unknown section {}", path[0])));
            }
            variables.push((name, path, value));
        }
        Ok(Self {
            file,
            environment: variables,
        })
    }

    /// Reads the file at `path`, if one was named, and the environment of this
    /// process.
    pub fn of_process(path: Option<&Path>) -> Result<Self, ConfigError> {
        let text = path
            .map(|path| {
                fs::read_to_string(path).map_err(|error| {
                    let path = path.display();
                    ConfigError(format!(
                        "cannot read the configuration file {path}: {error}"
                    ))
                })
            })
            .transpose()?;
        Self::new(text.as_deref(), std::env::vars())
    }

    /// One section: the defaults of `T`, then the file, then the environment.
    pub fn section<T>(&self, name: &str) -> Result<T, ConfigError>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let mut value = Value::try_from(T::default())
            .map_err(|error| ConfigError(format!("[{name}] has no defaults: {error}")))?;
        if let Some(written) = self.file.get(name) {
            overlay(&mut value, written.clone(), name)?;
        }
        let Value::Table(mut table) = value else {
            return Err(ConfigError(format!("[{name}] is not a table")));
        };
        for (variable, path, text) in &self.environment {
            if path[0] == name {
                set_from_text(&mut table, &path[1..], text)
                    .map_err(|reason| ConfigError(format!("{variable}: {reason}")))?;
            }
        }
        T::deserialize(Value::Table(table))
            .map_err(|error| ConfigError(format!("[{name}] {}", error.message())))
    }
}

/// The effective configuration as TOML, secrets as stars.
pub fn print<T: Serialize>(config: &T) -> Result<String, ConfigError> {
    toml::to_string_pretty(config)
        .map_err(|error| ConfigError(format!("the configuration does not print: {error}")))
}

/// Lays a written value over a default; the type check comes with deserializing.
fn overlay(default: &mut Value, written: Value, path: &str) -> Result<(), ConfigError> {
    match (default, written) {
        (Value::Table(defaults), Value::Table(written)) => {
            for (key, value) in written {
                let path = format!("{path}.{key}");
                match file_key(defaults, &key) {
                    Some(secret) => {
                        let text = value.as_str().unwrap_or_default();
                        let content = secret_from(text)
                            .map_err(|reason| ConfigError(format!("{path}: {reason}")))?;
                        defaults.insert(secret, Value::String(content));
                    }
                    None => match defaults.get_mut(&key) {
                        Some(default) => overlay(default, value, &path)?,
                        // A free-form table takes new keys; a struct refuses
                        // them by name when it is deserialized.
                        None => {
                            defaults.insert(key, value);
                        }
                    },
                }
            }
        }
        (default, written) => *default = written,
    }
    Ok(())
}

/// For `token_file` beside a known `token`, the latter.
fn file_key(known: &Table, key: &str) -> Option<String> {
    let secret = key.strip_suffix("_file")?;
    (known.contains_key(secret) && !known.contains_key(key)).then(|| secret.to_owned())
}

fn secret_from(path: &str) -> Result<String, String> {
    fs::read_to_string(path)
        .map(|content| content.trim_end_matches(['\n', '\r']).to_owned())
        .map_err(|error| format!("cannot read the file {path:?}: {error}"))
}

/// Sets a value from the environment, read as the type that the default has.
fn set_from_text(table: &mut Table, path: &[String], text: &str) -> Result<(), String> {
    let [key, rest @ ..] = path else {
        return Err("names no key".into());
    };
    if !rest.is_empty() {
        return match table
            .entry(key.clone())
            .or_insert_with(|| Value::Table(Table::new()))
        {
            Value::Table(inner) => set_from_text(inner, rest, text),
            _ => Err(format!("{key} is a value, not a table")),
        };
    }
    if let Some(secret) = file_key(table, key) {
        let content = secret_from(text)?;
        table.insert(secret, Value::String(content));
        return Ok(());
    }
    let value = match table.get(key) {
        Some(Value::Integer(_)) => Value::Integer(
            text.parse()
                .map_err(|_| format!("{text:?} is not a whole number"))?,
        ),
        Some(Value::Float(_)) => Value::Float(
            text.parse()
                .map_err(|_| format!("{text:?} is not a number"))?,
        ),
        Some(Value::Boolean(_)) => Value::Boolean(
            text.parse()
                .map_err(|_| format!("{text:?} is not true or false"))?,
        ),
        Some(Value::Array(_)) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        ),
        Some(Value::Table(_)) => return Err(format!("{key} is a table, not a value")),
        Some(Value::String(_) | Value::Datetime(_)) | None => Value::String(text.to_owned()),
    };
    table.insert(key.clone(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Process {
        port: u16,
        secret: Secret,
    }

    impl Default for Process {
        fn default() -> Self {
            Self {
                port: 7000,
                secret: Secret::default(),
            }
        }
    }

    fn process(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Process, ConfigError> {
        let variables = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Source::new(file, variables)?.section("process")
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = Some("[process]\nport = 1\n[identity]\nanything = 1\n");
        assert_eq!(process(None, &[]).unwrap().port, 7000);
        assert_eq!(process(file, &[]).unwrap().port, 1);
        assert_eq!(
            process(file, &[("ATENCION_PROCESS__PORT", "2")])
                .unwrap()
                .port,
            2
        );
    }

    #[test]
    fn mistakes_are_named() {
        let unknown = process(Some("[process]\nprot = 1\n"), &[]).unwrap_err();
        assert!(unknown.to_string().contains("prot"), "{unknown}");
        let section = process(Some("[proces]\n"), &[]).unwrap_err();
        assert!(section.to_string().contains("proces"), "{section}");
        let value = process(None, &[("ATENCION_PROCESS__PORT", "many")]).unwrap_err();
        assert!(
            value.to_string().contains("ATENCION_PROCESS__PORT"),
            "{value}"
        );
    }

    #[test]
    fn secrets_come_from_files_and_do_not_print() {
        let path = std::env::temp_dir().join(format!("atencion-secret-{}", std::process::id()));
        fs::write(&path, "hush\n").unwrap();
        let variable = ("ATENCION_PROCESS__SECRET_FILE", path.to_str().unwrap());
        let config = process(None, &[variable]).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(config.secret.expose(), "hush");
        assert!(!print(&config).unwrap().contains("hush"));
        assert!(!format!("{config:?}").contains("hush"));
    }
}
