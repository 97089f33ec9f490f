//! What bots of Synology Chat post.

use auth::Caller;
use chassis::{ErrorCode, code::Refusal, config::Secret};
use mail_ticket::{answer_at, demo};
use proto::mail::v1::{
    HandleBotMessageRequest, HandleBotMessageResponse,
    synology_bot_service_client::SynologyBotServiceClient,
};
use sealing::Sealer;
use sqlx::PgPool;
use testing::{FakeSynology, synology::SynologyFailure};

use crate::rig::{Rig, answer, config, identity::TAKEN};

const TOKEN: &str = "demo-synology-token";

/// A token with everything that breaks a form or a query.
const CHATBOT: &str = "a&b=c%d+e\"f";

async fn with_bot(pool: PgPool) -> (Rig, FakeSynology) {
    demo::seed(&pool, &config()).await.unwrap();
    let synology = FakeSynology::start().await.unwrap();
    synology.register_bot(CHATBOT);
    let sealer = Sealer::new("mail.encryption_keys", &config().encryption_keys).unwrap();
    let mut db = pool.acquire().await.unwrap();
    let token = Secret::new(CHATBOT);
    answer_at(&mut db, &sealer, 1, &synology.base_url(), &token)
        .await
        .unwrap();
    drop(db);
    (Rig::start(pool).await, synology)
}

fn message(token: &str, user: i64, username: &str) -> HandleBotMessageRequest {
    HandleBotMessageRequest {
        token: token.to_owned(),
        synology_user_id: user,
        username: username.to_owned(),
        ..HandleBotMessageRequest::default()
    }
}

impl Rig {
    async fn post(
        &self,
        message: HandleBotMessageRequest,
    ) -> Result<HandleBotMessageResponse, Refusal> {
        let mut bots = SynologyBotServiceClient::new(self.upstream.clone());
        let call = self.call(&Caller::service("edge"));
        answer(bots.handle_bot_message(call.request(message)).await)
    }
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn the_writer_is_bound_and_told(pool: PgPool) {
    let (rig, synology) = with_bot(pool).await;
    let done = rig.post(message(TOKEN, 120, "DNunez")).await.unwrap();
    assert_eq!((done.login.as_str(), done.changed), ("dnunez", true));
    assert_eq!(
        done.synology_response_json,
        r#"{"data":{"fail":null,"succ":{"user_id_post_map":{"120":23059679412324}}},"success":true}"#
    );
    let again = rig.post(message(TOKEN, 120, "dnunez")).await.unwrap();
    assert!(!again.changed);
    let posts = synology.posts();
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].user_ids, [120]);
    assert_eq!(posts[0].text, "Usuario dnunez actualizado.");
    assert_eq!(*rig.identity.bound.lock().unwrap(), Some(120));
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn only_a_bot_may_call(pool: PgPool) {
    let (rig, synology) = with_bot(pool).await;
    for token in ["demo-synology-toke", "x", "demo-synology-token "] {
        let refused = rig.post(message(token, 0, "")).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unauthenticated, "{token}");
        assert_eq!(refused.reason, "BOT_TOKEN");
    }
    rig.run("UPDATE mail.synology_bot SET active = false").await;
    let refused = rig.post(message(TOKEN, 120, "dnunez")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unauthenticated);
    assert!(synology.posts().is_empty());
    assert!(rig.identity.asked.lock().unwrap().is_empty());
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn what_is_wrong_is_said(pool: PgPool) {
    let (rig, synology) = with_bot(pool).await;
    for (wrong, field) in [
        (message("", 120, "dnunez"), "token"),
        (message(TOKEN, 0, "dnunez"), "user_id"),
        (message(TOKEN, 120, ""), "username"),
        (message(TOKEN, 120, &"x".repeat(192)), "username"),
    ] {
        let refused = rig.post(wrong).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
        assert_eq!(refused.fields[0].0, field);
    }
    let unknown = rig.post(message(TOKEN, 120, "nadie")).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
    assert_eq!(synology.posts()[0].text, "No se encontró el usuario nadie.");
    let taken = rig.post(message(TOKEN, TAKEN, "dnunez")).await.unwrap_err();
    assert_eq!(taken.code, ErrorCode::AlreadyExists);
    assert_eq!(taken.reason, "SYNOLOGY_ID_TAKEN");
    assert_eq!(synology.posts().len(), 1);
    *rig.identity.away.lock().unwrap() = true;
    let away = rig.post(message(TOKEN, 120, "dnunez")).await.unwrap_err();
    assert_eq!(away.code, ErrorCode::Unavailable);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn the_binding_stays_when_synology_is_away(pool: PgPool) {
    let (rig, synology) = with_bot(pool).await;
    for failure in [
        SynologyFailure::Broken,
        SynologyFailure::Page,
        SynologyFailure::KeptThenCut,
        SynologyFailure::Silence,
    ] {
        synology.fail_next(failure);
        let done = rig.post(message(TOKEN, 120, "dnunez")).await.unwrap();
        let said = done.synology_response_json;
        assert!(said.contains(r#""success":false"#), "{failure:?}: {said}");
        assert!(said.contains(r#""code":100"#), "{failure:?}: {said}");
        assert!(!said.contains("a&b"), "{said}");
    }
    synology.fail_next(SynologyFailure::Code(411));
    let done = rig.post(message(TOKEN, 120, "dnunez")).await.unwrap();
    assert_eq!(
        done.synology_response_json,
        r#"{"error":{"code":411,"errors":"create post too fast"},"success":false}"#
    );
    drop(synology);
    let done = rig.post(message(TOKEN, 121, "dnunez")).await.unwrap();
    assert!(done.changed);
    assert!(done.synology_response_json.contains(r#""success":false"#));
    rig.run("UPDATE mail.synology_bot SET chat_base_url = NULL")
        .await;
    assert!(
        rig.post(message(TOKEN, 122, "dnunez"))
            .await
            .unwrap()
            .changed
    );
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn one_user_does_not_flood(pool: PgPool) {
    let (rig, _synology) = with_bot(pool).await;
    for _ in 0..10 {
        rig.post(message(TOKEN, 120, "dnunez")).await.unwrap();
    }
    let refused = rig.post(message(TOKEN, 120, "dnunez")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::RateLimited);
    assert!(refused.retry_after.is_some());
    rig.post(message(TOKEN, 121, "dnunez")).await.unwrap();
}
