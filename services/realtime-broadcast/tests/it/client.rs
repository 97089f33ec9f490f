//! A client of the Pusher protocol that hides nothing.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// The longest a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub socket_id: String,
}

impl Client {
    /// Opens a socket and says nothing yet.
    pub async fn open(url: &str) -> Self {
        let (ws, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self {
            ws,
            socket_id: String::new(),
        }
    }

    /// Opens a socket and takes the greeting.
    pub async fn connect(url: &str) -> Self {
        let mut client = Self::open(url).await;
        let greeting = client.expect("pusher:connection_established").await;
        let data = data_of(&greeting);
        assert!(data["activity_timeout"].is_u64());
        data["socket_id"]
            .as_str()
            .unwrap()
            .clone_into(&mut client.socket_id);
        client
    }

    pub async fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        self.ws.send(Message::text(text)).await.unwrap();
    }

    pub async fn say_binary(&mut self) {
        self.ws.send(Message::binary(vec![1])).await.unwrap();
    }

    /// Says something below the protocol; false when the server does not hear it
    /// any more.
    pub async fn ping(&mut self) -> bool {
        self.ws.send(Message::Ping(vec![].into())).await.is_ok()
    }

    pub async fn subscribe(&mut self, channel: &str, auth: &str, channel_data: &str) {
        let mut data = json!({"channel": channel, "auth": auth});
        if !channel_data.is_empty() {
            data["channel_data"] = channel_data.into();
        }
        self.say(&json!({"event": "pusher:subscribe", "data": data}))
            .await;
    }

    pub async fn subscribed(&mut self, channel: &str, auth: &str, channel_data: &str) -> Value {
        self.subscribe(channel, auth, channel_data).await;
        let confirmed = self.expect("pusher_internal:subscription_succeeded").await;
        assert_eq!(confirmed["channel"], channel);
        data_of(&confirmed)
    }

    pub async fn unsubscribe(&mut self, channel: &str) {
        let data = json!({"channel": channel});
        self.say(&json!({"event": "pusher:unsubscribe", "data": data}))
            .await;
    }

    /// The next message of the server, whatever it is.
    pub async fn next(&mut self) -> Value {
        match self.next_frame().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// The next message, which must be that event.
    pub async fn expect(&mut self, event: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["event"], event, "{message}");
        message
    }

    /// The code with which the server closes; messages before that are ignored.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next_frame().await {
                return frame.unwrap().code.into();
            }
        }
    }

    /// Asserts that nothing is waiting: the answer to a ping is the next message.
    pub async fn nothing_waits(&mut self) {
        self.say(&json!({"event": "pusher:ping", "data": {}})).await;
        self.expect("pusher:pong").await;
    }

    async fn next_frame(&mut self) -> Message {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.ws.next())
                .await
                .expect("the server says nothing")
                .expect("the server hung up")
                .unwrap();
            if !matches!(frame, Message::Ping(_) | Message::Pong(_)) {
                return frame;
            }
        }
    }
}

/// The payload of a message, which travels as text.
pub fn data_of(message: &Value) -> Value {
    serde_json::from_str(message["data"].as_str().unwrap()).unwrap()
}
