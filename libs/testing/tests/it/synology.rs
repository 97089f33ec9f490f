//! The double of Synology Chat keeps its rules.

use serde_json::Value;
use testing::{FakeSynology, synology::SynologyFailure};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post(synology: &FakeSynology, query: &str, body: &'static str) -> Value {
    let url = format!("{}/webapi/entry.cgi?{query}", synology.base_url());
    let client = reqwest::Client::builder().build().unwrap();
    let request = client.post(url).header("content-type", FORM).body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn it_refuses_what_synology_refuses() {
    let synology = FakeSynology::start().await.unwrap();
    synology.register_bot("secret");
    let good = "api=SYNO.Chat.External&method=chatbot&version=2&token=%22secret%22";
    let body = "payload=%7B%22text%22%3A%22a%26b%22%2C%22user_ids%22%3A%5B120%5D%7D";
    for (query, body, code) in [
        (good.replace("External", "Bot"), body, 102),
        (good.replace("chatbot", "post"), body, 103),
        (good.replace("version=2", "version=1"), body, 104),
        (good.replace("secret", "other"), body, 404),
        (good.replace("chatbot", "incoming"), body, 404),
        (good.to_owned(), "", 101),
        (good.to_owned(), "payload=", 101),
        (good.to_owned(), "payload=text", 120),
        (good.to_owned(), "payload=%7B%22text%22%3A%22a%22%7D", 120),
    ] {
        let answer = post(&synology, &query, body).await;
        assert_eq!(answer["success"], false, "{query} {body}");
        assert_eq!(answer["error"]["code"], code, "{query} {body}");
    }
    assert!(synology.posts().is_empty());
    let answer = post(&synology, good, body).await;
    assert_eq!(answer["success"], true);
    assert!(answer["data"]["succ"]["user_id_post_map"]["120"].is_i64());
    assert_eq!(synology.posts()[0].text, "a&b");
    synology.fail_next(SynologyFailure::Code(411));
    assert_eq!(post(&synology, good, body).await["error"]["code"], 411);
    assert_eq!(synology.posts().len(), 1);
}
