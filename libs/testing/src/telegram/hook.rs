//! `setWebhook`, `deleteWebhook` and `getWebhookInfo`.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::http::Uri;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Shared,
    answer::{Done, Refused},
    bot::{Bot, State},
    params::Params,
    pump,
};
use crate::loopback::unix_now;

/// The ports of the real server's webhooks.
const PORTS: [u16; 4] = [443, 80, 88, 8443];

/// A webhook that is set, and the delivery to it.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) url: String,
    pub(super) secret_token: Option<String>,
    pub(super) max_connections: u32,
    last_error: Option<(u64, String)>,
    /// Ends the delivery when the hook goes.
    _delivery: DropGuard,
}

impl Hook {
    pub(super) fn note_error(&mut self, message: String) {
        self.last_error = Some((unix_now(), message));
    }

    pub(super) fn last_error(&self) -> Option<&str> {
        self.last_error
            .as_ref()
            .map(|(_, message)| message.as_str())
    }
}

/// The settings of a `setWebhook`.
pub(super) struct Wanted {
    pub(super) url: String,
    pub(super) secret_token: Option<String>,
    pub(super) max_connections: u32,
}

impl Wanted {
    fn read(url: String, params: &Params) -> Self {
        let max_connections = params.integer("max_connections", 40, 1, 100);
        Self {
            url,
            secret_token: params.text("secret_token"),
            max_connections: u32::try_from(max_connections).unwrap_or(40),
        }
    }

    fn is(&self, hook: &Hook) -> bool {
        self.url == hook.url
            && self.secret_token == hook.secret_token
            && self.max_connections == hook.max_connections
    }

    /// `local` allows what only a Bot API server of one's own allows.
    fn check(&self, local: bool) -> Result<(), Refused> {
        let uri: Option<Uri> = self
            .url
            .parse()
            .ok()
            .filter(|uri: &Uri| uri.host().is_some());
        let Some(uri) = uri else {
            return Err(Refused::bad_request("invalid webhook URL specified"));
        };
        let secret = self.secret_token.as_deref().unwrap_or_default();
        if secret.len() > 256 {
            return Err(Refused::bad_request("secret token is too long"));
        }
        if !secret
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            return Err(Refused::bad_request(
                "secret token contains unallowed characters",
            ));
        }
        if local {
            return Ok(());
        }
        if uri.scheme_str() == Some("http") {
            return Err(bad_webhook("An HTTPS URL must be provided for webhook"));
        }
        if !PORTS.contains(&uri.port_u16().unwrap_or(443)) {
            let complaint = "Webhook can be set up only on ports 80, 88, 443 or 8443";
            return Err(bad_webhook(complaint));
        }
        let host = uri.host().unwrap_or_default();
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) if ip.is_loopback() || ip.is_private() || ip.is_link_local() => {
                Err(bad_webhook(&format!("IP address {ip} is reserved")))
            }
            _ if host == "localhost" => Err(bad_webhook("IP address 127.0.0.1 is reserved")),
            _ => Ok(()),
        }
    }
}

fn bad_webhook(complaint: &str) -> Refused {
    Refused::bad_request(&format!("bad webhook: {complaint}"))
}

/// The `setWebhook` method. Without a URL it is `deleteWebhook`.
pub(super) fn set(shared: &Shared, bot: &Arc<Bot>, params: &Params) -> Result<Done, Refused> {
    let Some(url) = params.text("url") else {
        return Ok(delete(bot, params));
    };
    let done = replace(shared, bot, Wanted::read(url, params), params);
    bot.ring();
    done
}

fn replace(
    shared: &Shared,
    bot: &Arc<Bot>,
    wanted: Wanted,
    params: &Params,
) -> Result<Done, Refused> {
    let mut state = bot.state();
    if shared.options.limit_set_webhook {
        keep_apart(&mut state, shared.options.second)?;
    }
    let unchanged = state.hook.as_ref().is_some_and(|hook| wanted.is(hook));
    if unchanged && !params.flag("drop_pending_updates") {
        state.updates.allow(params.json("allowed_updates"));
        return Ok(Done::saying("Webhook is already set"));
    }
    if let Some(waiting) = state.long_poll.take() {
        // It has ended by itself if nobody listens.
        let _ = waiting.send("terminated by setWebhook request");
    }
    // As on the real server the old webhook is gone even if the new one is then refused.
    let generation = remove(&mut state, params);
    wanted.check(shared.options.allow_any_webhook_url)?;
    state.updates.allow(params.json("allowed_updates"));
    let stop = CancellationToken::new();
    pump::start(shared, bot, &wanted, generation, stop.clone());
    let Wanted {
        url,
        secret_token,
        max_connections,
    } = wanted;
    let delivery = stop.drop_guard();
    let last_error = None;
    state.hook = Some(Hook {
        url,
        secret_token,
        max_connections,
        last_error,
        _delivery: delivery,
    });
    Ok(Done::saying("Webhook was set"))
}

fn keep_apart(state: &mut State, limit: Duration) -> Result<(), Refused> {
    let now = Instant::now();
    if state.last_hook_set.is_some_and(|last| now < last + limit) {
        return Err(Refused::retry_after(1));
    }
    state.last_hook_set = Some(now);
    Ok(())
}

/// The `deleteWebhook` method.
pub(super) fn delete(bot: &Bot, params: &Params) -> Done {
    let was_set = {
        let mut state = bot.state();
        let was_set = state.hook.is_some();
        remove(&mut state, params);
        was_set
    };
    bot.ring();
    Done::saying(if was_set {
        "Webhook was deleted"
    } else {
        "Webhook is already deleted"
    })
}

/// Ends the delivery, and returns the generation of the next one.
fn remove(state: &mut State, params: &Params) -> u64 {
    state.hook = None;
    if params.flag("drop_pending_updates") {
        state.updates.clear();
    }
    state.updates.recall()
}

/// The `getWebhookInfo` method.
pub(super) fn info(bot: &Bot) -> Done {
    let state = bot.state();
    let mut info = json!({
        "url": "",
        "has_custom_certificate": false,
        "pending_update_count": state.updates.len(),
    });
    if let Some(hook) = &state.hook {
        info["url"] = hook.url.clone().into();
        info["max_connections"] = hook.max_connections.into();
        if let Some((date, message)) = &hook.last_error {
            info["last_error_date"] = (*date).into();
            info["last_error_message"] = message.clone().into();
        }
    }
    if let Some(kinds) = state.updates.allowed() {
        info["allowed_updates"] = kinds.iter().cloned().map(Value::String).collect();
    }
    Done::with(info)
}
