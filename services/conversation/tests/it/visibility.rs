//! Who sees which chats: one rule, the same in every operation.

use auth::{Authority, Caller, Role};
use chassis::ErrorCode;
use proto::conversation::v1::{
    CanAccessChatRequest, GetChatMessagesRequest, GetChatUsersRequest, MarkAsReadRequest,
};
use sqlx::PgPool;

use crate::rig::{COMPANY, Rig, admin, answer, client, message, user, wrong_field};

/// The chats of the matrix.
struct World {
    rig: Rig,
    /// Waits for department 7 of company 3.
    waiting: i64,
    /// Waits for department 8 of company 3.
    elsewhere: i64,
    /// Waits for nobody in particular of company 3.
    anywhere: i64,
    /// Agent 70 of company 3 has it.
    taken: i64,
    /// Agents 70 and 71 of company 3 among themselves.
    internal: i64,
    /// Of company 4.
    foreign: i64,
}

async fn world(pool: PgPool) -> World {
    let rig = Rig::start(pool).await;
    let chat = async |company: i64, n: i64, department: Option<i64>, agent: Option<i64>| {
        let phone = format!("5068888000{n}");
        let mut event = message(&format!("m:{n}"), &phone, "Hola", rig.clock.now());
        event.company_id = company;
        event.channel_id = company * 10;
        let id = rig.take(event).await.chat_id;
        sqlx::query(
            "UPDATE conversation.chat SET department_id = $2, assigned_user_id = $3 WHERE id = $1",
        )
        .bind(id)
        .bind(department)
        .bind(agent)
        .execute(&rig.pool)
        .await
        .unwrap();
        id
    };
    let waiting = chat(COMPANY, 1, Some(7), None).await;
    let elsewhere = chat(COMPANY, 2, Some(8), None).await;
    let anywhere = chat(COMPANY, 3, None, None).await;
    let taken = chat(COMPANY, 4, Some(7), Some(70)).await;
    let foreign = chat(4, 5, Some(7), None).await;
    let internal: i64 = sqlx::query_scalar(
        "WITH chat AS (
             INSERT INTO conversation.chat (company_id, last_message_at, created_at, last_seq)
             VALUES (3, now(), now(), 1) RETURNING id
         ), members AS (
             INSERT INTO conversation.participant
             SELECT id, agent, 'Agente ' || agent, now() FROM chat, unnest(ARRAY[70, 71]) AS agent
         ), message AS (
             INSERT INTO conversation.message (company_id, chat_id, seq, direction, kind, text,
                 sender_user_id, status, ordered_at, received_at, created_at)
             SELECT 3, id, 1, 'internal', 'text', 'entre nosotros', 70, 'sent', now(), now(), now()
             FROM chat
         )
         SELECT id FROM chat",
    )
    .fetch_one(&rig.pool)
    .await
    .unwrap();
    World {
        rig,
        waiting,
        elsewhere,
        anywhere,
        taken,
        internal,
        foreign,
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn everybody_sees_what_the_rule_says_and_the_rest_does_not_exist(pool: PgPool) {
    let world = world(pool).await;
    let World {
        rig,
        waiting,
        elsewhere,
        anywhere,
        taken,
        internal,
        foreign,
    } = &world;
    let all = [*waiting, *elsewhere, *anywhere, *taken, *internal, *foreign];
    let of_client = |mut caller: Caller, authority, company| {
        caller.client = client(authority, company).client;
        caller
    };
    let boss = || user(Role::Super, 1, 1, None);
    let agent = |id, department| user(Role::Chat, id, COMPANY, department);
    let matrix: Vec<(&str, Caller, Vec<i64>)> = vec![
        ("super", boss(), all.to_vec()),
        (
            "super with a client of company 4",
            of_client(boss(), Authority::Company, 4),
            vec![*foreign],
        ),
        (
            "admin",
            admin(),
            vec![*waiting, *elsewhere, *anywhere, *taken, *internal],
        ),
        ("admin of 4", user(Role::Admin, 9, 4, None), vec![*foreign]),
        (
            "admin with a client of company 4",
            of_client(admin(), Authority::Company, 4),
            vec![],
        ),
        (
            "admin with a delegated client",
            of_client(admin(), Authority::Delegated, 3),
            vec![*waiting, *elsewhere, *anywhere, *taken, *internal],
        ),
        (
            "agent 70",
            agent(70, Some(7)),
            vec![*waiting, *anywhere, *taken, *internal],
        ),
        (
            "agent 71",
            agent(71, Some(8)),
            vec![*elsewhere, *anywhere, *internal],
        ),
        ("agent 72", agent(72, Some(7)), vec![*waiting, *anywhere]),
        ("agent without department", agent(73, None), vec![*anywhere]),
        (
            "agent of 4 with the same department",
            user(Role::Chat, 70, 4, Some(7)),
            vec![*foreign],
        ),
    ];
    for (who, caller, mut expected) in matrix {
        let mut listed: Vec<i64> = rig
            .list(&caller, "")
            .await
            .iter()
            .map(|chat| chat.chat_id)
            .collect();
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected, "{who}");
        for chat in all {
            check_access(rig, &caller, chat, expected.contains(&chat), who).await;
        }
        check_access(rig, &caller, 999_999, false, who).await;
        check_access(rig, &caller, 0, false, who).await;
    }
}

/// All operations on one chat agree.
async fn check_access(rig: &Rig, caller: &Caller, chat: i64, expected: bool, who: &str) {
    let call = rig.call(caller);
    let access = CanAccessChatRequest { chat_id: chat };
    let access = rig.chats().can_access_chat(call.request(access)).await;
    assert_eq!(
        access.unwrap().into_inner().allowed,
        expected,
        "{who}, chat {chat}"
    );
    let messages = GetChatMessagesRequest {
        chat_id: chat,
        ..Default::default()
    };
    let messages = answer(rig.chats().get_chat_messages(call.request(messages)).await);
    let users = GetChatUsersRequest { chat_id: chat };
    let users = answer(rig.chats().get_chat_users(call.request(users)).await);
    if expected {
        assert_eq!(messages.unwrap().messages.len(), 1, "{who}, chat {chat}");
        assert!(!users.unwrap().participants.is_empty() || chat == 0);
        return;
    }
    let read = MarkAsReadRequest {
        chat_id: chat,
        message_id: 1,
    };
    let read = answer(rig.chats().mark_as_read(call.request(read)).await);
    let sent = rig.send(caller, chat, "intruso", "").await;
    for refused in [messages.err(), users.err(), read.err(), sent.err()] {
        let refused = refused.unwrap();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{who}, chat {chat}");
        assert_eq!(wrong_field(&refused), ("id_chat", "NOT_REGISTERED"));
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn without_a_user_there_are_no_chats(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    for caller in [
        client(Authority::Platform, COMPANY),
        Caller::service("edge"),
    ] {
        let call = rig.call(&caller);
        let access = CanAccessChatRequest { chat_id: chat };
        let refused = answer(rig.chats().can_access_chat(call.request(access)).await);
        assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
        assert_eq!(
            rig.send(&caller, chat, "x", "").await.unwrap_err().code,
            ErrorCode::PermissionDenied
        );
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn colleagues_write_among_themselves_and_nothing_is_sent(pool: PgPool) {
    let world = world(pool).await;
    let rig = &world.rig;
    let agent = user(Role::Chat, 71, COMPANY, Some(8));
    let sent = rig
        .send(&agent, world.internal, "¿puedes?", "")
        .await
        .unwrap();
    assert_eq!(
        sent.direction(),
        proto::conversation::v1::Direction::Internal
    );
    assert_eq!(
        (sent.channel_id, rig.list(&agent, "Agente 70").await.len()),
        (0, 1)
    );
    let requested: Vec<proto::events::v1::OutboundRequested> =
        rig.announced("outbound.requested").await;
    assert!(requested.is_empty());
    let created: Vec<proto::events::v1::MessageCreated> = rig.announced("message.created").await;
    assert_eq!(created.last().unwrap().audience_user_ids, [70, 71]);
}
