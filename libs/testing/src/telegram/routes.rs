//! The HTTP side of the double: finds the bot and the method.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{Method, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    SentMessage, Shared,
    answer::{Done, Refused},
    bot::Bot,
    files::Kind,
    hook,
    params::{LARGEST_FILE, Params},
    poll, send,
};
use crate::recorder::lock;

/// Room for the other parts of a multipart body around the largest file.
const LARGEST_BODY: usize = LARGEST_FILE + (1 << 20);

/// The token stands inside a segment of the path, so the paths are taken apart here.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/_sent", get(sent))
        .fallback(any)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}

async fn sent(State(shared): State<Arc<Shared>>) -> Json<Vec<SentMessage>> {
    Json(shared.sent.all())
}

async fn any(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if ![Method::GET, Method::POST].contains(request.method()) {
        return Refused::not_found().into_response();
    }
    let path = request.uri().path().replace("%3A", ":");
    let answered = if let Some(file) = path.strip_prefix("/file/bot") {
        download(&shared, file)
    } else if let Some(call) = path.strip_prefix("/bot") {
        match find(&shared, call) {
            Ok((bot, method)) => answer(&shared, &bot, &method.to_lowercase(), request).await,
            Err(refused) => Err(refused),
        }
    } else {
        Err(Refused::not_found())
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

/// The bot of `<token>/<rest>`, and the rest. What is no token at all is not found, as on
/// api.telegram.org; one that is unknown is unauthorized.
fn find<'a>(shared: &Shared, path: &'a str) -> Result<(Arc<Bot>, &'a str), Refused> {
    let (token, rest) = path.split_once('/').ok_or_else(Refused::not_found)?;
    if super::bot_id(token).is_none() {
        return Err(Refused::not_found());
    }
    let bot = lock(&shared.bots).get(token).cloned();
    bot.map(|bot| (bot, rest)).ok_or_else(Refused::unauthorized)
}

fn download(shared: &Shared, path: &str) -> Result<Response, Refused> {
    let (bot, path) = find(shared, path)?;
    let content = bot
        .state()
        .files
        .fetch(path)
        .ok_or_else(Refused::not_found)?;
    Ok((
        [(header::CONTENT_TYPE, "application/octet-stream")],
        content,
    )
        .into_response())
}

async fn answer(
    shared: &Shared,
    bot: &Arc<Bot>,
    method: &str,
    request: Request,
) -> Result<Response, Refused> {
    let params = Params::read(request).await?;
    let done = match method {
        "getme" => Done::with(bot.me()),
        "setwebhook" => hook::set(shared, bot, &params)?,
        "deletewebhook" => hook::delete(bot, &params),
        "getwebhookinfo" => hook::info(bot),
        "getupdates" => poll::get(bot, &params).await?,
        "getfile" => bot
            .state()
            .files
            .locate(params.text("file_id").as_deref())?,
        "sendmessage" => return message(shared, bot, None, params).await,
        other => match Kind::sent_by(other) {
            Some(kind) => return message(shared, bot, Some(kind), params).await,
            None => return Err(Refused::no_method()),
        },
    };
    Ok(done.into_response())
}

/// Sends a text, or a file of a kind.
async fn message(
    shared: &Shared,
    bot: &Bot,
    kind: Option<Kind>,
    params: Params,
) -> Result<Response, Refused> {
    let outcome = {
        let mut state = bot.state();
        let checked = match kind {
            None => send::check_text(&state, &params)?,
            Some(kind) => send::check_file(&state, kind, &params)?,
        };
        match lock(&shared.next_sends).pop_front() {
            Some(failure) if !failure.accepts() => Err(failure),
            scripted => {
                let (message, sent) = checked.send(bot, &mut state, params.into_fields());
                shared.sent.record(sent);
                scripted.map_or(Ok(message), Err)
            }
        }
    };
    match outcome {
        Ok(message) => Ok(Done::with(message).into_response()),
        Err(failure) => Ok(failure.answer().await),
    }
}
