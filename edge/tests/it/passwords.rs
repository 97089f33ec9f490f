//! Forgotten passwords, and PINs on devices.

use std::time::Duration;

use chassis::{ErrorCode, Failure};
use serde_json::{Value, json};

use crate::harness::{AGENT, Answer, Edge, request};

async fn send(edge: &Edge, method: &str, path: &str, body: &Value) -> Answer {
    let asked = request(method, path).client().bearer(AGENT).json(body);
    edge.send(asked.build()).await
}

fn link() -> Value {
    json!({
        "id": "yknji", "token": "abc123", "password": "Nueva123",
        "password_confirmation": "Nueva123", "email": "juan@empresa.com", "product": "atencion",
    })
}

#[tokio::test]
async fn recovery_through_sso_tells_nothing() {
    let edge = Edge::new();
    for email in ["juan@empresa.com", "nadie@empresa.com"] {
        let asked = json!({"product": "atencion", "email": email, "id_bitacora_log": 5});
        let answer = send(&edge, "POST", "/api/SSO/password/forgot", &asked).await;
        assert_eq!(answer.status.as_u16(), 200);
        assert_eq!(
            answer.text,
            r#"{"data":[],"status":"ok","message":"Si el correo existe, se ha enviado un enlace.","code":200,"id_bitacora_log":5}"#
        );
    }
    let unknown = json!({"product": "otro", "email": "juan@empresa.com"});
    let answer = send(&edge, "POST", "/api/SSO/password/forgot", &unknown).await;
    assert_eq!(answer.status.as_u16(), 422);
    assert_eq!(
        answer.json()["data"]["errors"],
        json!({"product": ["El product no se encuentra registrado."]})
    );
    let answer = send(&edge, "POST", "/api/SSO/password/reset", &link()).await;
    assert_eq!(
        answer.json()["message"],
        "Contrasena restablecida correctamente."
    );
    let (_, words) = edge.world.last("ResetPassword");
    assert!(words.contains("email: None"), "{words}");
    assert!(words.contains("product: \"atencion\""), "{words}");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_password_is_told() {
    let edge = Edge::new();
    let with = |password: &str, confirmation: &str| {
        let mut body = link();
        body["password"] = json!(password);
        body["password_confirmation"] = json!(confirmation);
        body
    };
    for (body, errors) in [
        (
            with("short", "short"),
            json!({"password": ["La contrasena debe tener al menos 8 caracteres."]}),
        ),
        (
            with("password", "password"),
            json!({"password": ["La contrasena es demasiado comun."]}),
        ),
        (
            with("Nueva123", "Nueva124"),
            json!({"password": ["La confirmacion de la contrasena no coincide."]}),
        ),
        (
            with(&"x".repeat(192), "Nueva124"),
            json!({"password": ["El campo password no debe superar 191 caracteres."]}),
        ),
        (
            json!({}),
            json!({
                "id": ["El campo id es obligatorio."],
                "token": ["El campo token es obligatorio."],
                "password": ["El campo password es obligatorio."],
                "password_confirmation": ["El campo password_confirmation es obligatorio."],
                "email": ["El campo email es obligatorio."],
            }),
        ),
    ] {
        let answer = send(&edge, "POST", "/api/auth/password/reset", &body).await;
        assert_eq!(answer.status.as_u16(), 422, "{body}");
        assert_eq!(answer.json()["message"], "Validacion fallida.");
        let told = answer.json()["data"]["errors"].to_string();
        assert_eq!(told, errors.to_string(), "{body}");
    }
    // Blanks around a password belong to it.
    let sent = with(" Nueva 123 ", " Nueva 123 ");
    let answer = send(&edge, "POST", "/api/auth/password/reset", &sent).await;
    assert_eq!(answer.status.as_u16(), 200);
    let (_, words) = edge.world.last("ResetPassword");
    assert!(words.contains("\" Nueva 123 \""), "{words}");
}

#[tokio::test]
async fn huge_secrets_do_not_get_past_the_edge() {
    let edge = Edge::new();
    let huge = "7".repeat(1024 * 1024);
    for path in [
        "/api/auth/login",
        "/api/auth/login/pin",
        "/api/auth/password/reset",
    ] {
        let body = json!({"email": "juan@empresa.com", "password": huge, "pin": huge});
        let answer = send(&edge, "POST", path, &body).await;
        assert_eq!(answer.status.as_u16(), 413, "{path}");
    }
    // Within the size of a body, and longer than any.
    let long = "7".repeat(4096);
    let body = json!({"email": "juan@empresa.com", "pin": long, "device_id": 99});
    let answer = send(&edge, "POST", "/api/auth/login/pin", &body).await;
    assert_eq!(
        answer.json()["data"]["errors"],
        json!({"pin": ["El campo pin no debe superar 12 caracteres."]})
    );
    let body = json!({"email": "juan@empresa.com", "password": long});
    let answer = send(&edge, "POST", "/api/auth/login", &body).await;
    assert_eq!(answer.status.as_u16(), 422);
    for rpc in ["Login", "LoginWithPin", "ResetPassword"] {
        assert_eq!(edge.world.count(rpc), 0, "{rpc}");
    }
}

#[tokio::test]
async fn a_pin_may_be_sent_as_a_number() {
    let edge = Edge::new();
    let body = json!({"email": "juan@empresa.com", "pin": 123_456, "device_id": "99"});
    let answer = send(&edge, "POST", "/api/auth/login/pin", &body).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn devices_are_enrolled_shown_and_removed() {
    let edge = Edge::new();
    let enrol = async |body: Value| send(&edge, "POST", "/api/auth/pin/enrol", &body).await;
    let device = json!({"device_id": 99, "pin": "482915", "name": "Telefono"});
    let answer = enrol(device).await;
    assert_eq!(answer.json()["message"], "PIN registrado correctamente.");
    assert_eq!(
        answer.json()["data"].to_string(),
        r#"{"device_id":99,"name":"Telefono","locked":false,"enrolled_at":1790000000,"last_used_at":null}"#
    );
    let (caller, words) = edge.world.last("EnrolPin");
    assert_eq!(caller.user.unwrap().id.0, 7);
    assert!(words.contains("user_id: 0"), "{words}");
    for (pin, field, sentence) in [
        ("1234", "pin", "El pin es demasiado facil de adivinar."),
        (
            "4829",
            "general",
            "Debe iniciar sesion de nuevo para hacer este cambio.",
        ),
    ] {
        let answer = enrol(json!({"device_id": 99, "pin": pin})).await;
        assert_eq!(answer.status.as_u16(), 422, "{pin}");
        assert_eq!(answer.json()["data"]["errors"], json!({field: [sentence]}));
    }

    let answer = send(&edge, "GET", "/api/auth/pin/devices", &json!({})).await;
    assert_eq!(answer.json()["data"][0]["name"], "Telefono");

    for (body, status, message) in [
        (
            json!({"device_id": 99}),
            200,
            "PIN eliminado correctamente.",
        ),
        (
            json!({"device_id": 98}),
            200,
            "Sin cambios: el dispositivo no tenia PIN.",
        ),
        (
            json!({"device_id": 99, "id_user": 16}),
            404,
            "El usuario indicado no existe.",
        ),
    ] {
        let answer = send(&edge, "POST", "/api/auth/pin/remove", &body).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.json()["message"], message);
    }
    let alone = request("GET", "/api/auth/pin/devices").client().build();
    assert_eq!(edge.send(alone).await.status.as_u16(), 401);
}

#[derive(Debug, thiserror::Error)]
#[error("too many tries")]
struct TooMany;

impl Failure for TooMany {
    fn code(&self) -> ErrorCode {
        ErrorCode::RateLimited
    }

    fn reason(&self) -> &'static str {
        "TOO_MANY_TRIES"
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_millis(7_001))
    }
}

#[tokio::test]
async fn whoever_guesses_hears_when_to_come_back() {
    let edge = Edge::new();
    edge.world.fail(chassis::code::status(&TooMany));
    let login = json!({
        "email": "juan@empresa.com", "password": "Secret123", "pin": "123456", "device_id": 99,
        "id_bitacora_log": 736_014,
    });
    let mut link = link();
    link["id_bitacora_log"] = json!(736_014);
    for (path, body) in [
        ("/api/auth/login", &login),
        ("/api/auth/login/pin", &login),
        ("/api/auth/password/forgot", &login),
        ("/api/auth/password/reset", &link),
    ] {
        let answer = send(&edge, "POST", path, body).await;
        assert_eq!(answer.status.as_u16(), 429, "{path}");
        assert_eq!(answer.header("retry-after"), "8", "{path}");
        assert_eq!(
            answer.text,
            r#"{"data":[],"status":"error","message":"Too Many Attempts.","code":429,"id_bitacora_log":736014}"#
        );
    }
}
