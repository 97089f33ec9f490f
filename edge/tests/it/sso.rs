//! Single sign-on, systems that hand users over, and the staff: what the documents'
//! examples do not show.

use chassis::ErrorCode;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    fakes::refusal,
    harness::{AGENT, Edge, request},
};

fn with(changes: &Value) -> Value {
    let mut body = json!({
        "product": "dolores", "usuario": "dnunez@example.com", "modo": "normal",
        "password": "Secret123",
    });
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn access(edge: &Edge, changes: &Value) -> crate::harness::Answer {
    let asked = request("POST", "/api/SSO/access")
        .client()
        .json(&with(changes));
    edge.send(asked.build()).await
}

#[tokio::test]
async fn every_failed_access_looks_alike() {
    let edge = Edge::new();
    for changes in [
        json!({"password": "wrong"}),
        json!({"usuario": "nobody"}),
        json!({"modo": "pin", "pin": "111111", "id_device": 82}),
    ] {
        let answer = access(&edge, &changes).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{changes}");
        assert_eq!(
            answer.text,
            json!({"data": {"authenticated": false}, "status": "error",
                   "message": "Credenciales invalidas.", "code": 401,
                   "id_bitacora_log": answer.header("x-bitacora-id")})
            .to_string()
        );
    }
}

#[tokio::test]
async fn only_what_the_mode_needs_is_demanded() {
    let edge = Edge::new();
    let pin = json!({"modo": "pin", "pin": "482915", "id_device": "82", "password": null});
    let answer = access(&edge, &pin).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let old = json!({"usuario": null, "user": "dnunez@example.com"});
    assert_eq!(access(&edge, &old).await.status, StatusCode::OK);

    for (changes, fields) in [
        (json!({"usuario": null}), vec!["usuario"]),
        (json!({"modo": "otro"}), vec!["modo"]),
        (json!({"modo": null}), vec!["modo"]),
        (json!({"password": null}), vec!["password"]),
        (json!({"product": "otro"}), vec!["product"]),
        (json!({"modo": "pin"}), vec!["pin", "id_device"]),
        (
            json!({"modo": "pin", "pin": "12a4", "id_device": 0}),
            vec!["id_device", "pin"],
        ),
        (
            json!({"modo": "pin", "pin": "123", "id_device": 1}),
            vec!["pin"],
        ),
        (json!({"password": "a".repeat(192)}), vec!["password"]),
        (json!({"usuario": ["x"]}), vec!["usuario"]),
    ] {
        let answer = access(&edge, &changes).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{changes}");
        let answer = answer.json();
        let errors = answer["data"]["errors"].as_object().unwrap();
        assert_eq!(errors.keys().collect::<Vec<_>>(), fields, "{changes}");
    }
}

#[tokio::test]
async fn the_service_learns_where_a_login_comes_from_and_through_whom() {
    let edge = Edge::new();
    access(&edge, &json!({"id_device": 82})).await;
    let (caller, words) = edge.world.last("Access");
    assert_eq!(caller.client.unwrap().id.0, 1);
    assert!(words.contains("device_id: 82"), "{words}");
}

#[tokio::test]
async fn a_void_token_cannot_be_refreshed() {
    let edge = Edge::new();
    let path = "/api/SSO/refreshUserToken?product=est";
    let asked = request("GET", path).client().build();
    let answer = edge.send(asked).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    edge.world
        .fail(refusal(ErrorCode::Unauthenticated, "BEARER_TOKEN"));
    let asked = request("GET", path).client().bearer(AGENT).build();
    let answer = edge.send(asked).await;
    assert_eq!(answer.text, r#"{"message":"Unauthenticated."}"#);
}

#[tokio::test]
async fn a_known_system_gets_a_token_when_it_asks_for_one() {
    let edge = Edge::new();
    let path = "/api/SSO/ADI/setToken";
    for (body, token) in [
        (json!({"sistema": "Local2"}), false),
        (json!({"sistema": "Local2", "update_token": "N"}), false),
        (json!({"sistema": "Local2", "update_token": "S"}), true),
    ] {
        let answer = edge.json("POST", path, &body).await.json();
        let message = "Registro actualizado correctamente.";
        assert_eq!(answer["message"], message);
        assert_eq!(answer["data"]["message"], message);
        assert_eq!(answer["data"]["token_generado"] != "", token, "{body}");
    }
    for (body, field) in [
        (json!({}), "sistema"),
        (json!({"sistema": "x", "estado": "1"}), "estado"),
        (json!({"sistema": "x", "update_token": "s"}), "update_token"),
        (json!({"sistema": "x".repeat(101)}), "sistema"),
    ] {
        let answer = edge.json("POST", path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.json()["data"]["errors"][field].is_array(), "{body}");
    }
}

#[tokio::test]
async fn refused_systems_and_tokens_are_told_twice() {
    let edge = Edge::new();
    let refused = |answer: &crate::harness::Answer, data: Value| {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            answer.text,
            json!({"data": data, "status": "error", "message": data["message"], "code": 401,
                   "id_bitacora_log": 5})
            .to_string()
        );
    };
    let body = json!({
        "username": "dnunez", "email": "dnunez@example.com", "sistema": "factura_profesional",
        "token": "wrong", "id_bitacora_log": 5,
    });
    let answer = edge.json("POST", "/api/SSO/ADI/generateToken", &body).await;
    refused(
        &answer,
        json!({"message": "Credenciales del sistema invalidas."}),
    );
    for body in [
        json!({"token": "forged", "id_bitacora_log": 5}),
        json!({"token": "<base64 generado>", "sistema": "Otro", "id_bitacora_log": 5}),
    ] {
        let answer = edge.json("POST", "/api/SSO/ADI/Token", &body).await;
        refused(
            &answer,
            json!({"authenticated": false, "message": "Token invalido."}),
        );
    }
    let answer = edge.json("POST", "/api/SSO/ADI/Token", &json!({})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_staff_is_found_by_one_filter_at_least() {
    let edge = Edge::new();
    let path = "/api/UsuarioInterno/get";
    let answer = edge.json("POST", path, &json!({"departamento": "9"})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["data"], json!([]));
    assert_eq!(
        answer.json()["message"],
        "Obtenidos 0 registros de usuarios."
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    for (body, field) in [
        (json!({}), "user"),
        (json!({"user": ""}), "user"),
        (json!({"email": "nobody"}), "email"),
        (json!({"departamento": "uno"}), "departamento"),
    ] {
        let answer = edge.json("POST", path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let answer = answer.json();
        let errors = answer["data"]["errors"].as_object().unwrap();
        assert_eq!(errors.keys().collect::<Vec<_>>(), [field], "{body}");
    }
}

#[tokio::test]
async fn who_lacks_the_right_is_forbidden() {
    let edge = Edge::new();
    edge.world
        .fail(refusal(ErrorCode::PermissionDenied, "FORBIDDEN"));
    for (path, body) in [
        ("/api/UsuarioInterno/get", json!({"user": "x"})),
        ("/api/SSO/ADI/setToken", json!({"sistema": "x"})),
    ] {
        let answer = edge.json("POST", path, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.json()["message"], "No autorizado.");
    }
}
