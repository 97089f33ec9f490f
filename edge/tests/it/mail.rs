//! Mails, mailboxes and bots beyond the documented examples.

use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answer, Edge, request};

const CONFIG: &str = "/api/correo/getConfigCorreos";

const SAVE: &str = "/api/correo/save";

const BOT: &str = "/api/Synology/BotAsistencia/configurarIdUsuario";

fn mail(changes: &Value) -> Value {
    let mut mail = json!({
        "sistema": "canal_lectura", "subject": "prueba", "from": "a@b.test",
        "to": "c@d.test", "body": "Hola", "date": "2025-10-10 12:00:00",
    });
    for (field, value) in changes.as_object().unwrap() {
        mail[field] = value.clone();
    }
    mail
}

fn errors(answer: &Answer) -> Value {
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        answer.text
    );
    let json = answer.json();
    assert_eq!(json["message"], "Validacion fallida.");
    json["data"]["errors"].clone()
}

#[tokio::test]
async fn passwords_are_for_those_who_hold_the_right() {
    let edge = Edge::new();
    let answer = edge.json("POST", CONFIG, &json!({})).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let rows = answer.json()["data"].clone();
    assert_eq!(rows[0]["password"], "<Password del email>");
    assert_eq!(rows[0]["port"], "993");
    assert!(rows[0].get("auth").is_none());
    assert_eq!(
        (&rows[1]["password"], &rows[1]["auth"]),
        (&json!(""), &json!("xoauth2"))
    );

    let asked = request("POST", CONFIG)
        .header("x-user-consumo", "EmpresaDemo")
        .header("x-user-secret", "secret")
        .json(&json!({}));
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.json()["data"][0]["password"], "****");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(edge.world.count("GetMailboxCredentials"), 1);
}

#[tokio::test]
async fn filters_of_mailboxes_are_judged_by_type_alone() {
    let edge = Edge::new();
    let filters = json!({"id_cuenta_correo": "1", "user": "x@y.test", "departamento": 7,
                         "estado": "inactivo"});
    edge.json("POST", CONFIG, &filters).await;
    let (_, asked) = edge.world.last("ListMailboxes");
    for part in [
        "mailbox_id: Some(1)",
        "Some(\"x@y.test\")",
        "department_id: Some(7)",
        "Inactive",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    for unknown in [json!({"id_cuenta_correo": -5}), json!({"estado": "roto"})] {
        let answer = edge.json("POST", CONFIG, &unknown).await;
        assert_eq!(answer.status, StatusCode::OK);
        let json = answer.json();
        assert_eq!(
            (&json["data"], &json["message"]),
            (&json!([]), &json!("")),
            "{unknown}"
        );
    }
    let wrong = json!({"id_cuenta_correo": "x", "user": 5, "departamento": [1], "estado": {}});
    let answer = edge.json("POST", CONFIG, &wrong).await;
    assert_eq!(
        errors(&answer)
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["id_cuenta_correo", "user", "departamento", "estado"]
    );
}

#[tokio::test]
async fn every_outcome_of_a_mail_has_its_text() {
    let edge = Edge::new();
    let answer = edge
        .json("POST", SAVE, &mail(&json!({"subject": "automatico"})))
        .await;
    assert_eq!(
        answer.text,
        json!({"success": true, "message": "Correo automático ignorado", "ticket": "",
               "id_detalle_ticket": "", "notificacion_SLA_Synology": "No emitida",
               "notificacion_SLA_Correo": "No emitida", "id_departamento_asignado": "",
               "id_usuario_asignado": ""})
        .to_string()
    );
    let answer = edge
        .json("POST", SAVE, &mail(&json!({"subject": "respuesta"})))
        .await;
    let json = answer.json();
    assert_eq!(
        json["message"],
        "Se ha agregado el detalle 1234 al ticket 132"
    );
    assert_eq!(
        json["notificacion_SLA_Synology"],
        "Encolada a canal soporte"
    );
    assert_eq!(json["notificacion_SLA_Correo"], "Encolada a correo");
    assert_eq!(json["id_usuario_asignado"], "");
    let reused = request("POST", SAVE)
        .client()
        .header("idempotency-key", "used")
        .json(&mail(&json!({})));
    let answer = edge.send(reused.build()).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(
        answer.json()["message"],
        "La clave de idempotencia ya se uso con otro contenido."
    );
}

#[tokio::test]
async fn fields_of_a_mail_are_read_as_readers_send_them() {
    let edge = Edge::new();
    let odd = mail(&json!({
        "subject": "", "reply_to": null, "body": "a\u{0}b",
        "headers": {"Message-ID": "<1@x>", "Received": ["a", "b", 3], "X-Vacio": null},
        "attachments": [{"name": "a.txt", "route": "x/a.txt", "type": "text/plain"}],
    }));
    let answer = edge.json("POST", SAVE, &odd).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let (_, asked) = edge.world.last("SaveMail");
    for part in [
        r#"name: "Message-ID", values: ["<1@x>"]"#,
        r#"name: "Received", values: ["a", "b", "3"]"#,
        r#"route: "x/a.txt""#,
        r#"text: "a\0b""#,
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let long = mail(&json!({"body": "x".repeat(4 * 1024 * 1024 - 200)}));
    assert_eq!(edge.json("POST", SAVE, &long).await.status, StatusCode::OK);
    let longer = mail(&json!({"body": "x".repeat(4 * 1024 * 1024)}));
    let answer = edge.json("POST", SAVE, &longer).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_wrong_with_a_mail_is_told_by_field() {
    let edge = Edge::new();
    let answer = edge.json("POST", SAVE, &json!({})).await;
    assert_eq!(
        errors(&answer),
        json!({"sistema": ["El campo sistema es obligatorio."],
               "subject": ["El campo subject es obligatorio."],
               "from": ["El campo from es obligatorio."],
               "to": ["El campo to es obligatorio."],
               "date": ["El campo date es obligatorio."]})
    );
    for (changes, wanted) in [
        (
            json!({"from": "nadie"}),
            json!({"from": ["El campo from debe ser un correo valido."]}),
        ),
        (
            json!({"body": ""}),
            json!({"body": ["El campo body es obligatorio."]}),
        ),
        (
            json!({"cc": []}),
            json!({"cc": ["El campo cc debe ser una cadena de texto."]}),
        ),
        (
            json!({"headers": "x"}),
            json!({"headers": ["El campo headers debe ser un objeto."]}),
        ),
        (
            json!({"headers": {"a": {"b": 1}}}),
            json!({"headers.a": ["El campo headers.a debe ser una cadena de texto."]}),
        ),
        (
            json!({"attachments": [{"name": "a", "type": 5}]}),
            json!({"attachments.0.route": ["El campo attachments.0.route es obligatorio."],
                   "attachments.0.type":
                       ["El campo attachments.0.type debe ser una cadena de texto."]}),
        ),
        (
            json!({"attachments": "x"}),
            json!({"attachments": ["El campo attachments no es valido."]}),
        ),
    ] {
        let answer = edge.json("POST", SAVE, &mail(&changes)).await;
        assert_eq!(errors(&answer), wanted);
    }
}

#[tokio::test]
async fn a_bot_proves_itself_by_its_token_alone() {
    let edge = Edge::new();
    let post = |body: Value| {
        let asked = request("POST", BOT).json(&body);
        edge.send(asked.build())
    };
    let form = "token=%3Cstring+del+token%3E&user_id=120&username=dnunez&post_id=7&channel_id=9";
    let asked = request("POST", BOT).body("application/x-www-form-urlencoded", form);
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(answer.json().get("text").is_none(), "Chat would post it");

    let token = "<string del token>";
    for (body, status) in [
        (
            json!({"token": "x", "user_id": "abc"}),
            StatusCode::UNAUTHORIZED,
        ),
        (
            json!({"token": token, "user_id": 120, "username": "nadie"}),
            StatusCode::NOT_FOUND,
        ),
        (
            json!({"token": token, "user_id": 120, "username": "otro"}),
            StatusCode::CONFLICT,
        ),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        if status == StatusCode::UNAUTHORIZED {
            assert_eq!(
                answer.text,
                r#"{"message":"Credenciales de consumo inválidas"}"#
            );
        }
    }
    let answer = post(json!({"token": token, "user_id": "abc", "thread_id": "x"})).await;
    assert_eq!(
        errors(&answer),
        json!({"user_id": ["El campo user_id debe ser un numero entero."],
               "username": ["El campo username es obligatorio."],
               "thread_id": ["El campo thread_id debe ser un numero entero."]})
    );
    let wrong_thread = json!({"token": token, "user_id": 120, "username": "dnunez",
                              "thread_id": "x"});
    let answer = post(wrong_thread).await;
    assert!(
        errors(&answer).get("thread_id").is_some(),
        "{}",
        answer.text
    );
}
