//! Real payloads of providers, each with ids of its own, and what they say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The samples of one provider.
pub struct Samples {
    /// Name and body of each.
    pub bodies: Vec<(String, Vec<u8>)>,
    /// The WhatsApp numbers they are addressed to.
    pub numbers: BTreeSet<String>,
    /// The texts that customers wrote, sorted.
    pub texts: Vec<String>,
}

impl Samples {
    /// Reads the samples of `whatsapp` or `telegram`.
    pub fn read(kind: &str) -> Self {
        let mut files: Vec<_> = std::fs::read_dir(testing::samples::webhooks(kind))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .collect();
        files.sort();
        let mut samples = Self {
            bodies: Vec::new(),
            numbers: BTreeSet::new(),
            texts: Vec::new(),
        };
        for (index, path) in files.iter().enumerate() {
            let mut body: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            samples.take_whatsapp(&mut body, index);
            samples.take_telegram(&mut body, index);
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            samples.bodies.push((name, body.to_string().into_bytes()));
        }
        samples.texts.sort();
        samples
    }

    /// All of them, then all of them again backwards.
    pub fn there_and_back(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let all = self.bodies.iter().chain(self.bodies.iter().rev());
        all.map(|(name, body)| (name.as_str(), body.as_slice()))
    }

    fn take_whatsapp(&mut self, body: &mut Value, index: usize) {
        for value in whatsapp_values(body) {
            if let Some(number) = value["metadata"]["phone_number_id"].as_str() {
                self.numbers.insert(number.to_owned());
            }
            for message in value["messages"].as_array_mut().into_iter().flatten() {
                if let Some(id) = message["id"].as_str() {
                    message["id"] = json!(format!("{id}.{index}"));
                }
                if let Some(text) = message["text"]["body"].as_str()
                    && message["type"] == "text"
                {
                    self.texts.push(text.to_owned());
                }
            }
        }
    }

    fn take_telegram(&mut self, body: &mut Value, index: usize) {
        if body["update_id"].is_null() {
            return;
        }
        body["update_id"] = json!(1000 + index);
        for (kind, prefix) in [("message", ""), ("edited_message", "Mensaje editado: ")] {
            let Some(message) = body.get_mut(kind) else {
                continue;
            };
            message["message_id"] = json!(1000 + index);
            if message["chat"]["type"] == "private"
                && let Some(text) = message["text"].as_str()
            {
                self.texts.push(format!("{prefix}{text}"));
            }
        }
    }
}

/// Every `value` of a WhatsApp body.
fn whatsapp_values(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    body["entry"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .flat_map(|entry| entry["changes"].as_array_mut().into_iter().flatten())
        .map(|change| &mut change["value"])
        .filter(|value| value.is_object())
}
