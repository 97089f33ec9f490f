//! What one client may ask for, and what becomes of it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use proto::events::v1::FramePublished;
use tokio::time::Instant;

use crate::{
    apps::App,
    hub::{Close, Socket},
    names::{Kind, Owner, Requested, Wire},
    presence::{NoEntry, Seat},
    protocol::{self, Command, LARGEST_DATA, LONGEST_EVENT, Member, SignIn, Subscribe},
    signatures::{self, Signed},
    sockets::{Sockets, budget::Budget, log},
};

/// The largest message of a client, in bytes.
const LARGEST_MESSAGE: usize = 16 * 1024;

/// The most channels of one client.
const MOST_SUBSCRIPTIONS: usize = 100;

/// A client that comes back subscribes to everything at once, so the burst is
/// larger than that.
const MESSAGES: (u16, u16) = (150, 30);

/// Events that a client may send to others, at once and per second.
const CLIENT_EVENTS: (u16, u16) = (10, 10);

const UNAUTHORIZED: Close = Close {
    code: 4009,
    reason: "connection is unauthorized",
};

struct Subscription {
    wire: Wire,
    kind: Kind,
    /// The member as whom the client is in the room; empty elsewhere.
    user_id: String,
}

/// Why a subscription is refused: kind, status and sentence, as client libraries
/// know them.
struct Refused(&'static str, u16, &'static str);

const NOT_SIGNED: Refused = Refused("AuthError", 401, "the subscription is not authorized");

/// The state of one connection. Dropping it leaves every channel.
pub(super) struct Session {
    sockets: Arc<Sockets>,
    app: App,
    socket: Arc<Socket>,
    subscriptions: HashMap<String, Subscription>,
    user: Option<String>,
    messages: Budget,
    client_events: Budget,
}

impl Session {
    pub(super) fn new(sockets: Arc<Sockets>, app: App, socket: Arc<Socket>) -> Self {
        let now = Instant::now();
        Self {
            sockets,
            app,
            socket,
            subscriptions: HashMap::new(),
            user: None,
            messages: Budget::new(MESSAGES.0, MESSAGES.1, now),
            client_events: Budget::new(CLIENT_EVENTS.0, CLIENT_EVENTS.1, now),
        }
    }

    /// How long the client may be silent.
    pub(super) fn patience(&self, asked: bool) -> Duration {
        if asked {
            self.sockets.config.pong_timeout()
        } else {
            self.sockets.config.activity_timeout()
        }
    }

    pub(super) fn ask_for_pong(&self) {
        self.socket.mailbox.push(protocol::ping());
    }

    /// Does what the client asks for; the error says that it has to go. What is
    /// no message is answered with an error and counts against the budget like
    /// every other message.
    pub(super) async fn hear(&mut self, text: &str) -> Result<(), Close> {
        if text.len() > LARGEST_MESSAGE {
            return Err(Close {
                code: 1009,
                reason: "message too large",
            });
        }
        self.count()?;
        match Command::read(text) {
            Some(Command::Ping) => self.socket.mailbox.push(protocol::pong()),
            Some(Command::Pong) => {}
            Some(Command::Subscribe(asked)) => return self.subscribe(&asked).await,
            Some(Command::Unsubscribe { channel }) => return self.unsubscribe(&channel).await,
            Some(Command::SignIn(asked)) => return self.sign_in(&asked),
            Some(Command::Tell {
                event,
                channel,
                data,
            }) => {
                self.tell(event, &channel, data).await;
            }
            Some(Command::Unknown { event }) => {
                let shown: String = event.chars().take(LONGEST_EVENT).collect();
                self.complain(None, &format!("unknown event {shown}"));
            }
            None => self.complain(None, "the message is not one of the protocol"),
        }
        Ok(())
    }

    /// Counts a message of whatever kind; the error says that the client has to go.
    pub(super) fn count(&mut self) -> Result<(), Close> {
        if self.messages.take(Instant::now()) {
            return Ok(());
        }
        Err(Close {
            code: 4100,
            reason: "too many messages",
        })
    }

    async fn subscribe(&mut self, asked: &Subscribe) -> Result<(), Close> {
        match self.check(asked) {
            Ok((channel, member)) => self.enter(channel, member).await,
            Err(refused) => {
                self.refuse(&asked.channel, &refused);
                Ok(())
            }
        }
    }

    /// Checks whether the client may listen, and as which member.
    fn check(&self, asked: &Subscribe) -> Result<(Requested, Option<Member>), Refused> {
        if self.subscriptions.len() >= MOST_SUBSCRIPTIONS {
            return Err(Refused(
                "LimitReached",
                403,
                "too many channels on one connection",
            ));
        }
        let channel = Requested::read(&asked.channel)
            .map_err(|_| Refused("AuthError", 401, "there is no such channel"))?;
        let signed = signatures::verify(
            &self.app,
            Signed::Subscription {
                socket: &self.socket.id,
                channel: &channel.spelled,
                data: asked.channel_data.as_deref(),
            },
            &asked.auth,
        );
        let allowed = match channel.kind {
            Kind::Public => true,
            Kind::Private | Kind::Encrypted | Kind::Presence => signed,
            Kind::ServerToUser => match channel.owner() {
                Owner::SignedIn(user) => self.user.as_deref() == Some(user),
                _ => false,
            },
        };
        if !allowed {
            return Err(NOT_SIGNED);
        }
        if channel.kind != Kind::Presence {
            return Ok((channel, None));
        }
        let member = asked
            .channel_data
            .as_deref()
            .and_then(Member::read)
            .ok_or(Refused(
                "AuthError",
                401,
                "the channel data names no member",
            ))?;
        Ok((channel, Some(member)))
    }

    /// Lets the client listen, and into the room if the channel is one.
    async fn enter(&mut self, channel: Requested, member: Option<Member>) -> Result<(), Close> {
        if !self.sockets.hub.subscribe(&self.socket, &channel) {
            self.complain(
                None,
                &format!("existing subscription to {}", channel.spelled),
            );
            return Ok(());
        }
        match (channel.owner(), &member) {
            (Owner::User(user), _) => self.socket.belongs_to(&user.to_string()),
            (_, Some(member)) => self.socket.belongs_to(&member.user_id),
            _ => {}
        }
        // Noted before the room is entered: if this future is dropped meanwhile,
        // the seat is given up with the others.
        let subscription = Subscription {
            wire: channel.wire.clone(),
            kind: channel.kind,
            user_id: member
                .as_ref()
                .map(|member| member.user_id.clone())
                .unwrap_or_default(),
        };
        self.subscriptions
            .insert(channel.spelled.to_string(), subscription);
        let (data, version) = match &member {
            None => ("{}".to_owned(), 0),
            Some(member) => match self.join(&channel, member).await? {
                Some(joined) => joined,
                None => return Ok(()),
            },
        };
        let confirmation = protocol::subscription_succeeded(&channel.spelled, &data);
        self.sockets
            .hub
            .open(&self.socket, &channel.wire, confirmation, version);
        Ok(())
    }

    /// Takes the seat; answers who is present, as JSON, and the version of that.
    async fn join(
        &mut self,
        channel: &Requested,
        member: &Member,
    ) -> Result<Option<(String, i64)>, Close> {
        let seat = Seat::of(&self.app, &channel.wire, &self.socket);
        let refused = match self
            .sockets
            .presence
            .join(&seat, member, self.app.max_members)
            .await
        {
            Ok(present) => {
                let members = present.members.iter();
                let shown = members.map(|m| (m.user_id.as_str(), m.info_json.as_str()));
                return Ok(Some((protocol::present(shown), present.version)));
            }
            Err(NoEntry::LostLease) => return Err(Close::DRAIN),
            Err(NoEntry::Full) => Refused("LimitReached", 403, "the room is full"),
            Err(NoEntry::Database(error)) => {
                log(&error.into());
                // Nobody knows whether the seat is taken: the connection ends, so
                // that it is given up.
                return Err(Close::UNAVAILABLE);
            }
        };
        self.sockets.hub.unsubscribe(&self.socket, &channel.wire);
        self.subscriptions.remove(&*channel.spelled);
        self.refuse(&channel.spelled, &refused);
        Ok(None)
    }

    async fn unsubscribe(&mut self, spelled: &str) -> Result<(), Close> {
        let Some(subscription) = self.subscriptions.remove(spelled) else {
            return Ok(());
        };
        self.sockets
            .hub
            .unsubscribe(&self.socket, &subscription.wire);
        if subscription.kind != Kind::Presence {
            return Ok(());
        }
        let seat = Seat::of(&self.app, &subscription.wire, &self.socket);
        if let Err(error) = self.sockets.presence.leave(&seat).await {
            log(&error.into());
            // The seat is given up later. Until then the socket must not take it
            // again, so it has to begin anew.
            self.sockets.leaver.later(seat);
            return Err(Close::UNAVAILABLE);
        }
        Ok(())
    }

    fn sign_in(&mut self, asked: &SignIn) -> Result<(), Close> {
        let what = Signed::User {
            socket: &self.socket.id,
            data: &asked.user_data,
        };
        let user = signatures::verify(&self.app, what, &asked.auth)
            .then(|| protocol::signed_in_user(&asked.user_data))
            .flatten();
        let Some(user) = user else {
            self.complain(Some(UNAUTHORIZED.code), UNAUTHORIZED.reason);
            return Err(UNAUTHORIZED);
        };
        self.socket.belongs_to(&user);
        self.user = Some(user);
        self.socket
            .mailbox
            .push(protocol::signin_success(&asked.user_data));
        Ok(())
    }

    /// Passes an event of the client on to the other subscribers.
    async fn tell(&mut self, event: String, channel: &str, data: String) {
        let subscription = self
            .subscriptions
            .get(channel)
            .filter(|subscription| matches!(subscription.kind, Kind::Private | Kind::Presence));
        let Some(subscription) = subscription else {
            let problem = "client events need a subscription to a private or presence channel";
            return self.complain(None, problem);
        };
        if event.len() > LONGEST_EVENT || data.len() > LARGEST_DATA {
            return self.complain(None, "the client event is too large");
        }
        if !self.client_events.take(Instant::now()) {
            return self.complain(Some(4301), "client event rejected: more than 10 a second");
        }
        let frame = FramePublished {
            app_id: self.app.id,
            wire_name: subscription.wire.to_string(),
            event,
            data_json: data,
            except_socket_id: self.socket.id.clone(),
            offset: 0,
            user_id: subscription.user_id.clone(),
        };
        if let Err(error) = self.sockets.publisher.whisper(&frame).await {
            log(&error);
            self.complain(None, "the client event could not be passed on");
        }
    }

    fn complain(&self, code: Option<u16>, message: &str) {
        self.socket.mailbox.push(protocol::error(code, message));
    }

    fn refuse(&self, spelled: &str, Refused(kind, status, message): &Refused) {
        let refusal = protocol::subscription_error(spelled, kind, *status, message);
        self.socket.mailbox.push(refusal);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for (_, subscription) in self.subscriptions.drain() {
            self.sockets
                .hub
                .unsubscribe(&self.socket, &subscription.wire);
            if subscription.kind == Kind::Presence {
                let seat = Seat::of(&self.app, &subscription.wire, &self.socket);
                self.sockets.leaver.later(seat);
            }
        }
        self.sockets.hub.disconnect(&self.socket);
    }
}
