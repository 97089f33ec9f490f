//! What happens in chats shows on sockets.

use proto::{
    conversation::v1::{DeliveryStatus, Direction, Message},
    events::v1::{ChatAssigned, MessageCreated, MessageMediaAttached, MessageStatusChanged},
};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    channels::authorize,
    client::{Client, data_of},
    world::{COMPANY, Node, World},
};

async fn in_room(world: &World, node: &Node, user: i64) -> Client {
    let mut client = Client::connect(&node.url()).await;
    let room = format!("presence-presencechat.chat-{user}");
    let seat = authorize(world, node, user, &client, &room).await.unwrap();
    client
        .subscribed(&room, &seat.auth, &seat.channel_data)
        .await;
    client
}

async fn on_own_channel(world: &World, node: &Node, user: i64) -> Client {
    let mut client = Client::connect(&node.url()).await;
    let channel = format!("private-privateuser.{user}");
    let auth = authorize(world, node, user, &client, &channel)
        .await
        .unwrap()
        .auth;
    client.subscribed(&channel, &auth, "").await;
    client
}

fn message(direction: Direction) -> MessageCreated {
    MessageCreated {
        message: Some(Message {
            message_id: 45,
            chat_id: 7,
            direction: direction.into(),
            text: "Hola".to_owned(),
            sender_id: 12,
            sender_name: "María".to_owned(),
            created_at: Some(prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            company_id: COMPANY,
            ..Message::default()
        }),
        assigned_user_id: 7,
        audience_user_ids: vec![8, 7],
        ..MessageCreated::default()
    }
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_message_shows_in_its_room_and_to_everybody_concerned(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let mut room = in_room(&world, &one, 7).await;
    let mut agents = [
        on_own_channel(&world, &one, 7).await,
        on_own_channel(&world, &two, 8).await,
    ];
    let mut bystander = on_own_channel(&world, &two, 9).await;

    let inbound = message(Direction::Inbound);
    world
        .conversation
        .append("message.created", COMPANY, &inbound)
        .await;
    let sent = json!({
        "chatId": "chat-7",
        "id_message": "msg-45",
        "message": "Hola",
        "user": {"id": 12, "name": "María"},
        "sender_id": 12,
        "direction": "inbound",
        "created_at": "2023-11-14T22:13:20Z",
    });
    assert_eq!(data_of(&room.expect("MessageSent").await), sent);
    for agent in &mut agents {
        assert_eq!(data_of(&agent.expect("MessageSent").await), sent);
        let notification = data_of(&agent.expect("UserNotification").await);
        let wanted = json!({
            "title": "Nuevo mensaje", "message": "Hola", "chatId": "chat-7", "type": "info",
        });
        assert_eq!(notification, wanted);
    }

    // What an agent wrote notifies nobody.
    let outbound = message(Direction::Outbound);
    world
        .conversation
        .append("message.created", COMPANY, &outbound)
        .await;
    assert_eq!(
        data_of(&room.expect("MessageSent").await)["direction"],
        "outbound"
    );
    for agent in &mut agents {
        agent.expect("MessageSent").await;
    }

    let delivered = MessageStatusChanged {
        message_id: 45,
        chat_id: 7,
        status: DeliveryStatus::Delivered.into(),
        assigned_user_id: 7,
        error: String::new(),
    };
    world
        .conversation
        .append("message.status_changed", COMPANY, &delivered)
        .await;
    let updated = json!({"chatId": "chat-7", "id_message": "msg-45", "status": "delivered"});
    assert_eq!(data_of(&room.expect("MessageUpdated").await), updated);
    assert_eq!(data_of(&agents[0].expect("MessageUpdated").await), updated);

    let attached = MessageMediaAttached {
        message_id: 45,
        chat_id: 7,
        media_filename: "photo_12345.jpg".to_owned(),
        assigned_user_id: 7,
    };
    world
        .conversation
        .append("message.media_attached", COMPANY, &attached)
        .await;
    let updated = json!({
        "chatId": "chat-7", "id_message": "msg-45", "status": "received",
        "file": "photo_12345.jpg",
    });
    assert_eq!(data_of(&room.expect("MessageUpdated").await), updated);
    assert_eq!(data_of(&agents[0].expect("MessageUpdated").await), updated);

    let assigned = ChatAssigned {
        chat_id: 7,
        user_id: 8,
        name: "María".to_owned(),
    };
    world
        .conversation
        .append("chat.assigned", COMPANY, &assigned)
        .await;
    let data = data_of(&agents[1].expect("ChatAssigned").await);
    assert_eq!(
        data,
        json!({"chatId": "chat-7", "name": "María", "user_id": 8})
    );
    let [seven, eight] = &mut agents;
    for client in [&mut room, seven, eight, &mut bystander] {
        client.nothing_waits().await;
    }
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn an_event_takes_effect_once_on_all_replicas_together(pool: PgPool) {
    let world = World::new(&pool).await;
    for _ in 0..5 {
        world
            .conversation
            .append("message.created", COMPANY, &message(Direction::Inbound))
            .await;
    }
    let _nodes = [world.node().await, world.node().await];
    let offsets = || async {
        sqlx::query_scalar::<_, i64>(
            "SELECT last_offset FROM realtime.channel
             WHERE wire_name = 'presence-presencechat.chat-7'",
        )
        .fetch_optional(&pool)
        .await
        .unwrap()
    };
    crate::world::until("all five", || async {
        (offsets().await == Some(5)).then_some(())
    })
    .await;
    world
        .conversation
        .append("message.read", COMPANY, &())
        .await;
    world
        .conversation
        .append("message.created", COMPANY, &message(Direction::Inbound))
        .await;
    crate::world::until("the sixth", || async {
        (offsets().await == Some(6)).then_some(())
    })
    .await;
}
