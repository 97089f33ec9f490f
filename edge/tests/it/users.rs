//! Users as REST clients see them.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    fakes::refusal,
    harness::{Answer, Edge, request},
};

const STORE: &str = "/api/users/store";

/// A user that can be created.
fn juan() -> Value {
    json!({
        "name": "Juan Perez", "email": "juan@empresa.com", "type": "2",
        "password": "kq7-zw1x9", "password_confirmation": "kq7-zw1x9",
        "company": 3, "department": 7,
    })
}

/// The same with some fields set, or taken away by null.
fn with(changes: &Value) -> Value {
    let mut body = juan();
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

/// A multipart body of fields and a file.
fn multipart(fields: &Value, file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields.as_object().unwrap() {
        let value = value.as_str().map_or(value.to_string(), str::to_owned);
        let part =
            format!("--X\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    body.extend_from_slice(
        b"--X\r\ncontent-disposition: form-data; name=\"pic\"; filename=\"a.png\"\r\n\r\n",
    );
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--X--\r\n");
    body
}

async fn send(edge: &Edge, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
    edge.send(request(method, path).client().body(kind, body).build())
        .await
}

pub fn errors(answer: &Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
    assert_eq!(answer.json()["message"], "Validacion fallida.");
    answer.json()["data"]["errors"].clone()
}

#[tokio::test]
async fn a_file_goes_to_identity_in_pieces_before_the_user_is_made() {
    let edge = Edge::new();
    let file = vec![b'x'; 2 * 1024 * 1024];
    let kind = "multipart/form-data; boundary=X";
    let answer = send(&edge, "POST", STORE, kind, multipart(&juan(), &file)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.json()["code"], 201);
    let (_, words) = edge.world.last("StageUserPicture");
    assert!(
        words.contains("header 3, total 2097152, largest 65536"),
        "{words}"
    );
    let (_, words) = edge.world.last("CreateUser");
    assert!(
        words.contains(r#"staged_picture_id: "staged-1""#),
        "{words}"
    );
    assert!(words.contains("active: None"), "{words}");

    let body = multipart(&juan(), &vec![b'x'; 2 * 1024 * 1024 + 1]);
    let answer = send(&edge, "POST", STORE, kind, body).await;
    let wanted = json!({"pic": ["La imagen no debe superar 2 MB."]});
    assert_eq!(errors(&answer), wanted);
    let body = multipart(&juan(), &vec![b'x'; 3 * 1024 * 1024]);
    let answer = send(&edge, "POST", STORE, kind, body).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(edge.world.count("CreateUser"), 1);
}

#[tokio::test]
async fn a_picture_may_come_as_text_and_a_user_without_one() {
    let edge = Edge::new();
    let body = with(&json!({"pic": "data:image/png;base64,AAECAw==", "state": "0"}));
    let answer = edge.json("POST", STORE, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let (_, words) = edge.world.last("StageUserPicture");
    assert!(words.contains("header 3, total 4, largest 4"), "{words}");
    assert!(
        edge.world
            .last("CreateUser")
            .1
            .contains("active: Some(false)")
    );
    let answer = edge.json("POST", STORE, &juan()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(edge.world.count("StageUserPicture"), 1);
    assert!(
        edge.world
            .last("CreateUser")
            .1
            .contains(r#"staged_picture_id: """#)
    );
}

#[tokio::test]
async fn every_wrong_field_is_told() {
    let edge = Edge::new();
    let long = "a".repeat(192);
    let text = |field: &str| format!("El campo {field} debe ser una cadena de texto.");
    for (change, wanted) in [
        (
            json!({"name": null, "email": null, "type": null, "password": null,
                   "password_confirmation": null, "company": null, "department": null}),
            json!({
                "name": ["El campo name es obligatorio."],
                "email": ["El campo email es obligatorio."],
                "type": ["El campo type debe ser 1, 2 o 3."],
                "password": ["El campo password es obligatorio."],
                "password_confirmation": ["El campo password_confirmation es obligatorio."],
                "company": ["El campo company es obligatorio."],
                "department": ["El campo department es obligatorio."],
            }),
        ),
        (
            json!({"name": [1], "email": {"a": 1}, "phone": true, "code": [], "type": "4",
                   "company": "x", "department": 0, "state": 2}),
            json!({
                "name": [text("name")],
                "code": [text("code")],
                "email": [text("email")],
                "phone": [text("phone")],
                "type": ["El campo type debe ser 1, 2 o 3."],
                "company": ["El campo company debe ser un numero entero."],
                "department": ["El campo department no es valido."],
                "state": ["El campo state no es valido."],
            }),
        ),
        (
            json!({"name": long, "email": format!("{long}@x.cr"), "pic": "no picture!"}),
            json!({
                "name": ["El campo name no debe superar 191 caracteres."],
                "email": ["El campo email no debe superar 191 caracteres."],
                "pic": ["Debe enviar la imagen en base64 en el campo pic."],
            }),
        ),
        (
            json!({"email": "juan", "password_confirmation": "kq7-zw1x8", "name": "a\u{0}b"}),
            json!({
                "name": ["El campo name no es valido."],
                "email": ["El campo email debe ser un correo valido."],
                "password": ["La confirmacion de la contrasena no coincide."],
            }),
        ),
    ] {
        let answer = edge.json("POST", STORE, &with(&change)).await;
        assert_eq!(errors(&answer).to_string(), wanted.to_string(), "{change}");
    }
    assert_eq!(edge.world.count("CreateUser"), 0);
}

#[tokio::test]
async fn what_is_no_text_never_gets_through() {
    let edge = Edge::new();
    let json = b"{\"name\":\"\xff\xfe\"}".to_vec();
    let mut form = multipart(&juan(), b"");
    let at = form.windows(4).position(|four| four == b"Juan").unwrap();
    form[at] = 0xff;
    for (kind, body) in [
        ("application/json", json),
        ("multipart/form-data; boundary=X", form),
    ] {
        let answer = send(&edge, "POST", STORE, kind, body).await;
        let errors = errors(&answer);
        assert_eq!(errors.as_object().unwrap().len(), 1, "{kind}");
        assert!(errors["body"].is_array(), "{kind}: {errors}");
    }
    assert_eq!(edge.world.count("CreateUser"), 0);
}

#[tokio::test]
async fn refusals_of_identity_have_sentences() {
    let edge = Edge::new();
    let body = with(&json!({"email": "foreign@empresa.com"}));
    let answer = edge.json("POST", STORE, &body).await;
    let wanted = json!({"department": ["El departamento indicado no pertenece a la empresa."]});
    assert_eq!(errors(&answer), wanted);

    let password = "too late for this";
    let body = json!({"password": password, "password_confirmation": password});
    let answer = edge.json("PATCH", "/api/users/update/7", &body).await;
    let wanted = json!({"general": ["Debe iniciar sesion de nuevo para hacer este cambio."]});
    assert_eq!(errors(&answer), wanted);

    let body = json!({"password": password});
    let answer = edge.json("PATCH", "/api/users/update/7", &body).await;
    let wanted = json!({"password": ["La confirmacion de la contrasena no coincide."]});
    assert_eq!(errors(&answer), wanted);

    edge.world
        .fail(refusal(chassis::ErrorCode::PermissionDenied, "FORBIDDEN"));
    let answer = edge
        .json("PATCH", "/api/users/update/15", &json!({"name": "A"}))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json()["message"], "No autorizado.");
    assert_eq!(answer.json()["data"], json!([]));
}

#[tokio::test]
async fn only_what_is_sent_is_changed() {
    let edge = Edge::new();
    let body = json!({"online": "1", "state": false, "phone": 50_677_777_777_i64, "name": ""});
    let answer = edge.json("PATCH", "/api/users/update/15", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let (_, words) = edge.world.last("UpdateUser");
    for wanted in [
        "user_id: 15",
        "name: None",
        "email: None",
        r#"phone: Some("50677777777")"#,
        "password: None",
        "role: None",
        "online: Some(true)",
        "active: Some(false)",
        "company_id: None",
        "department_id: None",
    ] {
        assert!(words.contains(wanted), "{wanted} in {words}");
    }
}

#[tokio::test]
async fn lists_come_by_page_or_whole_with_every_filter() {
    let edge = Edge::new();
    let body = json!({"paginate": "N", "filters": {
        "name": "Juan", "email": "juan@", "id_company": "3", "company_name": "Empresa",
        "type_user": 2, "phone": "+506 8888-8888",
    }});
    let answer = edge.json("POST", "/api/users/list", &body).await;
    assert_eq!(answer.json()["data"][0]["id"], 15, "{}", answer.text);
    assert_eq!(answer.header("x-total-count"), "1");
    let (_, words) = edge.world.last("ListUsers");
    for wanted in [
        "unpaged: true",
        r#"name: "Juan""#,
        r#"email: "juan@""#,
        "company_id: 3",
        r#"company_name: "Empresa""#,
        "role: Admin",
        r#"phone: "+506 8888-8888""#,
    ] {
        assert!(words.contains(wanted), "{wanted} in {words}");
    }
    for (filters, field) in [
        (json!("x"), "filters"),
        (json!({"type_user": "9"}), "filters.type_user"),
        (json!({"id_company": -1}), "filters.id_company"),
        (json!({"name": [1]}), "filters.name"),
    ] {
        let body = json!({"filters": filters});
        let answer = edge.json("POST", "/api/users/list", &body).await;
        assert!(errors(&answer)[field].is_array(), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_status_is_of_the_user_of_the_body_or_else_of_the_path() {
    let edge = Edge::new();
    for (path, body, user) in [
        ("/api/users/status/15", json!({"status": 0}), 15),
        (
            "/api/users/status/7",
            json!({"status": 0, "id_user": 15}),
            15,
        ),
        (
            "/api/users/status",
            json!({"status": "0", "id_user": "7"}),
            7,
        ),
    ] {
        let answer = edge.json("PATCH", path, &body).await;
        assert_eq!(answer.json()["data"], json!({"id_user": user, "status": 0}));
    }
    let answer = edge.json("PATCH", "/api/users/status", &json!({})).await;
    let wanted = json!({
        "id_user": ["El campo id_user es obligatorio."],
        "status": ["El estado debe ser 0 (Inactivo) o 1 (Activo)."],
    });
    assert_eq!(errors(&answer), wanted);
}
