//! What is void is void on every edge, though none of them asks about every token.

use auth::{AccessClaims, opaque::OpaqueToken};
use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use proto::identity::v1::{TokenShape, revocation_subject::Subject};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::living::{Followed, Living, config, until};

const SHAPES: [TokenShape; 2] = [TokenShape::Jwt, TokenShape::Opaque];

/// Uses a token until an edge knows it, so that it is not asked about.
async fn known(edges: &[&Followed], token: &str) {
    for edge in edges {
        assert_eq!(edge.status(token).await, 200);
        let before = edge.line.calls("Introspect");
        assert_eq!(edge.status(token).await, 200);
        assert_eq!(edge.line.calls("Introspect"), before, "asked again");
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn after_a_logout_no_edge_takes_the_token(pool: PgPool) {
    let living = Living::start(pool).await;
    let (one, other) = (living.edge().await, living.edge().await);
    for shape in SHAPES {
        let (token, stays) = (living.token(shape).await, living.token(shape).await);
        known(&[&one, &other], &token).await;
        known(&[&one, &other], &stays).await;
        let logout = one.send("DELETE", "/api/auth/logout", &token).await;
        assert_eq!(logout.status.as_u16(), 200, "{}", logout.text);
        assert_eq!(other.status(&token).await, 401, "{shape:?}");
        assert_eq!(one.status(&token).await, 401);
        known(&[&one, &other], &stays).await;
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn after_a_revocation_no_edge_takes_older_tokens(pool: PgPool) {
    let living = Living::start(pool).await;
    let (one, other) = (living.edge().await, living.edge().await);
    for subject in [
        Subject::UserId(7),
        Subject::CompanyId(3),
        Subject::ClientId(1),
    ] {
        let tokens = [
            living.token(TokenShape::Jwt).await,
            living.token(TokenShape::Opaque).await,
        ];
        for token in &tokens {
            known(&[&one, &other], token).await;
        }
        living.revoke(subject.clone()).await;
        for token in &tokens {
            assert_eq!(one.status(token).await, 401, "{subject:?}");
            assert_eq!(other.status(token).await, 401, "{subject:?}");
        }
        let newer = living.token(TokenShape::Jwt).await;
        known(&[&one, &other], &newer).await;
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn after_a_user_is_switched_off_or_has_a_new_password_no_edge_takes_older_tokens(
    pool: PgPool,
) {
    let living = Living::start(pool).await;
    let (one, other) = (living.edge().await, living.edge().await);
    let off = json!({"status": 0});
    let changed = json!({"password": "Otra-clave-91", "password_confirmation": "Otra-clave-91"});
    let on = json!({"status": 1});
    for (path, body) in [
        ("/api/users/status/7", &off),
        ("/api/users/update/7", &changed),
    ] {
        let tokens = [
            living.token(TokenShape::Jwt).await,
            living.token(TokenShape::Opaque).await,
        ];
        for token in &tokens {
            known(&[&one, &other], token).await;
        }
        let done = one.administer("PATCH", path, body).await;
        assert_eq!(done.status.as_u16(), 200, "{}", done.text);
        for token in &tokens {
            assert_eq!(one.status(token).await, 401, "{path}");
            assert_eq!(other.status(token).await, 401, "{path}");
        }
        let back = other.administer("PATCH", "/api/users/status/7", &on).await;
        assert_eq!(back.status.as_u16(), 200, "{}", back.text);
        for token in &tokens {
            assert_eq!(one.status(token).await, 401, "{path}: it is void for good");
        }
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn after_a_forgotten_password_is_replaced_no_edge_takes_older_tokens(pool: PgPool) {
    let living = Living::start(pool.clone()).await;
    let (one, other) = (living.edge().await, living.edge().await);
    let token = living.token(TokenShape::Jwt).await;
    known(&[&one, &other], &token).await;
    let email = "agente1@atencion.test";
    let forgot = json!({"email": email});
    let asked = one
        .administer("POST", "/api/auth/password/forgot", &forgot)
        .await;
    assert_eq!(asked.status.as_u16(), 200, "{}", asked.text);
    // The verifier that the mail would carry becomes one that is known here.
    let link = "UPDATE identity.password_reset SET verifier_digest = sha256('verifier')
                WHERE user_id = 7 RETURNING selector::text";
    until("the link is never made", async || {
        let made: Option<String> = sqlx::query_scalar(link)
            .fetch_optional(&pool)
            .await
            .unwrap();
        made.is_some()
    })
    .await;
    let selector: String = sqlx::query_scalar(link).fetch_one(&pool).await.unwrap();
    let reset = json!({
        "id": selector, "token": "verifier", "email": email,
        "password": "Otra-clave-91", "password_confirmation": "Otra-clave-91",
    });
    let done = one
        .administer("POST", "/api/auth/password/reset", &reset)
        .await;
    assert_eq!(done.status.as_u16(), 200, "{}", done.text);
    assert_eq!(one.status(&token).await, 401);
    assert_eq!(other.status(&token).await, 401);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn an_edge_that_is_cut_off_takes_no_token(pool: PgPool) {
    let living = Living::start(pool).await;
    let (one, cut_off) = (living.edge().await, living.edge().await);
    let token = living.token(TokenShape::Jwt).await;
    let stays = living.token(TokenShape::Opaque).await;
    for token in [&token, &stays] {
        known(&[&one, &cut_off], token).await;
    }
    cut_off.line.cut(true);
    // It waits for the lease of the one that cannot answer.
    let logout = one.send("DELETE", "/api/auth/logout", &token).await;
    assert_eq!(logout.status.as_u16(), 200);
    for token in [&token, &stays] {
        let refused = cut_off.send("POST", "/api/chat/list", token).await;
        assert_eq!(refused.status.as_u16(), 503, "{}", refused.text);
        assert!(!refused.header("retry-after").is_empty());
    }
    cut_off.line.cut(false);
    assert_eq!(cut_off.status(&token).await, 401);
    assert_eq!(cut_off.status(&stays).await, 200);
    until("the edge got no lease again", async || {
        let before = cut_off.line.calls("Authenticate");
        cut_off.status(&stays).await == 200 && cut_off.line.calls("Authenticate") == before
    })
    .await;
    assert_eq!(cut_off.status(&token).await, 401);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_replaced_token_that_comes_back_to_any_edge_ends_its_successor(pool: PgPool) {
    let living = Living::start(pool).await;
    let (one, other) = (living.edge().await, living.edge().await);
    for shape in SHAPES {
        let first = living.token(shape).await;
        known(&[&one, &other], &first).await;
        let refreshed = one.send("GET", "/api/auth/refreshUserToken", &first).await;
        let second = refreshed.json()["data"]["token"]
            .as_str()
            .unwrap()
            .to_owned();
        let again = other
            .send("GET", "/api/auth/refreshUserToken", &first)
            .await;
        assert_eq!(again.json()["data"]["token"], second, "{shape:?}");
        assert_eq!(one.status(&first).await, 200);
        assert_eq!(other.status(&first).await, 200);
        // The first use of the successor, on any edge, ends the other.
        known(&[&other, &one], &second).await;
        assert_eq!(one.status(&first).await, 401, "{shape:?}");
        assert_eq!(one.status(&second).await, 401);
        assert_eq!(other.status(&second).await, 401);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn forged_tokens_are_refused_without_a_question(pool: PgPool) {
    let living = Living::start(pool.clone()).await;
    let edge = living.edge().await;
    let token = living.token(TokenShape::Jwt).await;
    known(&[&edge], &token).await;
    let jwks = edge
        .send("GET", "/.well-known/jwks.json", &token)
        .await
        .json();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, claims) = (decode(parts[0]), decode(parts[1]));
    let with = |value: &Value, key: &str, new: Value| {
        let mut changed = value.clone();
        changed[key] = new;
        encode(&changed)
    };
    let public = BASE64URL
        .decode(jwks["keys"][0]["x"].as_str().unwrap())
        .unwrap();
    assert_eq!(jwks["keys"][0]["kid"], header["kid"]);
    let hs256 = |header: &str, secret: &[u8]| {
        let text = format!("{header}.{}", parts[1]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        format!(
            "{text}.{}",
            BASE64URL.encode(hmac::sign(&key, text.as_bytes()))
        )
    };
    let stranger = Ed25519KeyPair::from_pkcs8(
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .unwrap()
            .as_ref(),
    )
    .unwrap();
    assert_ne!(stranger.public_key().as_ref(), public);
    let signed = |header: &str, claims: &str| {
        let text = format!("{header}.{claims}");
        let signature = stranger.sign(text.as_bytes());
        format!("{text}.{}", BASE64URL.encode(signature))
    };
    let none = with(&header, "alg", json!("none"));
    let hmac_header = with(&header, "alg", json!("HS256"));
    let other_user = with(&claims, "sub", json!("1"));
    let longer = with(&claims, "exp", json!(4_102_444_800_i64));
    let forged = [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        hs256(&hmac_header, &public),
        hs256(&hmac_header, BASE64URL.encode(&public).as_bytes()),
        signed(parts[0], parts[1]),
        signed(&with(&header, "kid", json!("stranger")), parts[1]),
        signed(&with(&header, "jwk", jwks["keys"][0].clone()), parts[1]),
        format!(
            "{}.{}.{}",
            with(&header, "typ", json!("JWT")),
            parts[1],
            parts[2]
        ),
        format!("{}.{other_user}.{}", parts[0], parts[2]),
        format!("{}.{longer}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.{}", parts[2]),
        "a".repeat(1024 * 1024),
        format!("7|{}", "a".repeat(48)),
        format!("7|{}", "|".repeat(48)),
    ];
    let before = edge.line.calls("Introspect");
    for forged in &forged {
        let start: String = forged.chars().take(200).collect();
        assert_eq!(edge.status(forged).await, 401, "{start}");
    }
    assert_eq!(edge.line.calls("Introspect"), before);

    // Right checksum, made up all the same.
    let made_up = OpaqueToken::write(1, 1, &"A".repeat(34));
    assert_eq!(edge.status(&made_up).await, 401);
    // Signed by keys of ours, for somebody else or by another issuer.
    for (issuer, audience) in [("somebody", "atencion-api"), ("atencion", "other-api")] {
        let mut settings = config();
        issuer.clone_into(&mut settings.issuer);
        audience.clone_into(&mut settings.audience);
        let other = Living::start_with(pool.clone(), settings, living.clock.clone()).await;
        let foreign = other.token(TokenShape::Jwt).await;
        assert_eq!(edge.status(&foreign).await, 401, "{issuer} {audience}");
    }
    assert_eq!(edge.status(&token).await, 200);
    let claims: AccessClaims = serde_json::from_value(claims).unwrap();
    let left = time::Duration::seconds(claims.exp - living.clock.unix_seconds());
    living.clock.advance(left);
    assert_eq!(edge.status(&token).await, 401, "it has expired");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn what_changed_is_asked_for_once(pool: PgPool) {
    let living = Living::start(pool).await;
    let edge = living.edge().await;
    let token = living.token(TokenShape::Jwt).await;
    known(&[&edge], &token).await;
    let change = async |statement: &'static str, kind: &str, id: i64| {
        let mut transaction = living.pool.begin().await.unwrap();
        sqlx::query(statement)
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::query(
            "WITH next AS (
                 UPDATE identity.revocation_head SET sequence = sequence + 1 RETURNING sequence
             )
             INSERT INTO identity.revocation (sequence, kind, id, made_at)
             SELECT sequence, $1, $2, now() FROM next",
        )
        .bind(kind)
        .bind(id)
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction.commit().await.unwrap();
    };
    let rename = "UPDATE identity.users SET name = 'Otra', department_id = 8 WHERE user_id = 7";
    change(rename, "changed_user", 7).await;
    until("the new name did not come", async || {
        edge.status(&token).await;
        let user = edge.edge.world.last("ListChats").0.user.unwrap();
        user.name == "Otra" && user.department.unwrap().0 == 8
    })
    .await;
    known(&[&edge], &token).await;

    let before = edge.line.calls("Authenticate");
    let off = "UPDATE identity.api_client SET active = false WHERE client_id = 1";
    change(off, "changed_client", 1).await;
    until("the client is still let in", async || {
        edge.status(&token).await == 401
    })
    .await;
    assert!(edge.line.calls("Authenticate") > before);
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap()
}

fn encode(value: &Value) -> String {
    BASE64URL.encode(value.to_string())
}
