//! Single sign-on, systems, internal users, mails and the Synology bot.

use serde_json::json;

use super::{Replay, step};

/// Runs the scripts in an order in which each finds what it needs.
pub async fn run(replay: &mut Replay) {
    sign_on(replay).await;
    systems(replay).await;
    staff(replay).await;
    mails(replay).await;
}

async fn sign_on(replay: &mut Replay) {
    let access = step("POST /api/SSO/access", 0)
        .set(json!({
            "product": "atencion", "usuario": "agente1@atencion.test",
            "password": "Secret123", "pin": null, "id_device": null,
        }))
        .wanted("/data/id", json!(7))
        .wanted("/data/name", json!("Agente 1"))
        .wanted("/data/email", json!("agente1@atencion.test"));
    replay
        .run(access.free(&["/data/phone", "/data/token", "/id_bitacora_log"]))
        .await;
    let refresh = step("GET /api/SSO/refreshUserToken", 0)
        .by("agente1@atencion.test")
        .set(json!({"product": "atencion"}))
        .wanted("/data/id", json!(7))
        .wanted("/data/name", json!("Agente 1"))
        .wanted("/data/email", json!("agente1@atencion.test"));
    replay
        .run(refresh.free(&["/data/phone", "/data/token", "/id_bitacora_log"]))
        .await;
}

async fn systems(replay: &mut Replay) {
    let set = step("POST /api/SSO/ADI/setToken", 0)
        .wanted("/data/alias_sistema", json!("factura_profesional"));
    let set = replay
        .run(set.free(&["/data/token_generado", "/id_bitacora_log"]))
        .await;
    let generate = step("POST /api/SSO/ADI/generateToken", 0)
        .set(json!({"token": set["data"]["token_generado"]}));
    let made = replay
        .run(generate.free(&["/data/base64_encoded", "/id_bitacora_log"]))
        .await;
    let operation = step("POST /api/SSO/ADI/Token", 0)
        .set(json!({"token": made["data"]["base64_encoded"]}))
        .wanted("/data/sistema", json!("factura_profesional"));
    replay
        .run(operation.free(&["/data/email", "/id_bitacora_log"]))
        .await;
}

/// The people of the documents are no people of ours: only their data's shape and
/// the operation's texts are compared.
async fn staff(replay: &mut Replay) {
    let get = step("POST /api/UsuarioInterno/get", 0)
        .set(json!({"user": "dnunez", "email": null}))
        .free(&[
            "/data/0/nombre",
            "/data/0/cedula",
            "/data/0/correo",
            "/data/0/movil",
            "/data/0/accesos_sistemas",
            "/id_bitacora_log",
        ]);
    let bound = "UPDATE identity.internal_user SET synology_id = 120 WHERE login = 'dnunez'";
    replay.run(get.after(bound)).await;
}

async fn mails(replay: &mut Replay) {
    let mailboxes = "POST /api/correo/getConfigCorreos";
    let configured = step(mailboxes, 0).of_the_second_document().set(json!({
        "user": "newtkt@cyberfuel.com", "departamento": 2,
    }));
    replay
        .run(configured.free(&["/data/0/password", "/id_bitacora_log"]))
        .await;

    let save = "POST /api/correo/save";
    let saved = step(save, 0)
        .set(json!({"to": "newtkt@cyberfuel.com"}))
        .free(&[
            "/message",
            "/ticket",
            "/id_detalle_ticket",
            "/notificacion_SLA_Synology",
            "/id_departamento_asignado",
            "/id_usuario_asignado",
        ]);
    replay.run(saved).await;

    let synology = "POST /api/Synology/BotAsistencia/configurarIdUsuario";
    let bound = step(synology, 0)
        .by_nobody()
        .set(json!({"token": "demo-synology-token"}))
        .free(&["/data/synology_response", "/id_bitacora_log"]);
    replay.run(bound).await;
}
