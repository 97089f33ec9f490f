//! The reference of the edge benchmark: JSON in, one gRPC call, JSON out, and
//! nothing else.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use proto::conversation::v1::{ListChatsRequest, chat_service_client::ChatServiceClient};
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::transport::Channel;

#[derive(Deserialize)]
struct Body {
    paginate: String,
}

async fn list(
    State(mut chats): State<ChatServiceClient<Channel>>,
    Json(body): Json<Body>,
) -> Result<Json<Value>, StatusCode> {
    let request = ListChatsRequest {
        name: String::new(),
        page: None,
    };
    let answer = chats
        .list_chats(request)
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    let chats: Vec<Value> = answer
        .into_inner()
        .chats
        .into_iter()
        .map(|chat| {
            json!({
                "id_chat": format!("chat-{}", chat.chat_id), "name": chat.name,
                "last_message": chat.last_message, "unread": chat.unread,
            })
        })
        .collect();
    Ok(Json(json!({
        "data": {"data": chats}, "status": "success", "message": body.paginate, "code": 200,
    })))
}

/// Serves until killed.
pub(crate) async fn serve(port: u16, upstream: &str) -> anyhow::Result<()> {
    let channel = Channel::from_shared(upstream.to_owned())?
        .tcp_nodelay(true)
        .connect_lazy();
    let routes = Router::new()
        .route("/api/chat/list", post(list))
        .route("/readyz", get(|| async {}))
        .with_state(ChatServiceClient::new(channel));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, routes).await?;
    Ok(())
}
