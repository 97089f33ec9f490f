//! Runs the doubles of Graph and Telegram on given addresses, for trying things by hand and for
//! tests of several processes. Prints a line with the name and base URL of each when it listens.
//! `GET /_sent` on either shows what was sent through it.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use testing::{
    FakeGraph, FakeTelegram,
    telegram::{TelegramOptions, bot_id},
};
use tokio::signal::unix::{SignalKind, signal};

/// Strict doubles of Meta's Graph API and of Telegram's Bot API.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where Graph listens, such as 127.0.0.1:9301; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    graph: Option<SocketAddr>,
    /// Where Telegram listens
    #[arg(long, value_name = "ADDRESS")]
    telegram: Option<SocketAddr>,
    /// A WhatsApp number that exists, and its token; may be repeated
    #[arg(long = "number", value_name = "ID=TOKEN", value_parser = parse_number)]
    numbers: Vec<(String, String)>,
    /// The token of a Telegram bot that exists; may be repeated
    #[arg(long = "bot", value_name = "TOKEN", value_parser = parse_bot)]
    bots: Vec<String>,
    /// Take webhooks of http and of any port too, as a Bot API server of one's own does
    #[arg(long)]
    allow_any_webhook_url: bool,
}

fn parse_number(text: &str) -> Result<(String, String)> {
    let (id, token) = text.split_once('=').context("expected ID=TOKEN")?;
    ensure!(
        !id.is_empty() && !token.is_empty(),
        "neither id nor token can be empty"
    );
    Ok((id.to_owned(), token.to_owned()))
}

fn parse_bot(text: &str) -> Result<String> {
    bot_id(text).context("a bot's token looks like 123456:letters-and-digits")?;
    Ok(text.to_owned())
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(
        arguments.graph.is_some() || arguments.telegram.is_some(),
        "nothing to run: give --graph or --telegram with an address"
    );
    // Before the first line is printed: whoever reads it may send a signal at once.
    let mut terminated = signal(SignalKind::terminate())?;
    let graph = start_graph(&arguments).await?;
    let telegram = start_telegram(&arguments).await?;
    if let Some(graph) = &graph {
        println!("graph {}", graph.base_url());
    }
    if let Some(telegram) = &telegram {
        println!("telegram {}", telegram.base_url());
    }
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}

async fn start_graph(arguments: &Arguments) -> Result<Option<FakeGraph>> {
    let Some(address) = arguments.graph else {
        return Ok(None);
    };
    let graph = FakeGraph::start_on(address).await;
    let graph = graph.with_context(|| format!("Graph cannot listen on {address}"))?;
    for (id, token) in &arguments.numbers {
        graph.register_number(id, token);
    }
    Ok(Some(graph))
}

async fn start_telegram(arguments: &Arguments) -> Result<Option<FakeTelegram>> {
    let Some(address) = arguments.telegram else {
        return Ok(None);
    };
    let options = TelegramOptions {
        allow_any_webhook_url: arguments.allow_any_webhook_url,
        ..TelegramOptions::default()
    };
    let telegram = FakeTelegram::start_on(address, options).await;
    let telegram = telegram.with_context(|| format!("Telegram cannot listen on {address}"))?;
    for token in &arguments.bots {
        telegram.register_bot(token);
    }
    Ok(Some(telegram))
}
