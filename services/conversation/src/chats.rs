//! Chats: one open chat for each guest and channel, who has it, who sees it, and
//! how far everybody has read.

mod reading;
mod rpc;
mod store;

use auth::{
    Caller, ChannelId, ChatId, CompanyId, DepartmentId, GuestId, MessageId, Role, TenantScope,
    UserId,
};
use events::Outbox;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

pub(crate) use reading::mark_read;
pub(crate) use rpc::ChatDesk;
pub(crate) use store::{Newest, guest_of_message, marks::note_own_message, note_message, release};

use crate::{
    agents::{self, Route},
    error::Error,
    events as announce,
};

/// How long after the guest's last message WhatsApp takes free text.
const WINDOW: Duration = Duration::hours(24);

/// The user who looks at chats.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// The companies within reach.
    pub(crate) scope: TenantScope,
    /// The user.
    pub(crate) id: UserId,
    /// The display name.
    pub(crate) name: String,
    /// What the user is.
    pub(crate) role: Role,
    /// The company of the user.
    pub(crate) company: CompanyId,
    /// The department of the user.
    pub(crate) department: Option<DepartmentId>,
}

impl Viewer {
    /// The user of a verified context.
    pub(crate) fn of(caller: &Caller) -> Result<Self, Error> {
        let user = caller.user.as_ref().ok_or(Error::UserNeeded)?;
        Ok(Self {
            scope: caller.scope(),
            id: user.id,
            name: user.name.clone(),
            role: user.role,
            company: user.company,
            department: user.department,
        })
    }
}

/// A chat as the rules need it.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    /// The id.
    pub(crate) id: ChatId,
    /// The company.
    pub(crate) company: CompanyId,
    /// The channel; none among colleagues.
    pub(crate) channel: Option<ChannelId>,
    /// The documented type of the channel.
    pub(crate) channel_type: String,
    /// The guest; none among colleagues.
    pub(crate) guest: Option<GuestId>,
    /// The department that has it.
    pub(crate) department: Option<DepartmentId>,
    /// The agent who has it; none while it waits.
    pub(crate) assigned: Option<UserId>,
    /// Whether it takes messages.
    pub(crate) open: bool,
    /// The place of the newest message.
    pub(crate) last_seq: i64,
    /// When the message that is shown last is shown.
    pub(crate) last_message_at: OffsetDateTime,
    /// When the guest wrote last.
    pub(crate) last_inbound_at: Option<OffsetDateTime>,
    /// The display name.
    pub(crate) name: String,
}

impl Chat {
    /// Refuses when the provider would take only templates.
    pub(crate) fn check_window(&self, now: OffsetDateTime) -> Result<(), Error> {
        let limited = matches!(self.channel_type.as_str(), "whatsapp" | "whatsappfb");
        let within = self
            .last_inbound_at
            .is_some_and(|at| now < at.saturating_add(WINDOW));
        if limited && !within {
            return Err(Error::WindowClosed);
        }
        Ok(())
    }
}

/// A chat as a list shows it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Summary {
    pub(crate) id: ChatId,
    pub(crate) name: String,
    pub(crate) last_message: String,
    pub(crate) unread: i64,
    pub(crate) assigned: Option<UserId>,
    pub(crate) channel: Option<ChannelId>,
}

/// Somebody in a chat.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) guest: bool,
}

/// The chats that a user sees, newest activity first, and how many there are.
/// `name` keeps those whose name or agent contains it.
pub(crate) async fn list(
    db: &mut PgConnection,
    viewer: &Viewer,
    name: &str,
    page: postgres::Page,
) -> Result<(Vec<Summary>, i64), Error> {
    let total = store::count(db, viewer, name).await?;
    let window = page.window(total);
    let chats = if window.limit > 0 {
        store::pages::list(db, viewer, name, window).await?
    } else {
        Vec::new()
    };
    Ok((chats, total))
}

/// A chat that the user sees.
pub(crate) async fn visible(
    db: &mut PgConnection,
    viewer: &Viewer,
    chat: ChatId,
) -> Result<Chat, Error> {
    store::visible(db, viewer, chat)
        .await?
        .ok_or_else(Error::chat_unknown)
}

/// A chat that the user sees, locked until the transaction ends.
pub(crate) async fn visible_locked(
    db: &mut PgConnection,
    viewer: &Viewer,
    chat: ChatId,
) -> Result<Chat, Error> {
    store::lock_visible(db, viewer, chat).await?;
    // Somebody else may have taken the chat while we waited for the lock.
    visible(db, viewer, chat).await
}

/// Who takes part in a chat: agents, then the guest.
pub(crate) async fn members(db: &mut PgConnection, chat: &Chat) -> Result<Vec<Member>, Error> {
    let mut members = store::agents_of(db, chat.id).await?;
    if let Some(guest) = chat.guest {
        members.push(Member {
            id: guest.0,
            name: chat.name.clone(),
            guest: true,
        });
    }
    Ok(members)
}

/// Which chat is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// The company.
    pub(crate) company: CompanyId,
    /// The channel.
    pub(crate) channel: ChannelId,
    /// Its documented type.
    pub(crate) channel_type: &'a str,
    /// The guest, whom the caller has locked.
    pub(crate) guest: GuestId,
}

/// Who opens a chat.
pub(crate) enum Opener {
    /// The guest: the routing finds an agent.
    Guest,
    /// A user: it is theirs, if they serve the company.
    User(agents::Agent),
}

/// The open chat of a guest on a channel, locked; opened when there is none.
pub(crate) async fn open_for(
    db: &mut PgConnection,
    outbox: &Outbox,
    line: Line<'_>,
    opener: &Opener,
    now: OffsetDateTime,
) -> Result<Chat, Error> {
    if let Some(chat) = store::open_of(db, line.channel, line.guest).await? {
        return Ok(chat);
    }
    let route = match opener {
        Opener::User(user) if user.serves(line.company) => {
            agents::note_assignment(db, user.id, now).await?;
            Route {
                department: user.department,
                agent: Some((user.id, user.name.clone())),
            }
        }
        Opener::User(_) | Opener::Guest => agents::route(db, line.company, now).await?,
    };
    let chat = store::insert(db, line, &route, now).await?;
    if let Some((agent, name)) = &route.agent {
        store::join(db, chat.id, *agent, name, now).await?;
        announce::chat_assigned(db, outbox, now, &chat, *agent).await?;
    }
    Ok(chat)
}

/// A user who writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    /// The user.
    pub(crate) id: UserId,
    /// The display name.
    pub(crate) name: &'a str,
    /// Whether the user works on chats of the company.
    pub(crate) serves: bool,
}

impl<'a> Writer<'a> {
    /// The viewer, writing into a chat.
    pub(crate) fn of(viewer: &'a Viewer, chat: &Chat) -> Self {
        let works = matches!(viewer.role, Role::Admin | Role::Chat);
        Self {
            id: viewer.id,
            name: &viewer.name,
            serves: works && viewer.company == chat.company,
        }
    }
}

/// Notes that a user writes into a locked chat: the user takes part in it, and
/// takes it when it waits.
pub(crate) async fn note_writer(
    db: &mut PgConnection,
    outbox: &Outbox,
    chat: &mut Chat,
    writer: Writer<'_>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    store::join(db, chat.id, writer.id, writer.name, now).await?;
    let waits = chat.assigned.is_none() && chat.channel.is_some();
    if waits && writer.serves {
        store::assign(db, chat.id, writer.id).await?;
        agents::note_assignment(db, writer.id, now).await?;
        chat.assigned = Some(writer.id);
        announce::chat_assigned(db, outbox, now, chat, writer.id).await?;
    }
    Ok(())
}

/// Who hears of a message in a chat on a channel of their own: the agent, the
/// colleagues of an internal chat, or everybody who may take it.
pub(crate) async fn audience(db: &mut PgConnection, chat: &Chat) -> Result<Vec<i64>, Error> {
    if let Some(agent) = chat.assigned {
        return Ok(vec![agent.0]);
    }
    if chat.channel.is_none() {
        let members = store::agents_of(db, chat.id).await?;
        return Ok(members.into_iter().map(|member| member.id).collect());
    }
    agents::waiting_audience(db, chat.company, chat.department).await
}

/// Gives the chats of `gone` to `kept`, both locked by the caller. Where both
/// have an open chat on a channel, the younger one goes into the older one.
pub(crate) async fn join_guests(
    db: &mut PgConnection,
    kept: GuestId,
    gone: GuestId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    for (older, younger) in store::rival_chats(db, kept, gone).await? {
        store::merge::absorb(db, older, younger, now).await?;
    }
    Ok(store::merge::hand_over(db, kept, gone).await?)
}

/// How far a message is from the top of its chat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// The message.
    pub(crate) message: MessageId,
    /// Everything up to this place is read.
    pub(crate) seq: i64,
}
