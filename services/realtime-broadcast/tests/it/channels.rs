//! Who may subscribe to what.

use proto::realtime::v1::{
    AuthenticateUserRequest, AuthorizeChannelRequest, AuthorizeChannelResponse,
    target::Target as Wanted,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tonic::{Code, Status};

use crate::{
    client::Client,
    publishing::publish_to,
    world::{Node, World},
};

pub async fn authorize(
    world: &World,
    node: &Node,
    user: i64,
    client: &Client,
    channel: &str,
) -> Result<AuthorizeChannelResponse, Status> {
    let request = AuthorizeChannelRequest {
        socket_id: client.socket_id.clone(),
        channel_name: channel.to_owned(),
    };
    let answer = node
        .client()
        .authorize_channel(world.user(user).request(request))
        .await?;
    Ok(answer.into_inner())
}

async fn refused(client: &mut Client, channel: &str, auth: &str, data: &str) {
    client.subscribe(channel, auth, data).await;
    let error = client.expect("pusher:subscription_error").await;
    assert_eq!(error["channel"], channel);
    assert_eq!(error["data"]["type"], "AuthError");
    assert_eq!(error["data"]["status"], 401);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn names_that_only_look_public_are_no_channels(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let mut client = Client::connect(&node.url()).await;
    for channel in [
        "privateuser.7",
        "privateclient.9",
        "client.9.7",
        "presencechat.chat-7",
        "presencesupport.s1",
        "general",
        "#x",
        "#server-to-user-7",
        "private-privateuser.7",
        "private-user.7",
        "presence-presencechat.chat-7",
        "private-encrypted-x",
    ] {
        refused(&mut client, channel, "", "").await;
    }
    // Nothing of what follows reaches somebody who was refused.
    let mut realtime = node.client();
    for target in [
        Wanted::PrivateUser(7),
        Wanted::PrivateClient(9),
        Wanted::PresenceChat("chat-7".into()),
    ] {
        let publish = publish_to(target, "E", "{}");
        realtime
            .publish(world.service().request(publish))
            .await
            .unwrap();
    }
    client.subscribed("public.fence", "", "").await;
    let fence = publish_to(Wanted::PublicChannel("fence".into()), "Fence", "{}");
    realtime
        .publish(world.service().request(fence))
        .await
        .unwrap();
    client.expect("Fence").await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn users_are_authorized_for_what_is_theirs(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let client = Client::connect(&node.url()).await;
    for channel in [
        "private-privateuser.7",
        "private-user.7",
        "private-client.9.7",
        "presence-presencechat.chat-7",
        "presence-chat.chat-7",
        "presence-presencechat.sala-1",
    ] {
        let grant = authorize(&world, &node, 7, &client, channel).await.unwrap();
        assert!(grant.auth.starts_with("test-key:"), "{channel}");
        assert_eq!(
            channel.starts_with("presence-"),
            !grant.channel_data.is_empty()
        );
    }
    for channel in [
        "private-privateuser.8",
        "private-user.8",
        "private-client.9.8",
        "private-client.7.8",
        "private-privateclient.7",
        "presence-presencechat.chat-8",
        "presence-chat.chat-8",
        "presence-presencechat.chat-007",
        "presence-presencesupport.s1",
        "private-anything",
        "privateuser.7",
        "publicchat.general",
        "#server-to-user-7",
        "",
    ] {
        let refused = authorize(&world, &node, 7, &client, channel)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{channel}");
    }
    let request = AuthorizeChannelRequest {
        socket_id: "1.2:private-privateuser.8".to_owned(),
        channel_name: "private-privateuser.7".to_owned(),
    };
    let bad = node
        .client()
        .authorize_channel(world.user(7).request(request.clone()))
        .await;
    assert_eq!(bad.unwrap_err().code(), Code::InvalidArgument);
    let nobody = node
        .client()
        .authorize_channel(world.service().request(request))
        .await;
    assert!(nobody.is_err());
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_signature_opens_one_channel_to_one_socket_as_one_member(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let mut mine = Client::connect(&node.url()).await;
    let mut other = Client::connect(&node.url()).await;
    let private = authorize(&world, &node, 7, &mine, "private-privateuser.7")
        .await
        .unwrap()
        .auth;
    refused(&mut other, "private-privateuser.7", &private, "").await;
    refused(&mut mine, "private-privateuser.8", &private, "").await;
    // Signed over the name as it was asked for, so an alias needs its own.
    refused(&mut mine, "private-user.7", &private, "").await;
    let forged = private.replace("test-key:", "other-key:");
    refused(&mut mine, "private-privateuser.7", &forged, "").await;
    mine.subscribed("private-privateuser.7", &private, "").await;

    let room = "presence-presencechat.chat-7";
    let seat = authorize(&world, &node, 7, &mine, room).await.unwrap();
    let other_member = seat.channel_data.replace("Agente 7", "Agente 8");
    refused(&mut mine, room, &seat.auth, &other_member).await;
    refused(&mut mine, room, &seat.auth, "").await;
    let present = mine.subscribed(room, &seat.auth, &seat.channel_data).await;
    assert_eq!(present["presence"]["ids"], json!(["7"]));
    assert_eq!(present["presence"]["count"], 1);
    assert_eq!(
        present["presence"]["hash"]["7"],
        json!({"id": 7, "name": "Agente 7"})
    );
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn an_alias_is_the_same_channel_under_the_name_the_client_used(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let mut names = Vec::new();
    for spelled in ["private-user.7", "private-privateuser.7"] {
        let mut client = Client::connect(&node.url()).await;
        let auth = authorize(&world, &node, 7, &client, spelled)
            .await
            .unwrap()
            .auth;
        client.subscribed(spelled, &auth, "").await;
        names.push((spelled, client));
    }
    let publish = publish_to(Wanted::PrivateUser(7), "UserNotification", "{}");
    node.client()
        .publish(world.service().request(publish))
        .await
        .unwrap();
    for (spelled, client) in &mut names {
        assert_eq!(client.expect("UserNotification").await["channel"], *spelled);
    }
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn a_signed_in_user_has_a_channel_of_its_own(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    let mut client = Client::connect(&node.url()).await;
    let request = AuthenticateUserRequest {
        socket_id: client.socket_id.clone(),
    };
    let grant = node
        .client()
        .authenticate_user(world.user(7).request(request))
        .await
        .unwrap();
    let grant = grant.into_inner();
    let data = json!({"auth": grant.auth, "user_data": grant.user_data});
    client
        .say(&json!({"event": "pusher:signin", "data": data}))
        .await;
    let success = client.expect("pusher:signin_success").await;
    let user: Value = serde_json::from_str(&grant.user_data).unwrap();
    assert_eq!(user["id"], "7");
    assert_eq!(
        crate::client::data_of(&success)["user_data"],
        grant.user_data
    );
    client.subscribed("#server-to-user-7", "", "").await;
    refused(&mut client, "#server-to-user-8", "", "").await;

    let mut forger = Client::connect(&node.url()).await;
    forger
        .say(&json!({"event": "pusher:signin", "data": data}))
        .await;
    assert_eq!(forger.expect("pusher:error").await["data"]["code"], 4009);
    assert_eq!(forger.closed().await, 4009);
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn clients_tell_one_another_within_the_rules(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.node().await, world.node().await);
    let room = "presence-presencechat.sala-1";
    let mut talker = Client::connect(&one.url()).await;
    let mut listener = Client::connect(&two.url()).await;
    for (client, node, user) in [(&mut talker, &one, 7), (&mut listener, &two, 8)] {
        let seat = authorize(&world, node, user, client, room).await.unwrap();
        client
            .subscribed(room, &seat.auth, &seat.channel_data)
            .await;
    }
    talker.expect("pusher_internal:member_added").await;

    let whisper =
        json!({"event": "client-typing", "channel": room, "data": {"x": 1}, "user_id": "9"});
    talker.say(&whisper).await;
    let heard = listener.expect("client-typing").await;
    assert_eq!(heard["channel"], room);
    assert_eq!(crate::client::data_of(&heard), json!({"x": 1}));
    assert_eq!(heard["user_id"], "7", "as signed, not as claimed");
    talker.nothing_waits().await;

    talker.subscribed("publicchat.general", "", "").await;
    for channel in ["publicchat.general", "private-privateuser.7", "nowhere"] {
        talker
            .say(&json!({"event": "client-typing", "channel": channel, "data": {}}))
            .await;
        talker.expect("pusher:error").await;
    }
    let large = "x".repeat(11 * 1024);
    talker
        .say(&json!({"event": "client-typing", "channel": room, "data": large}))
        .await;
    talker.expect("pusher:error").await;

    for _ in 0..30 {
        talker.say(&whisper).await;
    }
    assert_eq!(talker.expect("pusher:error").await["data"]["code"], 4301);
}
