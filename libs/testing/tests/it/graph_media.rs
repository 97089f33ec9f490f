//! Uploading to Graph and downloading from it.

use reqwest::{
    RequestBuilder,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use testing::{FakeGraph, graph::GraphFailure};

use crate::client::{answer, http};

const NUMBER: &str = "1";
const TOKEN: &str = "t";
/// Of the content `hola`.
const SHA256: &str = "b221d9dbb083a7f33428d7c2a3c3198ae925614d70210e28716ccaa7cd4ddb79";

async fn graph() -> FakeGraph {
    let graph = FakeGraph::start().await;
    graph.register_number(NUMBER, TOKEN);
    graph
}

fn file(mime_type: &str, content: Vec<u8>) -> Part {
    Part::bytes(content)
        .file_name("archivo")
        .mime_str(mime_type)
        .unwrap()
}

fn whatsapp() -> Form {
    Form::new().text("messaging_product", "whatsapp")
}

fn upload(graph: &FakeGraph, form: Form) -> RequestBuilder {
    let url = format!("{}/v23.0/{NUMBER}/media", graph.base_url());
    http().post(url).bearer_auth(TOKEN).multipart(form)
}

fn get(graph: &FakeGraph, path: &str) -> RequestBuilder {
    http()
        .get(format!("{}/v23.0/{path}", graph.base_url()))
        .bearer_auth(TOKEN)
}

#[tokio::test]
async fn an_uploaded_file_can_be_sent_and_fetched() {
    let graph = graph().await;

    let form = whatsapp()
        .text("type", "image/jpeg")
        .part("file", file("image/jpeg", b"hola".into()));
    let (status, answered) = answer(upload(&graph, form)).await;
    assert_eq!(status, 200, "{answered}");
    let id = answered["id"].as_str().unwrap();
    assert_eq!(graph.media_content(id).unwrap(), "hola");

    let body = json!({
        "messaging_product": "whatsapp",
        "to": "50688887777",
        "type": "image",
        "image": {"id": id},
    });
    let send = http().post(format!("{}/v23.0/{NUMBER}/messages", graph.base_url()));
    assert_eq!(answer(send.bearer_auth(TOKEN).json(&body)).await.0, 200);

    let (status, answered) = answer(get(&graph, id)).await;
    assert_eq!(status, 200);
    assert_eq!(answered["mime_type"], "image/jpeg");
    assert_eq!(answered["sha256"], SHA256);
    assert_eq!(answered["file_size"], 4);
    assert_eq!(answered["id"], id);
    let fetched = http()
        .get(answered["url"].as_str().unwrap())
        .bearer_auth(TOKEN);
    let fetched = fetched.send().await.unwrap();
    assert_eq!(fetched.headers()["content-type"], "image/jpeg");
    assert_eq!(fetched.bytes().await.unwrap(), "hola");
}

#[tokio::test]
async fn an_upload_that_breaks_a_rule_is_refused() {
    let graph = graph().await;
    let jpeg = || file("image/jpeg", b"hola".into());
    let cases = [
        (
            Form::new().part("file", jpeg()),
            100,
            "messaging_product is required",
        ),
        (whatsapp(), 100, "parameter file is required"),
        (
            whatsapp().part("file", file("application/zip", b"hola".into())),
            100,
            "Received file of type 'application/zip'",
        ),
        (
            whatsapp().part("file", file("image/jpeg", Vec::new())),
            131_053,
            "empty",
        ),
        (
            whatsapp().part("file", file("image/jpeg", vec![0; (5 << 20) + 1])),
            131_053,
            "Max file size we currently support: 5242880",
        ),
    ];
    for (form, code, complaint) in cases {
        let (status, answered) = answer(upload(&graph, form)).await;
        assert_eq!(
            (status, &answered["error"]["code"]),
            (400, &json!(code)),
            "{answered}"
        );
        assert!(answered.to_string().contains(complaint), "{answered}");
    }

    let url = format!("{}/v23.0/{NUMBER}/media", graph.base_url());
    let form = whatsapp().part("file", jpeg());
    assert_eq!(answer(http().post(&url).multipart(form)).await.0, 401);
    let no_form = http().post(&url).bearer_auth(TOKEN).json(&json!({}));
    assert_eq!(answer(no_form).await.0, 400);
}

#[tokio::test]
async fn a_file_may_be_as_large_as_its_type_allows() {
    let graph = graph().await;

    let form = whatsapp().part("file", file("application/pdf", vec![0; 30 << 20]));
    assert_eq!(answer(upload(&graph, form)).await.0, 200);

    let form = whatsapp().part("file", file("audio/ogg; codecs=opus", vec![0; 16 << 20]));
    assert_eq!(answer(upload(&graph, form)).await.0, 200);
}

async fn link(graph: &FakeGraph, id: &str) -> String {
    let (status, answered) = answer(get(graph, id)).await;
    assert_eq!(status, 200, "{answered}");
    answered["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_link_needs_the_token_and_a_user_agent() {
    let graph = graph().await;
    graph.register_number("2", "other");
    let id = graph.store_media(NUMBER, "image/png", "hola").id;
    let link = link(&graph, &id).await;
    let nameless = reqwest::Client::builder().no_proxy().build().unwrap();

    assert_eq!(answer(http().get(&link)).await.0, 401);
    assert_eq!(answer(http().get(&link).bearer_auth("wrong")).await.0, 401);
    assert_eq!(answer(http().get(&link).bearer_auth("other")).await.0, 400);
    assert_eq!(answer(nameless.get(&link).bearer_auth(TOKEN)).await.0, 403);
    assert_eq!(answer(http().get(&link).bearer_auth(TOKEN)).await.0, 200);
}

#[tokio::test]
async fn links_and_files_do_not_last() {
    let graph = graph().await;
    let id = graph.store_media(NUMBER, "image/png", "hola").id;
    let old = link(&graph, &id).await;

    graph.expire_links();
    assert_eq!(answer(http().get(&old).bearer_auth(TOKEN)).await.0, 404);
    let new = link(&graph, &id).await;
    assert_eq!(answer(http().get(&new).bearer_auth(TOKEN)).await.0, 200);

    graph.forget_media(&id);
    assert_eq!(answer(http().get(&new).bearer_auth(TOKEN)).await.0, 404);
    let (status, answered) = answer(get(&graph, &id)).await;
    assert_eq!(
        (status, &answered["error"]["error_subcode"]),
        (400, &json!(33))
    );
}

#[tokio::test]
async fn a_media_belongs_to_one_number() {
    let graph = graph().await;
    graph.register_number("2", "other");
    let id = graph.store_media(NUMBER, "image/png", "hola").id;

    assert_eq!(
        answer(get(&graph, &format!("{id}?phone_number_id={NUMBER}")))
            .await
            .0,
        200
    );
    assert_eq!(
        answer(get(&graph, &format!("{id}?phone_number_id=2")))
            .await
            .0,
        400
    );
    let stranger = http()
        .get(format!("{}/v23.0/{id}", graph.base_url()))
        .bearer_auth("other");
    assert_eq!(answer(stranger).await.0, 400);

    let body = json!({
        "messaging_product": "whatsapp",
        "to": "50688887777",
        "type": "image",
        "image": {"id": id},
    });
    let send = http().post(format!("{}/v23.0/2/messages", graph.base_url()));
    let (status, answered) = answer(send.bearer_auth("other").json(&body)).await;
    assert_eq!(
        (status, &answered["error"]["code"]),
        (400, &json!(100)),
        "{answered}"
    );
}

#[tokio::test]
async fn requests_about_media_can_be_made_to_fail() {
    let graph = graph().await;
    let id = graph.store_media(NUMBER, "image/png", "hola").id;
    let link = link(&graph, &id).await;
    for _ in 0..3 {
        graph.fail_next_media(GraphFailure::Transient);
    }

    let form = whatsapp().part("file", file("image/png", b"hola".into()));
    assert_eq!(answer(upload(&graph, form)).await.0, 500);
    assert_eq!(answer(get(&graph, &id)).await.0, 500);
    assert_eq!(answer(http().get(&link).bearer_auth(TOKEN)).await.0, 500);
    assert_eq!(
        answer(http().get(&link).bearer_auth(TOKEN)).await,
        (200, Value::Null)
    );
}
