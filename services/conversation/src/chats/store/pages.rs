//! The SQL of the list of chats, put together for each page.
//!
//! A page is found by the index of the list alone, from its nearer end, and only
//! its own rows are read. The statement is never kept: with values that are not known
//! while it is planned, the rule of who sees what hides the index.

use postgres::Window;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::super::{Summary, Viewer};

/// Newest activity first, and the other way round.
const FORWARDS: &str = " ORDER BY chat.last_message_at DESC, chat.id";
const BACKWARDS: &str = " ORDER BY chat.last_message_at, chat.id DESC";

/// The chats a user sees in a window of the list, newest activity first. `name`
/// keeps those whose name or agent contains it.
pub(in crate::chats) async fn list(
    db: &mut PgConnection,
    viewer: &Viewer,
    name: &str,
    window: Window,
) -> Result<Vec<Summary>, sqlx::Error> {
    let mut query =
        QueryBuilder::new("SELECT chat.id, COALESCE(guest.name, conversation.colleagues(chat.id, ");
    query.push_bind(viewer.id.0);
    query.push(
        ")) AS name, chat.last_message_text AS last_message,
           GREATEST(chat.last_seq - COALESCE(mark.seq, 0) - COALESCE(mark.own_after, 0), 0)
               AS unread,
           chat.assigned_user_id AS assigned, chat.channel_id AS channel
         FROM (",
    );
    choose(&mut query, viewer, name, window);
    query.push(
        ") AS chosen
         JOIN conversation.chat USING (id)
         LEFT JOIN conversation.guest ON guest.id = chat.guest_id
         LEFT JOIN conversation.chat_read AS mark
             ON mark.chat_id = chat.id AND mark.user_id = ",
    );
    query.push_bind(viewer.id.0).push(FORWARDS);
    query.build_query_as().persistent(false).fetch_all(db).await
}

/// The ids of the window.
fn choose(query: &mut QueryBuilder<Postgres>, viewer: &Viewer, name: &str, window: Window) {
    query.push("SELECT chat.id FROM conversation.visible_chats(");
    query.push_bind(viewer.scope.confine()).push(", ");
    query.push_bind(viewer.id.0).push(", ");
    query.push_bind(viewer.role.number()).push(", ");
    let department = viewer.department.map(|department| department.0);
    query.push_bind(department).push(") AS chat");
    if !name.is_empty() {
        query.push(
            " LEFT JOIN conversation.guest ON guest.id = chat.guest_id
              LEFT JOIN conversation.agent ON agent.user_id = chat.assigned_user_id
              WHERE strpos(lower(agent.name), lower(",
        );
        query.push_bind(name.to_owned());
        query.push(
            ")) > 0
              OR strpos(lower(COALESCE(guest.name, conversation.colleagues(chat.id, ",
        );
        query.push_bind(viewer.id.0).push("))), lower(");
        query.push_bind(name.to_owned()).push(")) > 0");
    }
    query.push(if window.from_end { BACKWARDS } else { FORWARDS });
    query.push(" LIMIT ").push_bind(window.limit);
    query.push(" OFFSET ").push_bind(window.offset);
}
