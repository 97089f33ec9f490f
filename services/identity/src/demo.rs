//! Demo data: the clients and users that the examples of the documents name.

use auth::{Authority, ClientId, CompanyId, DepartmentId, Role, UserId};
use chassis::{Clock, config::Secret};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use crate::{
    Config,
    clients::{self, Limits, NewClient, SecretMac},
    events,
    internal_users::{self, NewInternalUser},
    password::PasswordHasher,
    pins, products,
    users::{self, User},
};

const COMPANY: CompanyId = CompanyId(3);
const OTHER_COMPANY: CompanyId = CompanyId(4);
const SUPPORT: DepartmentId = DepartmentId(7);
const PASSWORD: &str = "Secret123";
/// The agent who may log in by PIN, on one device.
const AGENT: UserId = UserId(7);
const DEVICE: i64 = 99;
const PIN: &str = "482915";
const SCOPES: [&str; 3] = ["crm:read", "adi:admin", "mail:credentials"];

/// Adds what is missing; what is there already stays as it is.
pub async fn seed(pool: &PgPool, config: &Config) -> anyhow::Result<()> {
    config.check()?;
    let macs = SecretMac::new(&config.pepper)?;
    let now = Clock::system().now();
    let passwords = PasswordHasher::start(1)?;
    let password_phc = passwords.hash(Secret::new(PASSWORD)).await?;
    let mut transaction = pool.begin().await?;
    for (id, client, secret) in demo_clients() {
        let secret = Secret::new(secret);
        seed_client(&mut transaction, &macs, now, id, &client, &secret).await?;
    }
    let mut added = false;
    for user in demo_users() {
        if users::insert_with_id(&mut transaction, now, &user, &password_phc).await? {
            events::user_changed(&mut transaction, now, &user).await?;
            added = true;
        }
    }
    if added {
        users::move_sequence(&mut transaction).await?;
    }
    let pin = Secret::new(PIN);
    pins::enrol(
        &mut transaction,
        &passwords,
        &macs,
        now,
        AGENT,
        DEVICE,
        &pin,
    )
    .await?;
    products::insert(&mut transaction, now, "atencion", "Atención Profesional").await?;
    seed_staff(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// The internal user that the documents' examples name, in its department.
async fn seed_staff(db: &mut PgConnection) -> anyhow::Result<()> {
    internal_users::insert_department(db, 1, "Soporte").await?;
    let systems = [
        "app.planillaprofesional.com",
        "atencionprofesional.com",
        "facturaprofesional.com",
        "mycr.ws",
        "smsempresarial.com",
    ]
    .map(str::to_owned);
    let user = NewInternalUser {
        id: 2462,
        login: "dnunez",
        name: "Operador Uno Prueba",
        id_card: "0-0000-0000",
        user_type: "operador",
        status: "ACTIVO",
        email: "dnunez@example.com",
        extension: " 151",
        department: 1,
        role_id: 21,
        role: "desarrollo",
        mobile: "+506.00000001",
        systems: &systems,
        synology_id: Some(120),
    };
    internal_users::insert_with_id(db, &user).await?;
    Ok(())
}

async fn seed_client(
    db: &mut PgConnection,
    macs: &SecretMac,
    now: OffsetDateTime,
    id: ClientId,
    client: &NewClient,
    secret: &Secret,
) -> anyhow::Result<()> {
    if clients::insert_with_id(db, now, id, &client.row()?).await? {
        clients::set_first_secret(db, macs, now, id, secret).await?;
        clients::move_sequence(db).await?;
    }
    Ok(())
}

fn demo_clients() -> [(ClientId, NewClient, &'static str); 2] {
    let platform = NewClient {
        consumo: "UsuarioPrueba".into(),
        name: "Usuario de prueba".into(),
        authority: Authority::Platform,
        company: Some(COMPANY),
        scopes: SCOPES.map(str::to_owned).to_vec(),
        ip_allow: Vec::new(),
        limits: Limits::default(),
        forgot_mode: None,
        reset_link_bases: Vec::new(),
    };
    let bound = NewClient {
        consumo: "EmpresaDemo".into(),
        name: "Empresa Demo".into(),
        authority: Authority::Company,
        scopes: Vec::new(),
        ..platform.clone()
    };
    [
        (ClientId(1), platform, "strDasdakdmsadsakming"),
        (ClientId(2), bound, "empresa-demo-secret"),
    ]
}

/// Only the agent and the user of the documents' examples are in a department.
fn demo_users() -> [User; 5] {
    let user = |id, email: &str, name: &str, role, company, department| User {
        id: UserId(id),
        company,
        department,
        role,
        name: name.to_owned(),
        email: email.to_owned(),
        active: true,
    };
    let support = Some(SUPPORT);
    [
        user(
            1,
            "super@atencion.test",
            "Super",
            Role::Super,
            COMPANY,
            None,
        ),
        user(
            2,
            "admin@atencion.test",
            "Administrador",
            Role::Admin,
            COMPANY,
            None,
        ),
        user(
            7,
            "agente1@atencion.test",
            "Agente 1",
            Role::Chat,
            COMPANY,
            support,
        ),
        user(
            15,
            "juan@empresa.com",
            "Juan Perez",
            Role::Admin,
            COMPANY,
            support,
        ),
        user(
            16,
            "admin@otra.test",
            "Administrador",
            Role::Admin,
            OTHER_COMPANY,
            None,
        ),
    ]
}
