//! Every real payload we have: stored, processed, and nothing breaks.

use channel_connector::MIGRATOR;
use proto::channel::v1::AcceptDisposition;
use serde_json::Value;
use sqlx::PgPool;

use crate::rig::{APP_SECRET, BOT, COMPANY, PHONE, Rig, samples};

/// The numbers and the business account that the samples name.
const NUMBERS: [&str; 3] = ["1122334455667", "5483758353", "743897493242"];

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_whatsapp_sample_is_stored_and_processed(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    for number in NUMBERS {
        rig.whatsapp_of(COMPANY, number, APP_SECRET).await;
    }
    let samples = samples("whatsapp");
    assert_eq!(samples.len(), 64);
    let mut expected = 0;
    for (name, body) in &samples {
        let sample: Value = serde_json::from_slice(body).unwrap();
        let named = sample["entry"][0]["changes"][0]["value"]["metadata"].is_object();
        // Three samples name a number and no channel of it exists; a body without any number
        // is found by whoever signed it, or is of a business account that nobody has.
        let (id, disposition) = rig.post_signed(body.clone()).await;
        if named {
            assert_eq!(disposition, AcceptDisposition::Stored, "{name}");
        }
        assert!(id > 0, "{name}");
        expected += 1;
    }
    rig.until_idle().await;
    assert_eq!(rig.stored().await, expected);
    let unfinished: i64 =
        sqlx::query_scalar("SELECT count(*) FROM channel.inbound_raw WHERE state = 'dead'")
            .fetch_one(&rig.pool)
            .await
            .unwrap();
    assert_eq!(unfinished, 0);
    // The samples share wamids, so each of them is one event whatever else it tells.
    let messages = rig.messages();
    assert!(messages.len() >= 15, "{}", messages.len());
    assert!(rig.statuses().len() >= 4, "{}", rig.statuses().len());
    assert!(
        messages
            .iter()
            .all(|message| !message.text.is_empty() || message.kind == "reaction")
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_whatsapp_sample_says_what_it_says(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let cases = [
        ("pywa__message__text", "text", "Body Text"),
        ("pywa__message__audio", "audio", "[Audio]"),
        ("pywa__message__static_sticker", "sticker", "[Sticker]"),
        ("pywa__callback_button__quick_reply", "interactive", "title"),
        ("pywa__callback_selection__callback", "interactive", "title"),
        ("pywa__message__unreaction_no_emoji", "reaction", ""),
        (
            "pywa__message__contacts",
            "contacts",
            "[Contacto: Chandler Bing +1 555-555-5555, Monica +1 666-666-6666, Rachel Green +1 777-777-7777]",
        ),
        (
            "pywa__message__order",
            "interactive",
            "[Pedido de 3 productos]",
        ),
        (
            "metaopenapi__Location_Message",
            "location",
            "[Ubicación: Philz Coffee · 101 Forest Ave, Palo Alto, CA 94301 · 37.44221496582, -122.16165924072]",
        ),
        (
            "metaopenapi__Unsupported_Message",
            "unsupported",
            "[Mensaje no admitido]",
        ),
        (
            "pywa__message__interactive_message_with_err",
            "unsupported",
            "[Mensaje no admitido]",
        ),
        (
            "metaopenapi__System_Message",
            "unsupported",
            "El cliente cambió su número de teléfono.",
        ),
    ];
    let samples = samples("whatsapp");
    for (place, (name, kind, text)) in cases.iter().enumerate() {
        let (_, body) = samples
            .iter()
            .find(|(file, _)| file == &format!("{name}.json"))
            .unwrap();
        // A number of its own for each, because the samples share wamids.
        let number = format!("9000{place}");
        rig.whatsapp_of(COMPANY, &number, APP_SECRET).await;
        let mut sample: Value = serde_json::from_slice(body).unwrap();
        sample["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = number.into();
        let (id, _) = rig.post_signed(sample.to_string()).await;
        rig.until_raw(id, "done").await;
        let message = rig.messages().pop().unwrap();
        assert_eq!(
            (message.kind.as_str(), message.text.as_str()),
            (*kind, *text),
            "{name}"
        );
    }
    let moved = rig.messages().pop().unwrap();
    let numbers: Vec<&str> = moved.identities.iter().map(|i| i.value.as_str()).collect();
    assert_eq!(numbers, ["16505551234", "12195555358"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_telegram_sample_is_stored_and_processed(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.connect_bot().await;
    let secret = rig.telegram.webhook(BOT).unwrap().secret_token.unwrap();
    let samples = samples("telegram");
    assert_eq!(samples.len(), 152);
    for (name, body) in &samples {
        let stored = rig.post_telegram(&bot.uuid, body.clone(), &secret).await;
        let (_, disposition) = stored.unwrap();
        assert_eq!(disposition, AcceptDisposition::Stored, "{name}");
    }
    rig.until_idle().await;
    assert_eq!(rig.stored().await, 152);
    let dead: i64 =
        sqlx::query_scalar("SELECT count(*) FROM channel.inbound_raw WHERE state <> 'done'")
            .fetch_one(&rig.pool)
            .await
            .unwrap();
    assert_eq!(dead, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn telegram_samples_of_private_chats_become_messages(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.connect_bot().await;
    let secret = rig.telegram.webhook(BOT).unwrap().secret_token.unwrap();
    // Many samples share an id or have none; numbered anew, each is an update of its own.
    let mut private = 0;
    for (number, (_, body)) in (1_i64..).zip(samples("telegram")) {
        let mut sample: Value = serde_json::from_slice(&body).unwrap();
        sample["update_id"] = number.into();
        let written = &sample["message"];
        private += i32::from(
            written["chat"]["type"] == "private"
                && [
                    "text", "photo", "voice", "audio", "document", "video", "sticker", "location",
                    "contact",
                ]
                .iter()
                .any(|kind| !written[*kind].is_null()),
        );
        rig.post_telegram(&bot.uuid, sample.to_string(), &secret)
            .await
            .unwrap();
    }
    rig.until_idle().await;
    let messages = rig.messages();
    assert!(private > 20, "{private}");
    let understood = messages
        .iter()
        .filter(|message| message.kind != "unsupported")
        .count();
    assert!(
        understood >= usize::try_from(private).unwrap(),
        "{understood} of {private}"
    );
    let texts: Vec<&str> = messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert!(texts.contains(&"thedata"), "the press of a button");
    // Nothing of a group reaches a guest's chat.
    assert!(
        messages
            .iter()
            .all(|message| !message.identities[0].value.starts_with('-'))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_guest_without_a_number_is_known_by_the_user_id(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let body = testing::graph::text_webhook(PHONE, "CR.123456", "wamid.1", "Hola", 1_750_000_000);
    let (id, _) = rig.post_signed(body).await;
    rig.until_raw(id, "done").await;
    let message = &rig.messages()[0];
    assert_eq!(message.identities.len(), 1);
    assert_eq!(message.identities[0].value, "CR.123456");
}
