//! One list of members on all replicas, whatever happens to them.

use std::time::Duration;

use events::{Bus, RedisBus};
use proto::realtime::v1::{ListPresenceRequest, Target, target::Target as Wanted};
use realtime_broadcast::Config;
use serde_json::{Value, json};
use sqlx::PgPool;
use testing::servers::Redis;

use crate::{
    channels::authorize,
    client::{Client, data_of},
    publishing::publish_to,
    world::{Node, World, until},
};

const ROOM: &str = "presence-presencechat.sala-1";

fn room() -> Wanted {
    Wanted::PresenceChat("sala-1".to_owned())
}

/// Enters the room and answers who is there.
async fn enter(world: &World, node: &Node, user: i64) -> (Client, Value) {
    let mut client = Client::connect(&node.url()).await;
    let present = join(world, node, user, &mut client).await;
    (client, present)
}

async fn join(world: &World, node: &Node, user: i64, client: &mut Client) -> Value {
    let seat = authorize(world, node, user, client, ROOM).await.unwrap();
    let data = client
        .subscribed(ROOM, &seat.auth, &seat.channel_data)
        .await;
    data["presence"]["ids"].clone()
}

async fn listed(world: &World, node: &Node) -> Vec<String> {
    let request = ListPresenceRequest {
        target: Some(Target {
            target: Some(room()),
        }),
    };
    let answer = node
        .client()
        .list_presence(world.user(7).request(request))
        .await
        .unwrap();
    answer
        .into_inner()
        .members
        .into_iter()
        .map(|member| member.user_id)
        .collect()
}

async fn comes(client: &mut Client, user: &str) {
    let message = client.expect("pusher_internal:member_added").await;
    assert_eq!(data_of(&message)["user_id"], user);
}

async fn goes(client: &mut Client, user: &str) {
    let message = client.expect("pusher_internal:member_removed").await;
    assert_eq!(data_of(&message)["user_id"], user);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_user_comes_with_the_first_socket_and_goes_with_the_last(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let (mut watcher, present) = enter(&world, &one, 1).await;
    assert_eq!(present, json!(["1"]));
    let (first, present) = enter(&world, &one, 7).await;
    assert_eq!(present, json!(["1", "7"]));
    let (mut second, present) = enter(&world, &two, 7).await;
    assert_eq!(present, json!(["1", "7"]));
    comes(&mut watcher, "7").await;
    assert_eq!(listed(&world, &two).await, ["1", "7"]);

    drop(first);
    let (_, present) = enter(&world, &two, 8).await;
    assert_eq!(present, json!(["1", "7", "8"]));
    // 8 has come and gone at once; 7 is still there with the other socket.
    for client in [&mut watcher, &mut second] {
        comes(client, "8").await;
        goes(client, "8").await;
    }
    second.unsubscribe(ROOM).await;
    goes(&mut watcher, "7").await;
    watcher.nothing_waits().await;
    assert_eq!(listed(&world, &one).await, ["1"]);
    // And comes again on the same socket.
    assert_eq!(join(&world, &two, 7, &mut second).await, json!(["1", "7"]));
    comes(&mut watcher, "7").await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_newcomer_hears_only_what_its_list_does_not_hold(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let mut clients = Vec::new();
    for user in 1..=12 {
        let node = if user % 2 == 0 { &one } else { &two };
        clients.push(enter(&world, node, user).await.0);
    }
    for (index, client) in clients.iter_mut().enumerate() {
        for user in index + 2..=12 {
            comes(client, &user.to_string()).await;
        }
        client.nothing_waits().await;
    }
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn the_members_of_a_replica_that_dies_are_removed_once(pool: PgPool) {
    let redis = Redis::start().await.unwrap();
    let bus = Bus::Redis(RedisBus::new(&redis.url()).unwrap());
    let world = World::on(&pool, bus).await;
    let nodes = [world.node().await, world.node().await];
    let doomed = world.node().await;
    let (mut watcher, _) = enter(&world, &nodes[0], 1).await;
    let (mut other, _) = enter(&world, &nodes[1], 2).await;
    comes(&mut watcher, "2").await;
    let _lost = [
        enter(&world, &doomed, 7).await,
        enter(&world, &doomed, 7).await,
    ];
    let _elsewhere_too = [
        enter(&world, &doomed, 8).await,
        enter(&world, &nodes[1], 8).await,
    ];
    for client in [&mut watcher, &mut other] {
        comes(client, "7").await;
        comes(client, "8").await;
    }
    drop(doomed);
    for client in [&mut watcher, &mut other] {
        goes(client, "7").await;
    }
    until("the dead replica to be forgotten", || async {
        let nodes: i64 = sqlx::query_scalar("SELECT count(*) FROM realtime.node")
            .fetch_one(&pool)
            .await
            .unwrap();
        (nodes == 2).then_some(())
    })
    .await;
    for node in &nodes {
        assert_eq!(listed(&world, node).await, ["1", "2", "8"]);
    }
    // Anything that was told twice would arrive before this.
    let publish = publish_to(room(), "Fence", "{}");
    nodes[0]
        .client()
        .publish(world.service().request(publish))
        .await
        .unwrap();
    watcher.expect("Fence").await;
    other.expect("Fence").await;
    redis.stop().await.unwrap();
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_replica_that_was_held_for_dead_begins_anew(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let (mut client, _) = enter(&world, &node, 7).await;
    sqlx::query("UPDATE realtime.node SET dead = true")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(client.closed().await, 4200);
    let (_client, present) = enter(&world, &node, 7).await;
    assert_eq!(present, json!(["7"]));
    until("the old lease to be forgotten", || async {
        let nodes: Vec<bool> = sqlx::query_scalar("SELECT dead FROM realtime.node")
            .fetch_all(&pool)
            .await
            .unwrap();
        (nodes == [false]).then_some(())
    })
    .await;
    assert_eq!(listed(&world, &node).await, ["7"]);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_reload_is_no_coming_and_going(pool: PgPool) {
    let world = World::new(&pool).await;
    let config = Config {
        leave_delay_seconds: 2,
        ..world.config.clone()
    };
    let (one, two) = (
        world.node_with(config.clone()).await,
        world.node_with(config).await,
    );
    let (mut watcher, _) = enter(&world, &one, 1).await;
    let (reloading, _) = enter(&world, &one, 7).await;
    comes(&mut watcher, "7").await;
    drop(reloading);
    let (reloaded, present) = enter(&world, &two, 7).await;
    assert_eq!(present, json!(["1", "7"]));
    until("the first socket's seat to be given up", || async {
        let seats: i64 =
            sqlx::query_scalar("SELECT count(*) FROM realtime.presence_member WHERE user_id = '7'")
                .fetch_one(&pool)
                .await
                .unwrap();
        (seats == 1).then_some(())
    })
    .await;
    watcher.nothing_waits().await;
    drop(reloaded);
    goes(&mut watcher, "7").await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_stopped_replica_leaves_its_members_to_the_others(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let (mut watcher, _) = enter(&world, &one, 1).await;
    let (mut leaving, _) = enter(&world, &two, 7).await;
    let (mut staying, _) = enter(&world, &two, 8).await;
    comes(&mut watcher, "7").await;
    comes(&mut watcher, "8").await;
    two.stop.request();
    assert_eq!(staying.closed().await, 4200);
    assert_eq!(leaving.closed().await, 4200);
    goes_in_any_order(&mut watcher, &["7", "8"]).await;
    watcher.nothing_waits().await;
}

async fn goes_in_any_order(client: &mut Client, users: &[&str]) {
    let mut gone = Vec::new();
    for _ in users {
        let message = client.expect("pusher_internal:member_removed").await;
        gone.push(data_of(&message)["user_id"].as_str().unwrap().to_owned());
    }
    gone.sort_unstable();
    assert_eq!(gone, users);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_full_room_takes_known_users_only(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    sqlx::query("UPDATE realtime.app SET max_members = 2")
        .execute(&pool)
        .await
        .unwrap();
    let (_one, _) = enter(&world, &node, 1).await;
    let (_two, _) = enter(&world, &node, 2).await;
    let mut third = Client::connect(&node.url()).await;
    let seat = authorize(&world, &node, 3, &third, ROOM).await.unwrap();
    third.subscribe(ROOM, &seat.auth, &seat.channel_data).await;
    let refused = third.expect("pusher:subscription_error").await;
    assert_eq!(refused["data"]["status"], 403);
    let (_again, present) = enter(&world, &node, 2).await;
    assert_eq!(present, json!(["1", "2"]));
    let publish = publish_to(room(), "E", "{}");
    node.client()
        .publish(world.service().request(publish))
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(20), third.nothing_waits())
        .await
        .unwrap();
}
