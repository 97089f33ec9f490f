//! The sockets of this process and what they listen to.

mod gate;
mod mailbox;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::extract::ws::Utf8Bytes;
use proto::events::v1::FramePublished;

use crate::{
    hub::gate::Gate,
    names::{Requested, Wire},
    protocol,
};

pub use mailbox::{Bounds, Mailbox, Next};

/// Why a socket is closed: a code of the protocol and a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code; clients act on its range.
    pub code: u16,
    /// The sentence.
    pub reason: &'static str,
}

impl Close {
    /// The client does not read fast enough; it shall wait before it returns.
    pub const SLOW: Self = Self {
        code: 4100,
        reason: "slow consumer",
    };
    /// This process takes no more sockets; the client shall wait.
    pub const OVER_CAPACITY: Self = Self {
        code: 4100,
        reason: "over capacity",
    };
    /// Something that is needed does not answer; the client shall wait.
    pub const UNAVAILABLE: Self = Self {
        code: 4100,
        reason: "temporarily unavailable",
    };
    /// This process stops; another one serves.
    pub const DRAIN: Self = Self {
        code: 4200,
        reason: "reconnect",
    };
    /// The user was sent away and shall not return by itself.
    pub const TERMINATED: Self = Self {
        code: 4009,
        reason: "terminated by the app",
    };
    /// The app was switched off.
    pub const DISABLED: Self = Self {
        code: 4003,
        reason: "application disabled",
    };
    /// The app has as many sockets as it may.
    pub const OVER_QUOTA: Self = Self {
        code: 4004,
        reason: "application is over connection quota",
    };
}

/// What may happen to a frame under pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Delivered, or the socket is closed.
    Durable,
    /// May be left out.
    Ephemeral,
}

/// A connected client.
pub struct Socket {
    /// The id clients know it by, unique among all replicas for ever.
    pub id: String,
    /// The replica's id under which it was accepted.
    pub node: i64,
    /// Its app.
    pub app: i64,
    /// What waits to be written.
    pub mailbox: Mailbox,
    number: u64,
    users: Mutex<HashSet<String>>,
}

impl Socket {
    /// Remembers that a user was proven on the socket.
    pub fn belongs_to(&self, user: &str) {
        self.users().insert(user.to_owned());
    }

    fn users(&self) -> MutexGuard<'_, HashSet<String>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Subscriber {
    socket: Arc<Socket>,
    spelled: Arc<str>,
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct State {
    sockets: HashMap<u64, Arc<Socket>>,
    of_app: HashMap<i64, usize>,
    channels: HashMap<i64, HashMap<Wire, HashMap<u64, Subscriber>>>,
}

/// All sockets of this process.
pub struct Hub {
    state: RwLock<State>,
    next_number: AtomicU64,
    bounds: Bounds,
    most: usize,
}

impl Hub {
    /// A hub of at most `most` sockets, each with a mailbox of `bounds`.
    pub fn new(bounds: Bounds, most: usize) -> Self {
        Self {
            state: RwLock::default(),
            next_number: AtomicU64::new(1),
            bounds,
            most,
        }
    }

    /// Takes in a socket of an app that may have `most_of_app` of them here.
    pub fn connect(&self, node: i64, app: i64, most_of_app: usize) -> Result<Arc<Socket>, Close> {
        let mut state = self.write();
        if state.sockets.len() >= self.most {
            return Err(Close::OVER_CAPACITY);
        }
        let of_app = state.of_app.entry(app).or_default();
        if *of_app >= most_of_app {
            return Err(Close::OVER_QUOTA);
        }
        *of_app += 1;
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let socket = Arc::new(Socket {
            id: format!("{node}.{number}"),
            node,
            app,
            mailbox: Mailbox::new(self.bounds),
            number,
            users: Mutex::default(),
        });
        state.sockets.insert(number, Arc::clone(&socket));
        Ok(socket)
    }

    /// Forgets a socket that listens to nothing any more.
    pub fn disconnect(&self, socket: &Socket) {
        let mut state = self.write();
        if state.sockets.remove(&socket.number).is_none() {
            return;
        }
        if let Some(of_app) = state.of_app.get_mut(&socket.app) {
            *of_app -= 1;
            if *of_app == 0 {
                state.of_app.remove(&socket.app);
            }
        }
    }

    /// Lets a socket listen to a channel. What is said there is held back until
    /// [`Hub::open`], so that nothing arrives before the confirmation and nothing
    /// is missed. False when it listens already.
    pub fn subscribe(&self, socket: &Arc<Socket>, channel: &Requested) -> bool {
        let mut state = self.write();
        let channels = state.channels.entry(socket.app).or_default();
        let subscribers = channels.entry(channel.wire.clone()).or_default();
        if subscribers.contains_key(&socket.number) {
            return false;
        }
        let subscriber = Subscriber {
            socket: Arc::clone(socket),
            spelled: Arc::clone(&channel.spelled),
            gate: Mutex::new(Gate::default()),
        };
        subscribers.insert(socket.number, subscriber);
        true
    }

    /// Confirms a subscription and releases what was held back. Member events up
    /// to `members_version` are in the confirmation already.
    pub fn open(
        &self,
        socket: &Socket,
        wire: &Wire,
        confirmation: Utf8Bytes,
        members_version: i64,
    ) {
        let state = self.read();
        if let Some(subscriber) = state.subscriber(socket, wire) {
            subscriber
                .gate()
                .open(&socket.mailbox, confirmation, members_version);
        }
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, socket: &Socket, wire: &Wire) {
        let mut state = self.write();
        let Some(channels) = state.channels.get_mut(&socket.app) else {
            return;
        };
        if let Some(subscribers) = channels.get_mut(wire) {
            subscribers.remove(&socket.number);
            if subscribers.is_empty() {
                channels.remove(wire);
            }
        }
        if channels.is_empty() {
            state.channels.remove(&socket.app);
        }
    }

    /// Delivers a frame to everybody here who listens. The text is made once per
    /// spelling of the channel.
    pub fn deliver(&self, frame: &FramePublished, class: Class) {
        let wire = Wire::recorded(&frame.wire_name);
        let state = self.read();
        let Some(subscribers) = state
            .channels
            .get(&frame.app_id)
            .and_then(|channels| channels.get(&wire))
        else {
            return;
        };
        let mut texts: Vec<(&str, Utf8Bytes)> = Vec::new();
        for subscriber in subscribers.values() {
            if subscriber.socket.id == frame.except_socket_id {
                continue;
            }
            let made = texts
                .iter()
                .find(|(spelled, _)| *spelled == &*subscriber.spelled);
            let text = if let Some((_, text)) = made {
                text.clone()
            } else {
                let FramePublished {
                    event,
                    data_json,
                    user_id,
                    ..
                } = frame;
                let text = protocol::event(event, &subscriber.spelled, data_json, user_id);
                texts.push((&subscriber.spelled, text.clone()));
                text
            };
            let version = is_member_event(frame).then_some(frame.offset);
            subscriber
                .gate()
                .pass(&subscriber.socket.mailbox, text, class, version);
        }
    }

    /// The channels of an app that somebody here listens to, and how many do.
    pub fn occupied(&self, app: i64) -> Vec<(Wire, usize)> {
        let state = self.read();
        let Some(channels) = state.channels.get(&app) else {
            return Vec::new();
        };
        let mut occupied: Vec<_> = channels
            .iter()
            .map(|(wire, subscribers)| (wire.clone(), subscribers.len()))
            .collect();
        occupied.sort();
        occupied
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.read().sockets.len()
    }

    /// Says whether there is no socket.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All sockets at this moment.
    pub fn sockets(&self) -> Vec<Arc<Socket>> {
        self.read().sockets.values().cloned().collect()
    }

    /// Closes the sockets of a user of an app.
    pub fn close_user(&self, app: i64, user: &str) {
        for socket in self.sockets() {
            if socket.app == app && socket.users().contains(user) {
                socket.mailbox.close(Close::TERMINATED);
            }
        }
    }

    /// Closes the sockets of an app.
    pub fn close_app(&self, app: i64) {
        for socket in self.sockets() {
            if socket.app == app {
                socket.mailbox.close(Close::DISABLED);
            }
        }
    }

    /// Closes every socket that was accepted as `node`.
    pub fn close_node(&self, node: i64, close: Close) {
        for socket in self.sockets() {
            if socket.node == node {
                socket.mailbox.close(close);
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn subscriber(&self, socket: &Socket, wire: &Wire) -> Option<&Subscriber> {
        self.channels
            .get(&socket.app)?
            .get(wire)?
            .get(&socket.number)
    }
}

impl Subscriber {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_member_event(frame: &FramePublished) -> bool {
    frame.event.starts_with("pusher_internal:")
}
