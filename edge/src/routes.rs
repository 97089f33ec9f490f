//! The whole router on one page: which handler answers which row of the table.

mod admin;
mod amount;
mod auth;
mod broadcast;
mod broadcasting;
mod chat;
mod company;
mod correo;
mod deptos;
mod guest;
mod ids;
mod internal_users;
mod keys;
mod legacy;
mod media;
mod meta;
mod pictures;
mod pins;
mod plan;
mod probes;
mod recovery;
mod sso;
mod synology;
mod telegram;
mod users;

use std::{pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::Request,
    middleware,
    response::Response,
    routing::{get, on},
};
use http::StatusCode;

use crate::{
    App, docs,
    errors::Failure,
    exchange::Exchange,
    pipeline,
    table::{Operation, operations},
};

/// What answers an operation.
pub type Handler = fn(Exchange) -> Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

/// What answers a row of the table.
fn handler(row: &str) -> Option<Handler> {
    people(row)
        .or_else(|| administration(row))
        .or_else(|| conversations(row))
        .or_else(|| broadcasts(row))
        .or_else(|| process(row))
}

/// Users, how they sign in, and what other systems learn of them.
fn people(row: &str) -> Option<Handler> {
    let handler: Handler = match row {
        "POST /api/auth/login" => |e| Box::pin(auth::login(e)),
        "POST /api/auth/login/pin" => |e| Box::pin(pins::login(e)),
        "POST /api/auth/pin/enrol" => |e| Box::pin(pins::enrol(e)),
        "POST /api/auth/pin/remove" => |e| Box::pin(pins::remove(e)),
        "GET /api/auth/pin/devices" => |e| Box::pin(pins::devices(e)),
        "POST /api/auth/password/forgot" => |e| Box::pin(recovery::forgot(e)),
        "POST /api/auth/password/reset" => |e| Box::pin(recovery::reset(e)),
        "POST /api/SSO/password/forgot" => |e| Box::pin(recovery::forgot_sso(e)),
        "POST /api/SSO/password/reset" => |e| Box::pin(recovery::reset_sso(e)),
        "DELETE /api/auth/logout" => |e| Box::pin(auth::logout(e)),
        "GET /api/auth/getRequestUserData" => |e| Box::pin(auth::user_data(e)),
        "GET /api/auth/refreshUserToken" => |e| Box::pin(auth::refresh(e)),
        "POST /api/SSO/ADI/generateToken" => |e| Box::pin(sso::adi::generate_token(e)),
        "POST /api/SSO/ADI/Token" => |e| Box::pin(sso::adi::redeem_token(e)),
        "POST /api/SSO/access" => |e| Box::pin(sso::access(e)),
        "GET /api/SSO/refreshUserToken" => |e| Box::pin(sso::refresh(e)),
        "POST /api/UsuarioInterno/get" => |e| Box::pin(internal_users::get(e)),
        "POST /api/users/store" => |e| Box::pin(users::store(e)),
        "POST /api/users/list" => |e| Box::pin(users::list(e)),
        "GET /api/users/show/{id}" => |e| Box::pin(users::show(e)),
        "PATCH /api/users/update/{id}" => |e| Box::pin(users::update(e)),
        "GET /api/users/analizeUsersCompany" => |e| Box::pin(users::figures(e)),
        "PATCH /api/users/status/{id?}" => |e| Box::pin(users::status(e)),
        "PATCH /api/users/uploadUserPic/{id}" => |e| Box::pin(users::upload_picture(e)),
        "GET /api/users/showUserPic/{id}" => |e| Box::pin(users::show_picture(e)),
        "DELETE /api/users/deleteUserPic/{id}" => |e| Box::pin(users::remove_picture(e)),
        _ => return None,
    };
    Some(handler)
}

/// Companies and what belongs to them, mailboxes among it.
fn administration(row: &str) -> Option<Handler> {
    let handler: Handler = match row {
        "GET /api/admin/channels/show" => |e| Box::pin(admin::channels::show(e)),
        "PATCH /api/admin/channels/update" => |e| Box::pin(admin::channels::update(e)),
        "POST /api/admin/channels/list" => |e| Box::pin(admin::channels::list(e)),
        "POST /api/admin/channels/store" => |e| Box::pin(admin::channels::store(e)),
        "PATCH /api/admin/channels/update-status" => {
            |e| Box::pin(admin::channels::update_status(e))
        }
        "POST /api/deptos/index" => |e| Box::pin(deptos::index(e)),
        "GET /api/deptos/show/{id}" => |e| Box::pin(deptos::show(e)),
        "POST /api/company/index" => |e| Box::pin(company::index(e)),
        "GET /api/company/show/{id}" => |e| Box::pin(company::show(e)),
        "DELETE /api/company/delete/{id}" => |e| Box::pin(company::delete(e)),
        "POST /api/plan/index" => |e| Box::pin(plan::index(e)),
        "POST /api/admin/clients/list" => |e| Box::pin(admin::clients::list(e)),
        "POST /api/admin/clients/store" => |e| Box::pin(admin::clients::store(e)),
        "PATCH /api/admin/clients/update" => |e| Box::pin(admin::clients::update(e)),
        "POST /api/admin/clients/search" => |e| Box::pin(admin::clients::search(e)),
        "POST /api/admin/departments/list" => |e| Box::pin(admin::departments::list(e)),
        "POST /api/admin/departments/store" => |e| Box::pin(admin::departments::store(e)),
        "PATCH /api/admin/departments/update" => |e| Box::pin(admin::departments::update(e)),
        "PATCH /api/admin/departments/update-status" => {
            |e| Box::pin(admin::departments::update_status(e))
        }
        "POST /api/admin/departments/search" => |e| Box::pin(admin::departments::search(e)),
        "POST /api/admin/faqs/list" => |e| Box::pin(admin::faqs::list(e)),
        "POST /api/admin/faqs/store" => |e| Box::pin(admin::faqs::store(e)),
        "PATCH /api/admin/faqs/update" => |e| Box::pin(admin::faqs::update(e)),
        "PATCH /api/admin/faqs/update-status" => |e| Box::pin(admin::faqs::update_status(e)),
        "POST /api/admin/faqs/search" => |e| Box::pin(admin::faqs::search(e)),
        "POST /api/admin/plans/list" => |e| Box::pin(admin::plans::list(e)),
        "POST /api/admin/plans/store" => |e| Box::pin(admin::plans::store(e)),
        "PATCH /api/admin/plans/update-status" => |e| Box::pin(admin::plans::update_status(e)),
        "POST /api/correo/save" => |e| Box::pin(correo::save(e)),
        "POST /api/Synology/BotAsistencia/configurarIdUsuario" => {
            |e| Box::pin(synology::configure_user_id(e))
        }
        "POST /api/SSO/ADI/setToken" => |e| Box::pin(sso::adi::set_token(e)),
        _ => return None,
    };
    Some(handler)
}

/// Guests, chats and the channels they come through.
fn conversations(row: &str) -> Option<Handler> {
    let handler: Handler = match row {
        "POST /api/guest/store" => |e| Box::pin(guest::store(e)),
        "GET /api/guest/get_token_by_phone/{phone}" => |e| Box::pin(guest::token_by_phone(e)),
        "POST /api/chat/list" => |e| Box::pin(chat::list(e)),
        "POST /api/chat/listChatUsers" => |e| Box::pin(chat::list_users(e)),
        "POST /api/chat/getChatMessages" => |e| Box::pin(chat::messages(e)),
        "POST /api/chat/getChatUsers" => |e| Box::pin(chat::users(e)),
        "POST /api/chat/sendChatMessage" => |e| Box::pin(chat::send(e)),
        "POST /api/chat/markAsReadMessage" => |e| Box::pin(chat::mark_as_read(e)),
        "POST /api/telegram/sendTelegramMessage" => |e| Box::pin(telegram::send(e)),
        "POST /api/telegram/readTelegramMessages" => |e| Box::pin(telegram::read(e)),
        "GET /api/telegram/getMediaFile" => |e| Box::pin(telegram::media_file(e)),
        "POST /api/telegram/setWebhook" => |e| Box::pin(telegram::set_webhook(e)),
        "POST /api/telegram/receive/{idChannel}" => |e| Box::pin(telegram::receive(e)),
        "POST /api/meta/sendMessagesWAP" => |e| Box::pin(meta::send(e)),
        "GET /api/meta/getChannelSettingsList" => |e| Box::pin(meta::settings(e)),
        "GET /api/meta/getMediaFile" => |e| Box::pin(meta::media_file(e)),
        "POST /api/meta/readMessagesWAP" | "POST /api/meta/readMessagesWAP/{uuid}" => {
            |e| Box::pin(meta::receive(e))
        }
        "GET /api/meta/readMessagesWAP" | "GET /api/meta/readMessagesWAP/{uuid}" => {
            |e| Box::pin(meta::verify(e))
        }
        "POST /api/broadcast/public-message" => |e| Box::pin(broadcast::public(e)),
        _ => return None,
    };
    Some(handler)
}

/// What goes to sockets, and who may listen.
fn broadcasts(row: &str) -> Option<Handler> {
    let handler: Handler = match row {
        "POST /api/broadcast/publicCustomer-message" => |e| Box::pin(broadcast::public_customer(e)),
        "POST /api/broadcast/private-notification" => |e| Box::pin(broadcast::private(e)),
        "POST /api/broadcast/privateCustomer-notification" => {
            |e| Box::pin(broadcast::private_customer(e))
        }
        "GET /api/broadcast/channels-info" => {
            |e| Box::pin(async move { Ok(broadcast::channels_info(&e)) })
        }
        "POST /api/broadcast/sendPresenceChannel"
        | "POST /api/broadcast/sendPresenceWAPChannel" => {
            |e| Box::pin(broadcast::presence::send(e))
        }
        "POST /api/broadcast/sendCustomerPresenceChannel" => {
            |e| Box::pin(broadcast::presence::send_for_customer(e))
        }
        "POST /api/broadcast/userPresenceChannelTyping" => {
            |e| Box::pin(broadcast::presence::typing(e))
        }
        "POST /api/broadcast/userPresenceCustomerChannelTyping" => {
            |e| Box::pin(broadcast::presence::customer_typing(e))
        }
        "POST /api/correo/getConfigCorreos" => |e| Box::pin(correo::config(e)),
        "GET /broadcasting/auth"
        | "POST /broadcasting/auth"
        | "GET /api/broadcasting/auth"
        | "POST /api/broadcasting/auth" => |e| Box::pin(broadcasting::channel(e)),
        "GET /broadcasting/user-auth"
        | "POST /broadcasting/user-auth"
        | "GET /api/broadcasting/user-auth"
        | "POST /api/broadcasting/user-auth" => |e| Box::pin(broadcasting::user(e)),
        _ => return None,
    };
    Some(handler)
}

/// The process itself.
fn process(row: &str) -> Option<Handler> {
    let handler: Handler = match row {
        "GET /.well-known/jwks.json" => |e| Box::pin(keys::list(e)),
        "GET /healthz" => |e| Box::pin(async move { Ok(probes::alive(&e)) }),
        "GET /readyz" => |e| Box::pin(probes::ready(e)),
        _ => return None,
    };
    Some(handler)
}

/// Mounts every row of the table.
pub(crate) fn mount(app: &Arc<App>) -> anyhow::Result<Router> {
    let mut router = Router::new();
    for operation in operations() {
        let row = operation.id();
        let handler = handler(&row).ok_or_else(|| anyhow::anyhow!("{row} has no handler"))?;
        for path in operation.paths() {
            router = router.route(&path, method(app, operation, handler));
        }
    }
    let unmatched = |status| {
        let app = Arc::clone(app);
        move |request: Request| pipeline::unmatched(Arc::clone(&app), status, request)
    };
    let pages = Router::new()
        .route("/", get(docs::to_the_page))
        .route("/docs", get(docs::to_the_page))
        .route("/docs/", get(docs::page))
        .route("/docs/{file}", get(docs::file))
        .route("/openapi.json", get(docs::document))
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            pipeline::around,
        ));
    Ok(router
        .merge(pages)
        .method_not_allowed_fallback(unmatched(StatusCode::METHOD_NOT_ALLOWED))
        .fallback(unmatched(StatusCode::NOT_FOUND)))
}

fn method(
    app: &Arc<App>,
    operation: &'static Operation,
    handler: Handler,
) -> axum::routing::MethodRouter {
    let app = Arc::clone(app);
    on(operation.verb.filter(), move |request: Request| {
        pipeline::run(app, operation, handler, request)
    })
}
