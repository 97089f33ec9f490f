//! Systems that hand users over, internal users, mails and the Synology bot.

use serde_json::json;

use super::{
    ALL,
    About::{List, Plain, Thing},
    Prepared,
    Reach::Alone,
    Rule, SUPER, body, marks, open, rule,
};
use crate::matrix::things::SYSTEM;

/// The rows.
pub fn rules() -> Vec<Rule> {
    vec![
        rule("POST /api/SSO/ADI/setToken", SUPER, Plain, |_, _, _| {
            body(json!({"sistema": SYSTEM, "estado": "activo", "update_token": "N"}))
        }),
        rule(
            "POST /api/SSO/ADI/generateToken",
            ALL,
            Plain,
            |things, caller, _| {
                let email = match caller.user {
                    Some(user) => user.email,
                    None => &things.user_email,
                };
                body(json!({
                    "username": "colega", "email": email, "sistema": SYSTEM,
                    "token": things.system_token,
                }))
            },
        ),
        rule("POST /api/SSO/ADI/Token", ALL, Thing(401), |_, _, made| {
            body(json!({"token": made}))
        })
        .after(Prepared::Handover),
        rule(
            "POST /api/UsuarioInterno/get",
            [Alone; 3],
            Plain,
            |_, _, _| body(json!({"user": "dnunez"})),
        ),
        rule(
            "POST /api/correo/getConfigCorreos",
            ALL,
            List(marks::mailbox),
            |_, _, _| body(json!({"estado": "activo"})),
        ),
        rule("POST /api/correo/save", ALL, Plain, |things, _, _| {
            body(json!({
                "sistema": "canal_lectura", "subject": format!("Prueba {}", super::fresh()),
                "from": "alguien@cliente.test", "to": things.mailbox,
                "reply_to": "alguien@cliente.test", "body": "Hola",
                "date": "2026-10-10 12:00:00",
            }))
        }),
        open(
            "POST /api/Synology/BotAsistencia/configurarIdUsuario",
            401,
            |_, _, _| {
                body(json!({
                    "token": "wrong", "user_id": 120, "username": "dnunez", "thread_id": 1,
                    "timestamp": 1_752_066_920_406_i64, "text": "Hola.",
                }))
            },
        ),
    ]
}
