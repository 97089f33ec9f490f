//! Mails handed in while the process dies: each makes one ticket, and the answer is
//! the same ever after.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    api::Api,
    world::{Mode, PATIENCE, World},
};

/// Hands a mail in as a careful reader does: until there is an answer.
async fn hand_in(api: &Api, mail: &Value) -> String {
    let began = Instant::now();
    loop {
        let request = api.request(Method::POST, "correo/save").json(mail);
        if let Ok(answer) = request.send().await {
            let status = answer.status();
            assert!(!status.is_client_error(), "{status}");
            if status == StatusCode::OK {
                return answer.text().await.unwrap();
            }
        }
        assert!(began.elapsed() < PATIENCE, "the mail is never accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn survives(mode: Mode, point: &'static str) {
    let process = mode.process_of("mail-ticket");
    let mut world = World::start_with(mode, &[(process, point)]).await;
    let mail = json!({
        "sistema": "canal_lectura", "subject": "prueba", "from": "ana@cliente.test",
        "to": "newtkt@cyberfuel.com", "body": "Hola", "date": "2025-10-10 12:00:00",
        "headers": {"Message-ID": "<1@cliente.test>"},
    });
    let handing_in = {
        let (api, mail) = (world.api(), mail.clone());
        tokio::spawn(async move { hand_in(&api, &mail).await })
    };
    world.died(process).await;
    world.run(process, None);
    world.ready().await;
    let answer = handing_in.await.unwrap();
    assert!(
        answer.contains(r#""message":"Se ha creado el ticket "#),
        "{answer}"
    );
    assert_eq!(hand_in(&world.api(), &mail).await, answer);
    let counts: (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM mail.ticket), (SELECT count(*) FROM mail.ticket_detail)",
    )
    .fetch_one(&world.database)
    .await
    .unwrap();
    assert_eq!(counts, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_mail_becomes_one_ticket_together() {
    survives(Mode::Together, "mail.stored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_mail_becomes_one_ticket_apart() {
    survives(Mode::Apart, "mail.stored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_was_not_acknowledged_is_the_only_one_together() {
    survives(Mode::Together, "mail.ticketed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_was_not_acknowledged_is_the_only_one_apart() {
    survives(Mode::Apart, "mail.ticketed").await;
}
