//! Users and their pictures, signing in, passwords.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Replay, step};
use crate::world::PATIENCE;

const JUAN: &str = "juan@empresa.com";
const AGENT: &str = "agente1@atencion.test";

/// A picture of one pixel.
const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Runs the scripts in an order in which each finds what it needs.
pub async fn run(replay: &mut Replay) {
    users(replay).await;
    pictures(replay).await;
    signing_in(replay).await;
    passwords(replay).await;
    changes(replay).await;
}

async fn users(replay: &mut Replay) {
    let store = "POST /api/users/store";
    let away = "DELETE FROM identity.users WHERE user_id = 15";
    let next = "ALTER TABLE identity.users ALTER COLUMN user_id RESTART WITH 15";
    replay.run(step(store, 0).after(away).after(next)).await;
    let rest = "ALTER TABLE identity.users ALTER COLUMN user_id RESTART WITH 100";
    replay.run(step(store, 1).after(rest)).await;

    let list = "POST /api/users/list";
    replay.run(step(list, 0)).await;
    replay
        .run(step(list, 1).set(json!({"paginate": "\"S\""})))
        .await;

    let show = "GET /api/users/show/{id}";
    replay.run(step(show, 0).path("id", "15")).await;
    replay.run(step(show, 1).path("id", "9999")).await;

    let count = step("GET /api/users/analizeUsersCompany", 0).by(JUAN);
    replay
        .run(count.free(&["/data/total", "/data/activos", "/data/inactivos"]))
        .await;
}

async fn pictures(replay: &mut Replay) {
    let upload = "PATCH /api/users/uploadUserPic/{id}";
    let uploaded = step(upload, 0)
        .path("id", "15")
        .set(json!({"pic": PICTURE}));
    replay.run(uploaded.free(&["/data/pic_url"])).await;
    replay
        .run(
            step(upload, 1)
                .path("id", "15")
                .set(json!({"pic": "no picture"})),
        )
        .await;

    let show = "GET /api/users/showUserPic/{id}";
    replay
        .run(step(show, 0).path("id", "15").free(&["/data/pic_url"]))
        .await;
    replay.run(step(show, 1).path("id", "9999")).await;

    let me = step("GET /api/auth/getRequestUserData", 0).by(JUAN);
    replay.run(me.free(&["/data/pic_url"])).await;

    let delete = "DELETE /api/users/deleteUserPic/{id}";
    replay.run(step(delete, 0).path("id", "15")).await;
    replay.run(step(delete, 1).path("id", "9999")).await;
}

async fn signing_in(replay: &mut Replay) {
    let login = "POST /api/auth/login";
    replay.run(step(login, 0).free(&["/data/token"])).await;
    replay
        .run(step(login, 1).set(json!({"password": "Otra1234"})))
        .await;

    // The PIN of the documents is one that is refused as too simple.
    let pin = "POST /api/auth/login/pin";
    let right = step(pin, 0)
        .set(json!({"email": AGENT, "pin": "482915"}))
        .wanted("/data/user/id", json!(7))
        .wanted("/data/user/name", json!("Agente 1"))
        .free(&["/data/token"]);
    replay.run(right).await;
    replay.run(step(pin, 1)).await;

    let refresh = step("GET /api/auth/refreshUserToken", 0).by(JUAN);
    replay.run(refresh.free(&["/data/token"])).await;
    replay.forget(JUAN);
    replay
        .run(step("DELETE /api/auth/logout", 0).by(JUAN))
        .await;
    replay.forget(JUAN);
}

async fn passwords(replay: &mut Replay) {
    let forgot = "POST /api/auth/password/forgot";
    replay.run(step(forgot, 0)).await;
    replay
        .run(step(forgot, 1).set(json!({"email": "nadie@empresa.com"})))
        .await;
    let reset = "POST /api/auth/password/reset";
    let selector = link(replay).await;
    let redeemed = step(reset, 0).set(json!({"id": selector}));
    replay.run(redeemed).await;
    replay.forget(JUAN);
    replay.run(step(reset, 1)).await;
    for id in [
        "POST /api/SSO/password/forgot",
        "POST /api/SSO/password/reset",
    ] {
        replay.run(step(id, 0).by_nobody()).await;
    }
}

/// The selector of the link that was made for the documents' user; its verifier
/// becomes the one of the documents.
async fn link(replay: &Replay) -> String {
    let known = "UPDATE identity.password_reset SET verifier_digest = sha256('abc123')
                 WHERE user_id = 15 AND ended_at IS NULL RETURNING selector::text";
    let began = Instant::now();
    loop {
        let found: Option<String> = sqlx::query_scalar(known)
            .fetch_optional(&replay.world.database)
            .await
            .unwrap();
        match found {
            Some(selector) => return selector,
            None => assert!(began.elapsed() < PATIENCE, "the link is never made"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn changes(replay: &mut Replay) {
    let update = "PATCH /api/users/update/{id}";
    replay.run(step(update, 1).path("id", "9999")).await;
    replay
        .run(
            step(update, 2)
                .path("id", "15")
                .set(json!({"department": null})),
        )
        .await;
    replay.run(step(update, 0).path("id", "15")).await;

    let status = "PATCH /api/users/status/{id?}";
    replay
        .run(step(status, 1).path("id?", "15").set(json!({"status": 1})))
        .await;
    replay.run(step(status, 0).path("id?", "15")).await;
    replay
        .run(
            step(status, 2)
                .path("id?", "15")
                .set(json!({"id_user": 9999})),
        )
        .await;
}
