//! Lists: order, pages, filters, and who is in a chat.

use auth::Role;
use proto::{
    common::v1::PageRequest,
    conversation::v1::{
        GetChatMessagesRequest, GetChatUsersRequest, ListChatUsersRequest, ListChatsRequest,
    },
};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{COMPANY, Rig, admin, answer, message, user, with, wrong_field};

async fn named(rig: &Rig, n: i64, name: &str) -> i64 {
    let at = rig.clock.now() - Duration::minutes(60 - n);
    let phone = format!("506888800{n:02}");
    let event = with(message(&format!("m:{n}"), &phone, name, at), |message| {
        message.profile_name = name.into();
    });
    rig.take(event).await.chat_id
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn chats_come_newest_first_page_by_page(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let mut chats = Vec::new();
    for n in 0..5 {
        chats.push(named(&rig, n, &format!("Cliente {n}")).await);
    }
    // The oldest writes again.
    rig.take(message(
        "m:again",
        "50688880000",
        "otra vez",
        rig.clock.now(),
    ))
    .await;
    let expected = [chats[0], chats[4], chats[3], chats[2], chats[1]];
    let mut paged = Vec::new();
    for page in 1..=3 {
        let request = ListChatsRequest {
            page: Some(PageRequest {
                page,
                per_page: 2,
                unpaged: false,
            }),
            name: String::new(),
        };
        let call = rig.call(&admin());
        let listed = rig
            .chats()
            .list_chats(call.request(request))
            .await
            .unwrap()
            .into_inner();
        let info = listed.page.unwrap();
        assert_eq!((info.page, info.per_page, info.total), (page, 2, 5));
        paged.extend(listed.chats.iter().map(|chat| chat.chat_id));
    }
    assert_eq!(paged, expected);
    let unpaged = rig.list(&admin(), "").await;
    assert_eq!(unpaged[0].last_message, "otra vez");
    assert_eq!(unpaged.len(), 5);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_filter_is_text_and_nothing_else(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let names = ["Ana 100%", "Ana 1000", "a_b", "axb", r"c\d", "O'Higgins"];
    for (n, name) in (0..).zip(names) {
        named(&rig, n, name).await;
    }
    for (filter, expected) in [
        ("ana", 2),
        ("100%", 1),
        ("%", 1),
        ("_", 1),
        (r"\", 1),
        ("O'Higgins", 1),
        ("'; DROP TABLE conversation.chat; --", 0),
        ("\0ana", 2),
        // The agent who has them all.
        ("agente 70", 6),
    ] {
        assert_eq!(
            rig.list(&admin(), filter).await.len(),
            expected,
            "{filter:?}"
        );
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn colleagues_are_the_active_others_of_the_company(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    rig.agent(71, COMPANY, Some(8), Role::Chat).await;
    rig.agent(2, COMPANY, None, Role::Admin).await;
    rig.agent(90, 4, None, Role::Admin).await;
    rig.agent(72, COMPANY, None, Role::Chat).await;
    sqlx::query("UPDATE conversation.agent SET active = false WHERE user_id = 72")
        .execute(&rig.pool)
        .await
        .unwrap();
    let users = async |caller: &auth::Caller, name: &str| {
        let request = ListChatUsersRequest {
            page: None,
            name: name.into(),
        };
        let call = rig.call(caller);
        let listed = rig.chats().list_chat_users(call.request(request)).await;
        let listed = listed.unwrap().into_inner();
        assert_eq!(listed.page.unwrap().total, listed.users.len() as u64);
        listed
            .users
            .into_iter()
            .map(|user| (user.user_id, user.email, user.department_id))
            .collect::<Vec<_>>()
    };
    let seen = users(&user(Role::Chat, 70, COMPANY, Some(7)), "").await;
    let expected = [
        (2, "agente2@atencion.test", 0),
        (71, "agente71@atencion.test", 8),
    ];
    assert_eq!(
        seen,
        expected.map(|(id, email, of)| (id, email.to_owned(), of))
    );
    assert_eq!(users(&admin(), "AGENTE 7").await.len(), 2);
    assert_eq!(users(&admin(), "%").await.len(), 0);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_chat_has_its_agents_and_its_guest(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let chat = named(&rig, 1, "Cliente A").await;
    rig.clock.advance(Duration::seconds(1));
    rig.send(&admin(), chat, "Ayudo", "").await.unwrap();
    let call = rig.call(&admin());
    let request = GetChatUsersRequest { chat_id: chat };
    let answered = rig
        .chats()
        .get_chat_users(call.request(request))
        .await
        .unwrap();
    let members: Vec<_> = answered
        .into_inner()
        .participants
        .into_iter()
        .map(|member| (member.name, member.guest))
        .collect();
    let expected = [
        ("Agente 70", false),
        ("Agente 2", false),
        ("Cliente A", true),
    ];
    assert_eq!(
        members,
        expected.map(|(name, guest)| (name.to_owned(), guest))
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn messages_come_newest_page_first_oldest_message_first(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let start = rig.clock.now() - Duration::minutes(30);
    let events = (0..250)
        .map(|n| {
            let at = start + Duration::seconds(n);
            message(&format!("m:{n}"), "50688888888", &n.to_string(), at)
        })
        .collect();
    let chat = rig.ingest(events).await[0].chat_id;
    let page = async |before: i64, limit: u32| {
        let request = GetChatMessagesRequest {
            chat_id: chat,
            before_message_id: before,
            limit,
        };
        let call = rig.call(&admin());
        let read = rig.chats().get_chat_messages(call.request(request)).await;
        answer(read).map(|read| read.messages)
    };
    let newest = page(0, 0).await.unwrap();
    assert_eq!(
        (newest.len(), &*newest[0].text, &*newest[199].text),
        (200, "50", "249")
    );
    let older = page(newest[0].message_id, 30).await.unwrap();
    assert_eq!(
        (older.len(), &*older[0].text, &*older[29].text),
        (30, "20", "49")
    );
    let oldest = page(older[0].message_id, 5000).await.unwrap();
    assert_eq!((oldest.len(), &*oldest[0].text), (20, "0"));
    assert!(page(oldest[0].message_id, 10).await.unwrap().is_empty());
    let refused = page(999_999, 10).await.unwrap_err();
    assert_eq!(wrong_field(&refused), ("before_id", "NOT_REGISTERED"));
}
