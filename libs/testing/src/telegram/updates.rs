//! The updates that wait for a bot, in the order they happened.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::opaque;

/// No bot under test is meant to be further behind than this.
const MOST_WAITING: usize = 10_000;

/// A failing webhook is tried no less often than this, in seconds of the server.
const LONGEST_PAUSE: u32 = 60;

/// Kinds that a bot gets only when it names them in `allowed_updates`.
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// An update that has not been acknowledged.
#[derive(Debug)]
struct Waiting {
    update_id: i64,
    update: Value,
    /// Updates of one lane are delivered one at a time.
    lane: String,
    attempts: u32,
    pause: u32,
    not_before: Instant,
    under_way: bool,
}

/// An update that is to be delivered now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) update_id: i64,
    pub(super) update: Value,
    pub(super) attempt: u32,
}

/// Everything that waits for one bot.
#[derive(Debug)]
pub(super) struct Updates {
    waiting: VecDeque<Waiting>,
    next_id: i64,
    /// Counts the webhooks there have been, so that one that has gone takes nothing any more.
    generation: u64,
    /// None: all but those [`ON_REQUEST`].
    allowed: Option<Vec<String>>,
}

impl Updates {
    pub(super) fn new() -> Self {
        // Like the real ids: positive, within 32 bits, and not starting at 1.
        let start = i64::try_from(opaque::number() % 900_000_000).unwrap_or_default();
        Self {
            waiting: VecDeque::new(),
            next_id: start + 1,
            generation: 0,
            allowed: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn allowed(&self) -> Option<&[String]> {
        self.allowed.as_deref()
    }

    /// Takes `allowed_updates` of a call. Absent or no list of strings leaves things as they are;
    /// an empty list asks for the usual kinds.
    pub(super) fn allow(&mut self, kinds: Option<Value>) {
        let Some(Value::Array(kinds)) = kinds else {
            return;
        };
        let names = kinds
            .iter()
            .map(|kind| kind.as_str().map(str::to_lowercase));
        if let Some(names) = names.collect::<Option<Vec<_>>>() {
            self.allowed = Some(names).filter(|names| !names.is_empty());
        }
    }

    /// Adds an update and returns its id, or none when the bot has not asked for its kind. An
    /// `update_id` in `update` is kept, so that a test can repeat one.
    pub(super) fn push(&mut self, mut update: Value) -> Result<Option<i64>> {
        let Some(kind) = kind_of(&update) else {
            bail!("an update is an object with one field besides update_id: {update}");
        };
        let wanted = match &self.allowed {
            Some(kinds) => kinds.contains(&kind),
            None => !ON_REQUEST.contains(&kind.as_str()),
        };
        if !wanted {
            return Ok(None);
        }
        if self.waiting.len() == MOST_WAITING {
            bail!("{MOST_WAITING} updates are waiting already");
        }
        let update_id = update["update_id"].as_i64().unwrap_or(self.next_id);
        self.next_id = self.next_id.max(update_id + 1);
        update["update_id"] = update_id.into();
        self.waiting.push_back(Waiting {
            update_id,
            lane: lane_of(&kind, &update[&kind], update_id),
            update,
            attempts: 0,
            pause: 1,
            not_before: Instant::now(),
            under_way: false,
        });
        Ok(Some(update_id))
    }

    /// Forgets what a `getUpdates` with `offset` confirms: everything before it, or, when it is
    /// negative, everything but the last so many.
    pub(super) fn confirm(&mut self, offset: i64) {
        if offset < 0 {
            let last = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            self.waiting
                .drain(..self.waiting.len().saturating_sub(last));
        } else {
            self.waiting.retain(|waiting| waiting.update_id >= offset);
        }
    }

    /// The first `limit` updates.
    pub(super) fn first(&self, limit: usize) -> Vec<Value> {
        self.waiting
            .iter()
            .take(limit)
            .map(|waiting| waiting.update.clone())
            .collect()
    }

    /// Marks up to `limit` updates as under way and returns them, at most one of each lane. With
    /// them comes the time at which the next one may go, if only time keeps it back. A webhook of
    /// an earlier `generation` gets none.
    pub(super) fn take_due(
        &mut self,
        generation: u64,
        limit: usize,
    ) -> (Vec<Due>, Option<Instant>) {
        if generation != self.generation {
            return (Vec::new(), None);
        }
        let now = Instant::now();
        let mut lanes = HashSet::new();
        let mut due = Vec::new();
        let mut next = None;
        for waiting in &mut self.waiting {
            if !lanes.insert(waiting.lane.as_str()) || waiting.under_way {
                continue;
            }
            if waiting.not_before > now {
                next = Some(next.map_or(waiting.not_before, |at| waiting.not_before.min(at)));
            } else if due.len() < limit {
                waiting.under_way = true;
                waiting.attempts += 1;
                due.push(Due {
                    update_id: waiting.update_id,
                    update: waiting.update.clone(),
                    attempt: waiting.attempts,
                });
            }
        }
        (due, next)
    }

    /// The webhook has gone: nothing is under way any more. Returns the generation of the next.
    pub(super) fn recall(&mut self) -> u64 {
        for waiting in &mut self.waiting {
            waiting.under_way = false;
            waiting.not_before = Instant::now();
        }
        self.generation += 1;
        self.generation
    }

    pub(super) fn acknowledge(&mut self, update_id: i64) {
        if let Some(index) = self.under_way(update_id) {
            self.waiting.remove(index);
        }
    }

    /// Plans the next attempt as the real server does: the first one follows at once, the later
    /// ones after pauses that double, and `retry_after` of the receiver counts instead. Gives the
    /// update up after `most` attempts.
    pub(super) fn postpone(
        &mut self,
        update_id: i64,
        retry_after: u32,
        most: u32,
        second: Duration,
    ) {
        let Some(index) = self.under_way(update_id) else {
            return;
        };
        let waiting = &mut self.waiting[index];
        if waiting.attempts >= most {
            self.waiting.remove(index);
            return;
        }
        let mut seconds = retry_after;
        if retry_after == 0 && waiting.attempts > 1 {
            waiting.pause = (waiting.pause * 2).min(LONGEST_PAUSE);
            seconds = waiting.pause;
        }
        waiting.not_before = Instant::now() + second * seconds;
        waiting.under_way = false;
    }

    fn under_way(&self, update_id: i64) -> Option<usize> {
        self.waiting
            .iter()
            .position(|waiting| waiting.under_way && waiting.update_id == update_id)
    }
}

fn kind_of(update: &Value) -> Option<String> {
    let mut kinds = update.as_object()?.keys().filter(|key| *key != "update_id");
    let kind = kinds.next()?.clone();
    kinds.next().is_none().then_some(kind)
}

/// Messages and their edits share the lane of their chat; other kinds have lanes of their own by
/// chat or user, and what has neither waits for nothing.
fn lane_of(kind: &str, content: &Value, update_id: i64) -> String {
    let group = if kind == "edited_message" {
        "message"
    } else {
        kind
    };
    let owner = [
        &content["chat"]["id"],
        &content["from"]["id"],
        &content["user"]["id"],
    ];
    match owner.into_iter().find(|id| id.is_i64()) {
        Some(id) => format!("{group} {id}"),
        None => format!("update {update_id}"),
    }
}

/// An update with a text message in a private chat, whose user has the same id as the chat.
/// `date` is in seconds since 1970.
pub fn text_update(chat_id: i64, message_id: i64, text: &str, date: u64) -> Value {
    json!({"message": {
        "message_id": message_id,
        "from": {
            "id": chat_id,
            "is_bot": false,
            "first_name": "Cliente",
            "language_code": "es",
        },
        "chat": {"id": chat_id, "first_name": "Cliente", "type": "private"},
        "date": date,
        "text": text,
    }})
}
