//! The whole router on one page: which handler answers which row of the table.

mod admin;
mod auth;
mod broadcast;
mod broadcasting;
mod chat;
mod guest;
mod ids;
mod internal_users;
mod meta;
mod probes;
mod sso;
mod telegram;

use std::{pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::Request,
    middleware,
    response::Response,
    routing::{get, on},
};

use crate::{
    App, docs,
    errors::Failure,
    exchange::Exchange,
    pipeline,
    table::{Operation, operations},
};

/// What answers an operation.
pub type Handler = fn(Exchange) -> Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

/// The operations that answer 501 so far. A row is either here or has a handler.
pub const NOT_SERVED_YET: &[&str] = &[
    "POST /api/correo/getConfigCorreos",
    "POST /api/deptos/index",
    "GET /api/deptos/show/{id}",
    "POST /api/company/index",
    "GET /api/company/show/{id}",
    "DELETE /api/company/delete/{id}",
    "POST /api/plan/index",
    "GET /api/meta/getMediaFile",
    "POST /api/admin/clients/list",
    "POST /api/admin/clients/store",
    "PATCH /api/admin/clients/update",
    "POST /api/admin/clients/search",
    "POST /api/admin/departments/list",
    "POST /api/admin/departments/store",
    "PATCH /api/admin/departments/update",
    "PATCH /api/admin/departments/update-status",
    "POST /api/admin/departments/search",
    "POST /api/admin/faqs/list",
    "POST /api/admin/faqs/store",
    "PATCH /api/admin/faqs/update",
    "PATCH /api/admin/faqs/update-status",
    "POST /api/admin/faqs/search",
    "POST /api/admin/plans/list",
    "POST /api/admin/plans/store",
    "PATCH /api/admin/plans/update-status",
    "POST /api/users/store",
    "POST /api/users/list",
    "GET /api/users/show/{id}",
    "PATCH /api/users/update/{id}",
    "GET /api/users/analizeUsersCompany",
    "PATCH /api/users/status/{id?}",
    "PATCH /api/users/uploadUserPic/{id}",
    "GET /api/users/showUserPic/{id}",
    "DELETE /api/users/deleteUserPic/{id}",
    "POST /api/auth/login/pin",
    "POST /api/auth/password/forgot",
    "POST /api/auth/password/reset",
    "GET /api/auth/getRequestUserData",
    "GET /api/auth/refreshUserToken",
    "GET /api/telegram/getMediaFile",
    "POST /api/SSO/password/forgot",
    "POST /api/SSO/password/reset",
    "POST /api/correo/save",
    "POST /api/Synology/BotAsistencia/configurarIdUsuario",
];

fn handler(row: &str) -> Option<Handler> {
    let handler: Handler = match row {
        "POST /api/auth/login" => |e| Box::pin(auth::login(e)),
        "DELETE /api/auth/logout" => |e| Box::pin(auth::logout(e)),
        "GET /api/admin/channels/show" => |e| Box::pin(admin::channels::show(e)),
        "PATCH /api/admin/channels/update" => |e| Box::pin(admin::channels::update(e)),
        "POST /api/admin/channels/list" => |e| Box::pin(admin::channels::list(e)),
        "POST /api/admin/channels/store" => |e| Box::pin(admin::channels::store(e)),
        "PATCH /api/admin/channels/update-status" => {
            |e| Box::pin(admin::channels::update_status(e))
        }
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
        "POST /api/telegram/setWebhook" => |e| Box::pin(telegram::set_webhook(e)),
        "POST /api/telegram/receive/{idChannel}" => |e| Box::pin(telegram::receive(e)),
        "POST /api/meta/sendMessagesWAP" => |e| Box::pin(meta::send(e)),
        "GET /api/meta/getChannelSettingsList" => |e| Box::pin(meta::settings(e)),
        "POST /api/meta/readMessagesWAP" | "POST /api/meta/readMessagesWAP/{uuid}" => {
            |e| Box::pin(meta::receive(e))
        }
        "GET /api/meta/readMessagesWAP" | "GET /api/meta/readMessagesWAP/{uuid}" => {
            |e| Box::pin(meta::verify(e))
        }
        "POST /api/broadcast/public-message" => |e| Box::pin(broadcast::public(e)),
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
        "POST /api/SSO/ADI/setToken" => |e| Box::pin(sso::adi::set_token(e)),
        "POST /api/SSO/ADI/generateToken" => |e| Box::pin(sso::adi::generate_token(e)),
        "POST /api/SSO/ADI/Token" => |e| Box::pin(sso::adi::redeem_token(e)),
        "POST /api/SSO/access" => |e| Box::pin(sso::access(e)),
        "GET /api/SSO/refreshUserToken" => |e| Box::pin(sso::refresh(e)),
        "POST /api/UsuarioInterno/get" => |e| Box::pin(internal_users::get(e)),
        "GET /broadcasting/auth"
        | "POST /broadcasting/auth"
        | "GET /api/broadcasting/auth"
        | "POST /api/broadcasting/auth" => |e| Box::pin(broadcasting::channel(e)),
        "GET /broadcasting/user-auth"
        | "POST /broadcasting/user-auth"
        | "GET /api/broadcasting/user-auth"
        | "POST /api/broadcasting/user-auth" => |e| Box::pin(broadcasting::user(e)),
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
        let handler = handler(&row);
        anyhow::ensure!(
            handler.is_none() == NOT_SERVED_YET.contains(&row.as_str()),
            "{row} must either have a handler or be listed as not served yet"
        );
        for path in operation.paths() {
            router = router.route(&path, method(app, operation, handler));
        }
    }
    let page = docs::page();
    let show = move || async move { docs::show(&page) };
    Ok(router
        .route("/", get(show.clone()))
        .route("/docs", get(show))
        .method_not_allowed_fallback(pipeline::method_not_allowed)
        .fallback(pipeline::not_found)
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            pipeline::around,
        )))
}

fn method(
    app: &Arc<App>,
    operation: &'static Operation,
    handler: Option<Handler>,
) -> axum::routing::MethodRouter {
    let app = Arc::clone(app);
    on(operation.verb.filter(), move |request: Request| {
        pipeline::run(app, operation, handler, request)
    })
}
