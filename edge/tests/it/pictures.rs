//! Pictures of users as REST clients see them.

use http::StatusCode;
use serde_json::json;

use crate::{
    fakes::PICTURE,
    harness::{Edge, request},
    users::errors,
};

#[tokio::test]
async fn a_picture_is_shown_as_bytes_an_address_or_a_description() {
    let edge = Edge::with(edge::Config {
        public_url: "https://api.example/".into(),
        ..edge::Config::default()
    });
    let path = "/api/users/showUserPic/15";
    let tag = format!("\"{}\"", "ab".repeat(32));
    let shown = edge.send(request("GET", path).client().build()).await;
    assert_eq!(shown.text, PICTURE.concat());
    assert_eq!(shown.header("content-type"), "image/png");
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert_eq!(shown.header("content-length"), "18");
    assert_eq!(shown.header("etag"), tag);

    for known in [tag.as_str(), &format!("\"other\", W/{tag}"), "*"] {
        let asked = request("GET", path).client().header("if-none-match", known);
        let same = edge.send(asked.build()).await;
        assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(
            (same.text.as_str(), same.header("etag")),
            ("", tag.as_str())
        );
    }
    let asked = request("GET", path)
        .client()
        .header("if-none-match", "\"other\"");
    assert_eq!(edge.send(asked.build()).await.status, StatusCode::OK);

    let asked = request("GET", &format!("{path}?mode=url")).client();
    let url = edge.send(asked.build()).await.json();
    let wanted = json!({"id": 15, "pic_url": "https://api.example/api/users/showUserPic/15"});
    assert_eq!(url["data"], wanted);
    let asked = request("GET", &format!("{path}?mode=meta")).client();
    let meta = edge.send(asked.build()).await.json();
    let wanted = json!({
        "id": 15, "mime": "image/png", "size": 18, "updated_at": "2026-08-07T12:00:00Z",
    });
    assert_eq!(meta["data"].to_string(), wanted.to_string());
    assert!(
        edge.world
            .last("GetUserPicture")
            .1
            .contains("info_only: true")
    );
    let wrong = edge.json("GET", path, &json!({"mode": "x"})).await;
    assert_eq!(
        errors(&wrong),
        json!({"mode": ["El campo mode no es valido."]})
    );
}

#[tokio::test]
async fn a_user_without_picture_is_told_apart_from_no_user() {
    let edge = Edge::new();
    let missing = "El usuario no tiene foto.";
    for (method, path, message) in [
        ("GET", "/api/users/showUserPic/7", missing),
        ("DELETE", "/api/users/deleteUserPic/7", missing),
        (
            "GET",
            "/api/users/showUserPic/99",
            "El usuario indicado no existe.",
        ),
        (
            "DELETE",
            "/api/users/deleteUserPic/99",
            "El usuario indicado no existe.",
        ),
    ] {
        let answer = edge.json(method, path, &json!({})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(answer.json()["message"], message, "{method} {path}");
        assert_eq!(answer.json()["data"], json!([]));
    }
    let path = "/api/users/deleteUserPic/7?force=1";
    let answer = edge.json("DELETE", path, &json!({})).await;
    assert_eq!(answer.json()["data"], json!({"id": 7}));
}

#[tokio::test]
async fn an_upload_is_judged_before_it_is_handed_on() {
    let edge = Edge::new();
    let path = "/api/users/uploadUserPic/15";
    let required = "Debe enviar la imagen en base64 en el campo pic.";
    for pic in [
        json!(null),
        json!(""),
        json!("data:image/png;base64,"),
        json!("*"),
        json!(5),
    ] {
        let answer = edge.json("PATCH", path, &json!({"pic": pic})).await;
        assert_eq!(errors(&answer), json!({"pic": [required]}), "{pic}");
    }
    assert_eq!(edge.world.count("UploadUserPicture"), 0);
    let answer = edge
        .json("PATCH", path, &json!({"pic": "data:image/png;base64,AAEC"}))
        .await;
    let wanted = json!({"pic": ["La imagen no es de un tipo permitido."]});
    assert_eq!(errors(&answer), wanted);
}

#[test]
fn an_address_that_is_none_is_refused() {
    for wrong in ["", "api.example", "https://", "ftp://api.example"] {
        let config = edge::Config {
            public_url: wrong.into(),
            ..edge::Config::default()
        };
        let made = std::panic::catch_unwind(|| Edge::with(config));
        assert!(made.is_err(), "{wrong}");
    }
}
