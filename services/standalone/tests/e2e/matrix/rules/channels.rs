//! Chats, WhatsApp, Telegram, broadcasting, sockets, and what takes no credentials.

use serde_json::json;

use super::{
    ADMINS, ALL,
    About::{List, Plain, Thing},
    Reach::Company,
    Rule, body, marks, nothing, open, path, rule,
};

/// The rows.
pub fn rules() -> Vec<Rule> {
    let mut rules = chats();
    rules.extend(providers());
    rules.extend(broadcasting());
    rules.extend(sockets());
    rules.extend(without_credentials());
    rules
}

fn chats() -> Vec<Rule> {
    vec![
        rule("POST /api/chat/list", ALL, List(marks::chat), |_, _, _| {
            body(json!({"paginate": "N"}))
        }),
        rule(
            "POST /api/chat/listChatUsers",
            [Company, Company, Company],
            List(marks::user),
            |_, _, _| body(json!({"paginate": "N"})),
        ),
        rule(
            "POST /api/chat/getChatMessages",
            ALL,
            Thing(422),
            |things, _, _| body(json!({"id_chat": things.chat})),
        ),
        rule(
            "POST /api/chat/getChatUsers",
            ALL,
            Thing(422),
            |things, _, _| body(json!({"id_chat": things.chat})),
        ),
        rule(
            "POST /api/chat/sendChatMessage",
            ALL,
            Thing(422),
            |things, _, _| body(json!({"id_chat": things.chat, "message": "Buenas"})),
        ),
        rule(
            "POST /api/chat/markAsReadMessage",
            ALL,
            Thing(422),
            |things, _, _| body(json!({"id_chat": things.chat, "id_message": things.message})),
        ),
    ]
}

fn providers() -> Vec<Rule> {
    vec![
        rule(
            "POST /api/meta/sendMessagesWAP",
            ALL,
            Thing(422),
            |things, _, _| {
                body(json!({
                    "whatsapp_channel": things.channel.to_string(), "to": things.customer,
                    "message": "Buenas",
                }))
            },
        ),
        rule(
            "GET /api/meta/getChannelSettingsList",
            ALL,
            List(marks::channel),
            |_, _, _| nothing(),
        ),
        rule(
            "POST /api/telegram/sendTelegramMessage",
            ALL,
            Thing(422),
            |things, _, _| {
                body(json!({
                    "bot_token": things.bot, "id_chat": things.bot_customer.to_string(),
                    "message": "Buenas", "id_user": things.user, "name_user": "Colega",
                }))
            },
        ),
        rule(
            "POST /api/telegram/readTelegramMessages",
            ALL,
            Thing(422),
            |things, _, _| body(json!({"bot_token": things.bot})),
        ),
        rule(
            "POST /api/telegram/setWebhook",
            ADMINS,
            Thing(422),
            |things, _, _| {
                body(json!({"bot_token": things.bot, "company": things.company, "name": "Bot"}))
            },
        ),
    ]
}

fn broadcasting() -> Vec<Rule> {
    vec![
        rule(
            "POST /api/broadcast/public-message",
            ALL,
            Plain,
            |_, _, _| body(json!({"message": "Hola", "channel": "general"})),
        ),
        rule(
            "POST /api/broadcast/private-notification",
            ALL,
            Plain,
            |things, _, _| {
                body(json!({
                    "user_id": things.user, "title": "Aviso", "message": "Hola", "type": "info",
                }))
            },
        ),
        rule("GET /api/broadcast/channels-info", ALL, Plain, |_, _, _| {
            nothing()
        }),
        rule(
            "POST /api/broadcast/publicCustomer-message",
            ALL,
            Plain,
            |_, _, _| {
                body(json!({"customer": "c", "message": "Hola", "channel": "public.customer"}))
            },
        ),
        rule(
            "POST /api/broadcast/privateCustomer-notification",
            ALL,
            Plain,
            |things, _, _| {
                body(json!({
                    "customer_id": 9, "user_id": things.user, "title": "Aviso",
                    "message": "Hola", "type": "info",
                }))
            },
        ),
        rule(
            "POST /api/broadcast/sendPresenceChannel",
            ALL,
            Thing(403),
            |things, _, _| {
                body(json!({"chatId": things.chat, "message": "Hola", "room_id": things.chat}))
            },
        ),
        rule(
            "POST /api/broadcast/userPresenceChannelTyping",
            ALL,
            Thing(403),
            |things, _, _| body(json!({"room_id": things.chat})),
        ),
        rule(
            "POST /api/broadcast/sendCustomerPresenceChannel",
            ALL,
            Thing(403),
            |things, _, _| {
                body(json!({"customerId": 9, "message": "Hola", "room_id": things.chat}))
            },
        ),
        rule(
            "POST /api/broadcast/userPresenceCustomerChannelTyping",
            ALL,
            Thing(403),
            |things, _, _| body(json!({"customerId": 9, "room_id": things.chat})),
        ),
        rule(
            "POST /api/broadcast/sendPresenceWAPChannel",
            ALL,
            Thing(403),
            |things, _, _| {
                body(json!({"chatId": things.chat, "message": "Hola", "room_id": things.chat}))
            },
        ),
    ]
}

fn sockets() -> Vec<Rule> {
    let room = |id| {
        rule(id, ALL, Thing(403), |things, _, _| {
            let channel = format!("presence-presencechat.{}", things.chat);
            body(json!({"socket_id": "1.1", "channel_name": channel}))
        })
    };
    let user = |id| rule(id, ALL, Plain, |_, _, _| body(json!({"socket_id": "1.1"})));
    vec![
        room("GET /broadcasting/auth"),
        room("POST /broadcasting/auth"),
        room("GET /api/broadcasting/auth"),
        room("POST /api/broadcasting/auth"),
        user("GET /broadcasting/user-auth"),
        user("POST /broadcasting/user-auth"),
        user("GET /api/broadcasting/user-auth"),
        user("POST /api/broadcasting/user-auth"),
    ]
}

fn without_credentials() -> Vec<Rule> {
    vec![
        open("POST /api/meta/readMessagesWAP", 401, |_, _, _| {
            body(json!({"object": "x"}))
        }),
        open("GET /api/meta/readMessagesWAP", 403, |_, _, _| nothing()),
        open("GET /api/meta/readMessagesWAP/{uuid}", 403, |_, _, _| {
            path("{uuid}", &uuid::Uuid::nil(), json!(null))
        }),
        open("POST /api/meta/readMessagesWAP/{uuid}", 401, |_, _, _| {
            path("{uuid}", &uuid::Uuid::nil(), json!({"object": "x"}))
        }),
        open("GET /api/meta/getMediaFile", 400, |_, _, _| {
            body(json!({"filename": "photo_1.jpg"}))
        }),
        open(
            "POST /api/telegram/receive/{idChannel}",
            401,
            |things, _, _| path("{idChannel}", &things.bot_key, json!({"update_id": 1})),
        ),
        open("GET /api/telegram/getMediaFile", 400, |_, _, _| {
            body(json!({"filename": "photo_1.jpg"}))
        }),
        open("GET /.well-known/jwks.json", 200, |_, _, _| nothing()),
        open("GET /healthz", 200, |_, _, _| nothing()),
        open("GET /readyz", 200, |_, _, _| nothing()),
    ]
}
