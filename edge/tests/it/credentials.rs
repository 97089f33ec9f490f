//! Who is let in, and which refusal wins.

use auth::{Authority, Role};
use chassis::ErrorCode;
use http::StatusCode;
use serde_json::json;
use tonic::Status;

use crate::{
    fakes::refusal,
    harness::{AGENT, Asked, Edge, request},
};

const CONSUMER: &str = r#"{"message":"Credenciales de consumo inválidas"}"#;
const BEARER: &str = r#"{"message":"Unauthenticated."}"#;

/// A request with each credential missing, wrong or right.
fn with(path: &str, client: &str, bearer: &str) -> Asked {
    let asked = request("POST", path).json(&json!({}));
    let asked = match client {
        "" => asked,
        "half" => asked.header("x-user-consumo", "UsuarioPrueba"),
        "wrong" => asked
            .header("x-user-consumo", "UsuarioPrueba")
            .header("x-user-secret", "guessed"),
        consumo => asked
            .header("x-user-consumo", consumo)
            .header("x-user-secret", "secret"),
    };
    match bearer {
        "" => asked,
        token => asked.bearer(token),
    }
}

#[tokio::test]
async fn the_client_is_judged_before_the_user_and_both_before_the_input() {
    let edge = Edge::new();
    let both = "/api/chat/sendChatMessage";
    let client_alone = "/api/admin/channels/store";
    let sign_in = "/api/auth/login";
    let legacy = "/api/deptos/index";
    let valid = "UsuarioPrueba";
    let matrix = [
        (both, "", "", 401, CONSUMER),
        (both, "", AGENT, 401, CONSUMER),
        (both, "half", AGENT, 401, CONSUMER),
        (both, "wrong", "bad", 401, CONSUMER),
        (both, "wrong", AGENT, 401, CONSUMER),
        (both, valid, "", 401, BEARER),
        (both, valid, "bad", 401, BEARER),
        (both, valid, AGENT, 422, "Validacion fallida."),
        (client_alone, "", "", 401, CONSUMER),
        (client_alone, "wrong", "", 401, CONSUMER),
        (client_alone, valid, "", 422, "Errores de validacion."),
        (client_alone, valid, "bad", 401, BEARER),
        (client_alone, valid, AGENT, 422, "Errores de validacion."),
        (client_alone, "Frente", "", 401, BEARER),
        (client_alone, "Frente", AGENT, 422, "Errores de validacion."),
        (sign_in, "", "", 401, CONSUMER),
        (sign_in, "Frente", "", 422, "Validacion fallida."),
        (sign_in, "Frente", "bad", 401, BEARER),
        (legacy, "", "", 404, r#"{"error":"Not Found","code":404}"#),
        (
            legacy,
            "",
            AGENT,
            404,
            r#"{"error":"Not Found","code":404}"#,
        ),
        (legacy, "half", "", 401, CONSUMER),
        (legacy, "wrong", "", 401, CONSUMER),
        (legacy, valid, "", 200, "Operacion exitosa"),
    ];
    for (path, client, bearer, status, text) in matrix {
        let answer = edge.send(with(path, client, bearer).build()).await;
        let case = format!(
            "{path} client={client:?} bearer={bearer:?}: {}",
            answer.text
        );
        assert_eq!(answer.status.as_u16(), status, "{case}");
        assert!(answer.text.contains(text), "{case}");
        if status == 401 {
            assert_eq!(answer.text, text, "{case}");
        }
    }
}

#[tokio::test]
async fn refusals_of_credentials_carry_the_documented_headers() {
    let edge = Edge::new();
    let answer = edge.send(with("/api/auth/login", "", "").build()).await;
    assert_eq!(answer.header("cache-control"), "no-cache, private");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let answer = edge.send(with("/api/plan/index", "", "").build()).await;
    assert_eq!(answer.header("cache-control"), "no-cache, private");
    assert_eq!(answer.header("vary"), "Origin");
}

#[tokio::test]
async fn services_learn_who_is_behind_a_call() {
    let edge = Edge::new();
    let answer = edge
        .json("POST", "/api/chat/list", &json!({"paginate": "N"}))
        .await;
    let (caller, _) = edge.world.last("ListChats");
    assert_eq!(&*caller.service, "edge");
    let client = caller.client.unwrap();
    assert_eq!((client.id.0, client.authority), (1, Authority::Platform));
    assert_eq!(client.scopes, ["crm:read", "mail:credentials"]);
    let user = caller.user.unwrap();
    assert_eq!((user.id.0, user.role), (7, Role::Chat));
    assert_eq!((user.company.0, user.department.unwrap().0), (3, 7));
    assert_eq!(
        caller.bitacora.unwrap().0.to_string(),
        answer.header("x-bitacora-id")
    );
    assert_eq!(caller.request_id, answer.header("x-request-id"));
}

#[tokio::test]
async fn public_routes_need_nothing_and_name_nobody() {
    let edge = Edge::new();
    let asked = request("POST", "/api/telegram/receive/9")
        .header("x-telegram-bot-api-secret-token", "right")
        .json(&json!({"update_id": 1}));
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(edge.world.last("Accept").0.is_service("edge"));
}

#[tokio::test]
async fn refusals_of_services_have_the_documented_shapes() {
    let house = |message: &str, code: u16| {
        json!({"data": [], "status": "error", "message": message, "code": code,
               "id_bitacora_log": 736_014})
        .to_string()
    };
    let cases = [
        (
            refusal(ErrorCode::PermissionDenied, "ROLE"),
            house("No autorizado.", 403),
        ),
        (
            refusal(ErrorCode::RateLimited, "TRIES"),
            house("Too Many Attempts.", 429),
        ),
        (
            Status::internal("rack 7 burns"),
            house("Ocurrio un error interno.", 500),
        ),
        (
            Status::unauthenticated("your token"),
            house("Ocurrio un error interno.", 500),
        ),
        (
            Status::unavailable("down"),
            house("El servicio no esta disponible. Intente de nuevo.", 503),
        ),
        (
            Status::deadline_exceeded("slow"),
            house("La solicitud excedio el tiempo de espera.", 504),
        ),
        (
            Status::unimplemented("later"),
            house("No implementado todavia.", 501),
        ),
        (
            refusal(ErrorCode::AlreadyExists, "IDEMPOTENCY_CONFLICT"),
            house(
                "La clave de idempotencia ya se uso con otro contenido.",
                409,
            ),
        ),
        (
            refusal(ErrorCode::TooLarge, "LONG"),
            r#"{"error":"Payload Too Large","code":413}"#.to_owned(),
        ),
    ];
    for (status, wanted) in cases {
        let edge = Edge::new();
        edge.world.fail(status);
        let body = json!({"id_chat": "chat-123", "message": "x", "id_bitacora_log": 736_014});
        let answer = edge.json("POST", "/api/chat/sendChatMessage", &body).await;
        assert_eq!(answer.text, wanted);
        let code: u64 = answer.json()["code"].as_u64().unwrap();
        assert_eq!(u64::from(answer.status.as_u16()), code);
        let retry = !answer.header("retry-after").is_empty();
        assert_eq!(retry, code == 429 || code == 503, "{wanted}");
    }
}

#[tokio::test]
async fn a_closed_window_is_a_wrong_message() {
    let edge = Edge::new();
    edge.world
        .fail(refusal(ErrorCode::FailedPrecondition, "WINDOW_CLOSED"));
    let body = json!({"id_chat": "chat-123", "message": "x"});
    let answer = edge.json("POST", "/api/chat/sendChatMessage", &body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.json()["data"]["errors"]["message"].is_array());
}
