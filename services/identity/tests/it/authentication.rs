//! The check of every REST request.

use auth::Caller;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chassis::{ErrorCode, config::Secret};
use proto::identity::v1::{
    AuthenticateBearerRequest, AuthenticateRequest, KeyUse, ListPublicKeysRequest,
    revocation_subject::Subject,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{BOUND, PLATFORM, Rig, answer, config};

const AGENT: &str = "agente1@atencion.test";

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_client_is_judged_before_the_user(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let token = rig.token_of(AGENT).await;
    let long = "a".repeat(10_000);
    for client in [
        ("", ""),
        ("UsuarioPrueba", ""),
        ("UsuarioPrueba", "wrong"),
        ("", "strDasdakdmsadsakming"),
        ("usuarioprueba", "strDasdakdmsadsakming"),
        ("EmpresaDemo", "strDasdakdmsadsakming"),
        ("Nobody", "strDasdakdmsadsakming"),
        ("UsuarioPrueba\0", "strDasdakdmsadsakming"),
        (&long, &long),
    ] {
        for bearer in ["", "wrong", &token] {
            let reason = rig.refused(client, bearer).await;
            assert_eq!(reason, "CLIENT_CREDENTIALS", "{client:?} {bearer}");
        }
    }
    for bearer in ["wrong", "a.b.c", "ñ", "..", &long] {
        assert_eq!(
            rig.refused(PLATFORM, bearer).await,
            "BEARER_TOKEN",
            "{bearer}"
        );
    }
    assert!(rig.authenticate(BOUND, "").await.unwrap().user.is_none());
    assert!(
        rig.authenticate(BOUND, &token)
            .await
            .unwrap()
            .user
            .is_some()
    );
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_disabled_client_or_user_is_refused_at_once(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let token = rig.token_of(AGENT).await;
    let run = async |statement: &'static str| {
        sqlx::query(statement).execute(&rig.pool).await.unwrap();
    };
    run("UPDATE identity.users SET active = false WHERE user_id = 7").await;
    assert_eq!(rig.refused(PLATFORM, &token).await, "BEARER_TOKEN");
    run("UPDATE identity.users SET active = true WHERE user_id = 7").await;
    assert!(rig.authenticate(PLATFORM, &token).await.is_ok());
    rig.revoke(Subject::UserId(7)).await.unwrap();
    assert_eq!(rig.refused(PLATFORM, &token).await, "BEARER_TOKEN");
    let newer = rig.token_of(AGENT).await;
    assert!(rig.authenticate(PLATFORM, &newer).await.is_ok());
    run("UPDATE identity.api_client SET active = false WHERE client_id = 1").await;
    assert_eq!(rig.refused(PLATFORM, &newer).await, "CLIENT_CREDENTIALS");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn forged_tokens_are_refused(pool: PgPool) {
    let rig = Rig::start(pool.clone()).await;
    let token = rig.token_of(AGENT).await;
    let [header, payload, signature] = parts(&token);
    let (header_json, payload_json) = (decode(&header), decode(&payload));
    assert_eq!(header_json["typ"], "at+jwt");
    assert_eq!(header_json["alg"], "EdDSA");

    let with_header = |key: &str, value: Value| {
        let mut changed = header_json.clone();
        changed[key] = value;
        encode(&changed)
    };
    let none = with_header("alg", json!("none"));
    let hmac = with_header("alg", json!("HS256"));
    let stranger = with_header("kid", json!("stranger"));
    let jwt = with_header("typ", json!("JWT"));
    let mut other_user = payload_json.clone();
    other_user["sub"] = json!("1");
    let other_user = encode(&other_user);
    for forged in [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{hmac}.{payload}.{signature}"),
        format!("{stranger}.{payload}.{signature}"),
        format!("{jwt}.{payload}.{signature}"),
        format!("{header}.{other_user}.{signature}"),
        format!("{header}.{payload}.{}", "A".repeat(86)),
        format!("{header}.{payload}"),
    ] {
        assert_eq!(
            rig.refused(PLATFORM, &forged).await,
            "BEARER_TOKEN",
            "{forged}"
        );
    }
    assert!(rig.authenticate(PLATFORM, &token).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn tokens_of_another_issuer_or_audience_are_refused(pool: PgPool) {
    let rig = Rig::start(pool.clone()).await;
    for (issuer, audience) in [("somebody", "atencion-api"), ("atencion", "other-api")] {
        let mut other = config();
        issuer.clone_into(&mut other.issuer);
        audience.clone_into(&mut other.audience);
        let other = Rig::start_at(pool.clone(), other, rig.clock.clone()).await;
        let token = other.token_of(AGENT).await;
        assert!(other.authenticate(PLATFORM, &token).await.is_ok());
        assert_eq!(rig.refused(PLATFORM, &token).await, "BEARER_TOKEN");
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn replicas_share_one_key_and_its_public_half_is_listed(pool: PgPool) {
    let first = Rig::start(pool.clone()).await;
    let second = Rig::start_at(pool.clone(), config(), first.clock.clone()).await;
    let token = second.token_of(AGENT).await;
    assert!(first.authenticate(PLATFORM, &token).await.is_ok());

    let call = first.call(&Caller::service("realtime-broadcast"));
    let request = ListPublicKeysRequest {
        r#use: KeyUse::Access.into(),
    };
    let listed = answer(first.keys().list_public_keys(call.request(request)).await).unwrap();
    assert_eq!(listed.keys.len(), 1);
    let key = &listed.keys[0];
    assert_eq!(decode(&parts(&token)[0])["kid"], key.key_id);
    let [header, payload, signature] = parts(&token);
    aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, &key.public_key)
        .verify(
            format!("{header}.{payload}").as_bytes(),
            &BASE64URL.decode(signature).unwrap(),
        )
        .unwrap();
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn two_secrets_are_good_while_one_replaces_the_other(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let rotate = async || {
        identity::commands::rotate_client_secret(
            &rig.pool,
            &rig.config,
            BOUND.0,
            Duration::hours(1),
        )
        .await
        .unwrap()
    };
    let good = async |secret: &Secret| {
        let client = (BOUND.0, secret.expose());
        rig.authenticate(client, "").await.is_ok()
    };
    let old = Secret::new(BOUND.1);
    let second = rotate().await;
    assert!(good(&old).await && good(&second).await);
    rig.clock.advance(Duration::minutes(10));
    let third = rotate().await;
    assert!(!good(&old).await);
    assert!(good(&second).await && good(&third).await);
    let ends = async |secret: &Secret| {
        let admitted = rig.authenticate((BOUND.0, secret.expose()), "").await;
        let client = admitted.unwrap().client.unwrap();
        client.secret_expires_at.is_some()
    };
    assert!(ends(&second).await && !ends(&third).await);
    rig.clock.advance(Duration::hours(2));
    assert!(!good(&second).await);
    assert!(good(&third).await);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_bearer_alone_is_checked_for_the_edge_alone(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let token = rig.token_of(AGENT).await;
    let ask = async |service: &str, bearer: &str| {
        let request = AuthenticateBearerRequest {
            bearer: bearer.to_owned(),
        };
        let call = rig.call(&Caller::service(service));
        answer(
            rig.authentication()
                .authenticate_bearer(call.request(request))
                .await,
        )
    };
    assert_eq!(ask("edge", &token).await.unwrap().user.unwrap().user_id, 7);
    assert_eq!(ask("edge", "").await.unwrap_err().reason, "BEARER_TOKEN");
    let service = ask("conversation", &token).await.unwrap_err();
    assert_eq!(service.code, ErrorCode::PermissionDenied);
    let call = rig.call(&Caller::service("conversation"));
    let request = call.request(AuthenticateRequest::default());
    let service = answer(rig.authentication().authenticate(request).await).unwrap_err();
    assert_eq!(service.code, ErrorCode::PermissionDenied);
}

fn parts(token: &str) -> [String; 3] {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap()
}

fn encode(value: &Value) -> String {
    BASE64URL.encode(value.to_string())
}
