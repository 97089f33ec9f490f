//! Files that messages carry: stored once, sent, handed out, and not kept for
//! nothing.

use auth::Caller;
use bytes::Bytes;
use channel_connector::MIGRATOR;
use chassis::ErrorCode;
use proto::{
    channel::v1::{
        GetMediaRequest, SendWhatsAppRequest, get_media_response::Part,
        media_service_client::MediaServiceClient,
    },
    conversation::v1::{DeliveryStatus, GuestIdentity, IdentityKind},
    events::v1::OutboundRequested,
};
use sqlx::PgPool;
use tonic::Status;

use crate::{
    rig::{COMPANY, GUEST, PHONE, Rig, platform, refusal},
    sending::{refused, text},
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_is_uploaded_and_goes_out_with_its_caption(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let request = SendWhatsAppRequest {
        file: Bytes::from_static(PNG),
        ..text(channel.channel_id, "Mire")
    };
    let call = rig.call(&platform());
    rig.sending()
        .send_whats_app(call.request(request))
        .await
        .unwrap();
    let started = rig.conversation.with(|state| state.started[0].clone());
    assert_eq!(started.text, "Mire");
    let filename = started.media_filename;
    let random = filename
        .strip_prefix("photo_")
        .and_then(|rest| rest.strip_suffix(".png"));
    assert_eq!(random.map(str::len), Some(32), "{filename}");
    let requested =
        |message_id, company_channel: i64, kind: IdentityKind, to: &str| OutboundRequested {
            message_id,
            channel_id: company_channel,
            recipient: Some(GuestIdentity {
                kind: kind.into(),
                value: to.into(),
            }),
            text: "Mire".into(),
            media_filename: filename.clone(),
            ..OutboundRequested::default()
        };
    let by_whatsapp = requested(1, channel.channel_id, IdentityKind::WaPhone, GUEST);
    rig.announce(COMPANY, &by_whatsapp).await;
    rig.until_reported(1, DeliveryStatus::Sent).await;
    let sent = &rig.graph.sent()[0];
    assert_eq!(sent.body["image"]["caption"], "Mire");
    let media = sent.body["image"]["id"].as_str().unwrap();
    assert_eq!(rig.graph.media_content(media).unwrap(), PNG);

    let bot = rig.bot().await;
    let by_telegram = requested(2, bot.channel_id, IdentityKind::Telegram, "987654321");
    rig.announce(COMPANY, &by_telegram).await;
    rig.until_reported(2, DeliveryStatus::Sent).await;
    let sent = &rig.telegram.sent()[0];
    assert_eq!(sent.method, "sendPhoto");
    assert_eq!(sent.body["caption"], "Mire");

    let call = rig.call(&Caller::service("edge"));
    let ask = |filename: &str| {
        call.request(GetMediaRequest {
            filename: filename.into(),
            ..GetMediaRequest::default()
        })
    };
    let mut media = MediaServiceClient::new(rig.upstream.clone());
    let mut parts = media.get_media(ask(&filename)).await.unwrap().into_inner();
    let Some(Part::Info(info)) = parts.message().await.unwrap().unwrap().part else {
        panic!("the description comes first")
    };
    assert_eq!(
        (info.mime.as_str(), info.size),
        ("image/png", i64::try_from(PNG.len()).unwrap())
    );
    let Some(Part::Chunk(chunk)) = parts.message().await.unwrap().unwrap().part else {
        panic!("the content comes next")
    };
    assert_eq!(chunk, PNG);
    for none in ["", "photo_1.png", "../secret", "\0", "é"] {
        assert_eq!(
            refusal(media.get_media(ask(none)).await).code,
            ErrorCode::NotFound
        );
    }
    assert_eq!(rig.graph.sent()[0].phone_number_id, PHONE);
}

/// Whoever repeats a request with its key gets the first answer, and the file is kept once.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_repeated_file_is_the_same_message(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let request = |file: &'static [u8], key: &str| SendWhatsAppRequest {
        file: Bytes::from_static(file),
        idempotency_key: key.into(),
        ..text(channel.channel_id, "Mire")
    };
    let send = async |request| {
        let call = rig.call(&platform());
        let sent = rig.sending().send_whats_app(call.request(request)).await;
        sent.map(|sent| sent.into_inner().message_id)
    };
    let kept = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM channel.media")
            .fetch_one(&rig.pool)
            .await
            .unwrap()
    };
    for _ in 0..3 {
        assert_eq!(send(request(PNG, "k1")).await.unwrap(), 1);
    }
    assert_eq!(kept().await, 1);
    // A sticker and its text are two messages; both are found again.
    let sticker = b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0";
    for _ in 0..2 {
        assert_eq!(send(request(sticker, "k2")).await.unwrap(), 2);
    }
    assert_eq!(rig.conversation.with(|state| state.started.len()), 3);
    // Another file under a used key is another message, and without a key each is new.
    let other = send(request(b"\xff\xd8\xff\xe0 another", "k1")).await;
    assert_eq!(refusal(other).code, ErrorCode::AlreadyExists);
    assert_eq!(send(request(PNG, "")).await.unwrap(), 4);
    assert_eq!(send(request(PNG, "")).await.unwrap(), 5);
    // Another client's key of the same name on another channel has a file of its own.
    let names: Vec<String> = rig.conversation.with(|state| {
        state
            .started
            .iter()
            .map(|s| s.media_filename.clone())
            .collect()
    });
    assert_eq!(
        names[3..]
            .iter()
            .collect::<std::collections::HashSet<_>>()
            .len(),
        2
    );
}

/// What was never sent is not kept for ever; what was, is.
#[sqlx::test(migrator = "MIGRATOR")]
async fn files_of_refused_messages_are_removed(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let request = || SendWhatsAppRequest {
        file: Bytes::from_static(PNG),
        ..text(channel.channel_id, "Mire")
    };
    let call = rig.call(&platform());
    rig.sending()
        .send_whats_app(call.request(request()))
        .await
        .unwrap();
    let filename = rig
        .conversation
        .with(|state| state.started[0].media_filename.clone());
    let wanted = OutboundRequested {
        message_id: 1,
        channel_id: channel.channel_id,
        recipient: Some(GuestIdentity {
            kind: IdentityKind::WaPhone.into(),
            value: GUEST.into(),
        }),
        media_filename: filename.clone(),
        ..OutboundRequested::default()
    };
    rig.announce(COMPANY, &wanted).await;
    rig.until_outbound(1, "sent").await;
    rig.conversation
        .with(|state| state.start_refusal = Some(Status::failed_precondition("window closed")));
    refused(&rig, &platform(), request()).await;
    rig.clock.advance(time::Duration::days(10));
    // A new channel has the housekeeping run.
    rig.whatsapp_of(COMPANY, "444", "s").await;
    let left = rig
        .until("the file nobody needs is gone", async || {
            let left: Vec<String> = sqlx::query_scalar("SELECT filename FROM channel.media")
                .fetch_all(&rig.pool)
                .await
                .unwrap();
            (left.len() == 1).then_some(left)
        })
        .await;
    assert_eq!(left, [filename]);
}
