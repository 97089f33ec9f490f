//! What the server knows about one bot.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard},
};

use serde_json::{Value, json};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::{answer::Refused, files::Files, hook::Hook, updates::Updates};
use crate::recorder::lock;

/// A bot, shared between the calls to it and the delivery of its updates.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) id: i64,
    state: Mutex<State>,
    /// Rings whenever updates come or go.
    pub(super) changes: watch::Sender<()>,
}

/// The part that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) updates: Updates,
    pub(super) files: Files,
    pub(super) hook: Option<Hook>,
    pub(super) last_hook_set: Option<Instant>,
    /// Ends the `getUpdates` that is waiting, with the reason.
    pub(super) long_poll: Option<oneshot::Sender<&'static str>>,
    /// Chats that are not private, which a bot can reach only when it has been added.
    chats: HashSet<i64>,
    /// Chat and id of every message the bot has seen.
    messages: HashSet<(i64, i64)>,
    last_message_id: i64,
}

impl Bot {
    pub(super) fn new(id: i64) -> Self {
        let state = State {
            updates: Updates::new(),
            files: Files::default(),
            hook: None,
            last_hook_set: None,
            long_poll: None,
            chats: HashSet::new(),
            messages: HashSet::new(),
            last_message_id: 0,
        };
        Self {
            id,
            state: Mutex::new(state),
            changes: watch::Sender::new(()),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// To be called after updates came or went, without the lock of the state.
    pub(super) fn ring(&self) {
        self.changes.send_replace(());
    }

    /// The bot as a user, as it stands in its messages.
    pub(super) fn user(&self) -> Value {
        json!({
            "id": self.id,
            "is_bot": true,
            "first_name": "Bot de prueba",
            "username": format!("prueba_{}_bot", self.id),
        })
    }

    /// The answer to `getMe`.
    pub(super) fn me(&self) -> Value {
        let mut me = self.user();
        me["can_join_groups"] = true.into();
        me["can_read_all_group_messages"] = false.into();
        me["supports_inline_queries"] = false.into();
        me["can_connect_to_business"] = false.into();
        me["has_main_web_app"] = false.into();
        me
    }
}

impl State {
    pub(super) fn join(&mut self, chat_id: i64) {
        self.chats.insert(chat_id);
    }

    /// Remembers the chat and the message that an update tells of.
    pub(super) fn learn(&mut self, update: &Value) {
        for message in update
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.values())
        {
            let Some(chat_id) = message["chat"]["id"].as_i64() else {
                continue;
            };
            self.join(chat_id);
            if let Some(message_id) = message["message_id"].as_i64() {
                self.messages.insert((chat_id, message_id));
                self.last_message_id = self.last_message_id.max(message_id);
            }
        }
    }

    /// The chat that `chat_id` of a call names. Private chats are all there: whether their user
    /// has ever written to the bot is for the test to say, by a scripted failure.
    pub(super) fn chat(&self, chat_id: Option<&str>) -> Result<i64, Refused> {
        let Some(chat_id) = chat_id else {
            return Err(Refused::bad_request("chat_id is empty"));
        };
        let known = |id: &i64| *id > 0 || self.chats.contains(id);
        chat_id
            .parse()
            .ok()
            .filter(known)
            .ok_or_else(|| Refused::bad_request("chat not found"))
    }

    pub(super) fn has_message(&self, chat_id: i64, message_id: i64) -> bool {
        self.messages.contains(&(chat_id, message_id))
    }

    /// The id of a message that is being sent to `chat_id`.
    pub(super) fn new_message(&mut self, chat_id: i64) -> i64 {
        self.last_message_id += 1;
        self.messages.insert((chat_id, self.last_message_id));
        self.last_message_id
    }
}
