//! Files in the Bot API: sending and fetching them.

use reqwest::{
    RequestBuilder,
    multipart::{Form, Part},
};
use serde_json::json;
use testing::{FakeTelegram, telegram::SentFile};

use crate::{
    client::{answer, http},
    telegram_client::{TOKEN, call, refusal, telegram, url},
};

/// The smallest thing that is recognised as a PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn upload(telegram: &FakeTelegram, method: &str, form: Form) -> RequestBuilder {
    http().post(url(telegram, method)).multipart(form)
}

fn part(content: &[u8]) -> Part {
    Part::bytes(content.to_vec())
        .file_name("foto.png")
        .mime_str("image/png")
        .unwrap()
}

#[tokio::test]
async fn a_photo_is_taken_and_can_be_sent_again_by_its_id() {
    let telegram = telegram().await;

    let form = Form::new()
        .text("chat_id", "42")
        .text("caption", "pie")
        .part("photo", part(PNG));
    let (status, answered) = answer(upload(&telegram, "sendPhoto", form)).await;

    assert_eq!(status, 200, "{answered}");
    assert_eq!(answered["result"]["caption"], "pie");
    let photo = &answered["result"]["photo"][0];
    let file_id = photo["file_id"].as_str().unwrap().to_owned();
    assert_eq!(photo["file_size"], PNG.len());
    let sent = telegram.sent().pop().unwrap();
    assert_eq!(sent.method, "sendPhoto");
    assert_eq!(sent.body, json!({"chat_id": "42", "caption": "pie"}));
    let expected = SentFile {
        file_id: file_id.clone(),
        name: "foto.png".to_owned(),
        mime_type: "image/png".to_owned(),
        size: PNG.len(),
    };
    assert_eq!(sent.file, Some(expected));

    let again = json!({"chat_id": 42, "photo": file_id});
    assert_eq!(answer(call(&telegram, "sendPhoto", &again)).await.0, 200);
    let as_document = json!({"chat_id": 42, "document": file_id});
    assert_eq!(
        answer(call(&telegram, "sendDocument", &as_document))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn every_kind_of_file_has_its_method() {
    let telegram = telegram().await;
    for kind in ["document", "audio", "voice", "video"] {
        let form = Form::new().text("chat_id", "42").part(kind, part(b"x"));

        let (status, answered) = answer(upload(&telegram, &format!("send{kind}"), form)).await;

        assert_eq!(status, 200, "{answered}");
        assert_eq!(answered["result"][kind]["mime_type"], "image/png");
        assert!(answered["result"][kind]["file_id"].is_string());
        let moving = kind == "video";
        assert_eq!(answered["result"][kind]["width"].is_u64(), moving);
    }
    let form = Form::new()
        .text("chat_id", "42")
        .text("document", "attach://a")
        .part("a", part(b"x"));
    assert_eq!(answer(upload(&telegram, "sendDocument", form)).await.0, 200);
}

#[tokio::test]
async fn a_file_that_breaks_a_rule_is_refused_and_not_sent() {
    let telegram = telegram().await;
    let to = || Form::new().text("chat_id", "42");
    let large = [PNG, &vec![0; 10 << 20]].concat();
    let too_large = format!(
        "file of size {} bytes is too big for a photo; the maximum size is 10485760 bytes",
        large.len()
    );
    let cases = [
        (to(), "there is no photo in the request"),
        (
            to().part("document", part(PNG)),
            "there is no photo in the request",
        ),
        (Form::new().part("photo", part(PNG)), "chat_id is empty"),
        (to().part("photo", part(b"")), "file must be non-empty"),
        (to().part("photo", part(b"texto")), "IMAGE_PROCESS_FAILED"),
        (to().part("photo", part(&large)), &too_large),
        (
            to().text("photo", "404"),
            "wrong file identifier/HTTP URL specified",
        ),
        (
            to().text("photo", "https://example.com/a.png"),
            "failed to get HTTP URL content",
        ),
        (
            to().part("photo", part(PNG))
                .text("caption", "x".repeat(1025)),
            "message caption is too long",
        ),
    ];

    for (form, complaint) in cases {
        let answered = answer(upload(&telegram, "sendPhoto", form)).await;
        assert_eq!(answered, refusal(400, &format!("Bad Request: {complaint}")));
    }
    assert_eq!(telegram.sent(), []);
}

#[tokio::test]
async fn a_file_is_fetched_in_two_steps() {
    let telegram = telegram().await;
    let base = telegram.base_url();
    let file_id = telegram
        .add_file(TOKEN, "Mi informe.pdf", "contenido")
        .unwrap();

    let locate = || call(&telegram, "getFile", &json!({"file_id": file_id}));
    let (status, answered) = answer(locate()).await;
    assert_eq!(status, 200, "{answered}");
    assert_eq!(answered["result"]["file_size"], 9);
    let path = answered["result"]["file_path"].as_str().unwrap().to_owned();
    assert_eq!(path, "documents/file_0.pdf");
    let fetch = || http().get(format!("{base}/file/bot{TOKEN}/{path}"));
    let response = fetch().send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/octet-stream"
    );
    assert_eq!(response.bytes().await.unwrap(), "contenido");

    telegram.register_bot("7:other");
    let stranger = http().get(format!("{base}/bot7:other/getFile?file_id={file_id}"));
    assert_eq!(
        answer(stranger).await,
        refusal(400, "Bad Request: invalid file_id")
    );
    assert_eq!(
        answer(http().get(format!("{base}/file/bot7:other/{path}")))
            .await
            .0,
        404
    );

    telegram.expire_file_paths(TOKEN).unwrap();
    assert_eq!(answer(fetch()).await, refusal(404, "Not Found"));
    assert_eq!(answer(locate()).await.0, 200);
}

#[tokio::test]
async fn a_file_over_20_mb_cannot_be_fetched() {
    let telegram = telegram().await;
    let file_id = telegram
        .add_file(TOKEN, "video.mp4", vec![0; (20 << 20) + 1])
        .unwrap();

    let answered = answer(call(&telegram, "getFile", &json!({"file_id": file_id}))).await;

    assert_eq!(answered, refusal(400, "Bad Request: file is too big"));
    let missing = answer(call(&telegram, "getFile", &json!({}))).await;
    assert_eq!(missing, refusal(400, "Bad Request: invalid file_id"));
}
