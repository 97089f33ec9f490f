//! SQL on `identity.users` and `identity.user_creation`.

use auth::{CompanyId, DepartmentId, Role, SessionId, TenantScope, UserId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{Account, Figures, NewUser, User};
use crate::pictures::Picture;

/// A row of users and, where there is one, of their pictures.
#[derive(sqlx::FromRow)]
pub struct Row {
    user_id: i64,
    company_id: i64,
    department_id: Option<i64>,
    role: i16,
    code: String,
    name: String,
    email: String,
    phone: String,
    active: bool,
    online: bool,
    epoch: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    mime: Option<String>,
    size: Option<i64>,
    sha256: Option<Vec<u8>>,
    picture_at: Option<OffsetDateTime>,
}

impl Row {
    /// The account; none when the role is none, which the table forbids.
    pub fn account(self) -> Option<Account> {
        let picture = match (self.mime, self.size, self.sha256, self.picture_at) {
            (Some(mime), Some(size), Some(sha256), Some(updated_at)) => Some(Picture {
                mime,
                size,
                sha256,
                updated_at,
            }),
            _ => None,
        };
        Some(Account {
            user: User {
                id: UserId(self.user_id),
                company: CompanyId(self.company_id),
                department: self.department_id.map(DepartmentId),
                role: Role::of(self.role)?,
                name: self.name,
                email: self.email,
                active: self.active,
            },
            code: self.code,
            phone: self.phone,
            online: self.online,
            epoch: self.epoch,
            created_at: self.created_at,
            updated_at: self.updated_at,
            picture,
        })
    }
}

/// A user in scope.
pub async fn find(
    db: &mut PgConnection,
    scope: TenantScope,
    user: UserId,
) -> Result<Option<Account>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT u.user_id, u.company_id, u.department_id, u.role, u.code, u.name, u.email,
                  u.phone, u.active, u.online, u.epoch, u.created_at, u.updated_at,
                  p.mime AS "mime?", p.size AS "size?", p.sha256 AS "sha256?",
                  p.updated_at AS "picture_at?"
           FROM identity.users u LEFT JOIN identity.user_picture p USING (user_id)
           WHERE u.user_id = $1 AND ($2::bigint IS NULL OR u.company_id = $2)"#,
        user.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(Row::account))
}

/// A user in scope, whom nobody else changes until the commit.
pub async fn lock(
    db: &mut PgConnection,
    scope: TenantScope,
    user: UserId,
) -> Result<Option<Account>, sqlx::Error> {
    let locked = sqlx::query_scalar!(
        "SELECT user_id FROM identity.users
         WHERE user_id = $1 AND ($2::bigint IS NULL OR company_id = $2) FOR UPDATE",
        user.0,
        scope.confine()
    )
    .fetch_optional(&mut *db)
    .await?;
    match locked {
        Some(_) => find(db, scope, user).await,
        None => Ok(None),
    }
}

/// Who has an address, case aside.
pub async fn by_email(db: &mut PgConnection, email: &str) -> Result<Option<UserId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT user_id AS "id: UserId" FROM identity.users WHERE lower(email) = lower($1)"#,
        email
    )
    .fetch_optional(db)
    .await
}

/// How many users a company in scope has.
pub async fn figures(
    db: &PgPool,
    scope: TenantScope,
    company: CompanyId,
) -> Result<Figures, sqlx::Error> {
    sqlx::query_as!(
        Figures,
        r#"SELECT count(*) AS "total!", count(*) FILTER (WHERE active) AS "active!"
           FROM identity.users
           WHERE company_id = $1 AND ($2::bigint IS NULL OR company_id = $2)"#,
        company.0,
        scope.confine()
    )
    .fetch_one(db)
    .await
}

/// Writes everything about a user that changes can change, but the password.
pub async fn update(
    db: &mut PgConnection,
    now: OffsetDateTime,
    account: &Account,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.users
         SET company_id = $2, department_id = $3, role = $4, code = $5, name = $6, email = $7,
             phone = $8, active = $9, online = $10, updated_at = $11
         WHERE user_id = $1",
        account.user.id.0,
        account.user.company.0,
        account.user.department.map(|department| department.0),
        account.user.role.number(),
        account.code,
        account.user.name,
        account.user.email,
        account.phone,
        account.user.active,
        account.online,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a user another password.
pub async fn set_password(
    db: &mut PgConnection,
    user: UserId,
    password_phc: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.users SET password_phc = $2 WHERE user_id = $1",
        user.0,
        password_phc
    )
    .execute(db)
    .await?;
    Ok(())
}

/// When a session that has not been ended was opened by its user.
pub async fn session_opened(
    db: &mut PgConnection,
    session: SessionId,
    user: UserId,
) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT created_at FROM identity.session
         WHERE sid = $1 AND user_id = $2 AND revoked_at IS NULL",
        session.0,
        user.0
    )
    .fetch_optional(db)
    .await
}

/// The company that a department is known to belong to.
pub async fn owner_of_department(
    db: &mut PgConnection,
    department: DepartmentId,
) -> Result<Option<CompanyId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT company_id AS "company: CompanyId" FROM identity.department
           WHERE department_id = $1"#,
        department.0
    )
    .fetch_optional(db)
    .await
}

/// What a creation under a key made, and the digest of its request.
pub struct Made {
    pub user: UserId,
    pub mac: Vec<u8>,
}

/// What the creation under a key made.
pub async fn creation(
    db: &mut PgConnection,
    owner: &str,
    key: &str,
) -> Result<Option<Made>, sqlx::Error> {
    sqlx::query_as!(
        Made,
        r#"SELECT user_id AS "user: UserId", mac FROM identity.user_creation
           WHERE owner = $1 AND idempotency_key = $2"#,
        owner,
        key
    )
    .fetch_optional(db)
    .await
}

/// Keeps other creations under the same key waiting until the commit.
pub async fn lock_key(db: &mut PgConnection, owner: &str, key: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 10))",
        owner,
        key
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Notes what a creation under a key made.
pub async fn insert_creation(
    db: &mut PgConnection,
    now: OffsetDateTime,
    owner: &str,
    key: &str,
    made: &Made,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.user_creation (owner, idempotency_key, user_id, mac, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        owner,
        key,
        made.user.0,
        made.mac,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a user; the constraint `users_email` judges the address.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: &NewUser,
    password_phc: &str,
) -> Result<UserId, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO identity.users
               (company_id, department_id, role, name, email, phone, password_phc,
                created_at, updated_at, code, active)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10)
           RETURNING user_id AS "id: UserId""#,
        user.company.0,
        user.department.map(|department| department.0),
        user.role.number(),
        user.name,
        user.email.to_lowercase(),
        user.phone,
        password_phc,
        now,
        user.code,
        user.active
    )
    .fetch_one(db)
    .await
}

/// Adds an active user under a fixed id, unless the id or the address is taken;
/// says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: &User,
    password_phc: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO identity.users
             (user_id, company_id, department_id, role, name, email, password_phc,
              created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT DO NOTHING",
        user.id.0,
        user.company.0,
        user.department.map(|department| department.0),
        user.role.number(),
        user.name,
        user.email,
        password_phc,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the next generated id larger than any present one.
pub async fn move_sequence(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT setval(
             pg_get_serial_sequence('identity.users', 'user_id'),
             (SELECT max(user_id) FROM identity.users)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}
