//! Signatures of the Pusher protocol: HMAC-SHA256 in hex, after the key of the
//! app and a colon.

use aws_lc_rs::hmac;

use crate::apps::App;

/// What a signature vouches for.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// A subscription of a socket. Presence channels, and whoever else sends
    /// channel data, sign it too.
    Subscription {
        /// The socket.
        socket: &'a str,
        /// The channel as the client spells it.
        channel: &'a str,
        /// The channel data, byte for byte.
        data: Option<&'a str>,
    },
    /// The user of a socket.
    User {
        /// The socket.
        socket: &'a str,
        /// The user data, byte for byte.
        data: &'a str,
    },
}

impl Signed<'_> {
    fn text(self) -> String {
        match self {
            Self::Subscription {
                socket,
                channel,
                data: None,
            } => format!("{socket}:{channel}"),
            Self::Subscription {
                socket,
                channel,
                data: Some(data),
            } => {
                format!("{socket}:{channel}:{data}")
            }
            Self::User { socket, data } => format!("{socket}::user::{data}"),
        }
    }
}

/// The `key:signature` that a client passes on.
pub fn sign(app: &App, what: Signed<'_>) -> String {
    let tag = hmac::sign(&key(app), what.text().as_bytes());
    format!("{}:{}", app.key, hex::encode(tag))
}

/// Says whether a client's `key:signature` is ours. The signature is compared in
/// constant time.
pub fn verify(app: &App, what: Signed<'_>, auth: &str) -> bool {
    let Some((named, signature)) = auth.split_once(':') else {
        return false;
    };
    let Ok(signature) = hex::decode(signature) else {
        return false;
    };
    named == app.key && hmac::verify(&key(app), what.text().as_bytes(), &signature).is_ok()
}

fn key(app: &App) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, app.secret.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use auth::CompanyId;
    use chassis::config::Secret;

    use super::*;

    const SOCKET: &str = "1234.1234";

    fn app() -> App {
        App {
            id: 1,
            company: CompanyId(3),
            key: "278d425bdf160c739803".to_owned(),
            secret: Secret::new("7ad3773142a6692b25b8"),
            enabled: true,
            max_connections: 1,
            max_members: 1,
        }
    }

    fn vectors() -> [(Signed<'static>, &'static str); 3] {
        [
            (
                Signed::Subscription {
                    socket: SOCKET,
                    channel: "private-foobar",
                    data: None,
                },
                "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
            ),
            (
                Signed::Subscription {
                    socket: SOCKET,
                    channel: "presence-foobar",
                    data: Some(r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#),
                },
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
            ),
            (
                Signed::User {
                    socket: SOCKET,
                    data: r#"{"id":"12345"}"#,
                },
                "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
            ),
        ]
    }

    #[test]
    fn signatures_are_those_of_the_protocol() {
        for (what, signature) in vectors() {
            let auth = format!("278d425bdf160c739803:{signature}");
            assert_eq!(sign(&app(), what), auth);
            assert!(verify(&app(), what, &auth));
        }
    }

    #[test]
    fn forged_signatures_are_refused() {
        for (what, signature) in vectors() {
            for auth in [
                format!("another-key:{signature}"),
                format!(":{signature}"),
                signature.to_owned(),
                format!("278d425bdf160c739803:{}", &signature[..62]),
                format!("278d425bdf160c739803:{}00", &signature[..62]),
                "278d425bdf160c739803:".to_owned(),
                "278d425bdf160c739803:zz".to_owned(),
            ] {
                assert!(!verify(&app(), what, &auth), "{auth}");
            }
        }
    }
}
