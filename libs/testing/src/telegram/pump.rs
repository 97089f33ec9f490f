//! Delivers updates to a webhook until they are acknowledged.

use std::{future::pending, sync::Arc, time::Duration};

use axum::http::header;
use reqwest::{Client, Response};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Delivery, Shared, TelegramOptions, bot::Bot, hook::Wanted, updates::Due};
use crate::recorder::Recorder;

/// The longest pause that a receiver may ask for, in seconds of the server.
const LONGEST_RETRY_AFTER: u32 = 3600;

/// The delivery of one bot's updates to one webhook.
struct Pump {
    bot: Arc<Bot>,
    target: Arc<Target>,
    generation: u64,
    max_connections: usize,
    options: TelegramOptions,
    deliveries: Arc<Recorder<Delivery>>,
}

/// Where updates go.
struct Target {
    client: Client,
    url: String,
    secret_token: Option<String>,
}

/// How an attempt ended.
struct Attempt {
    due: Due,
    outcome: Result<(), Failure>,
    status: Option<u16>,
}

struct Failure {
    message: String,
    retry_after: u32,
}

/// Starts the delivery. It ends with `stop`, and with the server.
pub(super) fn start(
    shared: &Shared,
    bot: &Arc<Bot>,
    wanted: &Wanted,
    generation: u64,
    stop: CancellationToken,
) {
    let target = Target {
        client: shared.client.clone(),
        url: wanted.url.clone(),
        secret_token: wanted.secret_token.clone(),
    };
    let pump = Pump {
        bot: bot.clone(),
        target: Arc::new(target),
        generation,
        max_connections: usize::try_from(wanted.max_connections).unwrap_or(1),
        options: shared.options.clone(),
        deliveries: shared.deliveries.clone(),
    };
    let server_stop = shared.stop.clone();
    tokio::spawn(async move {
        let delivery = stop.run_until_cancelled(pump.run());
        server_stop.run_until_cancelled(delivery).await;
    });
}

impl Pump {
    async fn run(self) {
        let mut changes = self.bot.changes.subscribe();
        let mut attempts = JoinSet::new();
        loop {
            let free = self.max_connections.saturating_sub(attempts.len());
            let (due, next) = self.bot.state().updates.take_due(self.generation, free);
            for due in due {
                attempts.spawn(attempt(self.target.clone(), due));
            }
            tokio::select! {
                Some(Ok(attempt)) = attempts.join_next() => self.settle(attempt),
                // The sender lives in the bot, which this task holds.
                _ = changes.changed() => {}
                () = at(next) => {}
            }
        }
    }

    fn settle(&self, attempt: Attempt) {
        let Attempt {
            due,
            outcome,
            status,
        } = attempt;
        {
            let mut state = self.bot.state();
            match outcome {
                Ok(()) => state.updates.acknowledge(due.update_id),
                Err(failure) => {
                    if let Some(hook) = &mut state.hook {
                        hook.note_error(failure.message);
                    }
                    let TelegramOptions {
                        deliveries, second, ..
                    } = self.options;
                    let wait = failure.retry_after;
                    state
                        .updates
                        .postpone(due.update_id, wait, deliveries, second);
                }
            }
        }
        self.deliveries.record(Delivery {
            bot_id: self.bot.id,
            update_id: due.update_id,
            attempt: due.attempt,
            status,
        });
        self.bot.ring();
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => pending().await,
    }
}

async fn attempt(target: Arc<Target>, due: Due) -> Attempt {
    let mut request = target
        .client
        .post(&target.url)
        .header(header::CONTENT_TYPE, "application/json")
        .body(due.update.to_string());
    if let Some(secret) = &target.secret_token {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    let answer = request.send().await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    let outcome = match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(Failure {
            message: format!("Wrong response from the webhook: {}", answer.status()),
            retry_after: retry_after(&answer),
        }),
        Err(error) => Err(Failure {
            message: complaint(&error).to_owned(),
            retry_after: 0,
        }),
    };
    Attempt {
        due,
        outcome,
        status,
    }
}

fn retry_after(answer: &Response) -> u32 {
    let seconds = answer.headers().get(header::RETRY_AFTER);
    let seconds = seconds
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or(0);
    LONGEST_RETRY_AFTER.min(seconds)
}

fn complaint(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "Read timeout expired"
    } else if error.is_connect() {
        "Connection refused"
    } else {
        "Webhook connection closed"
    }
}

/// A client that behaves as the real server does: it follows no redirect and gives up in the end.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_mins(1))
        .build()
}
