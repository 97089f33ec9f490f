//! What the administration of channels shows and hides.

use serde_json::json;

use crate::harness::Edge;

#[tokio::test]
async fn a_secret_is_shown_only_to_who_just_set_it() {
    let edge = Edge::new();
    let path = "/api/admin/channels/update";
    let mut body = json!({"id_channel": 9, "id_company": 3, "name": "Otro"});
    let answer = edge.json("PATCH", path, &body).await;
    assert_eq!(answer.json()["data"]["secret_key"], "****");
    let (_, words) = edge.world.last("UpdateChannel");
    assert!(
        words.contains(r#"name: Some("Otro")"#) && words.contains("token: None"),
        "{words}"
    );
    body["secret_key"] = json!("shh");
    body["token"] = json!("EAA");
    let answer = edge.json("PATCH", path, &body).await;
    assert_eq!(answer.json()["data"]["secret_key"], "shh");
    assert_eq!(answer.json()["data"]["token"], "****");
}

#[tokio::test]
async fn show_takes_its_criteria_from_the_query_too() {
    let edge = Edge::new();
    let path = "/api/admin/channels/show?id_company=3&id_channel=9&type_channel=whatsapp";
    let answer = edge.json("GET", path, &json!({})).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    let answer = edge.json("GET", path, &json!({"id_channel": 10})).await;
    assert_eq!(answer.status.as_u16(), 404, "the body wins");
}

#[tokio::test]
async fn types_outside_the_documented_set_are_refused() {
    let edge = Edge::new();
    let body = json!({"id_company": 3, "name": "A", "app": "a", "type": "sms"});
    let answer = edge.json("POST", "/api/admin/channels/store", &body).await;
    assert_eq!(
        answer.json()["data"]["errors"].to_string(),
        json!({
            "type": ["El campo type no es valido."],
            "token": ["El token es obligatorio salvo cuando el tipo es telegram."],
        })
        .to_string()
    );
    let body = json!({"id_company": 3, "name": "A", "app": "1:a", "type": "telegram"});
    let answer = edge.json("POST", "/api/admin/channels/store", &body).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
}
