//! Pictures: taken in, shown, replaced, removed, and swept away.

use std::{path::Path, time::Duration};

use auth::Caller;
use bytes::Bytes;
use chassis::{Clock, ErrorCode, code::Refusal};
use identity::PictureSettings;
use proto::identity::v1::{
    CreateUserRequest, DeleteUserPictureRequest, GetUserPictureRequest, GetUserRequest,
    StageUserPictureRequest, StagedPictureHeader, UploadUserPictureRequest, UserPicture,
    UserPictureHeader, get_user_picture_response, get_user_request::Selector,
    stage_user_picture_request, upload_user_picture_request,
};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::{
    people::{acting, ana, bound, know_companies, platform},
    rig::{Rig, answer, config},
    samples::{SECRET, avif, exif, holds, jpeg, png},
};

/// The largest picture.
const LARGEST: usize = 2 * 1024 * 1024;

/// An identity that sweeps every second, and where it keeps its pictures.
async fn start(pool: PgPool) -> (Rig, TempDir) {
    let folder = TempDir::new().unwrap();
    let rig = start_in(pool, folder.path()).await;
    (rig, folder)
}

async fn start_in(pool: PgPool, folder: &Path) -> Rig {
    let config = identity::Config {
        pictures: PictureSettings {
            store: format!("file://{}", folder.display()),
            sweep_seconds: 1,
            ..PictureSettings::default()
        },
        ..config()
    };
    identity::demo::seed(&pool, &config).await.unwrap();
    let clock = Clock::set_to(Clock::system().now());
    Rig::start_at(pool, config, clock).await
}

/// The files of a folder, at any depth.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { 1 }
        })
        .sum()
}

async fn until_files(folder: &Path, wanted: usize) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while files(folder) != wanted {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} files instead of {wanted}",
            files(folder)
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many objects are known.
async fn objects(rig: &Rig) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM identity.picture_object")
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}

fn upload_parts(user_id: i64, content: &[u8], piece: usize) -> Vec<UploadUserPictureRequest> {
    use upload_user_picture_request::Part;
    let header = Part::Header(UserPictureHeader { user_id });
    let pieces = content
        .chunks(piece)
        .map(|piece| Part::Chunk(Bytes::copy_from_slice(piece)));
    std::iter::once(header)
        .chain(pieces)
        .map(|part| UploadUserPictureRequest { part: Some(part) })
        .collect()
}

async fn upload(rig: &Rig, by: &Caller, user: i64, content: &[u8]) -> Result<UserPicture, Refusal> {
    let parts = tokio_stream::iter(upload_parts(user, content, 1000));
    let call = rig.call(by);
    let uploaded = answer(rig.users().upload_user_picture(call.request(parts)).await)?;
    assert_eq!(uploaded.user_id, user);
    Ok(uploaded.picture.unwrap())
}

async fn stage(rig: &Rig, by: &Caller, company_id: i64, content: &[u8]) -> Result<String, Refusal> {
    use stage_user_picture_request::Part;
    let header = Part::Header(StagedPictureHeader { company_id });
    let pieces = content
        .chunks(1000)
        .map(|piece| Part::Chunk(Bytes::copy_from_slice(piece)));
    let parts: Vec<_> = std::iter::once(header)
        .chain(pieces)
        .map(|part| StageUserPictureRequest { part: Some(part) })
        .collect();
    let call = rig.call(by);
    let parts = call.request(tokio_stream::iter(parts));
    let staged = answer(rig.users().stage_user_picture(parts).await)?;
    Ok(staged.staged_picture_id)
}

async fn show(rig: &Rig, by: &Caller, user_id: i64) -> Result<(UserPicture, Vec<u8>), Refusal> {
    use get_user_picture_response::Part;
    let request = GetUserPictureRequest {
        user_id,
        info_only: false,
    };
    let call = rig.call(by);
    let mut parts = answer(rig.users().get_user_picture(call.request(request)).await)?;
    let Some(Part::Picture(picture)) = parts.message().await.unwrap().unwrap().part else {
        panic!("the description comes first");
    };
    let mut content = Vec::new();
    while let Some(part) = parts.message().await.unwrap() {
        let Some(Part::Chunk(piece)) = part.part else {
            panic!("only content follows");
        };
        assert!(piece.len() <= 64 * 1024);
        content.extend_from_slice(&piece);
    }
    Ok((picture, content))
}

/// Why a user shows no picture.
async fn missing(rig: &Rig, user: i64) -> String {
    show(rig, &platform(), user).await.unwrap_err().reason
}

async fn remove(rig: &Rig, by: &Caller, user_id: i64) -> bool {
    let call = rig.call(by);
    let request = call.request(DeleteUserPictureRequest { user_id });
    answer(rig.users().delete_user_picture(request).await)
        .unwrap()
        .deleted
}

fn of_pic(refusal: &Refusal) -> &str {
    assert_eq!(refusal.code, ErrorCode::InvalidInput, "{refusal:?}");
    assert_eq!(refusal.fields[0].0, "pic");
    &refusal.fields[0].1
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_picture_is_shown_without_what_it_said_about_its_making(pool: PgPool) {
    let (rig, folder) = start(pool).await;
    let agent = acting(&rig, "agente1@atencion.test").await;
    assert_eq!(missing(&rig, 7).await, "PICTURE");
    let sent = jpeg(640, 480, &[exif(1)]);
    let uploaded = upload(&rig, &agent, 7, &sent).await.unwrap();
    let (picture, content) = show(&rig, &agent, 7).await.unwrap();
    assert_eq!(picture, uploaded);
    assert_eq!(content, jpeg(640, 480, &[]));
    assert!(holds(&sent, SECRET) && !holds(&content, SECRET));
    assert_eq!(picture.mime, "image/jpeg");
    assert_eq!(picture.size, i64::try_from(content.len()).unwrap());
    assert_eq!(picture.sha256.len(), 32);
    let selector = Some(Selector::UserId(7));
    let call = rig.call(&agent);
    let user = answer(
        rig.users()
            .get_user(call.request(GetUserRequest { selector }))
            .await,
    );
    assert_eq!(user.unwrap().user.unwrap().picture, Some(picture));
    assert_eq!(files(folder.path()), 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_bytes_decide_what_a_picture_is(pool: PgPool) {
    let (rig, folder) = start(pool).await;
    let by = platform();
    let whole = png(64, 64, &[]);
    for (content, why) in [
        (b"<svg onload=alert(1)>".to_vec(), "TYPE_UNKNOWN"),
        (b"GIF89a......".to_vec(), "TYPE_UNKNOWN"),
        // Taken for a user to come, not here.
        (avif(64, 64), "TYPE_UNKNOWN"),
        (b"\x89PNG\r\n\x1a\nbut not really".to_vec(), "BROKEN"),
        (whole[..whole.len() - 1].to_vec(), "BROKEN"),
        (whole[..30].to_vec(), "BROKEN"),
        (png(50_000, 50_000, &[]), "TOO_MANY_PIXELS"),
        (jpeg(u16::MAX, u16::MAX, &[]), "TOO_MANY_PIXELS"),
        (Vec::new(), "REQUIRED"),
    ] {
        let refused = upload(&rig, &by, 7, &content).await.unwrap_err();
        assert_eq!(of_pic(&refused), why);
    }
    assert_eq!(missing(&rig, 7).await, "PICTURE");
    assert_eq!(files(folder.path()), 0);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn streams_are_bounded_and_must_end_well(pool: PgPool) {
    let (rig, folder) = start(pool).await;
    let by = platform();
    let filler = |length: usize| {
        let mut file = jpeg(9, 9, &[]);
        let end = file.split_off(file.len() - 2);
        file.resize(length - 2, 0x55);
        [file, end].concat()
    };
    let largest = upload(&rig, &by, 7, &filler(LARGEST)).await.unwrap();
    assert_eq!(largest.size, i64::try_from(LARGEST).unwrap());
    assert_eq!(show(&rig, &by, 7).await.unwrap().1, filler(LARGEST));
    let refused = upload(&rig, &by, 7, &filler(LARGEST + 1))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooLarge);

    let call = rig.call(&by);
    let parts = upload_parts(7, &filler(100_000), 64 * 1024 + 1);
    let parts = call.request(tokio_stream::iter(parts));
    let refused = answer(rig.users().upload_user_picture(parts).await).unwrap_err();
    assert_eq!(of_pic(&refused), "FORMAT");
    for parts in [
        upload_parts(7, &filler(1000), 100)[1..].to_vec(),
        Vec::new(),
    ] {
        let parts = call.request(tokio_stream::iter(parts));
        let refused = answer(rig.users().upload_user_picture(parts).await).unwrap_err();
        assert_eq!(of_pic(&refused), "FORMAT", "no header");
    }
    let again = [upload_parts(7, b"", 1), upload_parts(7, b"", 1)].concat();
    let parts = call.request(tokio_stream::iter(again));
    let refused = answer(rig.users().upload_user_picture(parts).await).unwrap_err();
    assert_eq!(of_pic(&refused), "FORMAT", "two headers");
    // Nobody waits for the content of a picture of nobody.
    let refused = upload(&rig, &by, 99, &filler(1000)).await.unwrap_err();
    assert_eq!(refused.reason, "USER");
    assert_eq!(
        show(&rig, &by, 7).await.unwrap().0,
        largest,
        "a refused upload took effect"
    );
    assert_eq!(files(folder.path()), 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_replaced_picture_stays_in_the_store_for_a_while(pool: PgPool) {
    let (rig, folder) = start(pool).await;
    let by = platform();
    upload(&rig, &by, 7, &png(1, 1, &[])).await.unwrap();
    upload(&rig, &by, 15, &png(1, 1, &[])).await.unwrap();
    upload(&rig, &by, 7, &png(2, 2, &[])).await.unwrap();
    assert_eq!(show(&rig, &by, 7).await.unwrap().1, png(2, 2, &[]));
    // The same again is the same object.
    upload(&rig, &by, 7, &png(2, 2, &[])).await.unwrap();
    assert_eq!(files(folder.path()), 3);
    rig.clock.advance(time::Duration::minutes(11));
    until_files(folder.path(), 2).await;
    assert_eq!(show(&rig, &by, 7).await.unwrap().1, png(2, 2, &[]));
    assert_eq!(show(&rig, &by, 15).await.unwrap().1, png(1, 1, &[]));

    assert!(remove(&rig, &by, 7).await);
    assert!(!remove(&rig, &by, 7).await);
    assert_eq!(missing(&rig, 7).await, "PICTURE");
    // What comes back in time stays.
    upload(&rig, &by, 7, &png(2, 2, &[])).await.unwrap();
    rig.clock.advance(time::Duration::minutes(11));
    assert!(remove(&rig, &by, 15).await);
    rig.clock.advance(time::Duration::minutes(11));
    until_files(folder.path(), 1).await;
    assert_eq!(show(&rig, &by, 7).await.unwrap().1, png(2, 2, &[]));
    // The row goes just after its object.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while objects(&rig).await != 1 {
        assert!(tokio::time::Instant::now() < deadline, "a row stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_staged_picture_is_for_one_user_of_its_company_and_not_for_long(pool: PgPool) {
    let (rig, folder) = start(pool).await;
    know_companies(&rig.pool).await;
    let by = platform();
    let create = async |email: &str, staged: &str| {
        let call = rig.call(&by);
        let new = CreateUserRequest {
            staged_picture_id: staged.to_owned(),
            ..ana(email)
        };
        answer(rig.users().create_user(call.request(new)).await)
    };
    let sent = avif(64, 64);
    let staged = stage(&rig, &by, 3, &sent).await.unwrap();
    let made = create("a@empresa.com", &staged)
        .await
        .unwrap()
        .user
        .unwrap();
    let (picture, content) = show(&rig, &by, made.user_id).await.unwrap();
    assert_eq!(made.picture, Some(picture.clone()));
    assert_eq!(picture.mime, "image/avif");
    assert_eq!(content.len(), sent.len());
    assert!(!holds(&content, SECRET));

    let foreign = stage(&rig, &by, 4, &png(1, 1, &[])).await.unwrap();
    let old = stage(&rig, &by, 3, &png(2, 2, &[])).await.unwrap();
    rig.clock.advance(time::Duration::minutes(9));
    let unused = stage(&rig, &by, 3, &png(3, 3, &[])).await.unwrap();
    rig.clock.advance(time::Duration::minutes(2));
    for gone in [&staged, &foreign, &old] {
        let refused = create("b@empresa.com", gone).await.unwrap_err();
        assert_eq!(of_pic(&refused), "NOT_STAGED");
    }
    assert!(
        create("b@empresa.com", "").await.is_ok(),
        "a refused creation took the address"
    );
    assert!(!unused.is_empty());
    rig.clock.advance(time::Duration::minutes(20));
    // The first sweep lets the staged ones go, a later one removes them.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while files(folder.path()) != 1 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "unused pictures stay"
        );
        rig.clock.advance(time::Duration::minutes(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(show(&rig, &by, made.user_id).await.is_ok());

    let refused = stage(&rig, &bound(), 4, &png(1, 1, &[])).await.unwrap_err();
    assert_eq!(refused.fields[0].0, "company");
    let agent = acting(&rig, "agente1@atencion.test").await;
    let refused = stage(&rig, &agent, 3, &png(1, 1, &[])).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_lost_store_is_an_outage_and_not_an_empty_picture(pool: PgPool) {
    let (rig, folder) = start(pool).await;
    let by = platform();
    upload(&rig, &by, 7, &png(1, 1, &[])).await.unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    let refused = show(&rig, &by, 7).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
}

/// Names the folder and the database of the process that dies.
const VICTIM: &str = "IDENTITY_TEST_VICTIM";

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_kill_between_the_object_and_its_commit_leaves_nothing_to_see(pool: PgPool) {
    let folder = TempDir::new().unwrap();
    identity::demo::seed(&pool, &config()).await.unwrap();
    let database: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&pool)
        .await
        .unwrap();
    let died = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pictures::a_victim_uploads_a_picture"])
        .env(VICTIM, format!("{database} {}", folder.path().display()))
        .env("ATENCION_CRASH_AT", "picture.stored")
        .output()
        .await
        .unwrap();
    assert_eq!(died.status.code(), None, "nobody killed it: {died:?}");
    assert_eq!(files(folder.path()), 1, "the object was not written");

    let rig = start_in(pool, folder.path()).await;
    assert_eq!(missing(&rig, 7).await, "PICTURE");
    rig.clock.advance(time::Duration::minutes(11));
    until_files(folder.path(), 0).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "a word from the test that starts it"
)]
#[tokio::test]
async fn a_victim_uploads_a_picture() {
    let Ok(word) = std::env::var(VICTIM) else {
        return;
    };
    let (database, folder) = word.split_once(' ').unwrap();
    let url = std::env::var("DATABASE_URL").unwrap();
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let pool = PgPool::connect_with(options.database(database))
        .await
        .unwrap();
    let rig = start_in(pool, Path::new(folder)).await;
    upload(&rig, &platform(), 7, &png(1, 1, &[])).await.unwrap();
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_repeated_creation_may_stage_its_picture_anew_but_no_other(pool: PgPool) {
    let (rig, _folder) = start(pool).await;
    know_companies(&rig.pool).await;
    let by = platform();
    let create = async |content: &[u8]| {
        let new = CreateUserRequest {
            staged_picture_id: stage(&rig, &by, 3, content).await.unwrap(),
            idempotency_key: "k".to_owned(),
            ..ana("a@empresa.com")
        };
        let made = rig.users().create_user(rig.call(&by).request(new)).await;
        answer(made).map(|made| made.user.unwrap().user_id)
    };
    let (mine, other) = (avif(64, 64), avif(64, 65));
    let first = create(&mine).await.unwrap();
    assert_eq!(create(&mine).await.unwrap(), first);
    let refused = create(&other).await.unwrap_err();
    assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
}
