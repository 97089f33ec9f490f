//! What browsers ask before they listen.

use http::StatusCode;
use serde_json::json;

use crate::harness::{AGENT, Edge, request};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn the_owner_of_a_token_gets_signatures() {
    let edge = Edge::new();
    let private = "socket_id=1.2&channel_name=private-privateuser.7";
    for path in ["/broadcasting/auth", "/api/broadcasting/auth"] {
        let asked = request("POST", path).bearer(AGENT).body(FORM, private);
        let answer = edge.send(asked.build()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.text, r#"{"auth":"key:signature"}"#);
        assert_eq!(answer.header("cache-control"), "no-store");
        let asked = request("GET", &format!("{path}?{private}")).bearer(AGENT);
        assert_eq!(edge.send(asked.build()).await.status, StatusCode::OK);
    }
    let (caller, _) = edge.world.last("AuthorizeChannel");
    assert!(caller.client.is_none());
    assert_eq!(caller.user.unwrap().id.0, 7);

    let presence = json!({"socket_id": "1.2", "channel_name": "presence-presencechat.room-1"});
    let asked = request("POST", "/broadcasting/auth")
        .bearer(AGENT)
        .json(&presence);
    assert_eq!(
        edge.send(asked.build()).await.text,
        r#"{"auth":"key:signature","channel_data":"{\"user_id\":\"7\"}"}"#
    );
    let asked = request("POST", "/broadcasting/user-auth")
        .bearer(AGENT)
        .body(FORM, "socket_id=1.2");
    assert_eq!(
        edge.send(asked.build()).await.text,
        r#"{"auth":"key:signature","user_data":"{\"id\":\"7\"}"}"#
    );
}

#[tokio::test]
async fn others_get_none() {
    let edge = Edge::new();
    let foreign = "socket_id=1.2&channel_name=private-privateuser.8";
    let cases = [
        (None, foreign, 401, "Unauthenticated."),
        (Some("bad"), foreign, 401, "Unauthenticated."),
        (Some(AGENT), foreign, 403, "This action is unauthorized."),
        (Some(AGENT), "", 422, "The socket id field is required."),
        (
            Some(AGENT),
            "socket_id=1.2",
            422,
            "The channel name field is required.",
        ),
        (
            Some(AGENT),
            "socket_id=x&channel_name=private-privateuser.7",
            422,
            "The socket id field format is invalid.",
        ),
    ];
    for (token, body, status, message) in cases {
        // The credentials of a client change nothing here.
        let mut asked = request("POST", "/broadcasting/auth")
            .client()
            .body(FORM, body);
        if let Some(token) = token {
            asked = asked.bearer(token);
        }
        let answer = edge.send(asked.build()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert_eq!(answer.text, json!({"message": message}).to_string());
    }
}
