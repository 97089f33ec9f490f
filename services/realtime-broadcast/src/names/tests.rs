//! Every name that is a channel, and every one that only looks like one.

use super::*;

fn read(name: &str) -> (Kind, String) {
    let requested = Requested::read(name).unwrap();
    (requested.kind, requested.wire.as_str().to_owned())
}

#[test]
fn targets_have_their_documented_and_their_wire_names() {
    let cases = [
        (
            Target::PublicChat("general".into()),
            "publicchat.general",
            "",
        ),
        (
            Target::PublicChannel("customer".into()),
            "public.customer",
            "",
        ),
        (Target::PrivateUser(7), "privateuser.7", "private-"),
        (Target::PrivateClient(9), "privateclient.9", "private-"),
        (
            Target::ClientUser {
                customer: 9,
                user: 7,
            },
            "client.9.7",
            "private-",
        ),
        (Target::chat_room(12), "presencechat.chat-12", "presence-"),
        (
            Target::PresenceSupport("s1".into()),
            "presencesupport.s1",
            "presence-",
        ),
    ];
    for (target, logical, prefix) in cases {
        assert_eq!(target.logical().unwrap(), logical);
        let wire = target.wire().unwrap();
        assert_eq!(wire.as_str(), format!("{prefix}{logical}"));
        // What is published can be subscribed to under the same name.
        assert_eq!(Requested::read(wire.as_str()).unwrap().wire, wire);
    }
}

#[test]
fn parts_cannot_smuggle_another_channel_in() {
    for name in ["", "a.b", "private-x ", "é", "a/b", &"x".repeat(65)] {
        let field = Target::PublicChat(name.to_owned())
            .wire()
            .unwrap_err()
            .field;
        assert_eq!(field, "channel", "{name}");
        assert!(Target::PresenceChat(name.to_owned()).wire().is_err());
    }
    assert_eq!(Target::PrivateUser(0).wire().unwrap_err().field, "user_id");
    let target = Target::ClientUser {
        customer: -1,
        user: 7,
    };
    assert_eq!(target.wire().unwrap_err().field, "customer_id");
}

#[test]
fn a_name_without_prefix_is_public_only_in_a_public_family() {
    for name in [
        "privateuser.7",
        "privateclient.9",
        "client.9.7",
        "presencechat.chat-1",
        "presencesupport.s1",
        "private.7",
        "privatechat",
        "presence",
        "general",
        "public",
        "public.",
        "publicchat.a.b",
        "publicprivate.7",
    ] {
        assert_eq!(Requested::read(name), Err(BadName::NotPublic), "{name}");
    }
    assert_eq!(read("publicchat.general").0, Kind::Public);
    assert_eq!(read("public.customer").0, Kind::Public);
}

#[test]
fn malformed_names_are_no_channels() {
    for name in [
        "#x",
        "a b",
        "private-ü",
        &"x".repeat(165),
        "#server-to-user-",
    ] {
        assert_eq!(Requested::read(name), Err(BadName::Malformed), "{name}");
    }
}

#[test]
fn short_spellings_mean_the_documented_channels() {
    let cases = [
        ("private-user.7", "private-privateuser.7"),
        ("private-client.9", "private-privateclient.9"),
        ("private-client.9.7", "private-client.9.7"),
        ("presence-chat.room-1", "presence-presencechat.room-1"),
        ("presence-support.s1", "presence-presencesupport.s1"),
        ("private-foobar", "private-foobar"),
    ];
    for (spelled, canonical) in cases {
        assert_eq!(read(spelled).1, canonical);
        assert_eq!(&*Requested::read(spelled).unwrap().spelled, spelled);
    }
}

#[test]
fn owners_are_read_from_the_documented_families_alone() {
    let owner = |name: &str| match Requested::read(name).unwrap().owner() {
        Owner::User(user) => format!("user {user}"),
        Owner::ClientUser { user } => format!("customer with user {user}"),
        Owner::Room(room) => format!("room {room}"),
        Owner::SignedIn(user) => format!("signed in {user}"),
        Owner::Unknown => "unknown".to_owned(),
    };
    assert_eq!(owner("private-user.7"), "user 7");
    assert_eq!(owner("private-client.9.7"), "customer with user 7");
    assert_eq!(owner("presence-chat.chat-3"), "room chat-3");
    assert_eq!(owner("#server-to-user-7"), "signed in 7");
    for name in [
        "private-privateuser.07",
        "private-privateuser.7.8",
        "private-privateuser.-7",
        "private-privateclient.9",
        "presence-presencesupport.s1",
        "private-encrypted-user.7",
        "presence-x",
    ] {
        assert_eq!(owner(name), "unknown", "{name}");
    }
}

#[test]
fn rooms_of_chats_are_told_from_other_rooms() {
    assert_eq!(chat_of_room("chat-12"), Some(Some(12)));
    assert_eq!(chat_of_room("chat-012"), Some(None));
    assert_eq!(chat_of_room("chat-99999999999999999999"), Some(None));
    assert_eq!(chat_of_room("chat-"), None);
    assert_eq!(chat_of_room("room-1"), None);
}
