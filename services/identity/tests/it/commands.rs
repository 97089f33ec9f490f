//! What an operator does at a command line.

use auth::{Authority, Role, UserId};
use chassis::config::Secret;
use identity::commands::{self, Error, MadeClient, NewClient, NewUser};
use prost::Message;
use proto::events::v1::UserChanged;
use sqlx::PgPool;
use time::Duration;

use crate::rig::{PLATFORM, Rig};

fn new_user() -> NewUser {
    NewUser {
        email: "Ana@Empresa.com".into(),
        name: "Ana".into(),
        role: Role::Chat,
        company: 3,
        department: None,
        phone: String::new(),
    }
}

fn new_client() -> NewClient {
    NewClient {
        consumo: "Nuevo".into(),
        name: None,
        authority: Authority::Delegated,
        company: None,
        scopes: Vec::new(),
        ip_allow: Vec::new(),
        per_minute: 0,
        burst: 0,
        per_day: 0,
        forgot: None,
        reset_link_bases: Vec::new(),
    }
}

async fn create_user(rig: &Rig, user: NewUser, password: &str) -> Result<UserId, Error> {
    commands::create_user(&rig.pool, &rig.config, user, Secret::new(password))
        .await
        .map_err(|error| error.downcast().unwrap())
}

async fn create_client(rig: &Rig, client: NewClient) -> Result<MadeClient, Error> {
    commands::create_client(&rig.pool, &rig.config, client)
        .await
        .map_err(|error| error.downcast().unwrap())
}

fn fields(refused: &Error) -> Vec<&'static str> {
    let Error::Invalid(violations) = refused else {
        panic!("not a refusal of fields: {refused:?}");
    };
    violations.iter().map(|violation| violation.field).collect()
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_new_user_can_log_in_and_is_announced(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let id = create_user(&rig, new_user(), "long enough").await.unwrap();
    assert!(id.0 > 16, "{id} is beyond the demo data");
    let login = rig.login("ana@empresa.com", "long enough").await.unwrap();
    assert_eq!(login.user.unwrap().user_id, id.0);

    let data: Vec<u8> = sqlx::query_scalar("SELECT data FROM identity.outbox WHERE subject = $1")
        .bind(format!("user-{id}"))
        .fetch_one(&rig.pool)
        .await
        .unwrap();
    let announced = UserChanged::decode(data.as_slice()).unwrap();
    assert_eq!(announced.email, "ana@empresa.com");
    assert!(announced.active);

    let again = create_user(&rig, new_user(), "long enough")
        .await
        .unwrap_err();
    assert!(matches!(again, Error::EmailTaken));
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn wrong_fields_are_named(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let user = NewUser {
        email: "nobody".into(),
        name: String::new(),
        ..new_user()
    };
    let refused = create_user(&rig, user, "short").await.unwrap_err();
    assert_eq!(fields(&refused), ["name", "email", "password"]);
    let client = NewClient {
        consumo: "with blanks".into(),
        authority: Authority::Company,
        scopes: vec!["no scope".into()],
        ..new_client()
    };
    let refused = create_client(&rig, client).await.unwrap_err();
    assert_eq!(fields(&refused), ["consumo", "company", "scopes"]);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_new_client_is_known_by_its_secret_and_by_no_row(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let made = create_client(&rig, new_client()).await.unwrap();
    let credentials = (made.consumo.as_str(), made.secret.expose());
    let admitted = rig.authenticate(credentials, "").await.unwrap();
    assert!(admitted.client.unwrap().client_id > 2);
    assert!(rig.authenticate(PLATFORM, "").await.is_ok());

    let stored: Vec<String> =
        sqlx::query_scalar("SELECT s::text FROM identity.api_client_secret s")
            .fetch_all(&rig.pool)
            .await
            .unwrap();
    assert!(stored.iter().all(|row| !row.contains(made.secret.expose())));

    let taken = create_client(&rig, new_client()).await.unwrap_err();
    assert!(matches!(taken, Error::ConsumoTaken));
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_client_is_listed_rotated_and_ended_by_its_name(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let made = create_client(&rig, new_client()).await.unwrap();
    let rotated = commands::rotate_client_secret(&rig.pool, &rig.config, "Nuevo", Duration::ZERO)
        .await
        .unwrap();
    // The command line goes by the clock of the machine, which the rig's is behind.
    rig.clock.advance(Duration::minutes(1));
    assert_eq!(
        rig.refused(("Nuevo", made.secret.expose()), "").await,
        "CLIENT_CREDENTIALS"
    );
    let good = ("Nuevo", rotated.expose());
    assert!(rig.authenticate(good, "").await.is_ok());

    let disable = async || commands::disable_client(&rig.pool, &rig.config, "Nuevo").await;
    assert!(disable().await.unwrap());
    assert!(!disable().await.unwrap());
    assert_eq!(rig.refused(good, "").await, "CLIENT_CREDENTIALS");
    let lines = commands::list_clients(&rig.pool, &rig.config, None)
        .await
        .unwrap();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[3].contains("Nuevo") && lines[3].contains("disabled"));
    let lines = commands::list_clients(&rig.pool, &rig.config, Some(3))
        .await
        .unwrap();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let unknown = commands::disable_client(&rig.pool, &rig.config, "Nadie").await;
    assert!(matches!(
        unknown.unwrap_err().downcast().unwrap(),
        Error::NoSuchClient
    ));
}
