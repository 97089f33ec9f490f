//! The life of a connection: how it begins, what it survives, how it ends.

use realtime_broadcast::Config;
use serde_json::json;
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::{Client, PATIENCE},
    publishing::publish_to_public,
    world::{KEY, World},
};

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn who_may_not_stay_is_told_by_a_close_code(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    for (key, query, code) in [
        ("unknown", "?protocol=7", 4001),
        ("%00", "?protocol=7", 4001),
        (KEY, "", 4008),
        (KEY, "?client=js", 4008),
        (KEY, "?protocol=99", 4007),
        (KEY, "?protocol=x", 4007),
    ] {
        let mut client = Client::open(&node.url_with(key, query)).await;
        let error = client.expect("pusher:error").await;
        assert_eq!(error["data"]["code"], code, "{key}{query}");
        assert_eq!(client.closed().await, code, "{key}{query}");
    }
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn what_is_no_message_is_answered_and_the_connection_stays(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let mut client = Client::connect(&node.url()).await;
    for text in [
        "{",
        "null",
        "{}",
        r#"{"event":"pusher:subscribe"}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
        r#"{"event":"pusher:unheard-of"}"#,
        r#"{"event":"client-x","data":{}}"#,
        &"[".repeat(10_000),
    ] {
        client.say_text(text).await;
        client.expect("pusher:error").await;
    }
    client.subscribed("public.x", "", "").await;
    client.subscribe("public.x", "", "").await;
    client.expect("pusher:error").await;
    client.unsubscribe("public.never").await;
    client.nothing_waits().await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn limits_close_the_connection_or_refuse_the_channel(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world
        .node_with(Config {
            max_connections: 5,
            ..world.config.clone()
        })
        .await;

    let mut client = Client::connect(&node.url()).await;
    for number in 0..100 {
        client
            .subscribed(&format!("public.n{number}"), "", "")
            .await;
    }
    client.subscribe("public.one-more", "", "").await;
    let refused = client.expect("pusher:subscription_error").await;
    assert_eq!(refused["data"]["type"], "LimitReached");

    let mut large = Client::connect(&node.url()).await;
    large.say_text(&"x".repeat(16 * 1024 + 1)).await;
    assert_eq!(large.closed().await, 1009);

    let mut binary = Client::connect(&node.url()).await;
    binary.say_binary().await;
    assert_eq!(binary.closed().await, 1003);

    let mut flood = Client::connect(&node.url()).await;
    for _ in 0..400 {
        flood
            .say(&json!({"event": "pusher:pong", "data": {}}))
            .await;
    }
    assert_eq!(flood.closed().await, 4100);

    let mut pings = Client::connect(&node.url()).await;
    let mut heard = 0;
    while heard < 400 && pings.ping().await {
        heard += 1;
    }
    assert_eq!(pings.closed().await, 4100);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn neither_a_replica_nor_an_app_takes_more_connections_than_it_may(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world
        .node_with(Config {
            max_connections: 3,
            ..world.config.clone()
        })
        .await;
    sqlx::query("UPDATE realtime.app SET max_connections = 1")
        .execute(&pool)
        .await
        .unwrap();
    let _first = Client::connect(&node.url()).await;
    let mut second = Client::open(&node.url()).await;
    assert_eq!(second.closed().await, 4004);

    sqlx::query("UPDATE realtime.app SET max_connections = 100")
        .execute(&pool)
        .await
        .unwrap();
    let mut others = [
        Client::connect(&node.url()).await,
        Client::connect(&node.url()).await,
    ];
    let mut too_many = Client::open(&node.url()).await;
    assert_eq!(too_many.closed().await, 4100);
    others[0].nothing_waits().await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_silent_client_is_asked_and_then_closed(pool: PgPool) {
    let world = World::new(&pool).await;
    let config = Config {
        activity_timeout_seconds: 1,
        pong_timeout_seconds: 1,
        ..world.config.clone()
    };
    let node = world.node_with(config).await;
    let mut client = Client::connect(&node.url()).await;
    client.expect("pusher:ping").await;
    client
        .say(&json!({"event": "pusher:pong", "data": {}}))
        .await;
    client.expect("pusher:ping").await;
    assert_eq!(client.closed().await, 4201);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_client_that_does_not_read_is_closed_and_the_others_miss_nothing(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world
        .node_with(Config {
            queue_bytes: 64 * 1024,
            ..world.config.clone()
        })
        .await;
    let mut good = Client::connect(&node.url()).await;
    good.subscribed("public.firehose", "", "").await;

    // A socket of its own, so that nothing reads in the background.
    let mut slow = TcpStream::connect(node.address).await.unwrap();
    let greeting = format!(
        "GET /app/{KEY}?protocol=7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    slow.write_all(greeting.as_bytes()).await.unwrap();
    let subscribe = br#"{"event":"pusher:subscribe","data":{"channel":"public.firehose"}}"#;
    // A masked text frame whose mask is zero.
    let mut frame = vec![
        0x81,
        0x80 | u8::try_from(subscribe.len()).unwrap(),
        0,
        0,
        0,
        0,
    ];
    frame.extend_from_slice(subscribe);
    slow.write_all(&frame).await.unwrap();
    let mut realtime = node.client();
    let subscribed = async || {
        let request = proto::realtime::v1::ListChannelsRequest::default();
        let answer = node
            .client()
            .list_channels(world.user(7).request(request))
            .await
            .unwrap();
        let channels = answer.into_inner().channels;
        channels
            .iter()
            .find(|c| c.wire_name == "public.firehose")
            .map_or(0, |c| c.subscriptions)
    };
    crate::world::until("the slow client", || async {
        (subscribed().await == 2).then_some(())
    })
    .await;

    let data = format!("\"{}\"", "x".repeat(10_000));
    let mut sent = 0;
    // How much the kernel takes before anything queues up is its own business.
    while subscribed().await == 2 {
        for _ in 0..20 {
            let publish = publish_to_public("firehose", "Drop", &data);
            realtime
                .publish(world.service().request(publish))
                .await
                .unwrap();
            good.expect("Drop").await;
            sent += 1;
        }
        assert!(sent < 20_000, "the slow client is never closed");
    }
    // What it finds when it reads at last ends with the close.
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, slow.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    good.nothing_waits().await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_stop_sends_clients_elsewhere_and_takes_no_new_ones(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world
        .node_with(Config {
            drain_seconds: 1,
            ..world.config.clone()
        })
        .await;
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(Client::connect(&node.url()).await);
    }
    node.stop.request();
    for client in &mut clients {
        assert_eq!(client.closed().await, 4200);
    }
    crate::world::until("the listener to close", || async {
        TcpStream::connect(node.address)
            .await
            .is_err()
            .then_some(())
    })
    .await;
}
