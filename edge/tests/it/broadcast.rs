//! What listeners hear.

use serde_json::{Value, json};

use crate::harness::{AGENT, Edge, request};

/// Publishes and says what reached the service.
async fn heard(edge: &Edge, route: &str, body: &Value) -> String {
    let asked = request("POST", &format!("/api/broadcast/{route}"))
        .client()
        .bearer(AGENT)
        .header("x-socket-id", "1.2")
        .json(body);
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status.as_u16(), 200, "{route}: {}", answer.text);
    edge.world.last("Publish").1
}

#[tokio::test]
async fn listeners_hear_who_spoke_and_the_speaker_does_not() {
    let edge = Edge::new();
    let body = json!({"message": "Hola", "room_id": "room-1", "chatId": "chat-123"});
    let words = heard(&edge, "sendPresenceChannel", &body).await;
    let spoken = json!({"chatId": "chat-123", "message": "Hola",
                        "user": {"id": 7, "name": "Agente 1"}, "room_id": "room-1"});
    for part in [
        format!("{:?}", spoken.to_string()),
        r#"except_socket_id: "1.2""#.to_owned(),
        r#"event: "MessageSent""#.to_owned(),
        "class: Durable".to_owned(),
        r#"PresenceChat("room-1")"#.to_owned(),
    ] {
        assert!(words.contains(&part), "{part} in {words}");
    }
}

#[tokio::test]
async fn typing_is_whispered() {
    let edge = Edge::new();
    let words = heard(
        &edge,
        "userPresenceChannelTyping",
        &json!({"room_id": "room-1"}),
    )
    .await;
    assert!(words.contains(r#"event: "client-typing""#), "{words}");
    assert!(words.contains("class: Ephemeral"), "{words}");
    let body = json!({"room_id": "room-1", "customerId": "9"});
    let words = heard(&edge, "userPresenceCustomerChannelTyping", &body).await;
    assert!(words.contains("customer:9"), "{words}");
}

#[tokio::test]
async fn only_public_channels_are_named_in_full() {
    let edge = Edge::new();
    for channel in [
        "private-privateuser.7",
        "privateuser.7",
        "public.",
        "public.a.b",
        "general",
    ] {
        let body = json!({"customer": "c", "message": "m", "channel": channel});
        let path = "/api/broadcast/publicCustomer-message";
        let answer = edge.json("POST", path, &body).await;
        assert_eq!(answer.status.as_u16(), 422, "{channel}");
        assert_eq!(
            answer.text,
            r#"{"message":"The selected channel is invalid."}"#
        );
    }
}

#[tokio::test]
async fn notifications_have_one_of_four_types() {
    let edge = Edge::new();
    let mut body = json!({"user_id": 7, "title": "t", "message": "m", "type": "alarm"});
    let path = "/api/broadcast/private-notification";
    let answer = edge.json("POST", path, &body).await;
    assert_eq!(
        answer.text,
        r#"{"message":"The selected type is invalid."}"#
    );
    body["type"] = json!("warning");
    let words = heard(&edge, "private-notification", &body).await;
    assert!(words.contains(r#"\"type\":\"warning\""#), "{words}");
}
