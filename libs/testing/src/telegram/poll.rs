//! `getUpdates`.

use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Duration, Instant, sleep_until},
};

use super::{
    answer::{Done, Refused},
    bot::Bot,
    params::Params,
};

const WEBHOOK_IS_SET: &str = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
const ANOTHER_POLL: &str =
    "terminated by other getUpdates request; make sure that only one bot instance is running";

/// The longest a caller can have it wait, in seconds.
const LONGEST_WAIT: i64 = 50;

/// The `getUpdates` method.
pub(super) async fn get(bot: &Bot, params: &Params) -> Result<Done, Refused> {
    let limit = usize::try_from(params.integer("limit", 100, 1, 100)).unwrap_or(100);
    let timeout = u64::try_from(params.integer("timeout", 0, 0, LONGEST_WAIT)).unwrap_or(0);
    // From before the first look, so that nothing comes between looking and waiting.
    let mut changes = bot.changes.subscribe();
    let mut terminated = {
        let mut state = bot.state();
        if state.hook.is_some() {
            return Err(Refused::conflict(WEBHOOK_IS_SET));
        }
        state.updates.allow(params.json("allowed_updates"));
        state
            .updates
            .confirm(params.integer("offset", 0, i64::MIN, i64::MAX));
        let updates = state.updates.first(limit);
        if timeout == 0 || !updates.is_empty() {
            drop(state);
            bot.ring();
            return Ok(Done::with(updates.into()));
        }
        let (terminate, terminated) = oneshot::channel();
        if let Some(other) = state.long_poll.replace(terminate) {
            // It has ended by itself if nobody listens.
            let _ = other.send(ANOTHER_POLL);
        }
        terminated
    };
    bot.ring();
    let deadline = Instant::now() + Duration::from_secs(timeout);
    loop {
        tokio::select! {
            // Dropped without a word only together with the bot.
            reason = &mut terminated => {
                return Err(Refused::conflict(reason.unwrap_or(ANOTHER_POLL)));
            }
            () = sleep_until(deadline) => return Ok(Done::with(Value::Array(Vec::new()))),
            _ = changes.changed() => {
                let updates = bot.state().updates.first(limit);
                if !updates.is_empty() {
                    return Ok(Done::with(updates.into()));
                }
            }
        }
    }
}
