//! Who the tests call as, and what they make.

use auth::{
    Authority, Caller, ClientCaller, ClientId, CompanyId, DepartmentId, Role, SessionId,
    UserCaller, UserId,
};
use chassis::{ErrorCode, code::Refusal};
use prost::Message;
use proto::{
    events::v1::UserChanged,
    identity::v1::{
        self as pb, CreateUserRequest, GetUserRequest, UpdateUserRequest, User,
        get_user_request::Selector,
    },
};
use sqlx::PgPool;

use crate::rig::{PLATFORM, Rig, answer, bound_client, platform_client};

/// A password that everybody may have.
pub const NEW_PASSWORD: &str = "kq7-zw1x9-lluvia";

/// The platform client by itself.
pub fn platform() -> Caller {
    through(platform_client(), None)
}

/// The client of company 3 by itself.
pub fn bound() -> Caller {
    through(bound_client(), None)
}

/// A client that does nothing without a user.
pub fn delegated() -> ClientCaller {
    ClientCaller {
        id: ClientId(3),
        authority: Authority::Delegated,
        company: None,
        scopes: Vec::new(),
    }
}

/// A call of the edge.
pub fn through(client: ClientCaller, user: Option<UserCaller>) -> Caller {
    Caller {
        client: Some(client),
        user,
        ..Caller::service("edge")
    }
}

/// A user who has just logged in, as the edge names them.
pub async fn signed_in(rig: &Rig, email: &str) -> UserCaller {
    let token = rig.token_of(email).await;
    let user = rig
        .authenticate(PLATFORM, &token)
        .await
        .unwrap()
        .user
        .unwrap();
    UserCaller {
        id: UserId(user.user_id),
        role: match user.role() {
            pb::Role::Super => Role::Super,
            pb::Role::Admin => Role::Admin,
            _ => Role::Chat,
        },
        company: CompanyId(user.company_id),
        department: DepartmentId::present(user.department_id),
        session: SessionId(user.session_id.parse().unwrap()),
        name: user.name,
    }
}

/// The same through the platform client.
pub async fn acting(rig: &Rig, email: &str) -> Caller {
    through(platform_client(), Some(signed_in(rig, email).await))
}

/// What tenancy-admin would have announced: companies 3 and 4, departments 7 and 8
/// of the first and 9 of the second.
pub async fn know_companies(pool: &PgPool) {
    sqlx::raw_sql(
        "INSERT INTO identity.company (company_id, name, active)
         VALUES (3, 'Empresa Demo', true), (4, 'Otra Compañía', true);
         INSERT INTO identity.department (department_id, company_id, active)
         VALUES (7, 3, true), (8, 3, true), (9, 4, true);",
    )
    .execute(pool)
    .await
    .unwrap();
}

/// An agent of company 3 to be.
pub fn ana(email: &str) -> CreateUserRequest {
    CreateUserRequest {
        name: "Ana Muñoz".to_owned(),
        code: "USR-001".to_owned(),
        email: email.to_owned(),
        phone: "+506 8888-8888".to_owned(),
        role: pb::Role::Chat.into(),
        password: NEW_PASSWORD.to_owned(),
        company_id: 3,
        department_id: 7,
        ..CreateUserRequest::default()
    }
}

/// An identity that knows those companies.
pub async fn rig(pool: PgPool) -> Rig {
    let rig = Rig::start(pool).await;
    know_companies(&rig.pool).await;
    rig
}

pub async fn create(rig: &Rig, by: &Caller, new: CreateUserRequest) -> Result<User, Refusal> {
    let call = rig.call(by);
    let made = answer(rig.users().create_user(call.request(new)).await)?;
    Ok(made.user.unwrap())
}

/// Changes a user; says whether anything differed.
pub async fn update(
    rig: &Rig,
    by: &Caller,
    user_id: i64,
    edit: impl FnOnce(&mut UpdateUserRequest),
) -> Result<(User, bool), Refusal> {
    let mut change = UpdateUserRequest {
        user_id,
        ..UpdateUserRequest::default()
    };
    edit(&mut change);
    let call = rig.call(by);
    let made = answer(rig.users().update_user(call.request(change)).await)?;
    Ok((made.user.unwrap(), made.changed))
}

pub async fn find(rig: &Rig, by: &Caller, selector: Option<Selector>) -> Result<User, Refusal> {
    let call = rig.call(by);
    let found = rig
        .users()
        .get_user(call.request(GetUserRequest { selector }))
        .await;
    Ok(answer(found)?.user.unwrap())
}

/// The wrong fields and why they are.
pub fn fields(refusal: &Refusal) -> Vec<(&str, &str)> {
    assert_eq!(refusal.code, ErrorCode::InvalidInput, "{refusal:?}");
    let fields = refusal.fields.iter();
    fields
        .map(|(field, why)| (field.as_str(), why.as_str()))
        .collect()
}

/// What was announced about a user, in order.
pub async fn announced(rig: &Rig, user: i64) -> Vec<UserChanged> {
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT data FROM identity.outbox WHERE type = 'user.changed' AND subject = $1
         ORDER BY seq",
    )
    .bind(format!("user-{user}"))
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    rows.iter()
        .map(|data| UserChanged::decode(data.as_slice()).unwrap())
        .collect()
}

/// The security events about a user, in order.
pub async fn recorded(rig: &Rig, user: i64) -> Vec<String> {
    sqlx::query_scalar("SELECT kind FROM identity.security_event WHERE user_id = $1 ORDER BY id")
        .bind(user)
        .fetch_all(&rig.pool)
        .await
        .unwrap()
}

/// What was revoked about a user, in order.
pub async fn revoked(rig: &Rig, user: i64) -> Vec<String> {
    sqlx::query_scalar("SELECT kind FROM identity.revocation WHERE id = $1 ORDER BY sequence")
        .bind(user)
        .fetch_all(&rig.pool)
        .await
        .unwrap()
}
