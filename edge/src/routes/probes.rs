//! The probes of whoever runs the process.

use std::time::Duration;

use axum::response::Response;

use crate::{errors::Failure, exchange::Exchange};

const PATIENCE: Duration = Duration::from_secs(2);

/// GET healthz: the process answers.
pub fn alive(exchange: &Exchange) -> Response {
    exchange.done("")
}

/// GET readyz: no request gets anywhere without identity, so it must answer.
pub async fn ready(exchange: Exchange) -> Result<Response, Failure> {
    let call = exchange.app.tokens.own_call(PATIENCE)?;
    if exchange.app.guard.identity_answers(&call).await {
        Ok(exchange.done(""))
    } else {
        Err(Failure::unavailable())
    }
}
