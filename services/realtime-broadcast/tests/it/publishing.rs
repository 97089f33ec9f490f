//! Publishing by gRPC and hearing it on sockets.

use auth::{Authority, Call, Caller, ClientCaller, ClientId, CompanyId, Role};
use chassis::Upstream;
use proto::realtime::v1::{
    ClientUser, EventClass, ListChannelsRequest, ListPresenceRequest, PublishRequest, Target,
    TerminateUserRequest, target::Target as Wanted,
};
use serde_json::json;
use sqlx::PgPool;
use tonic::Code;

use crate::{
    client::{Client, data_of},
    world::{COMPANY, World, until},
};

pub fn publish_to(target: Wanted, event: &str, data: &str) -> PublishRequest {
    PublishRequest {
        target: Some(Target {
            target: Some(target),
        }),
        event: event.to_owned(),
        data_json: data.to_owned(),
        company_id: COMPANY,
        ..PublishRequest::default()
    }
}

pub fn publish_to_public(name: &str, event: &str, data: &str) -> PublishRequest {
    publish_to(Wanted::PublicChannel(name.to_owned()), event, data)
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_key_publishes_once_whatever_the_socket_for_48_hours(pool: PgPool) {
    let world = World::new(&pool).await;
    let one = world.node().await;
    let mut client = Client::connect(&one.url()).await;
    client.subscribed("publicchat.general", "", "").await;
    let publish = async |class: EventClass, number: i64, except: &str| {
        let mut publish = publish_to(
            Wanted::PublicChat("general".into()),
            "MessageSent",
            &json!({"n": number}).to_string(),
        );
        publish.set_class(class);
        publish.idempotency_key = format!("k-{}", class.as_str_name());
        except.clone_into(&mut publish.except_socket_id);
        let call = world.service().request(publish);
        one.client().publish(call).await
    };
    for class in [EventClass::Durable, EventClass::Ephemeral] {
        let first = publish(class, 1, "").await.unwrap().into_inner();
        let again = publish(class, 1, "7.7").await.unwrap().into_inner();
        assert_eq!(again, first);
        let other = publish(class, 2, "").await.unwrap_err();
        assert_eq!(other.code(), Code::AlreadyExists);
        let message = client.expect("MessageSent").await;
        assert_eq!(data_of(&message), json!({"n": 1}));
        client.nothing_waits().await;
    }
    sqlx::query("UPDATE realtime.idempotency_key SET created_at = now() - interval '48 hours'")
        .execute(&pool)
        .await
        .unwrap();
    publish(EventClass::Durable, 2, "").await.unwrap();
    let message = client.expect("MessageSent").await;
    assert_eq!(data_of(&message), json!({"n": 2}));
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn what_is_published_reaches_every_subscriber_on_every_replica_in_order(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let mut clients = [
        Client::connect(&one.url()).await,
        Client::connect(&one.url()).await,
        Client::connect(&two.url()).await,
    ];
    for client in &mut clients {
        client.subscribed("publicchat.general", "", "").await;
    }
    let mut realtime = one.client();
    for number in 1..=20 {
        let data = json!({"n": number, "text": "¡hola! \"\\\n"}).to_string();
        let mut publish = publish_to(Wanted::PublicChat("general".into()), "MessageSent", &data);
        if number == 20 {
            publish.except_socket_id.clone_from(&clients[1].socket_id);
        }
        let answer = realtime
            .publish(world.service().request(publish))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.logical_name, "publicchat.general");
        assert_eq!(answer.offset, number);
    }
    for (index, client) in clients.iter_mut().enumerate() {
        for number in 1..=20 {
            if index == 1 && number == 20 {
                break;
            }
            let message = client.expect("MessageSent").await;
            assert_eq!(message["channel"], "publicchat.general");
            assert_eq!(
                data_of(&message),
                json!({"n": number, "text": "¡hola! \"\\\n"})
            );
        }
        client.nothing_waits().await;
    }
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_replica_greets_nobody_before_it_delivers(pool: PgPool) {
    let world = World::new(&pool).await;
    let healthy = world.node().await;
    Client::connect(&healthy.url()).await;
    let (identity, slot) = Upstream::local();
    let waiting = world.node_behind(world.config.clone(), identity).await;
    let (url, mut realtime, call) = (waiting.url(), healthy.client(), world.service());
    let hears = tokio::spawn(async move {
        let mut client = Client::connect(&url).await;
        client.subscribed("public.early", "", "").await;
        let publish = publish_to_public("early", "Early", "{}");
        realtime.publish(call.request(publish)).await.unwrap();
        client.expect("Early").await;
    });
    until("the replica to look for its log in vain", || async {
        let signs: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM realtime.outbox WHERE type = 'replica.started'
             GROUP BY subject ORDER BY subject DESC LIMIT 1",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        (signs >= 3).then_some(())
    })
    .await;
    world.start_identity(slot);
    hears.await.unwrap();
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn ephemeral_events_are_delivered_and_leave_no_trace(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let mut client = Client::connect(&two.url()).await;
    client.subscribed("public.typing", "", "").await;
    let mut publish = publish_to_public("typing", "client-typing", r#"{"user_id":7}"#);
    publish.set_class(EventClass::Ephemeral);
    let answer = one
        .client()
        .publish(world.service().request(publish))
        .await
        .unwrap();
    assert_eq!(answer.into_inner().offset, 0);
    let message = client.expect("client-typing").await;
    assert_eq!(data_of(&message), json!({"user_id": 7}));
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM realtime.frame WHERE event = 'client-typing'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(kept, 0);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn bad_requests_name_what_is_wrong(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let mut realtime = node.client();
    let good = || publish_to_public("x", "E", "{}");
    let cases = [
        (
            "target",
            PublishRequest {
                target: None,
                ..good()
            },
        ),
        (
            "channel",
            publish_to_public("private-privateuser.7", "E", "{}"),
        ),
        (
            "room_id",
            publish_to(Wanted::PresenceChat("a.b".into()), "E", "{}"),
        ),
        ("user_id", publish_to(Wanted::PrivateUser(0), "E", "{}")),
        (
            "customer_id",
            publish_to(
                Wanted::ClientUser(ClientUser {
                    customer_id: 0,
                    user_id: 7,
                }),
                "E",
                "{}",
            ),
        ),
        ("event", publish_to_public("x", "", "{}")),
        ("event", publish_to_public("x", "nul\0", "{}")),
        (
            "except_socket_id",
            PublishRequest {
                except_socket_id: "x".to_owned(),
                ..good()
            },
        ),
        ("event", publish_to_public("x", "pusher:ping", "{}")),
        (
            "event",
            publish_to_public("x", "pusher_internal:member_added", "{}"),
        ),
        ("event", publish_to_public("x", &"e".repeat(201), "{}")),
        ("data_json", publish_to_public("x", "E", "{")),
        (
            "data_json",
            publish_to_public("x", "E", &format!("\"{}\"", "x".repeat(10_240))),
        ),
        (
            "company_id",
            PublishRequest {
                company_id: 0,
                ..good()
            },
        ),
    ];
    for (field, publish) in cases {
        let refused = realtime
            .publish(world.service().request(publish))
            .await
            .unwrap_err();
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{field}: {refused:?}"
        );
        let refusal = chassis::code::refusal(&refused);
        assert_eq!(refusal.fields[0].0, field);
    }
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn companies_do_not_hear_one_another(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let mut realtime = node.client();
    let publish = || publish_to_public("shared", "E", "{}");

    // Company 4 has no app, then one of its own.
    let none = realtime
        .publish(world.service().request(PublishRequest {
            company_id: 4,
            ..publish()
        }))
        .await
        .unwrap_err();
    assert_eq!(none.code(), Code::FailedPrecondition);
    world.company_changed(4, true).await;
    let key = until("the app of company 4", || async {
        sqlx::query_scalar::<_, String>("SELECT key FROM realtime.app WHERE company_id = 4")
            .fetch_optional(&pool)
            .await
            .unwrap()
    })
    .await;

    let mut ours = Client::connect(&node.url()).await;
    let mut theirs = Client::connect(&node.url_with(&key, "?protocol=7")).await;
    ours.subscribed("public.shared", "", "").await;
    theirs.subscribed("public.shared", "", "").await;
    // A user publishes for the own company, whatever the request says.
    let refused = realtime
        .publish(world.user_of(9, 4).request(publish()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let own = PublishRequest {
        company_id: 0,
        ..publish()
    };
    realtime
        .publish(world.user_of(9, 4).request(own))
        .await
        .unwrap();
    theirs.expect("E").await;
    ours.nothing_waits().await;

    // The company goes, and so do its sockets.
    world.company_changed(4, false).await;
    assert_eq!(theirs.closed().await, 4003);
    let mut again = Client::open(&node.url_with(&key, "?protocol=7")).await;
    again.expect("pusher:error").await;
    assert_eq!(again.closed().await, 4003);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn the_sockets_of_a_user_can_be_closed_everywhere(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let mut sockets = Vec::new();
    for (node, user) in [(&one, 7), (&two, 7), (&two, 8)] {
        let mut client = Client::connect(&node.url()).await;
        let channel = format!("private-privateuser.{user}");
        let grant = crate::channels::authorize(&world, node, user, &client, &channel).await;
        client.subscribed(&channel, &grant.unwrap().auth, "").await;
        sockets.push(client);
    }
    let order = TerminateUserRequest { user_id: 7 };
    let refused = one
        .client()
        .terminate_user(world.user(8).request(order))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let admin = world.user_as(Role::Admin, 2, COMPANY);
    one.client()
        .terminate_user(admin.request(order))
        .await
        .unwrap();
    assert_eq!(sockets[0].closed().await, 4009);
    assert_eq!(sockets[1].closed().await, 4009);
    sockets[2].nothing_waits().await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn occupied_channels_are_listed_until_the_last_one_leaves(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let list = async || {
        let request = ListChannelsRequest {
            prefix: "publicchat.".to_owned(),
        };
        let answer = node
            .client()
            .list_channels(world.user(7).request(request))
            .await
            .unwrap();
        let channels = answer.into_inner().channels;
        channels
            .into_iter()
            .map(|channel| (channel.wire_name, channel.subscriptions))
            .collect::<Vec<_>>()
    };
    let mut one = Client::connect(&node.url()).await;
    let mut two = Client::connect(&node.url()).await;
    one.subscribed("publicchat.general", "", "").await;
    two.subscribed("publicchat.general", "", "").await;
    one.subscribed("publicchat.support", "", "").await;
    let both = [
        ("publicchat.general".to_owned(), 2),
        ("publicchat.support".to_owned(), 1),
    ];
    assert_eq!(list().await, both);
    drop(two);
    one.unsubscribe("publicchat.support").await;
    until("the channels to empty", || async {
        (list().await == [("publicchat.general".to_owned(), 1)]).then_some(())
    })
    .await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn only_who_sees_a_chat_speaks_in_its_room_or_looks_into_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let room = |name: &str| Wanted::PresenceChat(name.to_owned());
    let speak = async |call: &Call, name: &str, class: EventClass| {
        let mut publish = publish_to(room(name), "MessageSent", "{}");
        publish.company_id = 0;
        publish.set_class(class);
        let answer = node.client().publish(call.request(publish)).await;
        answer.map_or_else(|refused| refused.code(), |_| Code::Ok)
    };
    let look = async |call: &Call, name: &str| {
        let request = ListPresenceRequest {
            target: Some(Target {
                target: Some(room(name)),
            }),
        };
        let answer = node.client().list_presence(call.request(request)).await;
        answer.map_or_else(|refused| refused.code(), |_| Code::Ok)
    };
    let with_client = |authority: Authority| {
        world.call(&Caller {
            client: Some(ClientCaller {
                id: ClientId(1),
                authority,
                company: Some(CompanyId(COMPANY)),
                scopes: vec![],
            }),
            ..Caller::service("edge")
        })
    };
    let admin = world.user_as(Role::Admin, 2, COMPANY);
    for (call, name, expected) in [
        (&world.user(7), "chat-7", Code::Ok),
        (&world.user(7), "sala-1", Code::Ok),
        (&world.user(7), "chat-room", Code::Ok),
        (&world.user(7), "chat-8", Code::PermissionDenied),
        // No chat is written like this, so nobody sees it.
        (&world.user(7), "chat-07", Code::PermissionDenied),
        (
            &world.user(7),
            "chat-99999999999999999999",
            Code::PermissionDenied,
        ),
        (&admin, "chat-7", Code::PermissionDenied),
        (&with_client(Authority::Platform), "chat-7", Code::Ok),
        (
            &with_client(Authority::Company),
            "chat-7",
            Code::PermissionDenied,
        ),
    ] {
        for class in [EventClass::Durable, EventClass::Ephemeral] {
            assert_eq!(speak(call, name, class).await, expected, "{name}");
        }
        assert_eq!(look(call, name).await, expected, "{name}");
    }
}
