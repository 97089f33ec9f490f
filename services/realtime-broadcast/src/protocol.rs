//! Messages of the Pusher protocol, version 7, as JSON text.
//!
//! What the server says about a channel carries its data as a string that holds
//! JSON, the way the protocol has it.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The longest name of an event.
pub const LONGEST_EVENT: usize = 200;

/// The largest payload of an event, in bytes.
pub const LARGEST_DATA: usize = 10 * 1024;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Is the server there?
    Ping,
    /// The client is there.
    Pong,
    /// Listen to a channel.
    Subscribe(Subscribe),
    /// No longer listen to a channel.
    Unsubscribe {
        /// As the client spells it.
        channel: String,
    },
    /// Say who the user is.
    SignIn(SignIn),
    /// Tell the other subscribers of a channel.
    Tell {
        /// `client-` and a name.
        event: String,
        /// As the client spells it.
        channel: String,
        /// The payload as it travels in `data`.
        data: String,
    },
    /// An event that the protocol does not know.
    Unknown {
        /// Its name.
        event: String,
    },
}

/// A subscription as asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Subscribe {
    /// As the client spells it.
    pub channel: String,
    /// `key:signature`; empty for public channels.
    #[serde(default)]
    pub auth: String,
    /// The signed member of a presence channel.
    pub channel_data: Option<String>,
}

/// A sign-in as asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SignIn {
    /// `key:signature`.
    pub auth: String,
    /// The signed user as JSON text.
    pub user_data: String,
}

/// A member as a presence channel's signed data names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id; numbers are taken as their text.
    pub user_id: String,
    /// What is told about the member, as JSON text.
    pub info_json: String,
}

#[derive(Deserialize)]
struct Envelope {
    event: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Channel {
    channel: String,
}

impl Command {
    /// Reads a message of a client; `None` when it is none of the protocol.
    pub fn read(text: &str) -> Option<Self> {
        let Envelope {
            event,
            channel,
            data,
        } = serde_json::from_str(text).ok()?;
        Some(match event.as_str() {
            "pusher:ping" => Self::Ping,
            "pusher:pong" => Self::Pong,
            "pusher:subscribe" => Self::Subscribe(body(data)?),
            "pusher:unsubscribe" => Self::Unsubscribe {
                channel: body::<Channel>(data)?.channel,
            },
            "pusher:signin" => Self::SignIn(body(data)?),
            _ if event.starts_with("client-") => Self::Tell {
                event,
                channel,
                // Some client libraries send the text of the payload, most the
                // payload itself.
                data: match data {
                    Value::String(text) => text,
                    other => other.to_string(),
                },
            },
            _ => Self::Unknown { event },
        })
    }
}

/// The object in `data`, which some client libraries send as text.
fn body<T: for<'a> Deserialize<'a>>(data: Value) -> Option<T> {
    match data {
        Value::String(text) => serde_json::from_str(&text).ok(),
        other => serde_json::from_value(other).ok(),
    }
}

impl Member {
    /// Reads the data of a presence subscription; `None` when it names nobody or
    /// says too much.
    pub fn read(channel_data: &str) -> Option<Self> {
        let data: Value = serde_json::from_str(channel_data).ok()?;
        let user_id = user_id(data.get("user_id")?)?;
        let info_json = data
            .get("user_info")
            .map_or_else(|| "null".to_owned(), Value::to_string);
        (info_json.len() <= 1024).then_some(Self { user_id, info_json })
    }
}

/// Says whether a text is the id of a socket: two numbers with a dot between.
pub fn is_socket_id(text: &str) -> bool {
    let is_number = |part: &str| {
        (1..=20).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split_once('.')
        .is_some_and(|(node, number)| is_number(node) && is_number(number))
}

/// The user of a sign-in; `None` when the data names nobody.
pub fn signed_in_user(user_data: &str) -> Option<String> {
    let data: Value = serde_json::from_str(user_data).ok()?;
    user_id(data.get("id")?)
}

fn user_id(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    let fits = (1..=128).contains(&id.len()) && !id.chars().any(char::is_control);
    fits.then_some(id)
}

/// An event on a channel. `user_id` is set for client events on presence
/// channels alone.
pub fn event(name: &str, channel: &str, data: &str, user_id: &str) -> Utf8Bytes {
    #[derive(Serialize)]
    struct Message<'a> {
        #[serde(rename = "event")]
        name: &'a str,
        channel: &'a str,
        data: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        user_id: &'a str,
    }
    let message = Message {
        name,
        channel,
        data,
        user_id,
    };
    // A struct of strings always serializes.
    serde_json::to_string(&message).unwrap_or_default().into()
}

/// The first message on a socket.
pub fn connection_established(socket: &str, activity_timeout: u32) -> Utf8Bytes {
    let data = json!({"socket_id": socket, "activity_timeout": activity_timeout});
    text(&json!({"event": "pusher:connection_established", "data": data.to_string()}))
}

/// Something went wrong; `code` is one of the protocol's, if one fits.
pub fn error(code: Option<u16>, message: &str) -> Utf8Bytes {
    text(&json!({"event": "pusher:error", "data": {"code": code, "message": message}}))
}

/// Asks whether the client is there.
pub fn ping() -> Utf8Bytes {
    text(&json!({"event": "pusher:ping", "data": "{}"}))
}

/// Says that the server is there.
pub fn pong() -> Utf8Bytes {
    text(&json!({"event": "pusher:pong", "data": "{}"}))
}

/// A subscription stands. `data` is JSON text.
pub fn subscription_succeeded(channel: &str, data: &str) -> Utf8Bytes {
    event("pusher_internal:subscription_succeeded", channel, data, "")
}

/// A subscription was refused, in the form in which client libraries tell the
/// channel's own error handlers.
pub fn subscription_error(channel: &str, kind: &str, status: u16, message: &str) -> Utf8Bytes {
    text(&json!({
        "event": "pusher:subscription_error",
        "channel": channel,
        "data": {"type": kind, "error": message, "status": status},
    }))
}

/// A sign-in was accepted.
pub fn signin_success(user_data: &str) -> Utf8Bytes {
    let data = json!({"user_data": user_data});
    text(&json!({"event": "pusher:signin_success", "data": data.to_string()}))
}

/// The data of a successful presence subscription: who is there, each user once.
pub fn present<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut ids = Vec::new();
    let mut hash = serde_json::Map::new();
    for (user, info) in members {
        ids.push(Value::from(user));
        hash.insert(
            user.to_owned(),
            serde_json::from_str(info).unwrap_or(Value::Null),
        );
    }
    let count = ids.len();
    json!({"presence": {"ids": ids, "hash": hash, "count": count}}).to_string()
}

fn text(message: &Value) -> Utf8Bytes {
    message.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_read_from_objects_and_from_text() {
        let wanted = Command::Subscribe(Subscribe {
            channel: "publicchat.general".to_owned(),
            auth: String::new(),
            channel_data: None,
        });
        for message in [
            r#"{"event":"pusher:subscribe","data":{"channel":"publicchat.general"}}"#,
            r#"{"event":"pusher:subscribe","data":"{\"channel\":\"publicchat.general\"}"}"#,
        ] {
            assert_eq!(Command::read(message).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_no_message_is_told_from_an_unknown_event() {
        for message in [
            "",
            "[]",
            "{}",
            "{\"event\":1}",
            r#"{"event":"pusher:subscribe"}"#,
        ] {
            assert_eq!(Command::read(message), None, "{message}");
        }
        assert!(matches!(
            Command::read(r#"{"event":"pusher:dance"}"#),
            Some(Command::Unknown { .. })
        ));
    }

    #[test]
    fn client_payloads_travel_as_their_text() {
        let data = |message: &str| match Command::read(message).unwrap() {
            Command::Tell { data, .. } => data,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            data(r#"{"event":"client-a","channel":"c","data":{"x":1}}"#),
            r#"{"x":1}"#
        );
        assert_eq!(
            data(r#"{"event":"client-a","channel":"c","data":"{\"x\":1}"}"#),
            r#"{"x":1}"#
        );
        assert_eq!(data(r#"{"event":"client-a","channel":"c"}"#), "null");
    }

    #[test]
    fn members_have_an_id_and_little_to_say() {
        let member = Member::read(r#"{"user_id":10,"user_info":{"name":"A"}}"#).unwrap();
        assert_eq!(
            (member.user_id.as_str(), member.info_json.as_str()),
            ("10", r#"{"name":"A"}"#)
        );
        let chatty = json!({"user_id": "1", "user_info": "x".repeat(2000)}).to_string();
        for data in [
            chatty.as_str(),
            "{}",
            r#"{"user_id":""}"#,
            r#"{"user_id":null}"#,
            r#"{"user_id":"\u0000"}"#,
            "x",
        ] {
            assert_eq!(Member::read(data), None);
        }
    }
}
