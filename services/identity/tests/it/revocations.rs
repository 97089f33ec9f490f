//! The revocation log, its leases, and what the database says of tokens.

use std::time::Duration;

use auth::Caller;
use chassis::ErrorCode;
use proto::identity::v1::{
    AcknowledgeRevocationsRequest, AcknowledgeRevocationsResponse, IntrospectRequest, TokenShape,
    WatchRevocationsRequest, WatchRevocationsResponse, revocation_subject::Subject,
};
use sqlx::PgPool;
use tokio::time::timeout;
use tonic::Streaming;

use crate::rig::{PLATFORM, Rig, answer, config, platform_client};

const AGENT: &str = "agente1@atencion.test";

/// Longer than anything that is waited for.
const LONG: Duration = Duration::from_secs(20);

/// One replica's end of the log.
struct Follower<'a> {
    rig: &'a Rig,
    batches: Streaming<WatchRevocationsResponse>,
    lease: String,
}

impl<'a> Follower<'a> {
    async fn watch(rig: &'a Rig, after: i64) -> (Self, WatchRevocationsResponse) {
        let request = WatchRevocationsRequest {
            replica: format!("test-{}", uuid::Uuid::new_v4()),
            after,
        };
        let call = rig.call(&Caller::service("edge"));
        let watched = rig
            .revocations()
            .watch_revocations(call.request(request))
            .await;
        let mut batches = answer(watched).unwrap();
        let first = batches.message().await.unwrap().unwrap();
        let lease = first.lease_id.clone();
        let follower = Self {
            rig,
            batches,
            lease,
        };
        (follower, first)
    }

    async fn next(&mut self) -> Option<WatchRevocationsResponse> {
        let next = timeout(LONG, self.batches.message()).await;
        next.unwrap().unwrap()
    }

    async fn acknowledge(
        &self,
        applied: i64,
        used: &[String],
    ) -> Result<AcknowledgeRevocationsResponse, chassis::code::Refusal> {
        let request = AcknowledgeRevocationsRequest {
            lease_id: self.lease.clone(),
            applied,
            used_session_ids: used.to_vec(),
        };
        let call = self.rig.call(&Caller::service("edge"));
        let mut client = self.rig.revocations();
        answer(client.acknowledge_revocations(call.request(request)).await)
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_revocation_answers_when_every_replica_has_applied_it(pool: PgPool) {
    let first = Rig::start(pool.clone()).await;
    let second = Rig::start_at(pool, config(), first.clock.clone()).await;
    let (mut follower, begun) = Follower::watch(&first, 0).await;
    assert_eq!((begun.head, begun.revocations.len()), (0, 0));
    assert!(begun.lease_seconds > 0 && !begun.reset);
    follower.acknowledge(0, &[]).await.unwrap();

    // Through the other replica of identity.
    let revoking = tokio::spawn(async move { second.revoke(Subject::UserId(7)).await });
    let heard = follower.next().await.unwrap();
    assert_eq!(heard.head, 1);
    let entry = &heard.revocations[0];
    assert_eq!(entry.sequence, 1);
    let subject = entry.subject.clone().unwrap().subject.unwrap();
    assert_eq!(subject, Subject::UserId(7));
    assert!(entry.forget_at.is_some());
    assert!(!revoking.is_finished(), "it was not applied yet");
    let renewed = follower.acknowledge(1, &[]).await.unwrap();
    assert_eq!(renewed.head, 1);
    assert_eq!(revoking.await.unwrap().unwrap(), 1);
    // It did not wait until the lease was over.
    follower.acknowledge(1, &[]).await.unwrap();
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_replica_that_is_silent_loses_its_lease(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let (mut follower, _) = Follower::watch(&rig, 0).await;
    rig.revoke(Subject::CompanyId(3)).await.unwrap();
    let expired = follower.acknowledge(1, &[]).await.unwrap_err();
    assert_eq!(expired.code, ErrorCode::FailedPrecondition);
    assert_eq!(expired.reason, "LEASE_EXPIRED");
    while let Some(batch) = follower.next().await {
        assert_eq!(batch.lease_id, follower.lease);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_replica_that_missed_something_begins_anew(pool: PgPool) {
    let rig = Rig::start(pool.clone()).await;
    for user in [1, 2, 7] {
        rig.revoke(Subject::UserId(user)).await.unwrap();
    }
    let sequences = |batch: &WatchRevocationsResponse| -> Vec<i64> {
        let entries = batch.revocations.iter();
        entries.map(|entry| entry.sequence).collect()
    };
    let (_, known) = Follower::watch(&rig, 2).await;
    assert_eq!((known.reset, sequences(&known)), (false, vec![3]));
    let (_, ahead) = Follower::watch(&rig, 9).await;
    assert_eq!((ahead.reset, sequences(&ahead)), (true, vec![1, 2, 3]));

    // What is over is forgotten by a replica that starts now.
    rig.clock.advance(time::Duration::days(31));
    let later = Rig::start_at(pool, config(), rig.clock.clone()).await;
    let deadline = tokio::time::Instant::now() + LONG;
    loop {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.revocation")
            .fetch_one(&later.pool)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{left} are kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, behind) = Follower::watch(&later, 2).await;
    assert_eq!((behind.reset, behind.head), (true, 3));
    let (_, there) = Follower::watch(&later, 3).await;
    assert!(!there.reset);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn what_is_older_than_a_revocation_is_void_and_what_is_newer_is_not(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for shape in [TokenShape::Jwt, TokenShape::Opaque] {
        let token = rig.token_in(shape, AGENT).await;
        let known = rig.introspect(&token).await;
        let session = known.user.unwrap().session_id;
        for subject in [
            Subject::SessionId(session.clone()),
            Subject::FamilyId(known.family_id),
            Subject::UserId(7),
            Subject::ClientId(1),
            Subject::CompanyId(3),
        ] {
            let subject = match subject {
                Subject::SessionId(_) | Subject::FamilyId(_) => subject,
                owner => {
                    // The session itself has ended by now.
                    let token = rig.token_in(shape, AGENT).await;
                    assert!(rig.good(&token).await);
                    rig.revoke(owner.clone()).await.unwrap();
                    assert!(!rig.good(&token).await, "{owner:?}");
                    let newer = rig.token_in(shape, AGENT).await;
                    assert!(rig.good(&newer).await, "{owner:?}");
                    continue;
                }
            };
            rig.revoke(subject).await.unwrap();
            assert!(!rig.good(&token).await);
        }
    }
    // Nobody has such tokens; nothing is written.
    let head = rig.revoke(Subject::UserId(999)).await.unwrap();
    assert_eq!(rig.revoke(Subject::ClientId(999)).await.unwrap(), head);
    for wrong in [Subject::SessionId("none".into()), Subject::ChangedUserId(7)] {
        let refused = rig.revoke(wrong).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn made_up_opaque_tokens_are_refused(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let token = rig.token_in(TokenShape::Opaque, AGENT).await;
    let other = rig.token_in(TokenShape::Opaque, AGENT).await;
    assert!(rig.good(&token).await && rig.good(&other).await);
    assert_eq!(
        rig.authenticate(PLATFORM, &token)
            .await
            .unwrap()
            .user
            .unwrap()
            .user_id,
        7
    );
    let parsed = auth::opaque::OpaqueToken::parse(&token).unwrap();
    let number: i64 = other.split('|').next().unwrap().parse().unwrap();
    let write = auth::opaque::OpaqueToken::write;
    let guessed = "A".repeat(auth::opaque::SECRET_LENGTH);
    for made_up in [
        write(number, 1, parsed.secret),
        write(parsed.number, 2, parsed.secret),
        write(parsed.number, 0, parsed.secret),
        write(parsed.number, 1, &guessed),
        write(i64::MAX, 1, parsed.secret),
        token[..token.len() - 1].to_owned(),
        token.to_uppercase(),
        String::new(),
        "|".repeat(5000),
    ] {
        assert!(!rig.good(&made_up).await, "{made_up}");
    }
    assert!(rig.good(&token).await, "nobody's guesses end a session");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn use_that_a_replica_reports_keeps_a_session(pool: PgPool) {
    let rig = Rig::start(pool.clone()).await;
    let used = rig.token_of(AGENT).await;
    let unused = rig.token_of(AGENT).await;
    let session = rig.introspect(&used).await.user.unwrap().session_id;
    rig.clock.advance(time::Duration::hours(3));
    let (follower, _) = Follower::watch(&rig, 0).await;
    follower.acknowledge(0, &[session]).await.unwrap();
    let deadline = tokio::time::Instant::now() + LONG;
    let noted = "SELECT count(*) FROM identity.session WHERE last_used_at = $1";
    while sqlx::query_scalar::<_, i64>(noted)
        .bind(rig.clock.now())
        .fetch_one(&rig.pool)
        .await
        .unwrap()
        == 0
    {
        assert!(tokio::time::Instant::now() < deadline, "use was not noted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rig.clock.advance(time::Duration::hours(2));
    // A replica that starts now looks for sessions that nobody uses.
    let later = Rig::start_at(pool, config(), rig.clock.clone()).await;
    let ended = "SELECT count(*) FROM identity.revocation WHERE kind = 'session'";
    while sqlx::query_scalar::<_, i64>(ended)
        .fetch_one(&later.pool)
        .await
        .unwrap()
        == 0
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "disuse was not seen"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(later.good(&used).await);
    assert!(!later.good(&unused).await);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn only_services_ask_about_tokens(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let caller = Caller {
        client: Some(platform_client()),
        ..Caller::service("edge")
    };
    let call = rig.call(&caller);
    let request = IntrospectRequest {
        token: rig.token_of(AGENT).await,
    };
    let refused = rig.revocations().introspect(call.request(request)).await;
    let refused = answer(refused).unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    let watch = WatchRevocationsRequest::default();
    let call = rig.call(&Caller::service("edge"));
    let nameless = rig
        .revocations()
        .watch_revocations(call.request(watch))
        .await;
    let nameless = answer(nameless).map(|_| ()).unwrap_err();
    assert_eq!(nameless.code, ErrorCode::InvalidInput);
}
