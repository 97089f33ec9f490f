//! Files that guests send: the message is there at once, its file follows, once,
//! whatever happens on the way.

mod liar;
mod reading;
mod refusals;

use channel_connector::MIGRATOR;
use proto::conversation::v1::AttachMediaRequest;
use serde_json::{Value, json};
use sqlx::PgPool;
use testing::graph::{StoredMedia, change, envelope, media_message, message};
use tonic::Code;
use uuid::Uuid;

use crate::rig::{APP_SECRET, BOT, COMPANY, GUEST, OTHER, PHONE, Rig};

const START: u64 = 1_750_000_000;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0 a picture";
const PDF: &[u8] = b"%PDF-1.7 a document";
const OGG: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0 a voice";

/// State, attempts and complaint of the one file there is to fetch.
type Fetching = (String, i32, String);

impl Rig {
    /// A guest sends a file by WhatsApp.
    async fn sends(&self, wamid: &str, kind: &str, media: &StoredMedia) {
        let message = media_message(GUEST, wamid, kind, media, START);
        self.post_message(message).await;
    }

    async fn post_message(&self, message: Value) {
        self.post_signed(envelope(vec![vec![change(PHONE, vec![message], vec![])]]))
            .await;
    }

    /// Waits until conversation knows of `count` files.
    async fn until_attached(&self, count: usize) -> Vec<AttachMediaRequest> {
        self.until(&format!("{count} files are shown"), async || {
            let attached = self.conversation.with(|state| state.attached.clone());
            (attached.len() >= count).then_some(attached)
        })
        .await
    }

    /// The one file there is to fetch.
    async fn fetching(&self) -> Option<Fetching> {
        sqlx::query_as("SELECT state, attempts, error FROM channel.inbound_media")
            .fetch_optional(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until the one file there is to fetch is in a state; answers attempts and complaint.
    async fn until_fetching(&self, state: &str) -> (i32, String) {
        self.until(&format!("the file is {state}"), async || {
            let (now, attempts, error) = self.fetching().await?;
            (now == state).then_some((attempts, error))
        })
        .await
    }

    /// Waits until the one file there is to fetch was tried so often.
    async fn until_tried(&self, times: i32) -> String {
        self.until(&format!("the file was tried {times} times"), async || {
            let (_, attempts, error) = self.fetching().await?;
            (attempts == times).then_some(error)
        })
        .await
    }

    async fn count(&self, table: &'static str) -> i64 {
        let sql = match table {
            "content" => "SELECT count(*) FROM channel.content",
            "content_piece" => "SELECT count(*) FROM channel.content_piece",
            _ => "SELECT count(*) FROM channel.media",
        };
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

/// Says whether a name is `<word>_<32 hexadecimal digits>.<ending>`.
fn is_named(filename: &str, word: &str, ending: &str) -> bool {
    let random = filename
        .strip_prefix(&format!("{word}_"))
        .and_then(|rest| rest.strip_suffix(&format!(".{ending}")));
    random.is_some_and(|random| {
        random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_picture_is_shown_at_once_and_its_file_follows(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let picture = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &picture).await;
    rig.until_idle().await;
    let shown = rig.messages().remove(0);
    assert_eq!((&*shown.kind, &*shown.text), ("image", "[Imagen]"));
    let told = rig.until_attached(1).await.remove(0);
    assert_eq!(
        (told.company_id, told.channel_id),
        (COMPANY, channel.channel_id)
    );
    assert_eq!(told.external_key, "m:wamid.1");
    assert!(is_named(&told.media_filename, "photo", "jpg"), "{told:?}");
    let (info, content, _) = rig.part(&told.media_filename, 0, None).await;
    assert_eq!((&*info.mime, &*content), ("image/jpeg", JPEG));
    assert_eq!(hex::encode(&info.sha256), picture.sha256);

    // What is delivered again is neither fetched nor shown again.
    rig.until_fetching("done").await;
    rig.sends("wamid.1", "image", &picture).await;
    rig.sends("wamid.2", "image", &picture).await;
    let told = rig.until_attached(2).await;
    assert_eq!((told.len(), rig.messages().len()), (2, 2));
    assert_eq!(told[1].external_key, "m:wamid.2");
    // Each message has a name of its own for what is stored once.
    assert_ne!(told[0].media_filename, told[1].media_filename);
    assert_eq!(
        (rig.count("media").await, rig.count("content").await),
        (2, 1)
    );
    assert_eq!(rig.graph.refused(), []);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_kind_of_whatsapp_comes_under_the_word_its_bytes_deserve(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let webp = b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0";
    let mp4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
    for (kind, mime, content, word, ending) in [
        ("document", "application/pdf", PDF, "document", "pdf"),
        ("sticker", "image/webp", &webp[..], "sticker", "webp"),
        ("video", "video/mp4", &mp4[..], "video", "mp4"),
        ("audio", "audio/ogg", OGG, "audio", "ogg"),
        // Lies: a page that is called a picture.
        ("image", "image/jpeg", b"<html><script>", "document", "html"),
    ] {
        let media = rig.graph.store_media(PHONE, mime, content);
        let before = rig.conversation.with(|state| state.attached.len());
        rig.sends(&format!("wamid.{kind}"), kind, &media).await;
        let told = rig.until_attached(before + 1).await.remove(before);
        assert!(
            is_named(&told.media_filename, word, ending),
            "{kind}: {told:?}"
        );
    }
    // A list of prices keeps the ending that its program knows.
    let prices = rig
        .graph
        .store_media(PHONE, "text/plain", &b"a,b\n1,2\n"[..]);
    let content = json!({"id": prices.id, "filename": "../precios.csv"});
    rig.post_message(message(GUEST, "wamid.csv", "document", content, START))
        .await;
    let told = rig.until_attached(6).await.remove(5);
    assert!(
        is_named(&told.media_filename, "document", "csv"),
        "{told:?}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn files_of_telegram_follow_their_messages(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.connect_bot().await;
    let secret = rig.telegram.webhook(BOT).unwrap().secret_token.unwrap();
    let channel = rig.ingest_route().await;
    let add =
        |name: &str, content: &'static [u8]| rig.telegram.add_file(BOT, name, content).unwrap();
    let files = [
        (
            "photo",
            json!([{"file_id": "small", "width": 1, "height": 1},
            {"file_id": add("a.jpg", JPEG), "width": 90, "height": 90}]),
            "photo",
            "jpg",
        ),
        (
            "document",
            json!({"file_id": add("a.pdf", PDF), "file_name": "a.pdf"}),
            "document",
            "pdf",
        ),
        (
            "voice",
            json!({"file_id": add("a.oga", OGG)}),
            "voice",
            "ogg",
        ),
    ];
    for (place, (key, content, word, ending)) in files.into_iter().enumerate() {
        let place = i64::try_from(place).unwrap();
        let update = json!({"update_id": 100 + place, "message": {
            "message_id": place + 1, "date": START, "from": {"id": 7, "first_name": "Ana"},
            "chat": {"id": 7, "type": "private"}, key: content,
        }});
        rig.post_telegram(&channel, update.to_string(), &secret)
            .await
            .unwrap();
        let told = rig
            .until_attached(usize::try_from(place).unwrap() + 1)
            .await;
        let told = told.last().unwrap();
        assert_eq!(told.external_key, format!("u:{}", 100 + place));
        assert!(is_named(&told.media_filename, word, ending), "{told:?}");
    }
    assert_eq!(rig.messages().len(), 3);
}

impl Rig {
    /// Under which name the one bot gets its updates.
    async fn ingest_route(&self) -> String {
        let uuid: Uuid = sqlx::query_scalar("SELECT uuid FROM channel.channel")
            .fetch_one(&self.pool)
            .await
            .unwrap();
        uuid.to_string()
    }
}

/// Each company has content of its own, so that nobody learns what others hold.
#[sqlx::test(migrator = "MIGRATOR")]
async fn companies_share_no_content(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let other = "222222222222222";
    rig.graph.register_number(other, crate::rig::TOKEN);
    rig.whatsapp_of(OTHER, other, APP_SECRET).await;
    for (phone, wamid) in [(PHONE, "wamid.1"), (other, "wamid.2")] {
        let media = rig.graph.store_media(phone, "image/jpeg", JPEG);
        let message = media_message(GUEST, wamid, "image", &media, START);
        rig.post_signed(envelope(vec![vec![change(phone, vec![message], vec![])]]))
            .await;
    }
    let told = rig.until_attached(2).await;
    assert_eq!(rig.count("content").await, 2);
    let mut companies: Vec<i64> = told.iter().map(|told| told.company_id).collect();
    companies.sort_unstable();
    assert_eq!(companies, [COMPANY, OTHER]);
}

/// Stored, but conversation has not heard of it: as after a crash between the two.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stored_file_is_told_of_until_conversation_answers(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let away = [Code::Unavailable, Code::NotFound, Code::DeadlineExceeded];
    rig.conversation
        .with(|state| state.attach_refusals.extend(away));
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &media).await;
    let told = rig
        .until("the file is shown", async || {
            rig.clock.advance(time::Duration::seconds(30));
            rig.conversation
                .with(|state| state.attached.first().cloned())
        })
        .await;
    rig.until_fetching("done").await;
    // It was fetched once.
    assert_eq!(rig.count("media").await, 1);
    let (_, content, _) = rig.part(&told.media_filename, 0, None).await;
    assert_eq!(content, JPEG);
}

/// Whoever had it in hand has died; what it left behind is cleared away.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_in_the_hands_of_the_dead_is_fetched_by_others(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let hanging = rig.conversation.hang();
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &media).await;
    rig.until("the file is known", async || rig.fetching().await)
        .await;
    let until = rig.clock.now() + time::Duration::minutes(5);
    sqlx::query("UPDATE channel.inbound_media SET leased_by = $1, lease_until = $2")
        .bind(Uuid::new_v4())
        .bind(until)
        .execute(&rig.pool)
        .await
        .unwrap();
    sqlx::query(
        "WITH half AS (INSERT INTO channel.content (id, company_id, created_at)
                       VALUES (gen_random_uuid(), 3, $1) RETURNING id)
         INSERT INTO channel.content_piece SELECT id, 0, 'half' FROM half",
    )
    .bind(rig.clock.now())
    .execute(&rig.pool)
    .await
    .unwrap();
    drop(hanging);
    rig.until_idle().await;
    assert_eq!(rig.fetching().await.unwrap().0, "waiting");
    rig.clock.advance(time::Duration::minutes(6));
    rig.until_attached(1).await;
    rig.clock.advance(time::Duration::days(2));
    // A new channel has the housekeeping run.
    rig.whatsapp_of(COMPANY, "444", "s").await;
    rig.until("half a file is gone", async || {
        (rig.count("content").await == 1).then_some(())
    })
    .await;
    assert_eq!(rig.count("content_piece").await, 1);
}

/// With the real conversation: the chat shows the file, and whoever looks on hears of it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_message_in_the_chat_carries_the_file(pool: PgPool) {
    let rig = Rig::start_together(pool).await;
    rig.whatsapp().await;
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &media).await;
    rig.until_fetching("done").await;
    let (text, filename): (String, String) =
        sqlx::query_as("SELECT text, media_filename FROM conversation.message")
            .fetch_one(&rig.pool)
            .await
            .unwrap();
    assert_eq!(text, "[Imagen]");
    assert!(is_named(&filename, "photo", "jpg"), "{filename}");
    let (_, content, _) = rig.part(&filename, 0, None).await;
    assert_eq!(content, JPEG);
}
