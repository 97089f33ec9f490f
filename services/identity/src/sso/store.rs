//! SQL of single sign-on on `identity.users`.

use proto::identity::v1::SsoUser;
use sqlx::PgPool;

/// The login address of the only user with a code, in a company or at all; none
/// when there are several.
pub async fn address_of_code(
    db: &PgPool,
    code: &str,
    company: Option<i64>,
) -> Result<Option<String>, sqlx::Error> {
    let mut found = sqlx::query_scalar!(
        "SELECT email FROM identity.users
         WHERE code <> '' AND lower(code) = lower($1)
           AND ($2::bigint IS NULL OR company_id = $2)
         LIMIT 2",
        code,
        company
    )
    .fetch_all(db)
    .await?;
    Ok(found.pop().filter(|_| found.is_empty()))
}

/// Looks an address up for the time it takes.
pub async fn touch_address(db: &PgPool, address: &str) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT user_id FROM identity.users WHERE lower(email) = lower($1)",
        address
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// What single sign-on tells about a user.
pub async fn user(db: &PgPool, id: i64) -> Result<Option<SsoUser>, sqlx::Error> {
    sqlx::query_as!(
        SsoUser,
        "SELECT user_id, code, name, email, phone FROM identity.users WHERE user_id = $1",
        id
    )
    .fetch_optional(db)
    .await
}
