//! Shows that what other tests rely on keeps its rules.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on ends its test"
)]

mod client;
mod fake_providers;
mod graph_failures;
mod graph_media;
mod graph_messages;
mod graph_rules;
mod graph_webhooks;
mod receiver;
mod servers;
mod synology;
mod telegram_calls;
mod telegram_client;
mod telegram_delivery;
mod telegram_failures;
mod telegram_files;
mod telegram_updates;
mod telegram_webhooks;
